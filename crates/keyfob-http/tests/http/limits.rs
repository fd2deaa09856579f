//! A limit that the service's builder sets is described and holds (RFC 7643 section 5, RFC 7644 section 7.7, RFC 9865
//! section 4).

use std::time::Duration;

use keyfob_engine::Limits;
use keyfob_provisioning::Profile;
use serde_json::{Value, json};

use crate::support::{Answer, Backend, Server, builder};

/// The answer of a service to a request that its limit is about.
enum Held {
    /// An error: its status, its `scimType`, and what its text says of the limit.
    Refused(u16, Option<&'static str>, &'static str),
    /// A page of so many resources.
    Page(usize),
    /// A bulk request of which the operation has this status.
    Operation(&'static str),
}

/// A limit: how it is set, where the configuration tells it and as what, and a request beyond it.
struct Case {
    set: fn(&mut Limits),
    told: &'static [(&'static str, u64)],
    request: (&'static str, &'static str, Value),
    held: Held,
}

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

fn user(rest: &Value) -> Value {
    let mut user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "new"});
    for (name, value) in rest.as_object().into_iter().flatten() {
        user[name] = value.clone();
    }
    user
}

fn patch(operations: &Value) -> Value {
    json!({"schemas": [PATCH], "Operations": operations})
}

fn bulk(operations: usize) -> Value {
    let retitle = patch(&json!([{"op": "add", "path": "title", "value": "Guide"}]));
    let operation = json!({"method": "PATCH", "path": "/Users/{id}", "data": retitle});
    json!({"schemas": [BULK], "Operations": vec![operation; operations]})
}

fn case(
    set: fn(&mut Limits),
    told: &'static [(&'static str, u64)],
    request: (&'static str, &'static str, Value),
    held: Held,
) -> Case {
    Case {
        set,
        told,
        request,
        held,
    }
}

fn get(path: &'static str) -> (&'static str, &'static str, Value) {
    ("GET", path, Value::Null)
}

/// Limits that the RFCs have a name for.
fn described() -> Vec<Case> {
    use Held::{Page, Refused};
    vec![
        case(
            |limits| limits.page = 2,
            &[
                ("/filter/maxResults", 2),
                ("/pagination/maxPageSize", 2),
                ("/pagination/defaultPageSize", 2),
            ],
            get("/Users?count=3"),
            Page(2),
        ),
        case(
            |limits| limits.default_page = 1,
            &[("/pagination/defaultPageSize", 1)],
            get("/Users"),
            Page(1),
        ),
        case(
            |limits| limits.cursor_time = Duration::ZERO,
            &[("/pagination/cursorTimeout", 0)],
            get("/Users?count=1&cursor={cursor}"),
            Refused(400, Some("expiredCursor"), "0 seconds"),
        ),
        case(
            |limits| limits.bulk_operations = 1,
            &[("/bulk/maxOperations", 1)],
            ("POST", "/Bulk", bulk(2)),
            Refused(413, None, "1"),
        ),
    ]
}

/// Limits that nothing tells but a refusal.
fn refused() -> Vec<Case> {
    use Held::{Operation, Refused};
    let post = |rest: Value| ("POST", "/Users", user(&rest));
    let emails: Vec<_> = (0..3)
        .map(|number| json!({"value": format!("{number}@example.com")}))
        .collect();
    let changes = patch(&json!([
        {"op": "add", "path": "emails", "value": emails},
        {"op": "replace", "path": "emails[type eq \"work\" or value ew \"2@example.com\"].display", "value": "x"},
    ]));
    vec![
        case(
            |limits| limits.bulk_time = Duration::ZERO,
            &[],
            ("POST", "/Bulk", bulk(1)),
            Operation("503"),
        ),
        case(
            |limits| limits.time = Duration::ZERO,
            &[],
            ("PATCH", "/Users/{id}", changes.clone()),
            Refused(503, None, ""),
        ),
        case(
            |limits| limits.steps = 1,
            &[],
            get("/Users?filter=not+%28userName+sw+%22z%22%29"),
            Refused(400, Some("tooMany"), ""),
        ),
        case(
            |limits| limits.bytes = 1,
            &[],
            get("/Users?filter=not+%28userName+sw+%22z%22%29"),
            Refused(400, Some("tooMany"), ""),
        ),
        case(
            |limits| limits.patch_steps = 1,
            &[],
            ("PATCH", "/Users/{id}", changes),
            Refused(400, Some("tooMany"), ""),
        ),
        case(
            |limits| limits.page_bytes = 1,
            &[],
            get("/Users"),
            Refused(400, Some("tooMany"), "1 bytes"),
        ),
        case(
            |limits| limits.document_bytes = 60,
            &[],
            post(json!({"title": "a".repeat(80)})),
            Refused(413, None, "60 bytes"),
        ),
        case(
            |limits| limits.text_bytes = 70,
            &[],
            post(json!({"title": "a".repeat(80)})),
            Refused(400, Some("invalidValue"), "70 bytes"),
        ),
        case(
            |limits| limits.unique_bytes = 12,
            &[],
            post(json!({"userName": "a".repeat(20)})),
            Refused(400, Some("invalidValue"), "12 bytes"),
        ),
        case(
            |limits| limits.values = 2,
            &[],
            post(json!({"emails": emails})),
            Refused(400, Some("invalidValue"), "2 values"),
        ),
    ]
}

/// Sends the request of a case, where `{id}` is a user's and `{cursor}` is that of the second page.
async fn send(server: &Server, case: &Case, id: &str) -> Answer {
    let (method, path, body) = &case.request;
    let mut path = path.replace("{id}", id);
    if path.contains("{cursor}") {
        let first = server.send("GET", "/Users?count=1&cursor", None).await.json();
        path = path.replace("{cursor}", first["nextCursor"].as_str().unwrap());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let body: Value = serde_json::from_str(&body.to_string().replace("{id}", id)).unwrap();
    let body = Some(&body).filter(|body| !body.is_null());
    server.send(method, &path, body).await
}

fn check(answer: &Answer, held: &Held) {
    match held {
        Held::Refused(status, scim_type, detail) => {
            answer.assert_error(*status, *scim_type);
            let told = answer.json()["detail"].to_string();
            assert!(told.contains(detail), "{answer}");
        }
        Held::Page(length) => {
            let page = answer.json();
            assert_eq!(page["Resources"].as_array().unwrap().len(), *length, "{answer}");
            assert_eq!(page["totalResults"], 3, "{answer}");
        }
        Held::Operation(status) => assert_eq!(answer.json()["Operations"][0]["status"], *status, "{answer}"),
    }
}

#[tokio::test]
async fn rfc_7643_5_a_limit_of_the_service_is_described_as_it_is_set_and_holds() {
    for case in described().into_iter().chain(refused()) {
        let mut limits = Limits::default();
        (case.set)(&mut limits);
        let told = format!("{limits:?}");
        // A store that decodes what it reads, of which the bytes are counted.
        let whole = Server::start(Backend::Sqlite, Profile::interop()).await;
        let mut id = String::new();
        for name in ["ann", "bob", "cid"] {
            id = whole.create_user(name).await;
        }
        let as_before = whole.send("GET", "/ServiceProviderConfig", None).await.json();
        let service = builder(&whole.engine)
            .base_path("/scim/v2")
            .limits(limits)
            .build();
        let limited = Server {
            service,
            engine: whole.engine.clone(),
            token: whole.token.clone(),
            _directory: None,
        };

        let mut config = limited.send("GET", "/ServiceProviderConfig", None).await.json();
        for (pointer, value) in case.told {
            let described = config.pointer_mut(pointer).unwrap();
            assert_eq!(*described, json!(value), "{pointer}: {told}");
            *described = as_before.pointer(pointer).unwrap().clone();
        }
        config["meta"] = as_before["meta"].clone();
        assert_eq!(config, as_before, "nothing else: {told}");

        let beyond = send(&limited, &case, &id).await;
        check(&beyond, &case.held);
        // The same engine, served without the limit.
        let within = send(&whole, &case, &id).await;
        assert!((200..300).contains(&within.status), "{told}: {within}");
        if let Held::Operation(status) = case.held {
            assert_ne!(within.json()["Operations"][0]["status"], status, "{within}");
        }
    }
}
