//! Values that have a form beyond their type (RFC 7643 sections 2.3.7, 2.4 and 4.1).

use keyfob_provisioning::Profile;
use serde_json::{Value, json};

use crate::support::{Backend, Server};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

#[tokio::test]
async fn rfc_7643_4_1_texts_without_the_form_of_their_attribute_are_refused_by_the_rfc_profile_alone() {
    let cases = [
        ("profileUrl", json!("not a url"), json!("https://example.com/~b")),
        ("locale", json!("no such locale!!"), json!("en-US")),
        ("preferredLanguage", json!("en_US"), json!("en-US, de;q=0.5")),
        ("timezone", json!("Mars/Base"), json!("America/Los_Angeles")),
        (
            "addresses",
            json!([{"country": "Nowhere"}]),
            json!([{"country": "US"}]),
        ),
        (
            "photos",
            json!([{"value": "<p>"}]),
            json!([{"value": "/photos/1.jpg"}]),
        ),
    ];
    for (profile, is_strict) in [(Profile::rfc(), true), (Profile::interop(), false)] {
        let server = Server::start(Backend::Memory, profile).await;
        for (name, unfit, fitting) in &cases {
            let body = |value: &Value| json!({"schemas": [USER], "userName": name, *name: value});
            let patch = |value: &Value| json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": name, "value": value}]});
            if is_strict {
                let answer = server.send("POST", "/Users", Some(&body(unfit))).await;
                answer.assert_error(400, Some("invalidValue"));
                let detail = answer.json()["detail"].to_string();
                assert!(detail.contains(name) && !detail.contains("Nowhere"), "{detail}");
            }
            let id = server
                .create("/Users", &body(if is_strict { fitting } else { unfit }))
                .await;
            let address = format!("/Users/{id}");
            for (method, request) in [("PUT", body(unfit)), ("PATCH", patch(unfit))] {
                let answer = server.send(method, &address, Some(&request)).await;
                assert_eq!(
                    answer.status,
                    if is_strict { 400 } else { 200 },
                    "{method} {name}: {answer}"
                );
            }
            let answer = server.send("PATCH", &address, Some(&patch(fitting))).await;
            assert_eq!(answer.json()[*name], *fitting, "{name}: {answer}");
        }
    }
}

#[tokio::test]
async fn rfc_7643_2_4_a_value_of_one_type_is_kept_and_returned_once() {
    let twice = json!([
        {"value": "a@example.com", "type": "work"},
        {"value": "b@example.com"},
        {"value": "a@example.com", "type": "work", "primary": true},
        {"value": "a@example.com", "type": "home"},
        {"value": "b@example.com"},
    ]);
    let once = json!([
        {"value": "a@example.com", "type": "work", "primary": true},
        {"value": "b@example.com"},
        {"value": "a@example.com", "type": "home"},
    ]);
    for profile in [Profile::rfc(), Profile::interop(), Profile::verkada()] {
        let server = Server::start(Backend::Memory, profile).await;
        let body = json!({"schemas": [USER], "userName": "a@example.com", "emails": twice});
        let answer = server.send("POST", "/Users", Some(&body)).await;
        assert_eq!(answer.json()["emails"], once, "{answer}");
        let address = format!("/Users/{}", answer.json()["id"].as_str().unwrap());
        let patch =
            json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "emails", "value": twice}]});
        for (method, request) in [("PUT", &body), ("PATCH", &patch)] {
            let answer = server.send(method, &address, Some(request)).await;
            assert_eq!(answer.json()["emails"], once, "{method}: {answer}");
            assert_eq!(
                answer.header("etag"),
                Some("W/\"1\""),
                "{method} changes nothing: {answer}"
            );
        }
    }
}
