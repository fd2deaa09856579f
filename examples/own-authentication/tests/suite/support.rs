//! A service behind an authenticator, and what it answers.

use std::sync::Arc;

use http::{Request, header};
use http_body_util::{BodyExt, Full};
use keyfob::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) challenge: String,
    pub(crate) body: Value,
}

pub(crate) struct Server {
    pub(crate) engine: Arc<Engine<MemoryStore>>,
    service: ScimService<MemoryStore>,
}

impl Server {
    pub(crate) fn new(
        engine: Engine<MemoryStore>,
        authenticator: impl Authenticator,
        scheme: AuthenticationScheme,
    ) -> Self {
        let engine = Arc::new(engine);
        let tokens = BearerTokens::new(&engine, authenticator).described_as(scheme);
        let service = ScimService::new(Arc::clone(&engine), tokens);
        Self { engine, service }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/scim+json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::from(body)).unwrap();
        let response = self.service.clone().oneshot(request).await.unwrap();
        let challenge = response.headers().get(header::WWW_AUTHENTICATE);
        let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
        Answer {
            status: response.status().as_u16(),
            challenge: challenge.unwrap_or_default(),
            body: serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes())
                .unwrap_or_default(),
        }
    }

    pub(crate) async fn create(&self, token: &str, name: &str) -> Answer {
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name});
        self.send("POST", "/Users", token, Some(&body)).await
    }

    pub(crate) async fn total(&self, token: &str) -> Value {
        self.send("GET", "/Users", token, None).await.body["totalResults"].clone()
    }
}

pub(crate) fn engine() -> Engine<MemoryStore> {
    Engine::new(MemoryStore::new(), Registry::rfc().clone())
}
