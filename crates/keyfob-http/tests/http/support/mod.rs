//! A service on a fresh store, and what it answers.

pub(crate) mod json;

use std::{collections::BTreeMap, fmt, fs, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use keyfob_core::Registry;
use keyfob_engine::{DynStore, Store};
use keyfob_http::{BearerTokens, ScimService, ScimServiceBuilder};
use keyfob_provisioning::{Profile, Provisioner, Token};
use keyfob_store_memory::MemoryStore;
use keyfob_store_sqlite::SqliteStore;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// Where the service of most tests is reached.
pub(crate) const BASE_URL: &str = "https://scim.example.com/scim/v2";

/// The stores that everything has to work on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backend {
    Memory,
    Sqlite,
}

impl Backend {
    pub(crate) const ALL: [Self; 2] = [Self::Memory, Self::Sqlite];
}

/// A service with one organization.
pub(crate) struct Server {
    pub(crate) service: ScimService<DynStore>,
    pub(crate) engine: Provisioner<DynStore>,
    pub(crate) token: String,
    pub(crate) _directory: Option<TempDir>,
}

impl Server {
    pub(crate) async fn start(backend: Backend, profile: Profile) -> Self {
        Self::start_with(backend, profile, |builder| builder).await
    }

    pub(crate) async fn start_with(
        backend: Backend,
        profile: Profile,
        set_up: impl FnOnce(ScimServiceBuilder<DynStore>) -> ScimServiceBuilder<DynStore>,
    ) -> Self {
        let (store, directory) = match backend {
            Backend::Memory => (DynStore::new(MemoryStore::new()), None),
            Backend::Sqlite => {
                let directory = tempfile::tempdir().unwrap();
                let store = SqliteStore::open(directory.path().join("keyfob.db")).unwrap();
                (DynStore::new(store), Some(directory))
            }
        };
        let engine = Provisioner::builder(store, Registry::verkada().clone())
            .with_profile(profile)
            .build();
        let token = organization(&engine, "default").await;
        let builder = builder(&engine)
            .base_path("/scim/v2")
            .public_url(BASE_URL.parse().unwrap());
        Self {
            service: set_up(builder).build(),
            engine,
            token,
            _directory: directory,
        }
    }

    /// Sends a request as it is.
    pub(crate) async fn send_raw(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let headers = head.headers.iter().map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        });
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body,
        }
    }

    /// Sends a request with the organization's token.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.send_with(method, path, &[], body).await
    }

    /// Sends a request with the organization's token and further headers.
    pub(crate) async fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("/scim/v2{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/scim+json");
        }
        let mut request = request.body(Full::default()).unwrap();
        for (name, value) in headers {
            let name: header::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        if let Some(body) = body {
            *request.body_mut() = Full::from(body.to_string());
        }
        self.send_raw(request).await
    }

    /// Creates a user and returns its id.
    pub(crate) async fn create_user(&self, user_name: &str) -> String {
        let body = serde_json::json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": user_name,
        });
        self.create("/Users", &body).await
    }

    /// Creates a resource and returns its id.
    pub(crate) async fn create(&self, endpoint: &str, body: &Value) -> String {
        let answer = self.send("POST", endpoint, Some(body)).await;
        assert_eq!(answer.status, 201, "{answer}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }
}

/// Gives the process a subscriber that writes nothing. Without one, `tracing` takes a place in the code that another test's
/// thread reaches first for one that nobody listens to, and a test that captures lines misses it.
pub(crate) fn listen_everywhere() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_writer(std::io::sink)
            .with_max_level(tracing::Level::DEBUG)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// A service that takes the tokens of a provisioner's organizations, behind a proxy that gives requests their ids.
pub(crate) fn builder<S: Store>(provisioner: &Provisioner<S>) -> ScimServiceBuilder<S> {
    untrusting_builder(provisioner).request_ids_from_header()
}

/// A service that takes the tokens of a provisioner's organizations, and nothing from any proxy.
pub(crate) fn untrusting_builder<S: Store>(provisioner: &Provisioner<S>) -> ScimServiceBuilder<S> {
    let engine = Arc::clone(provisioner.engine());
    let tokens = BearerTokens::new(&engine, provisioner.clone());
    ScimService::builder(engine, tokens)
}

/// Makes an organization and returns its token.
pub(crate) async fn organization(engine: &Provisioner<DynStore>, name: &str) -> String {
    let token = Token::generate().unwrap();
    engine.admin().create_organization(name, &token).await.unwrap();
    token.expose().to_owned()
}

/// What the service answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body, `null` where it is empty or no JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Checks that this is a SCIM error.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, scim_type: Option<&str>) {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.error_fault(), None, "{self}");
        assert_eq!(self.json()["scimType"].as_str(), scim_type, "{self}");
    }

    /// What keeps the answer from being a SCIM error (RFC 7644 section 3.12).
    pub(crate) fn error_fault(&self) -> Option<&'static str> {
        let body = self.json();
        if self.header("content-type") != Some("application/scim+json") {
            Some("the content type is not application/scim+json")
        } else if body["schemas"] != serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:Error"]) {
            Some("`schemas` is not that of an error")
        } else if body["status"] != Value::String(self.status.to_string()) {
            Some("`status` is not the status of the answer, as a string")
        } else if body["detail"].as_str().is_none_or(str::is_empty) {
            Some("there is no `detail`")
        } else {
            None
        }
    }
}

impl fmt::Display for Answer {
    /// Prints all but the id of the request, which no two answers share.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut headers = self.headers.clone();
        headers.remove("x-request-id");
        let body: String = String::from_utf8_lossy(&self.body).chars().take(600).collect();
        write!(f, "{} {headers:?} {body}", self.status)
    }
}

/// A file or folder of the repository's test data.
pub(crate) fn testdata(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata")
        .join(path)
}

/// A JSON file of the repository's test data.
pub(crate) fn testdata_json(path: &str) -> Value {
    serde_json::from_slice(&fs::read(testdata(path)).unwrap()).unwrap()
}
