//! Pages: their cost, and their resources.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use keyfob_core::{Dialect, Registry, ResourceType};
use keyfob_filter::Filter;
use keyfob_store::{Paging, Query, ReadContext, Selection, Store as _, Stored, TenantId};
use keyfob_tables::{Access, TableStore, Tables as _, Transaction as _};

use crate::common::{self, App};

/// A store with groups of several sizes, in which every third user is hidden.
struct World {
    store: TableStore<App>,
    registry: Registry,
    cx: ReadContext,
}

impl World {
    async fn of(sizes: &[usize]) -> Self {
        let shape = common::shape();
        let registry = shape.registry().unwrap();
        let store = TableStore::open(App::open(":memory:", shape), &registry)
            .await
            .unwrap();
        let users = sizes.iter().max().copied().unwrap_or_default();
        let mut statements = Vec::new();
        for user in 1..=users {
            let deleted = if user % 3 == 0 { "'now'" } else { "NULL" };
            statements.push(format!(
                "INSERT INTO users (id, tenant, login, deleted_at) VALUES ({user}, 'acme', 'user{user}', {deleted});"
            ));
        }
        for (group, size) in (1..).zip(sizes) {
            statements.push(format!(
                "INSERT INTO teams (id, tenant, name) VALUES ({group}, 'acme', 'team{group}');"
            ));
            for user in 1..=*size {
                statements.push(format!(
                    "INSERT INTO team_users (team, user) VALUES ({group}, {user});"
                ));
            }
        }
        let tx = store.tables().begin(Access::Write).await.unwrap();
        tx.execute_batch(&statements.concat()).unwrap();
        tx.commit().await.unwrap();
        let cx = ReadContext::new(TenantId::new("acme"));
        Self { store, registry, cx }
    }

    fn resource_type(&self, name: &str) -> &ResourceType {
        self.registry.resource_type(name).unwrap()
    }

    fn everything(&self, kind: &str) -> Selection {
        let attributes = self.resource_type(kind).attributes();
        Selection::of(attributes.map(|(_, attribute)| attribute.id).collect())
    }

    async fn page(&self, kind: &str, query: Query) -> Vec<Stored> {
        let page = self.store.query(&self.cx, self.resource_type(kind), &query).await;
        page.unwrap().resources
    }

    /// The number of statements that a page takes, those of the application among them.
    async fn statements(&self, kind: &str, query: Query) -> usize {
        let app = self.store.tables();
        let count = || app.reads.load(Ordering::Relaxed) + app.statements.load(Ordering::Relaxed);
        let before = count();
        self.page(kind, query).await;
        count() - before
    }
}

/// The number in an id such as `g-7`.
fn number(stored: &Stored) -> usize {
    let id = stored.resource.id().unwrap();
    id.as_str().split_once('-').unwrap().1.parse().unwrap()
}

fn first(count: usize) -> Paging {
    Paging::Offset { offset: 0, count }
}

#[tokio::test]
async fn a_page_takes_as_many_statements_for_three_resources_as_for_forty() {
    let world = World::of(&[5; 40]).await;
    for kind in ["Group", "User"] {
        let page = |count| {
            Query::all()
                .with_selection(world.everything(kind))
                .with_paging(first(count))
        };
        let (few, many) = (
            world.statements(kind, page(3)).await,
            world.statements(kind, page(40)).await,
        );
        assert_eq!(few, many, "{kind}");
        assert!(many <= 8, "{kind}: {many}");
    }
    // Filters that read members ask for those of many candidates at once, and look-ups for several members at once.
    let group = world.resource_type("Group");
    for (one, many) in [
        (
            r#"id eq "g-1" and members.display co "x""#,
            r#"members.display co "x""#,
        ),
        (
            r#"members.value eq "u-1""#,
            r#"members.value eq "u-1" or members.value eq "u-2" or members.value eq "u-4""#,
        ),
    ] {
        let query = |filter: &str| {
            let filter = Filter::parse(filter).unwrap();
            Query::all().with_filter(filter.compile(group, Dialect::strict()).unwrap())
        };
        let of_one = world.statements("Group", query(one)).await;
        let of_many = world.statements("Group", query(many)).await;
        assert!(of_many <= of_one, "{many}: {of_many} and {of_one}");
    }
}

#[tokio::test]
async fn a_page_shows_each_relation_whole_or_not_at_all_whatever_is_beside_it() {
    let sizes = [0, 1, 2, 3, 9, 1, 4, 30, 2, 30, 5];
    let world = World::of(&sizes).await;
    for limit in 0..32 {
        for hidden in [false, true] {
            let mut selection = world.everything("Group").with_relation_limit(limit);
            if hidden {
                selection = selection.with_hidden_members();
            }
            let page = world.page("Group", Query::all().with_selection(selection)).await;
            assert_eq!(page.len(), sizes.len());
            for stored in &page {
                let size = sizes[number(stored) - 1];
                let users = (1..=size).filter(|user| (user % 3 == 0) == hidden);
                let expected: BTreeSet<String> = users.map(|user| format!("u-{user}")).collect();
                let expected = (expected.len() <= limit).then_some(expected);
                let members = stored.resource.relation("members");
                let found = members.map(|members| members.iter().map(|(id, _)| id.to_string()).collect());
                assert_eq!(
                    found, expected,
                    "{size} users, a limit of {limit}, hidden: {hidden}"
                );
            }
        }
    }
    let query = Query::all().with_selection(world.everything("User"));
    for stored in &world.page("User", query).await {
        let id = number(stored);
        let groups = (1..).zip(sizes).filter(|(_, size)| *size >= id);
        let expected: BTreeSet<String> = groups.map(|(group, _)| format!("g-{group}")).collect();
        let groups = stored.resource.relation("groups").unwrap().iter();
        assert_eq!(
            groups.map(|(id, _)| id.to_string()).collect::<BTreeSet<_>>(),
            expected
        );
    }
}
