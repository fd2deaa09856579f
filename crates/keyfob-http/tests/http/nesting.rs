//! The router beside an application's own routes.

use axum::{Router, extract::State, routing::get};
use http::{Request, header};
use http_body_util::BodyExt;
use keyfob_core::Registry;
use keyfob_engine::DynStore;
use keyfob_http::{ScimService, ScimServiceBuilder};
use keyfob_provisioning::Provisioner;
use keyfob_store_memory::MemoryStore;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{builder, organization};

/// The application's state.
#[derive(Clone)]
struct Greeting(&'static str);

/// Creates a user at `path` and returns the status, `Location` and body.
async fn create_user(application: Router, path: &str, token: &str) -> (u16, String, Value) {
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen"});
    let request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/scim+json")
        .header(header::HOST, "id.example.com")
        .body(axum::body::Body::from(body.to_string()))
        .unwrap();
    let response = application.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let location = response
        .headers()
        .get(header::LOCATION)
        .map(|value| value.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (
        status,
        location.unwrap_or_default(),
        serde_json::from_slice(&body).unwrap_or_default(),
    )
}

type SetUp = fn(ScimServiceBuilder<DynStore>) -> ScimServiceBuilder<DynStore>;
type Mount = fn(ScimService<DynStore>) -> Router;

#[tokio::test]
async fn addresses_have_the_path_at_which_the_service_is_mounted() {
    let cases: [(&str, SetUp, Mount, &str, &str); 9] = [
        (
            "nested",
            |b| b,
            |s| Router::new().nest("/scim/v2", keyfob_http::axum::router(s)),
            "/scim/v2/Users",
            "/scim/v2",
        ),
        (
            "nested twice",
            |b| b,
            |s| Router::new().nest("/api", Router::new().nest("/scim", keyfob_http::axum::router(s))),
            "/api/scim/Users",
            "/api/scim",
        ),
        (
            "nested for each tenant",
            |b| b,
            |s| Router::new().nest("/t/{tenant}/scim", keyfob_http::axum::router(s)),
            "/t/acme/scim/Users",
            "/t/acme/scim",
        ),
        ("at the root", |b| b, keyfob_http::axum::router, "/Users", ""),
        (
            "at the root with a base path",
            |b| b.base_path("/scim/v2/"),
            keyfob_http::axum::router,
            "/scim/v2/Users",
            "/scim/v2",
        ),
        (
            "nested with the same base path",
            |b| b.base_path("scim/v2"),
            |s| Router::new().nest("/scim/v2", keyfob_http::axum::router(s)),
            "/scim/v2/Users",
            "/scim/v2",
        ),
        (
            "a stripped prefix and a base path",
            |b| b.base_path("/scim/v2"),
            |s| Router::new().nest_service("/scim/v2", s),
            "/scim/v2/Users",
            "/scim/v2",
        ),
        (
            "from the host",
            |b| b.public_url_from_host(),
            |s| Router::new().nest("/scim/v2", keyfob_http::axum::router(s)),
            "/scim/v2/Users",
            "http://id.example.com/scim/v2",
        ),
        (
            "as configured",
            |b| b.public_url("https://scim.example.com/".parse().unwrap()),
            |s| Router::new().nest("/scim/v2", keyfob_http::axum::router(s)),
            "/scim/v2/Users",
            "https://scim.example.com/scim/v2",
        ),
    ];
    for (name, set_up, mount, path, expected) in cases {
        let engine = Provisioner::new(DynStore::new(MemoryStore::new()), Registry::rfc().clone());
        let token = organization(&engine, "default").await;
        let application = mount(set_up(builder(&engine)).build());
        let (status, location, body) = create_user(application, path, &token).await;
        assert_eq!(status, 201, "{name}: {body}");
        assert_eq!(
            location,
            format!("{expected}/Users/{}", body["id"].as_str().unwrap()),
            "{name}"
        );
        assert_eq!(body["meta"]["location"], location, "{name}");
    }
}

#[tokio::test]
async fn the_application_keeps_its_routes_and_its_state_and_scim_answers_all_that_is_below_its_path() {
    let engine = Provisioner::new(MemoryStore::new(), Registry::rfc().clone());
    let application: Router = Router::new()
        .route(
            "/",
            get(|State(Greeting(text)): State<Greeting>| async move { text }),
        )
        .nest("/scim/v2", keyfob_http::axum::router(builder(&engine).build()))
        .fallback(|| async { (http::StatusCode::NOT_FOUND, "the application's own page") })
        .with_state(Greeting("hello"));
    for (path, status, content_type, starts) in [
        ("/", 200, "text/plain; charset=utf-8", "hello"),
        (
            "/elsewhere",
            404,
            "text/plain; charset=utf-8",
            "the application's own page",
        ),
        ("/scim/v2/Users", 401, "application/scim+json", "{\"schemas\":"),
        ("/scim/v2/Nothing", 401, "application/scim+json", "{\"schemas\":"),
        ("/scim/v2", 401, "application/scim+json", "{\"schemas\":"),
    ] {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = application.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], content_type, "{path}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(starts.as_bytes()), "{path}: {body:?}");
    }
}
