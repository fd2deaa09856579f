//! What becomes of answers that are no SCIM, or not quite.

use std::sync::{Arc, Mutex};

use keyfob_client::{Error, Found, Patch, Patched, Transport, TransportError};
use keyfob_core::{ResourceId, ScimType, view::User};

use crate::script::{Answered, Script, error, list, response, scim, user, with};

async fn got(answer: Answered) -> Error {
    let script = Script::of({
        let answer = Mutex::new(Some(answer));
        move |_| {
            answer
                .lock()
                .unwrap()
                .take()
                .unwrap_or_else(|| Err(TransportError::not_sent("over")))
        }
    });
    script
        .client()
        .of::<User>()
        .get(&ResourceId::new("1"))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn only_a_404_of_scim_or_without_a_body_says_that_a_resource_is_gone() {
    for (answer, gone) in [
        (scim(404, &error(404, "")), true),
        (Ok(response(404, "", "")), true),
        (Ok(response(404, "text/html", "")), true),
        (Ok(response(404, "application/json", &error(404, ""))), true),
        (
            Ok(response(
                404,
                "text/html",
                "<html><title>404 Not Found</title></html>",
            )),
            false,
        ),
        (Ok(response(404, "text/plain", "no such route")), false),
        (
            Ok(response(
                404,
                "application/json",
                r#"{"message": "no Route matched with those values"}"#,
            )),
            false,
        ),
        (scim(410, &error(410, "")), false),
        (scim(403, &error(403, "")), false),
    ] {
        let found = got(answer).await;
        assert_eq!(found.is_gone(), gone, "{found}");
    }
}

#[tokio::test]
async fn html_is_no_scim_whatever_its_status_and_is_quoted_to_200_characters() {
    let page = format!("<html>{}</html>", "ö".repeat(1_000));
    for status in [200, 401, 404, 500] {
        let found = got(Ok(response(status, "text/html; charset=utf-8", &page))).await;
        let Error::NotScim {
            status: found_status,
            media_type,
            start,
        } = &found
        else {
            panic!("{found:?}")
        };
        assert_eq!((*found_status, media_type.as_str()), (status, "text/html"));
        assert_eq!(start.chars().count(), 200);
        assert!(page.starts_with(start.as_str()));
    }
    let login = got(Ok(response(200, "", "<!doctype html>Please log in"))).await;
    assert!(matches!(login, Error::NotScim { .. }), "{login:?}");
}

#[tokio::test]
async fn a_refusal_says_what_the_server_said() {
    let found = got(scim(400, &error(400, "invalidFilter"))).await;
    assert_eq!(
        found.to_string(),
        "the server answered 400 Bad Request (invalidFilter): no"
    );
    assert_eq!(
        (found.status(), found.scim_type()),
        (Some(400), Some(ScimType::InvalidFilter))
    );
    let found = got(Ok(response(
        401,
        "application/json",
        r#"{"error": "invalid_token"}"#,
    )))
    .await;
    assert_eq!(
        found.to_string(),
        r#"the server answered 401 Unauthorized: `{"error": "invalid_token"}`"#
    );
    assert_eq!(
        got(Ok(response(403, "", ""))).await.to_string(),
        "the server answered 403 Forbidden"
    );
}

#[tokio::test]
async fn the_token_stands_in_no_error_and_no_debug() {
    let script = Script::of(|_| Ok(response(401, "text/plain", "bad header: Bearer s3cret-token!")));
    let client = script.client();
    let found = client.of::<User>().get(&ResourceId::new("1")).await.unwrap_err();
    assert!(found.to_string().contains("bad header: Bearer …!"), "{found}");
    let echo = error(400, "").replace("no", "unknown token s3cret-token");
    let script = Script::of(move |_| scim(400, &echo));
    let other = script
        .client()
        .of::<User>()
        .get(&ResourceId::new("1"))
        .await
        .unwrap_err();
    let request = script.log.lock().unwrap();
    let authorization = &request[0].headers()["authorization"];
    assert_eq!(authorization, "Bearer s3cret-token");
    for shown in [
        format!("{found:?}"),
        format!("{other:?} {other}"),
        format!("{client:?}"),
        format!("{authorization:?}"),
        format!("{:?}", client.of::<User>()),
    ] {
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[tokio::test]
async fn what_a_hostile_server_repeats_of_the_token_is_shown_nowhere() {
    // As long as the token of an identity provider, at a place where an excerpt would cut it.
    let token = format!("eyJ{}", "x7".repeat(1_000));
    let noted = Arc::new(Mutex::new(String::new()));
    for (media_type, body) in [
        ("text/html", format!("<p>{}Bearer {token}</p>", "a".repeat(150))),
        (token.as_str(), "no".to_owned()),
        ("application/json", format!(r#"{{"error": "{token}"}}"#)),
        ("application/scim+json", error(400, "").replace("no", &token)),
        (
            "application/scim+json",
            format!(r#"{{"{token}": 1, "{token}": 2}}"#),
        ),
        (
            "application/scim+json",
            format!(r#"{{"schemas": ["{token}"], "id": "1"}}"#),
        ),
    ] {
        for status in [200, 400] {
            let (media_type, body) = (media_type.to_owned(), body.clone());
            let script = Script::of(move |_| Ok(response(status, &media_type, &body)));
            let client = script.builder().bearer(&token).strict().on_deviation({
                let noted = Arc::clone(&noted);
                move |deviation| noted.lock().unwrap().push_str(&deviation.to_string())
            });
            let found = client
                .build()
                .unwrap()
                .of::<User>()
                .get(&ResourceId::new("1"))
                .await;
            let shown = format!(
                "{found:?} {}",
                found.as_ref().err().map(ToString::to_string).unwrap_or_default()
            );
            assert!(!shown.contains("x7x7"), "{status} {shown}");
        }
    }
    assert!(!noted.lock().unwrap().contains("x7x7"));
    let basic = Script::of(|_| Ok(response(401, "text/plain", "wrong password: hunter22")));
    let client = basic.builder().basic("me", "hunter22").build().unwrap();
    let found = client.of::<User>().get(&ResourceId::new("1")).await.unwrap_err();
    assert!(found.to_string().contains("wrong password: …"), "{found}");
}

#[tokio::test]
async fn a_long_answer_makes_no_long_error_and_no_long_id() {
    let long = "y".repeat(100_000);
    let detail = error(400, "").replace("no", &long);
    let script = Script::of(move |_| scim(400, &detail));
    let found = script
        .client()
        .of::<User>()
        .get(&ResourceId::new("1"))
        .await
        .unwrap_err();
    assert!(found.to_string().len() < 3_000);
    let script = Script::of(move |_| scim(200, &user(&long, "a")));
    let found = script
        .client()
        .of::<User>()
        .get(&ResourceId::new("1"))
        .await
        .unwrap_err();
    assert!(found.to_string().contains("longer than 2,048 bytes"));
}

#[tokio::test]
async fn json_of_another_media_type_is_read_and_noted() {
    let noted = Arc::new(Mutex::new(Vec::new()));
    let script = Script::new([
        Ok(response(200, "text/plain", &user("1", "a"))),
        Ok(response(200, "", &user("1", "a"))),
    ]);
    let client = script
        .builder()
        .on_deviation({
            let noted = Arc::clone(&noted);
            move |deviation| noted.lock().unwrap().push(deviation.to_string())
        })
        .build()
        .unwrap();
    for _ in 0..2 {
        client.of::<User>().get(&ResourceId::new("1")).await.unwrap();
    }
    let expected = "`Content-Type` is not application/scim+json or application/json (RFC 7644 section 3.1)";
    assert_eq!(*noted.lock().unwrap(), [expected, expected]);
}

#[tokio::test]
async fn a_strict_client_takes_every_deviation_for_an_error() {
    let nameless = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1"}"#;
    for (body, message) in [
        (
            r#"{"id": "1", "userName": "a"}"#,
            "`schemas` does not name `urn:ietf:params:scim:schemas:core:2.0:User` (RFC 7643 section 3)",
        ),
        (
            nameless,
            "the answer breaks its schema: `userName` is required (RFC 7643 section 2)",
        ),
    ] {
        let script = Script::of(move |_| scim(200, body));
        let strict = script.builder().strict().build().unwrap();
        let found = strict.of::<User>().get(&ResourceId::new("1")).await.unwrap_err();
        assert_eq!(found.to_string(), message);
        assert!(
            script
                .client()
                .of::<User>()
                .get(&ResourceId::new("1"))
                .await
                .is_ok(),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_resource_without_an_id_can_not_be_read() {
    for body in ["{}", r#"{"id": ""}"#, r#"{"id": 7}"#] {
        let script = Script::of(move |_| scim(200, body));
        let found = script
            .client()
            .of::<User>()
            .get(&ResourceId::new("1"))
            .await
            .unwrap_err();
        assert!(
            found.to_string().contains("a resource has no `id`"),
            "{body}: {found}"
        );
    }
}

#[tokio::test]
async fn a_look_up_is_none_one_or_many_and_nothing_that_contradicts_it() {
    for (body, expected) in [
        (list(0, &[]), Ok(0)),
        (list(1, &[user("1", "A")]), Ok(1)),
        (list(9, &[user("1", "a")]), Ok(2)),
        (list(2, &[user("1", "a"), user("2", "a")]), Ok(2)),
        // The same resource twice is one.
        (list(1, &[user("1", "a"), user("1", "a")]), Ok(1)),
        (
            list(3, &[]),
            Err("`totalResults` counts resources, and the answer holds none"),
        ),
        // A server that ignores the filter answers with anybody.
        (
            list(1, &[user("1", "b")]),
            Err("the server answers with a resource that does not match the filter"),
        ),
        (
            list(9, &[user("1", "a"), user("2", "b")]),
            Err("the server answers with a resource that does not match the filter"),
        ),
    ] {
        let script = Script::of(move |_| scim(200, &body));
        let found = script.client().of::<User>().find("userName eq \"a\"").await;
        match (found, expected) {
            (Ok(Found::None), Ok(0)) | (Ok(Found::One(_)), Ok(1)) | (Ok(Found::Many(_)), Ok(2)) => {}
            (Err(found), Err(message)) => assert!(found.to_string().contains(message), "{found}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_filter_goes_out_as_it_is_written() {
    let script = Script::of(|_| scim(200, &list(0, &[])));
    let users = script.client();
    users
        .of::<User>()
        .find(r#"emails[type eq "work"].value eq "a+b@x""#)
        .await
        .unwrap();
    assert_eq!(
        script.asked(),
        ["GET /Users?filter=emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22a%2Bb%40x%22&count=2"]
    );
    let wrong = users.of::<User>().find("userName eg \"a\"").await.unwrap_err();
    assert!(wrong.to_string().contains("`eg` is not an operator"), "{wrong}");
    assert_eq!(script.asked().len(), 1, "nothing is sent");
}

#[tokio::test]
async fn an_id_is_one_segment_of_the_address_and_never_a_step() {
    let script = Script::of(|_| scim(200, &user("1", "a")));
    let client = script.client();
    let users = client.of::<User>();
    for (id, path) in [
        ("a/b?c#d", "/Users/a%2Fb%3Fc%23d"),
        ("é", "/Users/%C3%A9"),
        ("...", "/Users/..."),
    ] {
        users.delete(&ResourceId::new(id)).await.unwrap();
        let asked = script.asked().pop().unwrap();
        assert_eq!(asked, format!("DELETE {path}"));
    }
    for id in ["", ".", ".."] {
        let wrong = users.delete(&ResourceId::new(id)).await.unwrap_err();
        assert_eq!(wrong.to_string(), format!("`{id}` can't be the id of a resource"));
    }
    assert_eq!(script.asked().len(), 3);
}

#[tokio::test]
async fn a_redirect_on_the_same_server_is_followed_with_the_same_method() {
    let moved = |status| with("location", "/scim/v3/Users/1", Ok(response(status, "", "")));
    let script = Script::new([moved(301), moved(308), scim(200, &user("1", "a"))]);
    script
        .client()
        .of::<User>()
        .get(&ResourceId::new("1"))
        .await
        .unwrap();
    assert_eq!(
        script.asked(),
        ["GET /Users/1", "GET /scim/v3/Users/1", "GET /scim/v3/Users/1"]
    );

    let script = Script::new([moved(307), Ok(response(204, "", ""))]);
    script
        .client()
        .of::<User>()
        .delete(&ResourceId::new("1"))
        .await
        .unwrap();
    assert_eq!(script.asked(), ["DELETE /Users/1", "DELETE /scim/v3/Users/1"]);

    let script = Script::of(move |_| moved(302));
    let wrong = script
        .client()
        .of::<User>()
        .delete(&ResourceId::new("1"))
        .await
        .unwrap_err();
    assert!(matches!(wrong, Error::Redirect { status: 302, .. }), "{wrong}");
    let circle = script
        .client()
        .of::<User>()
        .get(&ResourceId::new("1"))
        .await
        .unwrap_err();
    assert!(matches!(circle, Error::Redirect { .. }), "{circle}");
    assert_eq!(script.asked().len(), 1 + 6);
}

#[tokio::test]
async fn the_token_never_goes_to_another_server() {
    for location in [
        "https://evil.example/scim/v2/Users/1",
        "//evil.example/",
        "http://app.example/scim/v2/Users/1",
    ] {
        let script = Script::of(move |_| with("location", location, Ok(response(307, "", ""))));
        let wrong = script
            .client()
            .of::<User>()
            .get(&ResourceId::new("1"))
            .await
            .unwrap_err();
        assert!(matches!(wrong, Error::Redirect { .. }), "{wrong}");
        assert_eq!(script.log.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_patch_without_a_body_returns_no_content_with_its_version() {
    for (answer, version) in [
        (
            with("etag", "W/\"2\"", Ok(response(204, "", ""))),
            Some("W/\"2\""),
        ),
        (Ok(response(200, "application/scim+json", "  ")), None),
        (scim(200, "{\"id\": \"1\", "), None),
    ] {
        let script = Script::new([answer]);
        let patched = script
            .client()
            .of::<User>()
            .patch(&ResourceId::new("1"), Patch::new().remove("title"))
            .await;
        let Patched::NoContent { version: found } = patched.unwrap() else {
            panic!("there is no body")
        };
        assert_eq!(found.as_deref(), version);
    }
}

#[tokio::test]
async fn a_malformed_path_or_an_empty_patch_is_refused_before_anything_is_sent() {
    let script = Script::new([]);
    let client = script.client();
    let users = client.of::<User>();
    let id = ResourceId::new("1");
    let wrong = users
        .patch(&id, Patch::new().remove("emails[type eq"))
        .await
        .unwrap_err();
    assert!(matches!(wrong, Error::Request(_)), "{wrong}");
    let empty = users.patch(&id, Patch::new()).await.unwrap_err();
    assert_eq!(empty.to_string(), "a PATCH needs an operation");
    let unknown = client.resources("Device").get(&id).await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "the server does not support the resource type `Device`"
    );
    let line = users.get(&id).if_match("W/\"1\"\r\nx: y").await.unwrap_err();
    assert_eq!(line.to_string(), "the version can't be sent");
    assert_eq!(script.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn every_request_says_who_asks_and_what_is_understood() {
    let script = Script::of(|_| scim(200, &user("1", "a")));
    script
        .client()
        .of::<User>()
        .replace(&ResourceId::new("1"), &User::new("a"))
        .await
        .unwrap();
    let log = script.log.lock().unwrap();
    let headers = log[0].headers();
    assert_eq!(headers["accept"], "application/scim+json, application/json;q=0.9");
    assert_eq!(headers["content-type"], "application/scim+json");
    assert!(
        headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("keyfob-client/")
    );
    assert!(headers["authorization"].is_sensitive());
}

/// Lets the compiler see that calls can go to another thread.
#[test]
fn calls_are_send() {
    fn is_send<T: Send>(_: &T) {}
    fn of<X: Transport>(client: &keyfob_client::Client<X>) {
        is_send(&client.of::<User>().get(&ResourceId::new("1")));
        is_send(&client.discover().into_future());
        is_send(&client.of::<User>().list().stream());
        is_send(&client.of::<User>().get(&ResourceId::new("1")).into_exchange());
    }
    of(&Script::new([]).client());
}
