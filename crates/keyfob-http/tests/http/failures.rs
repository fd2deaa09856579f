//! A store that fails: what the client is told, and what the log.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
};

use keyfob_core::{Registry, ResourceType};
use keyfob_engine::{Commit, DynStore, Hooked, Hooks, ReadContext, StoreError, TenantId};
use keyfob_provisioning::{Profile, Provisioner};
use keyfob_store_memory::MemoryStore;
use serde_json::json;

use crate::support::{Backend, Server, builder, organization};

/// Fails for everybody's resources when it is told to; organizations and tokens are always found.
struct Failing {
    mode: Arc<AtomicU8>,
}

const WORKS: u8 = 0;
const UNAVAILABLE: u8 = 1;
const BROKEN: u8 = 2;

impl Failing {
    fn check(&self, tenant: &TenantId) -> Result<(), StoreError> {
        match self.mode.load(Ordering::Relaxed) {
            UNAVAILABLE if *tenant != TenantId::SYSTEM => Err(StoreError::unavailable("disk is away")),
            BROKEN if *tenant != TenantId::SYSTEM => {
                Err(StoreError::internal(io::Error::other("page 7 is malformed")))
            }
            _ => Ok(()),
        }
    }
}

impl Hooks for Failing {
    fn before_read(&self, cx: &ReadContext, _: &ResourceType) -> Result<(), StoreError> {
        self.check(&cx.tenant)
    }

    fn before_commit(&self, commits: &[Arc<Commit>]) -> Result<(), StoreError> {
        commits.iter().try_for_each(|commit| self.check(&commit.tenant))
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

#[tokio::test]
async fn the_client_learns_that_the_service_failed_and_the_log_why() {
    let log = Log::default();
    let writer = log.clone();
    crate::support::listen_everywhere();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .with_max_level(tracing::Level::WARN)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let mode = Arc::new(AtomicU8::new(WORKS));
    let failing = Failing {
        mode: Arc::clone(&mode),
    };
    let store = DynStore::new(Hooked::new(MemoryStore::new(), failing));
    let engine = Provisioner::new(store, Registry::rfc().clone());
    let server = Server {
        service: builder(&engine).base_path("/scim/v2").build(),
        token: organization(&engine, "default").await,
        engine,
        ..Server::start(Backend::Memory, Profile::interop()).await
    };
    let user = server.create_user("bjensen@example.com").await;
    assert_eq!(log.take(), "", "what works needs no words");

    let change = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "Guide"}],
    });
    let create = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ms.secret"});
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
    let path = format!("/Users/{user}");
    for (failure, status, cause, detail) in [
        (
            UNAVAILABLE,
            503,
            "disk is away",
            "the service is unavailable, try again later",
        ),
        (
            BROKEN,
            500,
            "page 7 is malformed",
            "the service failed (request `r-17`)",
        ),
    ] {
        mode.store(failure, Ordering::Relaxed);
        for (method, path, body) in [
            ("GET", path.as_str(), None),
            ("PATCH", &path, Some(&change)),
            ("PUT", &path, Some(&create)),
            ("DELETE", &path, None),
            ("POST", "/Users", Some(&create)),
            ("GET", "/Users?filter=userName+eq+%22bjensen@example.com%22", None),
            ("POST", "/.search", Some(&search)),
        ] {
            let answer = server
                .send_with(method, path, &[("x-request-id", "r-17")], body)
                .await;
            answer.assert_error(status, None);
            assert_eq!(answer.json()["detail"], detail, "{method} {path}");
            assert_eq!(
                answer.header("retry-after").is_some(),
                status == 503,
                "{method} {path}"
            );
            let logged = log.take();
            assert!(
                logged.contains(cause) && logged.contains("r-17"),
                "{method} {path}: {logged}"
            );
            for personal in [user.as_str(), "bjensen", "ms.secret", &server.token] {
                assert!(!logged.contains(personal), "{method} {path}: {logged}");
            }
        }
    }
    mode.store(WORKS, Ordering::Relaxed);
    assert_eq!(server.send("GET", &path, None).await.status, 200);
}
