//! The lines that requests leave in the log at the level `info`.

use std::{
    io,
    sync::{Arc, Mutex},
};

use keyfob_provisioning::Profile;
use serde_json::{Value, json};

use crate::support::{Backend, Server, listen_everywhere};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// What was written since the last time, an object a line.
    fn take(&self) -> Vec<Value> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn capture() -> (Lines, tracing::subscriber::DefaultGuard) {
    listen_everywhere();
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(move || writer.clone())
        .with_max_level(tracing::Level::INFO)
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

fn assert_holds_none(line: &Value, values: &[&str]) {
    let text = line.to_string().to_ascii_lowercase();
    for value in values {
        assert!(!text.contains(value), "{line}");
    }
}

#[tokio::test]
async fn each_request_leaves_one_line_without_values() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    let user = server.create_user("bjensen@example.com").await;
    let organizations = server.engine.admin().organizations().await.unwrap();
    let (lines, _guard) = capture();
    let one = format!("/Users/{user}");
    let create =
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "BJensen@example.com"});
    let search =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "title pr"});
    for (method, path, body, logged, status, scim_type) in [
        ("GET", one.as_str(), None, "/Users/{id}", 200, None),
        ("HEAD", &one, None, "/Users/{id}", 200, None),
        (
            "GET",
            "/Users/ms.secret@example.com",
            None,
            "/Users/{id}",
            404,
            None,
        ),
        (
            "GET",
            "/Users?filter=userName+eq+%22bjensen%22",
            None,
            "/Users",
            200,
            None,
        ),
        (
            "GET",
            "/Users?filter=secret+eq",
            None,
            "/Users",
            400,
            Some("invalidFilter"),
        ),
        ("POST", "/Users", Some(&create), "/Users", 409, Some("uniqueness")),
        (
            "POST",
            "/Users/.search",
            Some(&search),
            "/Users/.search",
            200,
            None,
        ),
        ("POST", "/.search", Some(&search), "/.search", 200, None),
        (
            "POST",
            "/Bulk",
            Some(&search),
            "/Bulk",
            400,
            Some("invalidSyntax"),
        ),
        ("GET", "/Me", None, "/Me", 501, None),
        ("GET", "/Schemas/secret", None, "/Schemas/{id}", 404, None),
        (
            "GET",
            "/ResourceTypes/User",
            None,
            "/ResourceTypes/{id}",
            200,
            None,
        ),
        (
            "GET",
            "/ServiceProviderConfig",
            None,
            "/ServiceProviderConfig",
            200,
            None,
        ),
        ("PATCH", "/secret/path", None, "-", 404, None),
        ("SECRET", "/Users", None, "/Users", 405, None),
    ] {
        let answer = server
            .send_with(method, path, &[("x-request-id", "r-17")], body)
            .await;
        assert_eq!(answer.status, status, "{method} {path}: {answer}");
        let written = lines.take();
        let [line] = written.as_slice() else {
            panic!("{method} {path}: {written:?}")
        };
        assert_eq!(
            (&line["level"], &line["message"]),
            (&json!("INFO"), &json!("answered"))
        );
        assert_eq!(line["target"], "keyfob_http::access");
        let word = if method == "SECRET" { "other" } else { method };
        assert_eq!((&line["method"], &line["path"]), (&json!(word), &json!(logged)));
        assert_eq!(line["status"], status, "{method} {path}");
        assert_eq!(line["scim_type"].as_str(), scim_type, "{method} {path}");
        assert_eq!(line["bytes"], answer.body.len(), "{method} {path}");
        assert_eq!(line["tenant"], organizations[0].tenant.as_str());
        assert_eq!(line["request_id"], "r-17");
        assert!(line["ms"].is_u64(), "{line}");
        let id = (status == 200 && path == one).then_some(user.as_str());
        assert_eq!(line["id"].as_str(), id, "{method} {path}");
        assert_holds_none(line, &["secret", "bjensen", &server.token]);
    }
}

#[tokio::test]
async fn each_401_leaves_a_warning_without_the_token() {
    let mut server = Server::start(Backend::Memory, Profile::rfc()).await;
    let good = std::mem::take(&mut server.token);
    let (lines, _guard) = capture();
    let wrong = good.replace("kf_", "kf-");
    for (header, reason) in [
        (
            format!("Bearer {wrong}"),
            "the credentials are missing or not valid",
        ),
        (String::new(), "the credentials are missing or not valid"),
        (
            wrong.clone(),
            "the `Authorization` header lacks the scheme: `Bearer` and a space belong before the token",
        ),
    ] {
        let headers = [("authorization", header.as_str()), ("x-request-id", "r-18")];
        let answer = server
            .send_with("GET", "/Users/bjensen?filter=secret", &headers, None)
            .await;
        answer.assert_error(401, None);
        let written = lines.take();
        let [warning, access] = written.as_slice() else {
            panic!("{header}: {written:?}")
        };
        assert_eq!(warning["level"], "WARN");
        assert_eq!(warning["message"], "a request was not authenticated");
        assert_eq!(
            (&warning["reason"], &warning["request_id"]),
            (&json!(reason), &json!("r-18"))
        );
        assert_eq!(
            (&access["status"], &access["path"]),
            (&json!(401), &json!("/Users/{id}"))
        );
        assert_eq!((&access["tenant"], &access["id"]), (&Value::Null, &Value::Null));
        for line in [warning, access] {
            let text = line.to_string();
            for value in [&wrong, "secret", "bjensen"] {
                assert!(!text.contains(value), "{line}");
            }
        }
    }
}

#[tokio::test]
async fn an_attribute_that_is_passed_over_leaves_a_line_with_its_name_and_rule_and_no_value() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    let (lines, _guard) = capture();
    let user = |name: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": name,
            "employeeType": "secret",
            "emails": [{"value": "secret@example.com", "nick": "secret"}],
            "urn:example:Badge": {"number": "secret"},
        })
    };
    let one = format!("/Users/{}", server.create("/Users", &user("mandy")).await);
    lines.take();
    let expected = json!(
        "[\"emails.nick: unknown attribute\", \"employeeType: unknown attribute\", \
         \"urn:example:Badge: unregistered extension\"]"
    );
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": "add", "path": "employeeType", "value": "secret"},
            {"op": "add", "path": "emails[value eq \"secret@example.com\"].nick", "value": "secret"},
            {"op": "add", "path": "urn:example:Badge:number", "value": "secret"},
        ],
    });
    let of_patch = json!(
        "[\"employeeType: unknown attribute\", \"emails[].nick: unknown attribute\", \
                          \"urn:example:Badge:number: unregistered extension\"]"
    );
    for (method, path, body, expected) in [
        ("POST", "/Users", user("bjensen"), &expected),
        ("PUT", one.as_str(), user("mandy"), &expected),
        ("PATCH", &one, patch, &of_patch),
    ] {
        let answer = server.send(method, path, Some(&body)).await;
        assert!(answer.status < 300, "{answer}");
        let written = lines.take();
        let ignored: Vec<&Value> = written
            .iter()
            .filter(|line| line["message"] == "attributes of a request are ignored")
            .collect();
        let [line] = ignored.as_slice() else {
            panic!("{method}: {written:?}")
        };
        assert_eq!(
            (&line["level"], &line["resource_type"]),
            (&json!("INFO"), &json!("User"))
        );
        assert_eq!(
            (&line["attributes"], &line["more"]),
            (expected, &json!(0)),
            "{method}"
        );
        assert!(!line.to_string().contains("secret"), "{line}");
    }
}
