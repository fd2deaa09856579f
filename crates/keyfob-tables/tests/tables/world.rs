//! A store on own tables, and what is asked of it.

use keyfob_core::{CompareKey, DateTime, Dialect, Registry, Resource, ResourceId, ResourceType};
use keyfob_filter::Filter;
use keyfob_store::{
    Change, Commit, CommitError, CommitId, Committed, Feeds as _, Position, Query, ReadContext, Selection,
    Store as _, StoreExt as _, Stored, TenantId, UniqueKey,
};
use keyfob_tables::{Access, Key, Kind, Shape, TableStore, Tables as _, Transaction as _};

use crate::common::{self, App};

/// The store of one tenant, in memory.
pub(crate) struct World {
    pub(crate) store: TableStore<App>,
    pub(crate) registry: Registry,
    pub(crate) tenant: TenantId,
    pub(crate) last: std::cell::Cell<i64>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(common::shape()).await
    }

    pub(crate) async fn of(shape: Shape) -> Self {
        let registry = shape.registry().unwrap();
        let store = TableStore::open(App::open(":memory:", shape), &registry)
            .await
            .unwrap();
        Self {
            store,
            registry,
            tenant: TenantId::new("acme"),
            last: std::cell::Cell::new(0),
        }
    }

    pub(crate) fn resource_type(&self, name: &str) -> &ResourceType {
        self.registry.resource_type(name).unwrap()
    }

    pub(crate) async fn run(&self, statement: &str) {
        let tx = self.store.tables().begin(Access::Write).await.unwrap();
        tx.execute_batch(statement).unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) fn commit_of(&self, changes: Vec<Change>) -> Commit {
        let number = self.last.get() + 1;
        self.last.set(number);
        let at = DateTime::from_unix_millis(1_767_225_600_000 + number);
        Commit::new(
            CommitId::new(number.to_string()),
            self.tenant.clone(),
            at,
            changes,
        )
    }

    pub(crate) async fn commit(&self, changes: Vec<Change>) -> Result<Committed, CommitError> {
        self.store.commit_one(self.commit_of(changes)).await
    }

    pub(crate) fn user(&self, id: &str, name: &str) -> Change {
        let user = self.resource_type("User");
        let mut document = Resource::new([user.schema().id.clone()]);
        document.core_mut().insert("userName", name);
        let mut create = Change::create(user, ResourceId::new(id), document);
        if let Change::Create { unique, .. } = &mut create {
            let collation = user.attribute("userName").unwrap().collation();
            unique.push(UniqueKey::new("userName", CompareKey::new(collation, name)));
        }
        create
    }

    pub(crate) async fn find(&self, kind: &str, filter: &str) -> Vec<Stored> {
        let resource_type = self.resource_type(kind);
        let filter = Filter::parse(filter).unwrap();
        let predicate = filter.compile(resource_type, Dialect::strict()).unwrap();
        let query = Query::all().with_filter(predicate);
        let cx = ReadContext::new(self.tenant.clone());
        self.store
            .query(&cx, resource_type, &query)
            .await
            .unwrap()
            .resources
    }

    pub(crate) async fn get(&self, kind: &str, id: &str) -> Option<Stored> {
        let resource_type = self.resource_type(kind);
        let all = resource_type
            .attributes()
            .map(|(_, attribute)| attribute.id)
            .collect();
        let cx = ReadContext::new(self.tenant.clone());
        let id = ResourceId::new(id);
        self.store
            .get_one(&cx, resource_type, &id, &Selection::of(all))
            .await
            .unwrap()
    }

    pub(crate) async fn events(&self) -> Vec<(String, String)> {
        let events = self
            .store
            .read_feed(&self.tenant, Position::START, usize::MAX)
            .await
            .unwrap();
        let told = events
            .iter()
            .map(|event| (event.event.name.to_string(), event.event.resource.to_string()));
        told.collect()
    }

    /// Tells of rows after a statement of the application's, in one transaction.
    pub(crate) async fn touch(&self, statement: &str, rows: &[(Kind, Key)]) -> Result<(), CommitError> {
        let mut tx = self.store.tables().begin(Access::Write).await.unwrap();
        tx.execute_batch(statement).unwrap();
        self.store
            .touched(&mut tx, &self.commit_of(Vec::new()), rows)
            .await?;
        tx.commit().await.unwrap();
        Ok(())
    }
}

pub(crate) fn ids(found: &[Stored]) -> Vec<String> {
    found
        .iter()
        .map(|stored| stored.resource.id().unwrap().to_string())
        .collect()
}

pub(crate) fn name(stored: &Stored) -> String {
    stored.resource.core().get_str("userName").unwrap().to_owned()
}

pub(crate) const HIRE: &str = "INSERT INTO users (tenant, login, mail) VALUES
    ('acme', 'Ada', 'ada@acme.example'), ('acme', 'Bob', NULL), ('globex', 'Ada', NULL)";
