//! Routes, on the store in memory.

use axum::{Router, body::Body};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use keyfob_access::{AccessGroups, Units};
use keyfob_admin::{Administration, OPERATIONS, Place};
use keyfob_admin_http::{AdminTokens, router};
use keyfob_core::schema::RegistryBuilder;
use keyfob_engine::DynStore;
use keyfob_provisioning::{Profile, Provisioner};
use keyfob_store_memory::MemoryStore;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// A served administration, and the first token.
struct Site {
    router: Router,
    token: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The problem of a refusal, as its code.
    #[track_caller]
    fn code(&self) -> String {
        let media_type = self.headers.get("content-type").unwrap();
        assert_eq!(media_type, "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], json!(self.status.as_u16()));
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        let request = self.headers.get("x-request-id").unwrap().to_str().unwrap();
        assert_eq!(problem["requestId"], json!(request));
        problem["code"].as_str().unwrap().to_owned()
    }
}

impl Site {
    async fn start() -> Self {
        let store = DynStore::new(MemoryStore::new());
        let provisioner = |profile: Profile| {
            let registry = keyfob_access::register(RegistryBuilder::verkada().flat_groups());
            let registry = registry.build().unwrap();
            let (groups, units) = (AccessGroups::new(&registry), Units::new(&registry));
            let is_accessiq = profile.name() == "accessiq";
            let builder = Provisioner::builder(store.clone(), registry)
                .with_profile(profile)
                .with_module(groups.unwrap());
            if is_accessiq {
                builder.with_module(units.unwrap()).build()
            } else {
                builder.build()
            }
        };
        let administration =
            Administration::new([provisioner(Profile::verkada()), provisioner(Profile::accessiq())])
                .with_base_url("https://scim.example.com/scim/v2");
        let token = administration.bootstrap(None).await.unwrap().unwrap();
        let administrators = AdminTokens::new(administration.clone());
        let router = Router::new().nest("/admin/v1", router(administration, administrators));
        let site = Self {
            router,
            token: token.expose().to_owned(),
        };
        for (name, profile) in [("Acme", "verkada"), ("Umbrella", "accessiq")] {
            let body = json!({"name": name, "profile": profile});
            let made = site.send("POST", "/organizations", Some(&body)).await;
            assert_eq!(made.status, StatusCode::CREATED);
        }
        site
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(|body| body.to_string().into_bytes());
        self.send_as(Some(&self.token), method, path, &[], body).await
    }

    async fn send_as(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/admin/v1{path}"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        let request = request.body(Body::from(body.unwrap_or_default())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        assert_eq!(head.headers.get("cache-control").unwrap(), "no-store");
        Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    async fn confirmed(&self, method: &str, path: &str) -> Answer {
        let asked = self.send(method, path, None).await;
        assert_eq!(asked.status, StatusCode::PRECONDITION_REQUIRED);
        assert_eq!(asked.code(), "confirmationRequired");
        let digest = asked.json()["preview"]["confirmation"]
            .as_str()
            .unwrap()
            .to_owned();
        let headers = [("keyfob-confirmation", digest.as_str())];
        self.send_as(Some(&self.token), method, path, &headers, None)
            .await
    }

    /// Makes a token of Acme.
    async fn issue(&self, name: &str, role: &str) -> String {
        let body = json!({"name": name, "roles": [role]});
        let issued = self
            .send("POST", "/organizations/Acme/admin-tokens", Some(&body))
            .await;
        issued.json()["token"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn every_operation_has_a_route_that_asks_who_is_there() {
    let site = Site::start().await;
    for operation in &OPERATIONS {
        let segments = operation.path.split('/').map(|segment| match segment {
            "{org}" => "Acme",
            segment if segment.starts_with('{') => "x",
            segment => segment,
        });
        let path = segments.collect::<Vec<_>>().join("/");
        let method = operation.method.as_str();
        for token in [
            None,
            Some("ka_nothing"),
            Some("kf1_0198c1f2-5b7e-7c3d-9a41-000000000001_x"),
        ] {
            let refused = site.send_as(token, method, &path, &[], None).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", operation.name);
            assert_eq!(refused.code(), "unauthenticated");
            assert!(refused.headers.contains_key("www-authenticate"));
        }
        let known = site
            .send_as(
                Some(&site.token),
                method,
                &path,
                &[("keyfob-dry-run", "true")],
                None,
            )
            .await;
        assert_ne!(known.status, StatusCode::METHOD_NOT_ALLOWED, "{}", operation.name);
        assert_ne!(known.status.as_u16() / 100, 5, "{}", operation.name);
        let needs_body = operation
            .parameters
            .iter()
            .any(|parameter| parameter.place == Place::Body && parameter.is_required);
        if needs_body {
            assert_eq!(known.code(), "invalidInput", "{}", operation.name);
        }
    }
    let nowhere = site.send("GET", "/organisations", None).await;
    assert_eq!(
        (nowhere.status, nowhere.code().as_str()),
        (StatusCode::NOT_FOUND, "notFound")
    );
    let method = site.send("POST", "/organizations/Acme", None).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(method.code(), "methodNotAllowed");
}

#[tokio::test]
async fn t_2_t_3_a_token_is_shown_in_one_answer_and_never_again() {
    let site = Site::start().await;
    let domains = json!({"domains": ["acme.com", "acme.de"]});
    let added = site
        .send("POST", "/organizations/Acme/domains", Some(&domains))
        .await;
    assert_eq!(added.status, StatusCode::OK);
    let token = added.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(added.json()["baseUrl"], json!("https://scim.example.com/scim/v2"));
    let again = site
        .send("POST", "/organizations/Acme/domains", Some(&domains))
        .await;
    assert_eq!(again.json()["token"], Value::Null);
    for path in [
        "",
        "/provisioning",
        "/tokens",
        "/overview",
        "/audit",
        "/events",
        "/guides/okta",
    ] {
        let shown = site
            .send("GET", &format!("/organizations/Acme{path}"), None)
            .await;
        assert_eq!(shown.status, StatusCode::OK, "{path}");
        assert!(!String::from_utf8_lossy(&shown.body).contains(&token), "{path}");
    }
    let refreshed = site.confirmed("POST", "/organizations/Acme/tokens/refresh").await;
    assert_eq!(refreshed.status, StatusCode::OK);
    assert_ne!(refreshed.json()["token"].as_str().unwrap(), token);
    // The digest was of the token that is gone: the same confirmation does nothing a second time.
    let stale = site
        .send("POST", "/organizations/Acme/tokens/refresh", None)
        .await;
    let digest = stale.json()["preview"]["confirmation"]
        .as_str()
        .unwrap()
        .to_owned();
    site.confirmed("POST", "/organizations/Acme/tokens/refresh").await;
    let headers = [("keyfob-confirmation", digest.as_str())];
    let path = "/organizations/Acme/tokens/refresh";
    let repeated = site
        .send_as(Some(&site.token), "POST", path, &headers, None)
        .await;
    assert_eq!(
        (repeated.status, repeated.code().as_str()),
        (StatusCode::CONFLICT, "previewChanged")
    );
}

#[tokio::test]
async fn t_1_t_6_roles_and_organizations_are_closed_to_each_other() {
    let site = Site::start().await;
    let auditor = site.issue("auditor", "auditor").await;
    let path = "/organizations/Acme/tokens/refresh";
    let refused = site.send_as(Some(&auditor), "POST", path, &[], None).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::FORBIDDEN, "readOnly")
    );
    for path in [
        "/organizations/Umbrella",
        "/organizations/Nobody",
        "/organizations/Umbrella/users",
    ] {
        let foreign = site.send_as(Some(&auditor), "GET", path, &[], None).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{path}");
    }
    let whoami = site.send_as(Some(&auditor), "GET", "/whoami", &[], None).await;
    assert_eq!(whoami.json()["id"], json!("auditor"));
    // What a token does stands in the record under its name.
    let administrator = site.issue("ci", "administrator").await;
    let body = json!({"name": "Lobby"}).to_string().into_bytes();
    let headers = [("keyfob-reason", "신축 건물")];
    let path = "/organizations/Acme/doors";
    let made = site
        .send_as(Some(&administrator), "POST", path, &headers, Some(body))
        .await;
    assert_eq!(made.status, StatusCode::CREATED);
    let request = made.headers.get("x-request-id").unwrap().to_str().unwrap();
    let audit = site
        .send("GET", "/organizations/Acme/audit?actor=ci", None)
        .await
        .json();
    assert_eq!(audit["items"][0]["data"]["reason"], json!("신축 건물"));
    assert_eq!(audit["items"][1]["verb"], json!("createDoor"));
    assert_eq!(audit["items"][1]["request"], json!(request));
}

#[tokio::test]
async fn names_of_all_kinds_stand_in_paths() {
    let site = Site::start().await;
    for name in [
        "출입문",
        "a/b",
        "50% off?",
        "..",
        "#1",
        "\u{1b}[2J\u{202e}<script>",
    ] {
        let body = json!({"name": name, "timeZone": "Asia/Seoul"});
        let made = site.send("POST", "/organizations/Acme/doors", Some(&body)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{name:?}");
        let encoded = encoded(name);
        let shown = site
            .send("GET", &format!("/organizations/Acme/doors/{encoded}"), None)
            .await;
        assert_eq!(shown.json()["name"], json!(name), "{name:?}");
        let id = shown.json()["id"].as_str().unwrap().to_owned();
        let by_id = site
            .send("GET", &format!("/organizations/Acme/doors/{id}"), None)
            .await;
        assert_eq!(by_id.json()["name"], json!(name));
    }
    let broken = site.send("GET", "/organizations/Acme/doors/%FF", None).await;
    assert_eq!(
        (broken.status, broken.code().as_str()),
        (StatusCode::BAD_REQUEST, "invalidInput")
    );
}

#[tokio::test]
async fn input_that_can_not_be_read_is_refused_with_its_place() {
    let site = Site::start().await;
    let path = "/organizations/Acme/doors";
    let send = async |headers: &[(&str, &str)], body: &str| {
        let body = Some(body.as_bytes().to_vec());
        site.send_as(Some(&site.token), "POST", path, headers, body).await
    };
    for (body, field) in [
        (r#"{"name": 17}"#, Some("name")),
        (r#"{"nam": "Lobby"}"#, Some("nam")),
        ("{}", Some("name")),
        (r#"{"name": "Lobby", "org": "Umbrella"}"#, Some("org")),
        (r#"{"name": "Lobby", "name": "Gate"}"#, None),
        (r#"{"name": "#, None),
        ("[]", None),
        ("\u{0}", None),
    ] {
        let refused = send(&[], body).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (StatusCode::BAD_REQUEST, "invalidInput"),
            "{body}"
        );
        assert_eq!(refused.json()["field"].as_str(), field, "{body}");
    }
    let text = send(&[("content-type", "text/plain")], r#"{"name": "Lobby"}"#).await;
    assert_eq!(text.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let form = send(
        &[("content-type", "application/x-www-form-urlencoded")],
        "name=Lobby",
    )
    .await;
    assert_eq!(
        form.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "no form of another site gets in"
    );
    let large = format!(r#"{{"name": "{}"}}"#, "x".repeat(1 << 20));
    assert_eq!(send(&[], &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let dry = send(&[("keyfob-dry-run", "yes")], r#"{"name": "Lobby"}"#).await;
    assert_eq!(
        dry.status,
        StatusCode::BAD_REQUEST,
        "nothing is written by mistake"
    );
    for query in ["?limit=x", "?limit=1&limit=2", "?name=Lobby", "?org=Umbrella"] {
        let refused = site.send("GET", &format!("{path}{query}"), None).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let doors = site.send("GET", path, None).await;
    assert_eq!(
        doors.json(),
        json!({"items": [], "next": null}),
        "nothing was made"
    );
    let dry = send(&[("keyfob-dry-run", "true")], r#"{"name": "Lobby"}"#)
        .await
        .json();
    assert_eq!(dry["changes"][0]["action"], json!("create"));
    assert_eq!(site.send("GET", path, None).await.json()["items"], json!([]));
}

#[tokio::test]
async fn lists_go_on_where_the_page_before_ended() {
    let site = Site::start().await;
    for number in 0..5 {
        let body = json!({"userName": format!("user{number}@example.com")});
        let made = site.send("POST", "/organizations/Acme/users", Some(&body)).await;
        assert_eq!(made.status, StatusCode::CREATED);
    }
    let (mut seen, mut path) = (Vec::new(), "/organizations/Acme/users?limit=2".to_owned());
    loop {
        let page = site.send("GET", &path, None).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(
            items
                .iter()
                .map(|user| user["userName"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/organizations/Acme/users?limit=2&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    let units = site
        .send("GET", "/organizations/Umbrella/units", None)
        .await
        .json();
    assert_eq!(units["items"][0]["name"], json!("Default"), "U-4");
    assert_eq!(units["items"][0]["isDefault"], json!(true));
}

/// Encodes every byte of a name.
fn encoded(name: &str) -> String {
    let bytes: Vec<String> = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    bytes.concat()
}
