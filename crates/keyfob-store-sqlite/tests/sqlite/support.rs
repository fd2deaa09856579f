//! What the tests share: users, groups, and short ways to write and read them.

use keyfob_core::{
    AttrSet, Collation, CompareKey, DateTime, Dialect, Member, Registry, Resource, ResourceId, ResourceType,
    Version,
};
use keyfob_filter::Filter;
use keyfob_store::{
    Change, CommitError, Committed, Page, Query, RelationDelta, Selection, Store, TenantId, UniqueKey,
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

    pub(crate) fn change(&self) -> Change<'_> {
        let resource_type = if self.relations.is_empty() {
            user_type()
        } else {
            group_type()
        };
        Change::Create {
            resource_type,
            id: &self.id,
            document: &self.document,
            relations: &self.relations,
            unique: &self.unique,
            version: Version::FIRST,
            created: at(),
            at: at(),
        }
    }
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
    let changes: Vec<_> = new.iter().map(New::change).collect();
    block_on(store.commit(&acme(), &changes))
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
    let change = Change::Update {
        resource_type: group_type(),
        id: &id(group),
        document: None,
        relations: &[delta],
        unique: &[],
        precondition: None,
        at: at(),
    };
    block_on(store.commit(&acme(), &[change]))
}

pub(crate) fn has_user(store: &SqliteStore, name: &str) -> bool {
    block_on(store.get(&acme(), user_type(), &id(name), &Selection::document()))
        .unwrap()
        .is_some()
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

pub(crate) fn search(store: &SqliteStore, resource_type: &ResourceType, filter: &str) -> Page {
    let predicate = Filter::parse(filter)
        .unwrap()
        .compile(resource_type, Dialect::strict())
        .unwrap();
    let selection = everything(resource_type);
    block_on(store.query(
        &acme(),
        resource_type,
        &Query::new(&selection, 1000).with_filter(&predicate),
    ))
    .unwrap()
}

pub(crate) fn all(store: &SqliteStore, resource_type: &ResourceType) -> Page {
    block_on(store.query(
        &acme(),
        resource_type,
        &Query::new(&everything(resource_type), 100_000),
    ))
    .unwrap()
}

pub(crate) fn ids(page: &Page) -> Vec<String> {
    page.resources
        .iter()
        .map(|stored| stored.resource.id().unwrap().to_string())
        .collect()
}
