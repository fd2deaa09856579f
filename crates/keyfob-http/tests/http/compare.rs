//! One comparison (RFC 7644 section 5): what uniqueness refuses, a filter finds, and the other way round.

use keyfob_provisioning::Profile;
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{Backend, Server};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// Pieces that are the same in one comparison and not in another.
const PIECES: [&str; 26] = [
    "a",
    "A",
    "\u{ff41}",
    "\u{ff21}",
    "\u{e9}",
    "e\u{301}",
    "\u{c9}",
    "E\u{301}",
    "e",
    "\u{df}",
    "\u{1e9e}",
    "SS",
    "i",
    "I",
    "\u{131}",
    "\u{130}",
    "\u{3a3}",
    "\u{3c3}",
    "\u{3c2}",
    "\u{ac00}",
    "\u{1100}\u{1161}",
    "\u{212a}",
    "k",
    " ",
    "'",
    "\u{2019}",
];

async fn find(server: &Server, endpoint: &str, attribute: &str, text: &str) -> Vec<String> {
    let filter = format!("{attribute} eq {}", json!(text));
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
    let answer = server
        .send("POST", &format!("{endpoint}/.search"), Some(&body))
        .await;
    assert_eq!(answer.status, 200, "{answer}");
    let answer = answer.json();
    let found = answer["Resources"].as_array().into_iter().flatten();
    found
        .map(|found| found["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Gives resources names, one after the other, by POST, PUT or PATCH, and asks each time who has the name.
async fn name_all(
    server: &Server,
    endpoint: &str,
    attribute: &str,
    document: &Value,
    names: &[(u8, String)],
) {
    let mut ids: Vec<String> = Vec::new();
    for (place, (verb, name)) in names.iter().enumerate() {
        let who = format!("{attribute} {name:?} among {names:?}");
        let own = ids.get(usize::from(verb / 3)).filter(|_| verb % 3 != 0).cloned();
        let mut holders = find(server, endpoint, attribute, name).await;
        holders.retain(|holder| Some(holder) != own.as_ref());
        let mut body = document.clone();
        if attribute != "userName" && endpoint == "/Users" {
            body["userName"] = json!(format!("user{place}"));
        }
        match attribute.rsplit_once(':') {
            None => body[attribute] = json!(name),
            Some((uri, attribute)) => body[uri] = json!({attribute: name}),
        }
        let answer = match &own {
            None => server.send("POST", endpoint, Some(&body)).await,
            Some(id) if verb % 3 == 1 => server.send("PUT", &format!("{endpoint}/{id}"), Some(&body)).await,
            Some(id) => {
                let operation = json!({"op": "replace", "path": attribute, "value": name});
                let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
                let body = json!({"schemas": schemas, "Operations": [operation]});
                server
                    .send("PATCH", &format!("{endpoint}/{id}"), Some(&body))
                    .await
            }
        };
        let is_blank = name.trim() != name || name.is_empty();
        if answer.status == 400 {
            assert!(attribute == "userName" && is_blank, "{who}: {answer}");
            assert_eq!(answer.json()["scimType"], "invalidValue", "{who}");
            continue;
        }
        assert_eq!(
            answer.status == 409,
            !holders.is_empty(),
            "{who}: {holders:?} {answer}"
        );
        if answer.status == 409 {
            assert_eq!(holders.len(), 1, "{who}");
            continue;
        }
        assert!(matches!(answer.status, 200 | 201 | 204), "{who}: {answer}");
        let id = own.unwrap_or_else(|| answer.json()["id"].as_str().unwrap().to_owned());
        assert_eq!(
            find(server, endpoint, attribute, name).await,
            [id.as_str()],
            "{who}"
        );
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
}

fn refused_exactly_if_found(endpoint: &str, attribute: &str, schema: &str) {
    let text = proptest::collection::vec(select(&PIECES[..]), 1..4).prop_map(|pieces| pieces.concat());
    let names = proptest::collection::vec((0..12_u8, text), 2..8);
    let runtime = Runtime::new().unwrap();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(24));
    let outcome = runner.run(&names, |names| {
        for backend in Backend::ALL {
            runtime.block_on(async {
                let server = Server::start(backend, Profile::interop()).await;
                let document = json!({"schemas": [schema]});
                name_all(&server, endpoint, attribute, &document, &names).await;
            });
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn a_user_name_is_refused_as_a_duplicate_exactly_if_eq_finds_it_5() {
    refused_exactly_if_found("/Users", "userName", USER);
}

#[test]
fn a_group_name_is_refused_as_a_duplicate_exactly_if_eq_finds_it() {
    refused_exactly_if_found("/Groups", "displayName", GROUP);
}

#[test]
fn an_external_id_is_refused_as_a_duplicate_exactly_if_eq_finds_it() {
    let path = "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User:externalId";
    refused_exactly_if_found("/Users", path, USER);
}

#[tokio::test]
async fn a_look_up_in_another_composition_finds_the_user_that_a_create_collides_with() {
    for backend in Backend::ALL {
        let server = Server::start(backend, Profile::rfc()).await;
        let id = server.create_user("jos\u{e9}@example.com").await;
        assert_eq!(
            find(&server, "/Users", "userName", "JOSE\u{301}@example.com").await,
            [id]
        );
        let body = json!({"schemas": [USER], "userName": "jose\u{301}@example.com"});
        let answer = server.send("POST", "/Users", Some(&body)).await;
        assert_eq!(answer.status, 409, "{answer}");
    }
}

#[tokio::test]
async fn a_name_that_looks_like_another_is_refused_by_every_write_with_its_character_and_place_5() {
    for (profile, name) in [
        ("interop", Profile::interop()),
        ("rfc", Profile::rfc()),
        ("verkada", Profile::verkada()),
    ] {
        let server = Server::start(Backend::Memory, name).await;
        let user = format!("/Users/{}", server.create_user("victim").await);
        for (name, place) in [
            ("nul\0", "U+0000 at character 4"),
            ("vic\u{200b}tim", "U+200B at character 4"),
            ("vic\u{ad}tim", "U+00AD at character 4"),
            ("\u{202e}victim", "U+202E at character 1"),
            ("victim ", "U+0020 at character 7"),
            ("\u{a0}victim", "U+00A0 at character 1"),
            ("   ", "nothing but blanks"),
        ] {
            let body = json!({"schemas": [USER], "userName": name});
            let operation = json!({"op": "replace", "path": "userName", "value": name});
            let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]});
            for (method, path, body) in [
                ("POST", "/Users", &body),
                ("PUT", &user, &body),
                ("PATCH", &user, &patch),
            ] {
                let answer = server.send(method, path, Some(body)).await;
                assert_eq!(answer.status, 400, "{profile} {method} {name:?}: {answer}");
                let error = answer.json();
                assert_eq!(error["scimType"], "invalidValue", "{profile} {method} {name:?}");
                assert!(
                    error["detail"].as_str().unwrap().contains(place),
                    "{profile} {method}: {answer}"
                );
            }
        }
        let body = json!({"schemas": [USER], "userName": "Jane Doe"});
        let answer = server.send("POST", "/Users", Some(&body)).await;
        assert_eq!(
            answer.status,
            if profile == "rfc" { 400 } else { 201 },
            "{profile}: {answer}"
        );
    }
}
