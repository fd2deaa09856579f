//! Refusals by the application or its database: a clear error, and nothing half done.

use std::sync::atomic::Ordering;

use keyfob_core::{
    Projection, Resource, ResourceId, SchemaUri, ToErrorBody as _, Value, message::PatchRequest,
    schema::RegistryBuilder,
};
use keyfob_engine::{Context, Engine, EngineError, Precondition, Written};
use keyfob_store::{
    Change, CommitError, Committed, Feeds as _, Finding, Maintenance as _, Paging, Position, Query,
    ReadContext, Selection, Store as _, StoreError, StoreExt as _, TenantId,
};
use keyfob_tables::{
    Access, Key, Kind, OpenError, Shape, ShapeError, Table, TableStore, Tables as _, Transaction as _,
};

use crate::{
    common::App,
    world::{HIRE, World, ids},
};

/// Returns the text of an error of the application's own making.
fn fault<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Internal(source)) => source.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A change of the name of a user.
fn rename(world: &World, id: &str, name: &str) -> Change {
    let user = world.resource_type("User");
    let mut document = Resource::new([user.schema().id.clone()]);
    document.core_mut().insert("userName", name);
    Change::replace(user, ResourceId::new(id), document, None)
}

#[tokio::test]
async fn a_constraint_of_the_application_refuses_with_its_words_and_changes_nothing() {
    let world = World::new().await;
    world
        .run("CREATE UNIQUE INDEX users_login ON users (tenant, login)")
        .await;
    world
        .run(
            "CREATE TRIGGER no_root BEFORE INSERT ON users WHEN NEW.login = 'root'
              BEGIN SELECT RAISE(ABORT, 'nobody is called root'); END",
        )
        .await;
    let refused = world
        .commit(vec![world.user("a", "a"), world.user("root", "root")])
        .await;
    let Err(CommitError::Store(StoreError::Refused(reason))) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(reason, "nobody is called root");
    assert_eq!(
        world.find("User", "userName pr").await,
        [],
        "of the other user nothing is left"
    );

    // Without a reserved key the constraint is all that there is.
    let mut twin = world.user("twin", "a");
    if let Change::Create { unique, .. } = &mut twin {
        unique.clear();
    }
    world.commit(vec![world.user("a", "a")]).await.unwrap();
    let taken = world.commit(vec![twin]).await;
    assert!(
        matches!(taken, Err(CommitError::UniquenessViolated { attribute, .. }) if attribute == "userName")
    );
}

#[tokio::test]
async fn each_refusal_of_the_application_says_what_is_wrong_and_nothing_of_its_tables() {
    let world = World::new().await;
    world.commit(vec![world.user("ada", "ada")]).await.unwrap();
    world
        .run(
            "CREATE TABLE badges (user INTEGER NOT NULL REFERENCES users);
             INSERT INTO badges SELECT id FROM users WHERE login = 'ada';
             CREATE TABLE strict_users (
                id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, login TEXT, given_name TEXT NOT NULL,
                family_name TEXT, mail TEXT, active INTEGER, deleted_at TEXT, CONSTRAINT no_at CHECK (instr(login, '@') = 0));
             CREATE UNIQUE INDEX no_twins ON strict_users (lower(given_name));
             CREATE UNIQUE INDEX one_family_name ON strict_users (tenant, family_name);",
        )
        .await;
    let user = world.resource_type("User");
    let said = |result: Result<Committed, CommitError>| match result {
        Err(CommitError::Store(StoreError::Refused(reason))) => reason,
        other => panic!("{other:?}"),
    };
    let delete = Change::delete(user, ResourceId::new("ada"), None);
    assert_eq!(
        said(world.commit(vec![delete]).await),
        "something refers to the row, or the row to something that is not there"
    );
    world
        .run(
            "PRAGMA foreign_keys = OFF; DROP TABLE badges; DROP TABLE users;
             ALTER TABLE strict_users RENAME TO users;
             INSERT INTO users (id, tenant, login, given_name) VALUES (7, 'acme', 'bob', 'Bob');
             UPDATE users SET family_name = 'Byron'",
        )
        .await;
    for (name, given_name, expected) in [
        ("eve", None, "`name.givenName` has to have a value"),
        (
            "a@b",
            Some("Ada"),
            "the constraint `no_at` of the application doesn't hold",
        ),
        (
            "eve",
            Some("BOB"),
            "a value that has to be unique in the application is another row's",
        ),
    ] {
        let mut create = world.user("new", name);
        if let (Change::Create { document, .. }, Some(given_name)) = (&mut create, given_name) {
            let mut name = keyfob_core::Object::new();
            name.insert("givenName", given_name);
            std::sync::Arc::make_mut(document).core_mut().insert("name", name);
        }
        assert_eq!(said(world.commit(vec![create]).await), expected);
    }
    // A column that is not declared as unique is named as well.
    let mut create = world.user("new", "eve");
    if let Change::Create { document, .. } = &mut create {
        let mut name = keyfob_core::Object::new();
        name.insert("givenName", "Eve");
        name.insert("familyName", "Byron");
        std::sync::Arc::make_mut(document).core_mut().insert("name", name);
    }
    let taken = world.commit(vec![create]).await;
    assert!(
        matches!(&taken, Err(CommitError::UniquenessViolated { attribute, .. }) if attribute == "name.familyName"),
        "{taken:?}"
    );
    let refused = world.commit(vec![rename(&world, "u-7", "b@b")]).await;
    assert_eq!(said(refused), "`name.givenName` has to have a value");
    assert_eq!(ids(&world.find("User", "userName pr").await), ["u-7"]);
}

/// A user whose `active` is no boolean, and others.
const MISFIT: &str = "INSERT INTO users (tenant, login, active) VALUES ('acme', 'ada', 1), ('acme', 'bob', 'maybe');
    INSERT INTO users (tenant, login, active) VALUES ('globex', 'ada', 1);
    INSERT INTO teams (tenant, name) VALUES ('acme', 'Guides'); INSERT INTO team_users VALUES (1, 1), (1, 2);";
const REASON: &str =
    "`u-2`, the row `2` of a User: the column `active` holds a text, and `active` is of the type boolean";

#[tokio::test]
async fn a_list_with_a_value_that_does_not_fit_its_attribute_fails_and_names_row_and_column() {
    let world = World::new().await;
    world.run(MISFIT).await;
    let user = world.resource_type("User");
    let cx = ReadContext::new(world.tenant.clone());
    // A list without the user would say that there is no such user, and clients remove who is gone.
    assert_eq!(fault(world.store.query(&cx, user, &Query::all()).await), REASON);
    let id = ResourceId::new("u-2");
    let whole = Selection::document();
    assert_eq!(fault(world.store.get_one(&cx, user, &id, &whole).await), REASON);
    // A page that it is not on, and another tenant's list, are answered.
    let first = Query::all().with_paging(Paging::Offset { offset: 0, count: 1 });
    let page = world.store.query(&cx, user, &first).await.unwrap();
    assert_eq!(
        (ids(&page.resources), page.total),
        (vec!["u-1".to_owned()], Some(2))
    );
    let globex = ReadContext::new(TenantId::new("globex"));
    let others = world.store.query(&globex, user, &Query::all()).await.unwrap();
    assert_eq!(ids(&others.resources), ["u-3"]);
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_attribute_takes_no_other_resource_away() {
    let world = World::new().await;
    world.run(MISFIT).await;
    assert_eq!(ids(&world.find("User", r#"userName eq "ada""#).await), ["u-1"]);
    assert!(world.get("User", "u-1").await.is_some());
    let group = world.get("Group", "g-1").await.unwrap();
    assert_eq!(group.resource.relation("members").unwrap().len(), 2);
    assert_eq!(
        ids(&world.find("Group", r#"members.value eq "u-2""#).await),
        ["g-1"]
    );
    world.commit(vec![rename(&world, "u-1", "eve")]).await.unwrap();
    // The name of the user is taken as ever.
    let taken = world.commit(vec![world.user("new", "Bob")]).await;
    assert!(
        matches!(&taken, Err(CommitError::UniquenessViolated { attribute, .. }) if attribute == "userName"),
        "{taken:?}"
    );
}

#[tokio::test]
async fn a_check_names_each_row_that_can_not_be_read_and_goes_on() {
    let world = World::new().await;
    world.commit(vec![world.user("eve", "eve")]).await.unwrap();
    world.run("DELETE FROM scim_entries").await;
    world
        .run(
            "INSERT INTO users (tenant, login, active) VALUES ('acme', 'ada', 'maybe'), ('acme', 'bob', 2.5)",
        )
        .await;
    let user = world.resource_type("User");
    let found = world
        .store
        .check(&world.tenant, user, &|_| Vec::new())
        .await
        .unwrap();
    let reason = |key, holds| {
        format!(
            "`u-{key}`, the row `{key}` of a User: the column `active` holds {holds}, and `active` is of the type boolean"
        )
    };
    for (id, reason) in [
        ("u-2", reason(2, "a text")),
        ("u-3", reason(3, "a number with a fraction")),
    ] {
        let resource = ResourceId::new(id);
        assert!(
            found.contains(&Finding::Unreadable { resource, reason }),
            "{found:?}"
        );
    }
    let resource = ResourceId::new("eve");
    assert!(found.contains(&Finding::Unindexed { resource }), "{found:?}");
    assert_eq!(found.len(), 3, "{found:?}");
}

#[tokio::test]
async fn a_row_that_can_not_be_read_keeps_its_value_until_it_is_replaced_or_deleted() {
    let world = World::new().await;
    world.run(MISFIT).await;
    let touched = world.touch(
        "UPDATE users SET mail = 'x@acme.example'",
        &[(Kind::User, Key::Integer(2))],
    );
    let Err(CommitError::Store(error)) = touched.await else {
        panic!("the row can't be told of")
    };
    assert_eq!(fault::<()>(Err(error)), REASON);
    let events = world.events().await;
    assert_eq!(events, [], "and nothing is told");
    // A write of the whole resource needs nothing of the old one. It gives each column a value.
    let mut replacement = rename(&world, "u-2", "bob");
    if let Change::Update {
        document: Some(document),
        ..
    } = &mut replacement
    {
        std::sync::Arc::make_mut(document)
            .core_mut()
            .insert("active", false);
    }
    world.commit(vec![replacement]).await.unwrap();
    let bob = world.get("User", "u-2").await.unwrap();
    assert_eq!(bob.resource.core().get("active"), Some(&Value::Bool(false)));
    let delete = |id| Change::delete(world.resource_type("User"), ResourceId::new(id), None);
    world.run("UPDATE users SET active = 'maybe'").await;
    world.commit(vec![delete("u-2")]).await.unwrap();
    assert!(world.get("User", "u-2").await.is_none());
}

#[tokio::test]
async fn rfc_7644_3_5_put_patch_and_delete_of_a_row_that_can_not_be_read_change_nothing_until_it_is_mended() {
    let world = World::new().await;
    world.run(MISFIT).await;
    let row = async |engine: &Engine<TableStore<App>>| {
        let tx = engine.store().tables().begin(Access::Read).await.unwrap();
        let select = "SELECT login, active FROM users WHERE id = 2";
        tx.query_row(select, [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })
        .ok()
    };
    let World {
        store,
        registry,
        tenant,
        ..
    } = world;
    let engine = Engine::new(store, registry.clone());
    let (cx, id) = (Context::new(tenant.clone()), ResourceId::new("u-2"));
    let user = registry.resource_type("User").unwrap();
    let (any, all) = (Precondition::None, Projection::all());
    let refused = |result: Result<Written, EngineError>| {
        let Err(EngineError::Store(error)) = result else {
            panic!("{result:?}")
        };
        assert_eq!(error.to_error_body().status, 500);
        assert_eq!(fault::<()>(Err(error)), REASON);
    };
    for active in ["", r#", "active": true"#] {
        let body = format!(
            r#"{{"schemas": ["{}"], "userName": "eve"{active}}}"#,
            SchemaUri::USER
        );
        let body = Resource::from_json(body.as_bytes(), user).unwrap();
        let put = engine.replace(&cx, user, &id, body, &any, &all).await;
        refused(put);
    }
    for operation in [
        r#"{"op": "replace", "path": "active", "value": true}"#,
        r#"{"op": "replace", "path": "userName", "value": "eve"}"#,
        r#"{"op": "remove", "path": "active"}"#,
    ] {
        let request = format!(
            r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{operation}]}}"#
        );
        let request = PatchRequest::from_json(request.as_bytes()).unwrap();
        let patch = engine.patch(&cx, user, &id, request, &any, &all).await;
        refused(patch);
    }
    let deleted = engine.delete(&cx, user, &id, &any).await;
    let Err(EngineError::Store(error)) = deleted else {
        panic!("what rules and events need of the user can't be read: {deleted:?}")
    };
    assert_eq!(fault::<()>(Err(error)), REASON);
    let told = async || {
        let events = engine
            .store()
            .read_feed(&tenant, Position::START, 100)
            .await
            .unwrap();
        events.len()
    };
    assert_eq!(
        (row(&engine).await, told().await),
        (Some(("bob".into(), "maybe".into())), 0),
        "nothing was written or told"
    );
    let tx = engine.store().tables().begin(Access::Write).await.unwrap();
    tx.execute_batch("UPDATE users SET active = 0 WHERE id = 2")
        .unwrap();
    tx.commit().await.unwrap();
    engine.delete(&cx, user, &id, &any).await.unwrap();
    assert_eq!((row(&engine).await, told().await), (None, 1));
}

#[tokio::test]
async fn a_missing_column_is_found_when_the_store_is_opened() {
    let users = Table::numbered()
        .unique("login", "userName")
        .column("nick", "nickName");
    let shape = Shape::new(users, Table::numbered().column("name", "displayName"));
    let registry = shape.registry().unwrap();
    let opened = TableStore::open(App::open(":memory:", shape), &registry).await;
    let Err(OpenError::Tables(error)) = opened else {
        panic!()
    };
    let reason = std::error::Error::source(&error).unwrap().to_string();
    assert!(reason.contains("no such column: nick"), "{reason}");
}

#[tokio::test]
async fn keys_of_another_kind_than_is_declared_are_refused_before_anything_is_written() {
    let shape = |users: Table| {
        Shape::new(
            users.unique("login", "userName"),
            Table::numbered().column("name", "displayName"),
        )
    };
    let expected = "the key of a User's row is a number: `Table::numbered` declares such a table";
    let world = World::of(shape(Table::named())).await;
    let refused = world.commit(vec![world.user("a", "ada")]).await;
    let Err(CommitError::Store(error)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(fault::<()>(Err(error)), expected);
    world
        .run("INSERT INTO users (tenant, login) VALUES ('acme', 'ada')")
        .await;
    let cx = ReadContext::new(world.tenant.clone());
    let user = world.resource_type("User");
    let read = world.store.query(&cx, user, &Query::all()).await;
    assert_eq!(fault(read), expected, "and its row was not written");
}

#[tokio::test]
async fn an_application_that_reads_the_same_rows_again_is_not_asked_for_ever() {
    let world = World::new().await;
    world
        .run(
            "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 600)
             INSERT INTO users (tenant, login) SELECT 'acme', 'user-' || n FROM number",
        )
        .await;
    let cx = ReadContext::new(world.tenant.clone());
    let user = world.resource_type("User");
    let all = world.store.query(&cx, user, &Query::all()).await.unwrap();
    assert_eq!(all.total, Some(600));
    world.store.tables().forgets_where.store(true, Ordering::Relaxed);
    let read = world.store.query(&cx, user, &Query::all()).await;
    assert!(fault(read).contains("`Which::All` asks for those behind it"));
}

#[tokio::test]
async fn a_tenant_whose_rows_can_not_be_deleted_is_not_erased() {
    let world = World::new().await;
    world.run(HIRE).await;
    world
        .run("CREATE TRIGGER stays BEFORE DELETE ON users BEGIN SELECT RAISE(IGNORE); END")
        .await;
    let erased = world.store.erase(&world.tenant).await;
    assert_eq!(
        fault(erased),
        "rows of Users are still there after `Tables::delete`"
    );
    world.run("DROP TRIGGER stays").await;
    assert!(world.store.erase(&world.tenant).await.unwrap());
    assert!(world.get("User", "u-1").await.is_none());
}

#[test]
fn a_shape_that_does_not_fit_the_schemas_is_refused() {
    let groups = || Table::numbered().column("name", "displayName");
    let users = || Table::numbered().unique("login", "userName");
    let message = |users: Table, groups: Table| Shape::new(users, groups).registry().unwrap_err().to_string();
    for (users, expected) in [
        (
            users().column("x", "nickname2"),
            "the column `x`: `nickname2` is no attribute of a User",
        ),
        (
            users().column("x", "name"),
            "the column `x`: `name` is complex, and a column holds one simple value",
        ),
        (
            users().column("x", "emails.value"),
            "the column `x`: `emails.value` is of many values (`[primary]` behind the name chooses one), and a column holds one simple value",
        ),
        (
            users().column("x", "groups[primary].value"),
            "the column `x`: `groups[primary].value` is not part of the document, and a column holds one simple value",
        ),
        (
            users().column("x", "USERNAME"),
            "the column `x` or its path `USERNAME` is declared twice",
        ),
        (
            users().column("hidden", "active"),
            "a column can't be declared as `hidden`, which is what a row says of itself: give it another name by AS",
        ),
        (
            Table::numbered().column("x", "nickName"),
            "`userName` of a User is required and has no column",
        ),
    ] {
        assert_eq!(message(users, groups()), expected);
    }
    let shape = Shape::new(users(), groups());
    let nested = RegistryBuilder::rfc().build().unwrap();
    let opened = pollster::block_on(TableStore::open(App::open(":memory:", shape), &nested));
    assert!(matches!(opened, Err(OpenError::Shape(ShapeError::NestedGroups))));
}

#[tokio::test]
async fn a_row_that_is_deleted_meanwhile_is_not_found_and_one_that_is_not_kept_is_refused() {
    let world = World::new().await;
    world.commit(vec![world.user("ada", "ada")]).await.unwrap();
    // As if somebody deleted it between the look at it and the write.
    world
        .run("CREATE TRIGGER gone BEFORE UPDATE ON users BEGIN DELETE FROM users WHERE id = OLD.id; SELECT RAISE(IGNORE); END")
        .await;
    let other = world.user("bob", "bob");
    let gone = world.commit(vec![other, rename(&world, "ada", "countess")]).await;
    assert!(
        matches!(gone, Err(CommitError::NotFound { change: 1 })),
        "{gone:?}"
    );
    assert_eq!(
        ids(&world.find("User", "userName pr").await),
        ["ada"],
        "nothing of it was kept"
    );

    world
        .run("CREATE TRIGGER nobody BEFORE INSERT ON users BEGIN SELECT RAISE(IGNORE); END")
        .await;
    let refused = world.commit(vec![world.user("bob", "bob")]).await;
    let Err(CommitError::Store(StoreError::Refused(reason))) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(reason, "the application keeps no such row");
}
