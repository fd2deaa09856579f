//! What operators do.

use keyfob_core::{Collation, CompareKey};
use keyfob_store::{
    Change, Commit, Expected, Feeds, Finding, Keys, Maintenance, Position, StoreExt, TenantId, UniqueKey,
};
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use rusqlite::Connection;

use crate::support::{New, acme, all, commit_of, create, id, user_type};

fn in_tenant(name: &str, changes: Vec<Change>) -> Commit {
    Commit {
        tenant: TenantId::new(name),
        ..commit_of(changes)
    }
}

#[test]
fn tenants_are_listed_and_erased_with_everything() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let store = SqliteStore::open(&path).unwrap();
    for tenant in ["b", "", "a"] {
        block_on(store.commit_one(in_tenant(tenant, vec![New::user("ada").change()]))).unwrap();
    }
    block_on(store.acknowledge(&TenantId::new("c"), "mirror", Position::new(1))).unwrap();
    let expecting = Change::expect(user_type(), id("ada"), Expected::Absent);
    block_on(store.commit_one(in_tenant("nothing", vec![expecting]))).unwrap();
    let tenants = |after: Option<&str>, limit| {
        let after = after.map(TenantId::new);
        let tenants = block_on(store.tenants(after.as_ref(), limit)).unwrap();
        tenants.iter().map(TenantId::to_string).collect::<Vec<_>>()
    };
    assert_eq!(tenants(None, 10), ["", "a", "b", "c"]);
    assert_eq!(tenants(None, 2), ["", "a"]);
    assert_eq!(tenants(Some("a"), 10), ["b", "c"]);
    let erase = |name| block_on(store.erase(&TenantId::new(name))).unwrap();
    assert_eq!(
        [erase("b"), erase("b"), erase("c"), erase("d")],
        [true, false, true, false]
    );
    assert_eq!(tenants(None, 10), ["", "a"]);
    erase("");
    erase("a");
    erase("nothing");
    drop(store);
    let connection = Connection::open(&path).unwrap();
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'attributes'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for table in tables {
        let rows: i64 = connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[test]
fn a_check_finds_what_is_not_as_the_documents_say() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let store = SqliteStore::open(&path).unwrap();
    let names = ["ada", "bert", "carl", "dora"];
    create(&store, &names.map(New::user)).unwrap();
    let key = |name: &str| UniqueKey::new("userName", CompareKey::new(Collation::UserName, name));
    let keys: Box<Keys> = Box::new(move |stored| {
        let name = stored.resource.core().get_str("userName");
        name.map(key).into_iter().collect()
    });
    let check = || block_on(store.check(&acme(), user_type(), &*keys)).unwrap();
    assert_eq!(check(), []);
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "DELETE FROM indexed WHERE value = 'bert';
             DELETE FROM unique_keys WHERE value = 'carl';
             UPDATE unique_keys SET resource = (SELECT resource FROM resources WHERE id = 'ada') WHERE value = 'dora';
             UPDATE kinds SET resources = 7;",
        )
        .unwrap();
    let expected = [
        Finding::Miscounted { kept: 7, counted: 4 },
        Finding::Unindexed { resource: id("bert") },
        Finding::Unreserved {
            resource: id("carl"),
            key: key("carl"),
        },
        Finding::Collision {
            resource: id("dora"),
            key: key("dora"),
            owner: id("ada"),
        },
    ];
    assert_eq!(check(), expected);
    assert_eq!(all(&store, user_type()).resources.len(), 4);
}
