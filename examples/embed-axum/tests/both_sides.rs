//! The application's routes and SCIM's, in one router.
#![cfg(test)]

use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use http_body_util::BodyExt;
use keyfob_core::Registry;
use keyfob_engine::DynStore;
use keyfob_provisioning::{Provisioner, Token};
use keyfob_store_memory::MemoryStore;
use serde_json::{Value, json};
use tower::ServiceExt;

struct Answer {
    status: u16,
    content_type: String,
    location: String,
    body: String,
}

/// An application and the token for it.
async fn application() -> (Router, Token) {
    let provisioner = Provisioner::new(DynStore::new(MemoryStore::new()), Registry::rfc().clone());
    let token = Token::generate().unwrap();
    let organization = provisioner
        .admin()
        .create_organization("Acme", &token)
        .await
        .unwrap();
    (embed_axum::app(provisioner, organization.tenant), token)
}

async fn send(app: &Router, method: &str, path: &str, token: Option<&Token>, body: Option<Value>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/scim+json");
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let response = app.clone().oneshot(request.body(body).unwrap()).await.unwrap();
    let header = |name| {
        response
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
            .to_owned()
    };
    Answer {
        status: response.status().as_u16(),
        content_type: header(header::CONTENT_TYPE),
        location: header(header::LOCATION),
        body: String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap(),
    }
}

#[tokio::test]
async fn who_is_provisioned_over_scim_is_on_the_applications_page_until_deactivated() {
    let (app, token) = application().await;
    let page = send(&app, "GET", "/employees", None, None).await;
    assert_eq!((page.status, page.body.as_str()), (200, ""));

    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen"});
    let created = send(&app, "POST", "/scim/v2/Users", Some(&token), Some(body)).await;
    assert_eq!(
        (created.status, created.content_type.as_str()),
        (201, "application/scim+json")
    );
    let id = serde_json::from_str::<Value>(&created.body).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(created.location, format!("/scim/v2/Users/{id}"));
    assert_eq!(
        send(&app, "GET", "/employees", None, None).await.body,
        "bjensen\n"
    );
    assert_eq!(
        send(&app, "GET", &created.location, Some(&token), None)
            .await
            .body,
        created.body
    );

    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "Replace", "path": "active", "value": "False"}],
    });
    assert_eq!(
        send(&app, "PATCH", &created.location, Some(&token), Some(patch))
            .await
            .status,
        200
    );
    assert_eq!(send(&app, "GET", "/employees", None, None).await.body, "");
}

#[tokio::test]
async fn each_side_answers_under_its_own_paths_alone() {
    let (app, token) = application().await;
    for (path, token, status, content_type) in [
        ("/", None, 200, "text/plain; charset=utf-8"),
        ("/employees", None, 200, "text/plain; charset=utf-8"),
        ("/elsewhere", None, 404, ""),
        ("/Users", Some(&token), 404, ""),
        ("/scim/v2/Users", None, 401, "application/scim+json"),
        ("/scim/v2/Users", Some(&token), 200, "application/scim+json"),
        ("/scim/v2/employees", Some(&token), 404, "application/scim+json"),
        ("/scim/v2", Some(&token), 200, "application/scim+json"),
    ] {
        let answer = send(&app, "GET", path, token, None).await;
        assert_eq!(
            (answer.status, answer.content_type.as_str()),
            (status, content_type),
            "{path}: {}",
            answer.body
        );
    }
}
