//! What the tests share: users, groups, and short ways to write and read them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use keyfob_core::{
    AttrSet, Collation, CompareKey, DateTime, Dialect, Member, Registry, Resource, ResourceId, ResourceType,
};
use keyfob_filter::{Filter, Predicate};
use keyfob_store::{
    Change, Commit, CommitError, CommitId, Committed, MemberPolicy, OnRefusal, Page, Query, ReadContext,
    RelationDelta, Selection, Store, StoreExt, Stored, TenantId, UniqueKey,
};
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;

pub(crate) fn user_type() -> &'static ResourceType {
    Registry::rfc().resource_type("User").unwrap()
}

pub(crate) fn group_type() -> &'static ResourceType {
    Registry::rfc().resource_type("Group").unwrap()
}

pub(crate) fn acme() -> TenantId {
    TenantId::new("acme")
}

pub(crate) fn cx() -> ReadContext {
    ReadContext::new(acme())
}

pub(crate) fn at() -> DateTime {
    DateTime::from_unix_millis(1_700_000_000_000)
}

pub(crate) fn id(text: &str) -> ResourceId {
    ResourceId::new(text)
}

pub(crate) fn user(name: &str) -> Resource {
    let text = format!(
        r#"{{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "{name}",
            "emails": [{{"value": "{name}@Example.com", "type": "work"}}]}}"#
    );
    Resource::from_json(text.as_bytes(), user_type()).unwrap()
}

pub(crate) fn group(name: &str) -> Resource {
    let text =
        format!(r#"{{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "{name}"}}"#);
    Resource::from_json(text.as_bytes(), group_type()).unwrap()
}

/// A resource that is about to be created.
pub(crate) struct New {
    pub(crate) id: ResourceId,
    pub(crate) document: Resource,
    pub(crate) unique: Vec<UniqueKey>,
    pub(crate) relations: Vec<RelationDelta>,
}

impl New {
    /// A user whose name is its id.
    pub(crate) fn user(name: &str) -> Self {
        let unique = vec![UniqueKey::new(
            "userName",
            CompareKey::new(Collation::UserName, name),
        )];
        Self {
            id: id(name),
            document: user(name),
            unique,
            relations: Vec::new(),
        }
    }

    pub(crate) fn group<'m>(name: &str, members: impl IntoIterator<Item = &'m str>) -> Self {
        let relations = vec![add(members)];
        Self {
            id: id(name),
            document: group(name),
            unique: Vec::new(),
            relations,
        }
    }

    pub(crate) fn change(&self) -> Change {
        let resource_type = if self.relations.is_empty() {
            user_type()
        } else {
            group_type()
        };
        self.change_of(resource_type)
    }

    pub(crate) fn change_of(&self, resource_type: &ResourceType) -> Change {
        Change::Create {
            resource_type: resource_type.clone(),
            id: self.id.clone(),
            document: self.document.clone().into(),
            state: Arc::default(),
            relations: self.relations.clone().into(),
            members: MemberPolicy::default(),
            unique: self.unique.clone(),
            on_refusal: OnRefusal::Fail,
        }
    }
}

/// A commit with an id that no other has.
pub(crate) fn commit_of(changes: Vec<Change>) -> Commit {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);

    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    // Processes that are killed write into the same database.
    let commit = CommitId::new(format!("commit-{}-{number}", std::process::id()));
    Commit::new(commit, acme(), at(), changes)
}

pub(crate) fn commit(store: &SqliteStore, changes: Vec<Change>) -> Result<Committed, CommitError> {
    block_on(store.commit_one(commit_of(changes)))
}

pub(crate) fn add<'m>(members: impl IntoIterator<Item = &'m str>) -> RelationDelta {
    let mut delta = RelationDelta::new("members".into());
    delta.add = members
        .into_iter()
        .map(|member| (id(member), Member::new().with_display(member)))
        .collect();
    delta
}

pub(crate) fn create(store: &SqliteStore, new: &[New]) -> Result<Committed, CommitError> {
    commit(store, new.iter().map(New::change).collect())
}

pub(crate) fn create_user(store: &SqliteStore, name: &str) -> Result<Committed, CommitError> {
    create(store, &[New::user(name)])
}

/// Changes a group's members.
pub(crate) fn relate(
    store: &SqliteStore,
    group: &str,
    delta: RelationDelta,
) -> Result<Committed, CommitError> {
    commit(store, vec![Change::relate(group_type(), id(group), [delta])])
}

pub(crate) fn get(store: &SqliteStore, resource_type: &ResourceType, name: &str) -> Option<Stored> {
    block_on(store.get_one(&cx(), resource_type, &id(name), &everything(resource_type))).unwrap()
}

pub(crate) fn has_user(store: &SqliteStore, name: &str) -> bool {
    get(store, user_type(), name).is_some()
}

/// All attributes, the relations among them.
pub(crate) fn everything(resource_type: &ResourceType) -> Selection {
    Selection::of(
        resource_type
            .attributes()
            .map(|(_, attribute)| attribute.id)
            .collect::<AttrSet>(),
    )
}

pub(crate) fn compile(resource_type: &ResourceType, filter: &str) -> Predicate {
    let filter = Filter::parse(filter).unwrap();
    filter.compile(resource_type, Dialect::strict()).unwrap()
}

pub(crate) fn query(store: &SqliteStore, resource_type: &ResourceType, query: &Query) -> Page {
    block_on(store.query(&cx(), resource_type, query)).unwrap()
}

pub(crate) fn search(store: &SqliteStore, resource_type: &ResourceType, filter: &str) -> Page {
    let everything = Query::first(1000).with_selection(everything(resource_type));
    query(
        store,
        resource_type,
        &everything.with_filter(compile(resource_type, filter)),
    )
}

pub(crate) fn all(store: &SqliteStore, resource_type: &ResourceType) -> Page {
    let everything = Query::first(100_000).with_selection(everything(resource_type));
    query(store, resource_type, &everything)
}

pub(crate) fn ids(page: &Page) -> Vec<String> {
    page.resources
        .iter()
        .map(|stored| stored.resource.id().unwrap().to_string())
        .collect()
}
