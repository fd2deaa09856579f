//! The facade in an application that knows its callers itself.
#![cfg(test)]

use std::{error::Error, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use http_body_util::BodyExt as _;
use keyfob::{
    core::{
        extension,
        schema::{RegistryBuilder, Schema},
    },
    prelude::*,
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

const GYM: &str = "urn:example:params:scim:schemas:extension:gym:2.0:User";
const BASE: &str = "/customers/acme/scim/v2";

extension! {
    /// Where a user trains.
    struct Gym = "urn:example:params:scim:schemas:extension:gym:2.0:User" {
        /// The number of the locker.
        locker: Option<i64> = "locker",
    }
}

/// The keys of an application, one for each answer that an authenticator may give.
struct Keys;

impl Authenticator for Keys {
    async fn authenticate(&self, secret: &str) -> Result<Caller, AuthenticationError> {
        let caller = || Caller::new(TenantId::new("acme")).with_identity("Entra ID", "key 7");
        match secret {
            "write" => Ok(caller()),
            "read" => Ok(caller().read_only()),
            "ended" => Err(AuthenticationError::Invalid {
                reason: "the key ended yesterday".into(),
            }),
            "mail" => Err(AuthenticationError::InsufficientScope { scope: "scim".into() }),
            "eager" => Err(AuthenticationError::TooMany {
                retry_after: Duration::from_secs(7),
            }),
            "down" => Err(StoreError::unavailable("the table of keys is locked").into()),
            _ => Err(AuthenticationError::Rejected),
        }
    }
}

fn registry() -> Result<Registry, Box<dyn Error>> {
    let gym = json!({"id": GYM, "name": "Gym", "attributes": [{"name": "locker", "type": "integer"}]});
    let schema = Schema::from_json(gym.to_string().as_bytes())?;
    Ok(RegistryBuilder::rfc().extend("User", schema, false).build()?)
}

/// The application's routes: SCIM below a path of each customer's, and one of its own.
fn application(path: &Path) -> Result<Router, Box<dyn Error>> {
    let engine = Arc::new(Engine::new(SqliteStore::open(path)?, registry()?));
    let scheme = AuthenticationScheme::new("apikey", "API key", "A key of the application's settings page");
    let tokens =
        BearerTokens::new(&engine, Keys).described_as(scheme.challenging_with("Bearer realm=\"app\""));
    let service = ScimService::builder(engine, tokens)
        .public_url("https://app.example".parse()?)
        .documented_at("https://app.example/help/scim")
        .build();
    let scim = keyfob::http::axum::router(service);
    Ok(Router::new()
        .route("/health", axum::routing::get(|| async { "fine" }))
        .nest("/customers/{customer}/scim/v2", scim))
}

struct Answer {
    status: u16,
    challenge: String,
    retry_after: String,
    location: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap()
    }
}

struct Company {
    application: Router,
    _folder: TempDir,
}

impl Company {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            application: application(&folder.path().join("users.db")).unwrap(),
            _folder: folder,
        }
    }

    async fn send(&self, method: &str, path: &str, key: &str, body: Json) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "10.0.0.7");
        let request = request
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, "application/scim+json");
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        let sent = self.application.clone().oneshot(request.body(body).unwrap());
        let response = sent.await.unwrap();
        let header = |name| {
            let value = response.headers().get(name);
            value.map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        Answer {
            status: response.status().as_u16(),
            challenge: header(header::WWW_AUTHENTICATE),
            retry_after: header(header::RETRY_AFTER),
            location: header(header::LOCATION),
            body: String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec())
                .unwrap(),
        }
    }
}

fn ada() -> Json {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada@example.com",
        GYM: {"locker": 7}})
}

#[tokio::test]
async fn rfc_6750_3_1_each_answer_of_the_authenticator_is_what_the_client_gets() {
    let company = Company::new();
    for (key, status, challenge) in [
        ("", 401, r#"Bearer realm="app""#),
        ("nobody's", 401, r#"Bearer realm="app""#),
        (
            "ended",
            401,
            r#"Bearer realm="app", error="invalid_token", error_description="the key ended yesterday""#,
        ),
        (
            "mail",
            403,
            r#"Bearer realm="app", error="insufficient_scope", scope="scim""#,
        ),
        ("eager", 429, ""),
        ("down", 503, ""),
        ("read", 200, ""),
    ] {
        let answer = company
            .send("GET", &format!("{BASE}/Users"), key, Json::Null)
            .await;
        assert_eq!(
            (answer.status, answer.challenge.as_str()),
            (status, challenge),
            "{key}"
        );
        assert!(!answer.body.contains("table of keys"), "{}", answer.body);
        assert_eq!(
            answer.retry_after == "7",
            status == 429,
            "{key}: {}",
            answer.retry_after
        );
    }
    let refused = company
        .send("POST", &format!("{BASE}/Users"), "read", ada())
        .await;
    assert_eq!(refused.status, 403);
    assert!(
        refused.challenge.contains("insufficient_scope"),
        "{}",
        refused.challenge
    );
    let none = company
        .send("GET", &format!("{BASE}/Users"), "read", Json::Null)
        .await;
    assert_eq!(none.json()["totalResults"], 0);
}

#[tokio::test]
async fn rfc_7643_5_the_service_says_of_itself_what_the_application_said() {
    let company = Company::new();
    let said = company
        .send(
            "GET",
            &format!("{BASE}/ServiceProviderConfig"),
            "read",
            Json::Null,
        )
        .await;
    let said = said.json();
    assert_eq!(said["documentationUri"], "https://app.example/help/scim");
    let schemes = said["authenticationSchemes"].as_array().unwrap();
    let [scheme] = schemes.as_slice() else {
        panic!("{schemes:?}")
    };
    assert_eq!(
        (&scheme["type"], &scheme["name"]),
        (&json!("apikey"), &json!("API key"))
    );
}

#[tokio::test]
async fn rfc_7643_3_1_addresses_follow_the_nest_path_and_the_public_origin() {
    let company = Company::new();
    let made = company
        .send("POST", &format!("{BASE}/Users"), "write", ada())
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    let user = made.json();
    let expected = format!("https://app.example{BASE}/Users/{}", user["id"].as_str().unwrap());
    assert_eq!(
        (&user["meta"]["location"], &made.location),
        (&json!(expected), &expected)
    );
    assert_eq!(user[GYM]["locker"], 7);
    assert_eq!(user["schemas"].as_array().unwrap().len(), 2);
    let types = company
        .send("GET", &format!("{BASE}/ResourceTypes/User"), "read", Json::Null)
        .await;
    let expected = format!("https://app.example{BASE}/ResourceTypes/User");
    assert_eq!(types.json()["meta"]["location"], expected);
    let own = company.send("GET", "/health", "", Json::Null).await;
    assert_eq!((own.status, own.body.as_str()), (200, "fine"));
}

#[test]
fn rfc_7643_3_an_extension_of_the_application_is_a_structure_and_schemas_follow() {
    let registry = registry().unwrap();
    let users = registry.resource_type("User").unwrap();
    let mut ada = Resource::from_json(br#"{"userName": "ada@example.com"}"#, users).unwrap();
    let mut gym = Gym::new();
    gym.locker = Some(7);
    gym.write_to(&mut ada);
    assert_eq!(ada.schemas(), [Gym::uri()]);
    let written: Json = serde_json::from_slice(&ada.to_json()).unwrap();
    assert_eq!(written[GYM], json!({"locker": 7}));
    // A loan of the extension leaves no `schemas` behind that isn't true.
    ada.extension_mut(&Gym::uri()).remove("locker");
    assert_eq!((ada.schemas(), Gym::from_resource(&ada)), (&[][..], None));
}
