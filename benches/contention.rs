//! What does it cost that many clients change one resource at once, and that a user comes back to groups that are gone?

use std::thread;

use keyfob_benches::{Failed, Runs, compare_timed};
use keyfob_core::{
    Projection, Resource, ResourceId, ResourceType, message::PatchRequest, schema::RegistryBuilder,
};
use keyfob_engine::{Actor, Context, Precondition, TenantId};
use keyfob_provisioning::{Profile, Provisioner};
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;

/// The number of clients that change one user at the same time, and the changes of each.
const CLIENTS: usize = 64;
const CHANGES: usize = 4;

fn main() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let organization = Organization::new(&directory.path().join("contention.db"))?;
    let user = organization.create("User", r#"{"userName":"ann@example.com","active":true}"#)?;
    let runs = Runs::default();
    compare_timed(
        "256 changes of one user by 64 clients / by one client in a row",
        || runs.timed(|| organization.change_at_once(&user)),
        || runs.timed(|| (0..CLIENTS * CHANGES).try_for_each(|number| organization.change(&user, number))),
    );
    let many = organization.member_of(800)?;
    let few = organization.member_of(8)?;
    compare_timed(
        "bring a user back whose 800 groups are gone / whose 8 groups are gone",
        || runs.timed(|| organization.bring_back(&many)),
        || runs.timed(|| organization.bring_back(&few)),
    );
    runs.finish()
}

/// A user and the names of the groups that it is put into before each deletion.
struct Member {
    id: ResourceId,
    name: String,
    groups: usize,
}

struct Organization {
    engine: Provisioner<SqliteStore>,
    provider: Context,
}

impl Organization {
    fn new(path: &std::path::Path) -> Result<Self, Failed> {
        let registry = RegistryBuilder::verkada().build()?;
        let engine = Provisioner::builder(SqliteStore::open(path)?, registry)
            .with_profile(Profile::verkada())
            .build();
        let provider = Context::new(TenantId::new("acme"));
        let admin = provider.clone().acting_as(Actor::Administrator);
        block_on(engine.admin().add_domain(&admin, "example.com"))?;
        Ok(Self { engine, provider })
    }

    fn kind(&self, name: &str) -> Result<&ResourceType, Failed> {
        Ok(self.engine.registry().resource_type(name).ok_or("no such type")?)
    }

    fn create(&self, kind: &str, body: &str) -> Result<ResourceId, Failed> {
        let kind = self.kind(kind)?;
        let body = Resource::from_json(body.as_bytes(), kind)?;
        Ok(block_on(self.engine.create(&self.provider, kind, body, &Projection::all()))?.id)
    }

    fn change(&self, user: &ResourceId, number: usize) -> Result<(), Failed> {
        let patch = format!(
            r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations":[{{"op":"replace","path":"title","value":"{number} {user}"}}]}}"#
        );
        let request = PatchRequest::from_json(patch.as_bytes())?;
        let (kind, none) = (self.kind("User")?, Precondition::None);
        block_on(
            self.engine
                .patch(&self.provider, kind, user, request, &none, &Projection::all()),
        )?;
        Ok(())
    }

    fn change_at_once(&self, user: &ResourceId) -> Result<(), Failed> {
        thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let changes = client * CHANGES..(client + 1) * CHANGES;
                    scope.spawn(move || {
                        changes
                            .into_iter()
                            .try_for_each(|number| self.change(user, number))
                    })
                })
                .collect();
            let mut outcomes = clients.into_iter().map(thread::ScopedJoinHandle::join);
            outcomes.try_for_each(|outcome| outcome.map_err(|_| "a client panicked")?)
        })
    }

    fn member_of(&self, groups: usize) -> Result<Member, Failed> {
        let name = format!("of{groups}@example.com");
        let id = self.create("User", &format!(r#"{{"userName":"{name}","active":true}}"#))?;
        let member = Member { id, name, groups };
        self.delete_with_groups(&member)?;
        Ok(member)
    }

    /// Puts the user into its groups, deletes it, and then the groups.
    fn delete_with_groups(&self, member: &Member) -> Result<(), Failed> {
        let (users, groups) = (self.kind("User")?, self.kind("Group")?);
        let mut made = Vec::with_capacity(member.groups);
        for number in 0..member.groups {
            let body = format!(
                r#"{{"displayName":"{number}","members":[{{"value":"{}"}}]}}"#,
                member.id
            );
            made.push(self.create("Group", &body)?);
        }
        block_on(
            self.engine
                .delete(&self.provider, users, &member.id, &Precondition::None),
        )?;
        for group in &made {
            block_on(
                self.engine
                    .delete(&self.provider, groups, group, &Precondition::None),
            )?;
        }
        Ok(())
    }

    /// The provider creates a user of the name, who is the one that was deleted; it is deleted again for the next run.
    fn bring_back(&self, member: &Member) -> Result<(), Failed> {
        let back = self.create(
            "User",
            &format!(r#"{{"userName":"{}","active":true}}"#, member.name),
        )?;
        if back != member.id {
            return Err("somebody else came back".into());
        }
        let users = self.kind("User")?;
        block_on(
            self.engine
                .delete(&self.provider, users, &member.id, &Precondition::None),
        )?;
        Ok(())
    }
}
