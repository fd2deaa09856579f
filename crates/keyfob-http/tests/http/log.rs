//! The lines that requests leave in the log at the level `info`.

use std::{
    io,
    sync::{Arc, Mutex},
};

use keyfob_provisioning::Profile;
use serde_json::{Value, json};

use crate::support::{Backend, Server, listen_everywhere, untrusting_builder};

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
    capture_at(tracing::Level::INFO)
}

fn capture_at(level: tracing::Level) -> (Lines, tracing::subscriber::DefaultGuard) {
    listen_everywhere();
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(move || writer.clone())
        .with_max_level(level)
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
        let of_line = ["level", "message", "target"].map(|field| line[field].as_str().unwrap());
        assert_eq!(of_line, ["INFO", "answered", "keyfob_http::access"]);
        let word = if method == "SECRET" { "other" } else { method };
        let span = &line["span"];
        assert_eq!((&span["method"], &span["path"]), (&json!(word), &json!(logged)));
        assert_eq!(line["status"], status, "{method} {path}");
        assert_eq!(line["scim_type"].as_str(), scim_type, "{method} {path}");
        assert_eq!(line["bytes"], answer.body.len(), "{method} {path}");
        let of_span = ["tenant", "token", "request_id"].map(|field| span[field].as_str().unwrap());
        assert_eq!(of_span, [organizations[0].tenant.as_str(), "default", "r-17"]);
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
            (&warning["reason"], &warning["span"]["request_id"]),
            (&json!(reason), &json!("r-18"))
        );
        assert_eq!(
            (&access["status"], &access["span"]["path"]),
            (&json!(401), &json!("/Users/{id}"))
        );
        assert_eq!(
            (&access["span"]["tenant"], &access["id"]),
            (&Value::Null, &Value::Null)
        );
        for line in [warning, access] {
            let text = line.to_string();
            for value in [&wrong, "secret", "bjensen"] {
                assert!(!text.contains(value), "{line}");
            }
        }
    }
}

/// Whoever guesses tokens fills no disk.
#[tokio::test]
async fn warnings_of_401_are_a_sample_and_access_lines_are_not() {
    let mut server = Server::start(Backend::Memory, Profile::rfc()).await;
    server.token = "kf_0000000000000000000000000000000000000000000".to_owned();
    let (lines, _guard) = capture();
    for _ in 0..40 {
        server.send("GET", "/Users", None).await.assert_error(401, None);
    }
    let written = lines.take();
    let of_level = |level: &str| written.iter().filter(|line| line["level"] == level).count();
    assert_eq!(of_level("INFO"), 40);
    // A second may end in between, on a slow machine several times.
    assert!((10..40).contains(&of_level("WARN")), "{}", of_level("WARN"));
}

#[tokio::test]
async fn an_id_of_a_request_is_taken_from_the_header_only_where_a_proxy_is_trusted() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    let untrusting = Server {
        service: untrusting_builder(&server.engine).base_path("/scim/v2").build(),
        token: server.token.clone(),
        engine: server.engine.clone(),
        _directory: None,
    };
    let sent = [("x-request-id", "mine")];
    let trusted = server.send_with("GET", "/Users", &sent, None).await;
    assert_eq!(trusted.header("x-request-id"), Some("mine"));
    let given = async |headers: &[(&str, &str)]| {
        let answer = untrusting.send_with("GET", "/Users", headers, None).await;
        answer.header("x-request-id").unwrap().to_owned()
    };
    let (first, second) = (given(&sent).await, given(&[]).await);
    assert!(first != "mine" && first != second, "{first} {second}");
    let unfit = server
        .send_with("GET", "/Users", &[("x-request-id", "a b")], None)
        .await;
    assert_ne!(unfit.header("x-request-id"), Some("a b"));
}

#[tokio::test]
async fn a_refusal_leaves_its_kind_at_debug_and_no_value() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    server.create_user("secret@example.com").await;
    let (lines, _guard) = capture_at(tracing::Level::DEBUG);
    let user =
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "secret@example.com"});
    for (method, path, body, kind) in [
        ("GET", "/Users?filter=secret+eq", None, "filterSyntax"),
        ("GET", "/Users/secret", None, "notFound"),
        ("POST", "/Users", Some(&user), "uniqueness"),
        ("GET", "/Users?count=secret", None, "query"),
        ("GET", "/secret", None, "noEndpoint"),
    ] {
        server.send(method, path, body).await;
        let written = lines.take();
        let refused: Vec<&Value> = written
            .iter()
            .filter(|line| line["message"] == "a request was refused")
            .collect();
        let [line] = refused.as_slice() else {
            panic!("{method} {path}: {written:?}")
        };
        assert_eq!((&line["level"], &line["reason"]), (&json!("DEBUG"), &json!(kind)));
        assert_holds_none(line, &["secret"]);
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
