//! An organization that is linked to a provider, with the rules of this crate.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use keyfob_access::{Access, AccessGroups, Units, register};
use keyfob_core::{
    Clock, DateTime, Projection, Resource, ResourceId, ResourceType, message::PatchRequest,
    schema::RegistryBuilder,
};
use keyfob_engine::{Actor, Context, DynStore, EngineError, Position, Precondition, TenantId};
use keyfob_provisioning::{Confirmed, Profile, Provisioner};
use keyfob_store_memory::MemoryStore;
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use tempfile::TempDir;

use crate::store::{Watched, Watcher};

pub(crate) struct Fixture {
    pub(crate) engine: Provisioner<Arc<Watched>>,
    /// The provider's context.
    pub(crate) cx: Context,
    /// An administrator's context.
    pub(crate) admin: Context,
    _directory: Option<TempDir>,
}

/// Runs a test over each store, with the profile of Verkada Command.
pub(crate) fn on_each_store(test: impl Fn(&Fixture)) {
    test(&Fixture::in_memory(Profile::verkada()));
    test(&Fixture::in_sqlite(Profile::verkada()));
}

/// Runs a test over each store, with the profile of AccessIQ.
pub(crate) fn accessiq_on_each_store(test: impl Fn(&Fixture)) {
    for fixture in [
        Fixture::in_memory(Profile::accessiq()),
        Fixture::in_sqlite(Profile::accessiq()),
    ] {
        let access = fixture.access();
        block_on(access.create_unit(&fixture.admin, "Everybody", None)).unwrap();
        block_on(access.set_default_unit(&fixture.admin, Some("Everybody"))).unwrap();
        test(&fixture);
    }
}

impl Fixture {
    pub(crate) fn in_memory(profile: Profile) -> Self {
        Self::over(DynStore::new(MemoryStore::new()), None, profile)
    }

    pub(crate) fn in_sqlite(profile: Profile) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path().join("access.db")).unwrap();
        Self::over(DynStore::new(store), Some(directory), profile)
    }

    pub(crate) fn over(store: DynStore, directory: Option<TempDir>, profile: Profile) -> Self {
        let cx = Context::new(TenantId::new("acme"));
        let fixture = Self {
            engine: engine(Watched::new(store, Watcher::default()), profile),
            admin: cx.clone().acting_as(Actor::Administrator),
            cx,
            _directory: directory,
        };
        fixture.link();
        fixture
    }

    pub(crate) fn link(&self) {
        block_on(self.engine.admin().add_domain(&self.admin, "example.com")).unwrap();
    }

    pub(crate) fn unlink(&self) {
        block_on(self.engine.admin().unlink(&self.admin, Some(Confirmed))).unwrap();
    }

    pub(crate) fn access(&self) -> Access<'_, Arc<Watched>> {
        Access::new(&self.engine).unwrap()
    }

    /// Lets something happen between what is read and what is committed next.
    pub(crate) fn before_next_commit(&self, happening: impl FnOnce(&DynStore) + Send + 'static) {
        let store = self.engine.store().inner().clone();
        *self.engine.store().hooks().before_commit.lock().unwrap() =
            Some(Box::new(move || happening(&store)));
    }

    /// How often the store is read meanwhile.
    pub(crate) fn reads<T>(&self, run: impl FnOnce() -> T) -> usize {
        let before = self.engine.store().hooks().reads.load(Ordering::Relaxed);
        run();
        self.engine.store().hooks().reads.load(Ordering::Relaxed) - before
    }

    pub(crate) fn kind(&self, name: &str) -> &ResourceType {
        self.engine.registry().resource_type(name).unwrap()
    }

    fn create(&self, kind: &str, body: &str) -> Result<ResourceId, EngineError> {
        let kind = self.kind(kind);
        let body = Resource::from_json(body.as_bytes(), kind).unwrap();
        let written = block_on(self.engine.create(&self.cx, kind, body, &Projection::all()))?;
        Ok(written.id)
    }

    /// A user who has accepted its invitation.
    pub(crate) fn user(&self, name: &str) -> ResourceId {
        let id = self.invited(name);
        if self.engine.profile().invites {
            block_on(self.engine.admin().accept_invite(&self.admin, &id)).unwrap();
        }
        id
    }

    pub(crate) fn invited(&self, name: &str) -> ResourceId {
        let body = format!(
            r#"{{"userName":"{name}@example.com","emails":[{{"value":"{name}@example.com"}}],
                "name":{{"givenName":"{name}","familyName":"Example"}}}}"#
        );
        self.create("User", &body).unwrap()
    }

    pub(crate) fn group(&self, name: &str, members: &[&ResourceId]) -> ResourceId {
        self.try_group(name, members).unwrap()
    }

    pub(crate) fn try_group(&self, name: &str, members: &[&ResourceId]) -> Result<ResourceId, EngineError> {
        let members: Vec<_> = members
            .iter()
            .map(|id| format!(r#"{{"value":"{id}"}}"#))
            .collect();
        let body = format!(r#"{{"displayName":"{name}","members":[{}]}}"#, members.join(","));
        self.create("Group", &body)
    }

    /// One operation of a PATCH by the provider.
    pub(crate) fn patch(&self, kind: &str, id: &ResourceId, operation: &str) {
        self.try_patch(&self.cx, kind, id, operation).unwrap();
    }

    pub(crate) fn try_patch(
        &self,
        cx: &Context,
        kind: &str,
        id: &ResourceId,
        operation: &str,
    ) -> Result<(), EngineError> {
        let text = format!(
            r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{operation}]}}"#
        );
        let request = PatchRequest::from_json(text.as_bytes()).unwrap();
        let (kind, all) = (self.kind(kind), Projection::all());
        block_on(
            self.engine
                .patch(cx, kind, id, request, &Precondition::None, &all),
        )?;
        Ok(())
    }

    pub(crate) fn rename(&self, group: &ResourceId, name: &str) {
        self.patch(
            "Group",
            group,
            &format!(r#"{{"op":"replace","path":"displayName","value":"{name}"}}"#),
        );
    }

    pub(crate) fn join(&self, group: &ResourceId, user: &ResourceId) {
        self.patch(
            "Group",
            group,
            &format!(r#"{{"op":"add","path":"members","value":[{{"value":"{user}"}}]}}"#),
        );
    }

    pub(crate) fn leave(&self, group: &ResourceId, user: &ResourceId) {
        self.patch(
            "Group",
            group,
            &format!(r#"{{"op":"remove","path":"members[value eq \"{user}\"]"}}"#),
        );
    }

    pub(crate) fn set_active(&self, user: &ResourceId, active: bool) {
        self.patch(
            "User",
            user,
            &format!(r#"{{"op":"replace","path":"active","value":{active}}}"#),
        );
    }

    pub(crate) fn delete(&self, kind: &str, id: &ResourceId) {
        block_on(
            self.engine
                .delete(&self.cx, self.kind(kind), id, &Precondition::None),
        )
        .unwrap();
    }

    /// The names of the access groups, each with `*` where it was made from a SCIM group.
    pub(crate) fn access_groups(&self) -> Vec<String> {
        let groups = block_on(self.access().access_groups(&self.admin)).unwrap();
        let shown = groups.iter().map(|group| {
            let tag = if group.source.is_some() { "*" } else { "" };
            format!("{}{tag}", group.name)
        });
        shown.collect()
    }

    pub(crate) fn members(&self, group: &str) -> Vec<ResourceId> {
        let mut members = block_on(self.access().members(&self.admin, group)).unwrap();
        members.sort_unstable();
        members
    }

    /// The names of the doors that open to a user, in order.
    pub(crate) fn doors(&self, user: &str, at: &str) -> Vec<String> {
        let at: DateTime = at.parse().unwrap();
        let doors = block_on(self.access().effective_doors(&self.admin, user, at)).unwrap();
        let mut names: Vec<_> = doors.iter().map(|door| door.name.to_string()).collect();
        names.sort_unstable();
        names
    }

    /// The events after so many, as `type name`, with the data where there is some.
    pub(crate) fn events_after(&self, count: usize) -> Vec<String> {
        let events = block_on(
            self.engine
                .admin()
                .events(&self.admin, Position::START, usize::MAX),
        )
        .unwrap();
        let shown = events.iter().skip(count).map(|event| {
            let data: Vec<_> = event.event.data.iter().map(|(name, _)| name.as_str()).collect();
            let shown = format!(
                "{} {} {}",
                event.event.resource_type,
                event.event.name,
                data.join(" ")
            );
            shown.trim_end().to_owned()
        });
        shown.collect()
    }

    pub(crate) fn event_count(&self) -> usize {
        self.events_after(0).len()
    }
}

/// A clock that goes on whenever somebody looks at it, so that what is made later comes later in every list.
struct Ticking;

impl Clock for Ticking {
    fn now(&self) -> DateTime {
        // All engines of the tests look at one clock, as those over one store do.
        static NOW: AtomicI64 = AtomicI64::new(1_790_000_000_000);
        DateTime::from_unix_millis(NOW.fetch_add(1, Ordering::Relaxed))
    }
}

/// An engine with the rules of this crate, those for units where the profile puts users into units.
pub(crate) fn engine(store: Watched, profile: Profile) -> Provisioner<Arc<Watched>> {
    let registry = register(RegistryBuilder::verkada().flat_groups())
        .build()
        .unwrap();
    let groups = AccessGroups::new(&registry).unwrap();
    let units = profile.default_unit.then(|| Units::new(&registry).unwrap());
    let engine = Provisioner::builder(Arc::new(store), registry)
        .with_clock(Ticking)
        .with_profile(profile)
        .with_module(groups);
    match units {
        Some(units) => engine.with_module(units).build(),
        None => engine.build(),
    }
}
