//! What somebody else does while a request is under way.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use keyfob_core::{Projection, Registry, Resource};
use keyfob_engine::{Actor, Context, Operation, Precondition, Rejection, Review, Rule, TenantId};
use keyfob_provisioning::{Profile, Provisioner};
use keyfob_store_memory::MemoryStore;
use pollster::block_on;

use crate::fixture::{group, patch, set_active, user_at};

type Directory = Provisioner<Arc<MemoryStore>>;

/// An administrator who deletes the user and brings it back again, in turns, whenever a change of a group is about to be
/// committed, as often as it likes.
struct Administrator {
    directory: Directory,
    turns: AtomicUsize,
}

impl Rule for Administrator {
    fn review(&self, cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
        let is_change_of_group =
            review.operation() == Operation::Update && review.resource_type().name() == "Group";
        let take_turn = |turns: usize| turns.checked_sub(1);
        if !is_change_of_group
            || self
                .turns
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_turn)
                .is_err()
        {
            return Ok(());
        }
        let administrator = cx.clone().acting_as(Actor::Administrator);
        let admin = self.directory.admin();
        block_on(async {
            if let Some(user) = admin.users(&administrator).await.unwrap().first() {
                admin.delete_user(&administrator, &user.id).await.unwrap();
            } else {
                let deleted = admin.deleted_users(&administrator).await.unwrap();
                admin.restore_user(&administrator, &deleted[0].id).await.unwrap();
            }
        });
        Ok(())
    }
}

#[test]
fn d_11_whoever_is_put_into_a_group_is_in_it_however_often_deleted_and_brought_back_meanwhile() {
    for turns in 0..12 {
        let store = Arc::new(MemoryStore::new());
        let directory = |store: &Arc<MemoryStore>| {
            Provisioner::builder(Arc::clone(store), Registry::verkada().clone())
                .with_profile(Profile::verkada())
        };
        let rule = Administrator {
            directory: directory(&store).build(),
            turns: AtomicUsize::new(turns),
        };
        let engine = directory(&store).with_rule(rule).build();
        let provider = Context::new(TenantId::new("acme"));
        let administrator = provider.clone().acting_as(Actor::Administrator);
        let [users, groups] = ["User", "Group"].map(|name| engine.registry().resource_type(name).unwrap());
        let all = Projection::all();
        let is_in = block_on(async {
            engine
                .admin()
                .add_domain(&administrator, "example.com")
                .await
                .unwrap();
            let ann = Resource::from_json(user_at("ann@example.com").as_bytes(), users).unwrap();
            let ann = engine.create(&provider, users, ann, &all).await.unwrap().id;
            let any = Precondition::None;
            let change = set_active(false);
            engine
                .patch(&provider, users, &ann, change, &any, &all)
                .await
                .unwrap();
            let guides = Resource::from_json(group("Guides", &[]).as_bytes(), groups).unwrap();
            let guides = engine.create(&provider, groups, guides, &all).await.unwrap().id;
            let add = format!(r#"{{"op":"add","path":"members","value":[{{"value":"{ann}"}}]}}"#);
            engine
                .patch(&provider, groups, &guides, patch(&add), &any, &all)
                .await
                .unwrap();
            let change = set_active(true);
            engine
                .patch(&provider, users, &ann, change, &any, &all)
                .await
                .unwrap();
            let guides = engine.get(&provider, groups, &guides, &all).await.unwrap();
            guides.relation("members").unwrap().contains(&ann)
        });
        assert!(is_in, "{turns} turns");
    }
}
