//! What requests cost a store.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use keyfob_core::{Registry, ResourceType};
use keyfob_engine::{Actor, Commit, Context, DynStore, Hooked, Hooks, ReadContext, StoreError};
use keyfob_provisioning::{Profile, Provisioner};
use keyfob_store_memory::MemoryStore;
use serde_json::json;

use crate::support::{Backend, Server, builder};

#[derive(Clone, Default)]
struct Calls(Arc<AtomicUsize>);

impl Calls {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Hooks for Calls {
    fn before_read(&self, _: &ReadContext, _: &ResourceType) -> Result<(), StoreError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn before_commit(&self, _: &[Arc<Commit>]) -> Result<(), StoreError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A linked organization over a store that counts its calls.
async fn counting() -> (Server, Calls) {
    let calls = Calls::default();
    let store = DynStore::new(Hooked::new(MemoryStore::new(), calls.clone()));
    let engine = Provisioner::builder(store, Registry::verkada().clone())
        .with_profile(Profile::verkada())
        .build();
    let organization = engine
        .admin()
        .create_unlinked_organization("default")
        .await
        .unwrap();
    let admin = Context::new(organization.tenant).acting_as(Actor::Administrator);
    let token = engine
        .admin()
        .add_domain(&admin, "example.com")
        .await
        .unwrap()
        .unwrap();
    let server = Server {
        service: builder(&engine).base_path("/scim/v2").build(),
        token: token.expose().to_owned(),
        engine,
        ..Server::start(Backend::Memory, Profile::interop()).await
    };
    (server, calls)
}

#[tokio::test]
async fn a_request_costs_one_read_to_authenticate_one_to_look_and_one_commit() {
    let (server, calls) = counting().await;
    let user = server.create_user("bjensen@example.com").await;
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Guides"});
    let group = server.send("POST", "/Groups", Some(&group)).await.json()["id"].clone();
    let group = format!("/Groups/{}", group.as_str().unwrap());
    let patch = |operation: serde_json::Value| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]});
    let join = patch(json!({"op": "add", "path": "members", "value": [{"value": user}]}));
    let leave = patch(json!({"op": "remove", "path": format!("members[value eq \"{user}\"]")}));
    let rename = patch(json!({"op": "replace", "path": "displayName", "value": "Guards"}));
    let title = patch(json!({"op": "replace", "path": "title", "value": "Guide"}));
    let user = format!("/Users/{user}");
    for (method, path, body, cost) in [
        ("PATCH", &group, Some(&join), 3),
        ("PATCH", &group, Some(&leave), 3),
        ("PATCH", &group, Some(&rename), 3),
        ("PATCH", &user, Some(&title), 3),
        ("GET", &user, None, 2),
        ("GET", &"/Users?count=10".to_owned(), None, 2),
        ("DELETE", &group, None, 3),
        ("DELETE", &user, None, 3),
    ] {
        calls.take();
        let status = server.send(method, path, body).await.status;
        assert!((200..300).contains(&status), "{method} {path}: {status}");
        assert_eq!(calls.take(), cost, "{method} {path}");
    }
}
