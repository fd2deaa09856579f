//! Does it cost more to unlink an organization from its provider when it has more users?

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use keyfob_access::{Access, AccessGroups, Schedule, register};
use keyfob_benches::compare_timed;
use keyfob_core::{
    Collation, CompareKey, Projection, Resource, ResourceId, ResourceType, message::PatchRequest,
    schema::RegistryBuilder,
};
use keyfob_engine::{
    Actor, Change, Context, MemberPolicy, OnRefusal, Precondition, Selection, StoreExt, TenantId, UniqueKey,
};
use keyfob_provisioning::{Confirmed, Profile, Provisioner};
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;

type Failed = Box<dyn std::error::Error>;

/// How many access groups there are that go with the link.
const GROUPS: usize = 10;

fn main() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let small = Organization::new(&directory.path().join("small.db"), 100)?;
    let large = Organization::new(&directory.path().join("large.db"), 100_000)?;
    let (mut failed_small, mut failed_large) = (None, None);
    compare_timed(
        "unlink an organization of 100,000 users and 10 access groups / of 100 users",
        || {
            large
                .unlink()
                .unwrap_or_else(|error| failed(&mut failed_large, error))
        },
        || {
            small
                .unlink()
                .unwrap_or_else(|error| failed(&mut failed_small, error))
        },
    );
    match failed_small.or(failed_large) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn failed(first: &mut Option<Failed>, error: Failed) -> Duration {
    first.get_or_insert(error);
    Duration::MAX
}

/// An organization with users in access groups.
struct Organization {
    engine: Provisioner<SqliteStore>,
    provider: Context,
    admin: Context,
    groups: Vec<ResourceId>,
}

impl Organization {
    fn new(path: &std::path::Path, users: usize) -> Result<Self, Failed> {
        let registry = register(RegistryBuilder::verkada()).build()?;
        let rule = AccessGroups::new(&registry)?;
        let engine = Provisioner::builder(SqliteStore::open(path)?, registry)
            .with_profile(Profile::verkada())
            .with_module(rule)
            .build();
        let provider = Context::new(TenantId::new("acme"));
        let mut organization = Self {
            engine,
            admin: provider.clone().acting_as(Actor::Administrator),
            provider,
            groups: Vec::new(),
        };
        organization.link()?;
        let users = organization.create_users(users)?;
        for (number, users) in users.chunks(users.len() / GROUPS).take(GROUPS).enumerate() {
            let members: Vec<_> = users.iter().map(|id| format!(r#"{{"value":"{id}"}}"#)).collect();
            let body = format!(
                r#"{{"displayName":"Group {number}","members":[{}]}}"#,
                members.join(",")
            );
            let id = organization.create("Group", &body)?;
            organization.groups.push(id);
        }
        let access = Access::new(&organization.engine)?;
        block_on(access.create_level(&organization.admin, "Day", &Schedule::always(), &[]))?;
        Ok(organization)
    }

    fn kind(&self, name: &str) -> Result<&ResourceType, Failed> {
        Ok(self.engine.registry().resource_type(name).ok_or("no such type")?)
    }

    fn link(&self) -> Result<(), Failed> {
        block_on(self.engine.admin().add_domain(&self.admin, "example.com"))?;
        Ok(())
    }

    fn create(&self, kind: &str, body: &str) -> Result<ResourceId, Failed> {
        let kind = self.kind(kind)?;
        let body = Resource::from_json(body.as_bytes(), kind)?;
        Ok(block_on(self.engine.create(&self.provider, kind, body, &Projection::all()))?.id)
    }

    /// Users as the provider creates them: one in its way, the others after its image and many at once.
    fn create_users(&self, count: usize) -> Result<Vec<ResourceId>, Failed> {
        let user = self.kind("User")?;
        let first = self.create("User", r#"{"userName":"first@example.com"}"#)?;
        let store = self.engine.store();
        let image = block_on(store.get_one(&self.provider.reading(), user, &first, &Selection::document()))?;
        let stored = image.ok_or("the user is gone")?;
        let (mut image, state) = (stored.resource, stored.state);
        image.core_mut().remove("id");
        image.core_mut().remove("meta");
        let mut ids = vec![first];
        let numbers: Vec<usize> = (1..count).collect();
        for numbers in numbers.chunks(1_000) {
            let users = numbers.iter().map(|number| {
                let name = format!("user{number}@example.com");
                let mut document = image.clone();
                document.core_mut().insert("userName", name.as_str());
                (
                    self.engine.next_id(),
                    document,
                    [UniqueKey::new(
                        "userName",
                        CompareKey::new(Collation::UserName, &name),
                    )],
                )
            });
            let users: Vec<_> = users.collect();
            let changes = users.iter().map(|(id, document, unique)| Change::Create {
                resource_type: user.clone(),
                id: id.clone(),
                document: document.clone().into(),
                state: Arc::clone(&state),
                relations: Arc::default(),
                members: MemberPolicy::default(),
                unique: unique.to_vec(),
                on_refusal: OnRefusal::Fail,
            });
            let commit = self
                .engine
                .commit_of(&self.provider, "bench", changes.collect(), None);
            block_on(store.commit_one(commit))?;
            ids.extend(users.into_iter().map(|(id, _, _)| id));
        }
        Ok(ids)
    }

    /// How long it takes to unlink the organization, which is linked and given its access groups before.
    fn unlink(&self) -> Result<Duration, Failed> {
        self.link()?;
        let access = Access::new(&self.engine)?;
        for group in &self.groups {
            self.take_over(group)?;
            let made = block_on(access.create_access_group_from(&self.admin, group.as_str()))?;
            block_on(access.assign_level(&self.admin, "Day", made.id.as_str()))?;
        }
        let start = Instant::now();
        block_on(self.engine.admin().unlink(&self.admin, Some(Confirmed)))?;
        let took = start.elapsed();
        if block_on(access.access_groups(&self.admin))?.is_empty() {
            Ok(took)
        } else {
            Err("access groups outlived the link".into())
        }
    }

    /// Lets the provider write a group, which it manages from then on.
    fn take_over(&self, group: &ResourceId) -> Result<(), Failed> {
        let patch = format!(
            r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations":[{{"op":"replace","path":"displayName","value":"{}"}}]}}"#,
            self.engine.next_id()
        );
        let request = PatchRequest::from_json(patch.as_bytes())?;
        let (kind, none) = (self.kind("Group")?, Precondition::None);
        block_on(
            self.engine
                .patch(&self.provider, kind, group, request, &none, &Projection::all()),
        )?;
        Ok(())
    }
}
