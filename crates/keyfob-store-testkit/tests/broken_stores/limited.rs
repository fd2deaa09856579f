//! Stores that keep less than the suite asks of a whole one: the cases that don't apply are left out, and those that do
//! hold.

use std::sync::{Arc, LazyLock};

use keyfob_core::{AttrPath, Registry, ResourceId, ResourceType, SchemaUri, schema::ResourceTypeBuilder};
use keyfob_store::{
    Capabilities, Change, Commit, CommitError, CommitId, Committed, KeptType, Page, Paging, Query,
    ReadContext, Selection, Store, StoreError, Stored, TenantId, Types, Visibility,
};
use keyfob_store_memory::MemoryStore;
use keyfob_store_testkit::{Failure, Harness, Report, StoreOnly, check_applicable, registry};

/// A store of users and groups as an application has them: few attributes, flat groups, nothing hidden, sorted or paged by
/// cursor, no events.
struct Small {
    inner: MemoryStore,
    capabilities: Capabilities,
}

impl Small {
    fn new(types: Types) -> Self {
        Self {
            inner: MemoryStore::new(),
            capabilities: Capabilities {
                durable: false,
                hiding: false,
                sorting: false,
                cursors: false,
                nested_groups: false,
                unknown_extensions: false,
                types,
                ..Capabilities::full()
            },
        }
    }
}

impl Store for Small {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        self.inner.get(cx, resource_type, ids, selection).await
    }

    async fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        if query.sort.is_some() {
            return Err(StoreError::Unsupported("sort"));
        }
        if matches!(query.paging, Paging::Cursor { .. }) {
            return Err(StoreError::Unsupported("page by cursor"));
        }
        if query.visibility == Visibility::Hidden {
            return Err(StoreError::Unsupported("hide resources"));
        }
        self.inner.query(cx, resource_type, query).await
    }

    async fn commit(&self, commits: &[Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        let mut results = Vec::new();
        for commit in commits {
            let hides = commit.changes.iter().any(|change| {
                let visibility = match change {
                    Change::Update { visibility, .. } => *visibility,
                    _ => None,
                };
                visibility == Some(Visibility::Hidden)
            });
            results.push(if hides {
                Err(StoreError::Unsupported("hide resources").into())
            } else {
                self.inner.commit(std::slice::from_ref(commit)).await.remove(0)
            });
        }
        results
    }

    async fn committed(&self, tenant: &TenantId, commit: &CommitId) -> Result<bool, StoreError> {
        self.inner.committed(tenant, commit).await
    }
}

/// Users and groups of RFC 7643, without extensions.
static PLAIN: LazyLock<Option<Registry>> = LazyLock::new(|| {
    let user = ResourceTypeBuilder::new("User", "/Users", SchemaUri::USER)
        .inverse_relation("groups", "Group", "members")
        .indexed(AttrPath::attribute("externalId"));
    let group = ResourceTypeBuilder::new("Group", "/Groups", SchemaUri::GROUP)
        .relation("members")
        .indexed(AttrPath::attribute("displayName"));
    let builder = Registry::builder().flat_groups();
    builder.resource_type(user).resource_type(group).build().ok()
});

#[derive(Default)]
struct Application;

impl Harness for Application {
    type Store = StoreOnly<Small>;

    async fn open(&self) -> Result<Self::Store, Failure> {
        let path = AttrPath::attribute;
        Ok(StoreOnly(Small::new(Types::Only(vec![
            KeptType::only("User", vec![path("userName"), path("externalId"), path("groups")]),
            KeptType::whole("Group"),
        ]))))
    }

    fn registry(&self) -> &Registry {
        PLAIN.as_ref().unwrap_or(registry())
    }
}

#[derive(Default)]
struct GroupsAlone;

impl Harness for GroupsAlone {
    type Store = StoreOnly<Small>;

    async fn open(&self) -> Result<Self::Store, Failure> {
        Ok(StoreOnly(Small::new(Types::Only(vec![KeptType::whole("Group")]))))
    }

    fn registry(&self) -> &Registry {
        PLAIN.as_ref().unwrap_or(registry())
    }
}

#[test]
fn a_store_that_keeps_little_passes_what_applies_to_it() {
    let report = Report::of::<Application>();
    report.check().unwrap();
    let printed = report.to_string();
    for reason in [
        "the store keeps no Device",
        "the store keeps no `title` of a User",
        "the store hides no resources",
        "the store doesn't sort",
        "the store gives no cursors",
        "the store can't give back events",
        "the store can't be looked after",
        "the store keeps nothing beyond the process",
        "the store keeps nothing that the schema doesn't know",
        "the store keeps no groups in groups",
    ] {
        assert!(printed.contains(reason), "{reason} is missing in\n{printed}");
    }
    assert!(report.holds.contains(&"a_store_refuses_what_it_does_not_claim"));
    assert!(report.holds.contains(&"random_commits_do_what_the_model_does"));
    check_applicable::<Application>().unwrap();
}

#[test]
fn a_store_that_keeps_too_little_is_not_called_one() {
    let failure = check_applicable::<GroupsAlone>().unwrap_err();
    let message = failure.to_string();
    assert!(
        message.contains("this store keeps too little to be called one"),
        "{message}"
    );
}
