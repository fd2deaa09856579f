//! The application's tables in PostgreSQL keep the contract of a store, and both sides see what the other does.
#![cfg(test)]

use std::{
    env,
    sync::atomic::{AtomicUsize, Ordering},
};

use custom_store_postgres::{OwnTables, connect, scim};
use deadpool_postgres::{Manager, Pool};
use keyfob_core::{
    EntityTag, Projection, Registry, Resource,
    message::{PatchRequest, SearchRequest},
};
use keyfob_engine::{Context, Engine, EngineError, Precondition, TenantId};
use keyfob_store::{Commit, CommitError, CommitId, Store as _, StoreError, StoreExt as _};
use keyfob_store_testkit::{Failure, Harness, Report, cases};
use keyfob_tables::{Access, Key, Kind, Scope, TableError, TableStore, Tables as _, Transaction as _, Which};
use tokio::{runtime::Runtime, task::JoinSet};
use tokio_postgres::{Config, NoTls};

/// A schema of its own in the database of the tests, dropped with what is in it.
struct Database {
    runtime: Runtime,
    config: Config,
    schema: String,
    registry: Registry,
}

/// The address of a database for tests; without it nothing is tried, and the test says so.
fn address() -> Option<String> {
    let address = env::var("KEYFOB_TEST_POSTGRES_URL").ok();
    if address.is_none() {
        eprintln!("SKIPPED: nothing of PostgreSQL was tried, since KEYFOB_TEST_POSTGRES_URL is not set");
    }
    address
}

impl Default for Database {
    fn default() -> Self {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let schema = format!("own_tables_{}_{number}", std::process::id());
        let mut config: Config = address().unwrap().parse().unwrap();
        let runtime = Runtime::new().unwrap();
        runtime.block_on(run(&config, &format!("CREATE SCHEMA {schema}")));
        config.options(format!("-c search_path={schema} -c client_min_messages=warning"));
        // Which connects to nothing.
        let pool = Pool::builder(Manager::new(config.clone(), NoTls))
            .build()
            .unwrap();
        let registry = OwnTables::new(pool).shape().registry().unwrap();
        Self {
            runtime,
            config,
            schema,
            registry,
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP SCHEMA {} CASCADE", self.schema);
        self.runtime.block_on(run(&self.config, &drop));
    }
}

/// Runs a statement on a connection of its own.
async fn run(config: &Config, statement: &str) {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(statement).await.unwrap();
}

impl Database {
    async fn pool(&self) -> Pool {
        connect(self.config.clone()).await.unwrap()
    }
}

impl Harness for Database {
    type Store = TableStore<OwnTables>;

    async fn open(&self) -> Result<Self::Store, Failure> {
        Ok(scim(self.pool().await).await?.0)
    }

    async fn reopen(&self, store: Self::Store) -> Result<Self::Store, Failure> {
        drop(store);
        self.open().await
    }

    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn has_unique_names(&self) -> bool {
        true
    }

    fn run<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

#[test]
fn the_tables_keep_the_contract_of_a_store() -> Result<(), Failure> {
    if address().is_none() {
        return Ok(());
    }
    if env::var_os("KEYFOB_TEST_LONG").is_none() {
        // All of them take minutes, and SQLite has passed them on the same adapter.
        return cases::<Database>()
            .iter()
            .step_by(8)
            .try_for_each(|case| case.run(&Database::default()).map(drop));
    }
    let report = Report::of::<Database>();
    eprintln!("{report}");
    report.check()
}

#[test]
fn both_sides_see_what_the_other_does() {
    if address().is_none() {
        return;
    }
    let database = Database::default();
    database.run(both_sides(&database));
}

async fn both_sides(database: &Database) {
    let pool = database.pool().await;
    let (store, registry) = scim(pool.clone()).await.unwrap();
    let engine = Engine::new(store, registry);
    let user = engine.registry().resource_type("User").unwrap();
    let cx = Context::new(TenantId::new("acme"));
    let application = pool.get().await.unwrap();
    let find = async |filter: &str| {
        let mut request = SearchRequest::new();
        request.filter = Some(filter.into());
        engine.list(&cx, user, &request).await.unwrap().resources
    };
    let patch = async |id, operations: &str, precondition: &Precondition| {
        let request = format!(
            r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": {operations}}}"#
        );
        let request = PatchRequest::from_json(request.as_bytes()).unwrap();
        engine
            .patch(&cx, user, id, request, precondition, &Projection::all())
            .await
    };

    // The application adds a row, and a provider finds a resource.
    let insert = "INSERT INTO members (org, login, given_name) VALUES ('acme', 'BJensen', 'Barbara'), ('globex', 'bjensen', 'B')";
    application.batch_execute(insert).await.unwrap();
    let found = find(r#"userName eq "bjensen""#).await;
    assert_eq!(found.len(), 1, "the other is another organization's");
    let (id, tag) = (found[0].id().unwrap(), found[0].meta().unwrap().version.unwrap());

    // What is no key of a row is nobody's id.
    assert_eq!(find(r#"id eq "u-x""#).await.len(), 0);
    let nobody = keyfob_core::ResourceId::new("u-x");
    let missing = patch(
        &nobody,
        r#"[{"op": "remove", "path": "active"}]"#,
        &Precondition::None,
    )
    .await;
    assert!(
        matches!(missing, Err(EngineError::NotFound { .. })),
        "{missing:?}"
    );

    // A column that the application widens is read on by connections that know it as it was.
    application
        .batch_execute("ALTER TABLE members ALTER COLUMN given_name TYPE varchar(300)")
        .await
        .unwrap();
    assert_eq!(find(r#"userName eq "bjensen""#).await.len(), 1);

    // The application changes it, and the tag from before fits no longer.
    application
        .batch_execute("UPDATE members SET given_name = 'Babs' WHERE login = 'BJensen'")
        .await
        .unwrap();
    let stale = Precondition::if_match(vec![EntityTag::parse(&tag).unwrap()]);
    let deactivate = r#"[{"op": "replace", "path": "active", "value": false}]"#;
    assert!(matches!(
        patch(&id, deactivate, &stale).await,
        Err(EngineError::PreconditionFailed)
    ));
    patch(&id, deactivate, &Precondition::None).await.unwrap();
    let row = application
        .query_one(
            "SELECT given_name, is_active FROM members WHERE org = 'acme'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(
        row.get::<_, &str>(0),
        "Babs",
        "what the application wrote is not lost"
    );
    assert!(!row.get::<_, bool>(1));

    // Two people of one name are none too many only for the database.
    let body = br#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "BJENSEN"}"#;
    let body = Resource::from_json(body, user).unwrap();
    let taken = engine.create(&cx, user, body, &Projection::all()).await;
    assert!(matches!(taken, Err(EngineError::Uniqueness { .. })));

    // A value that is too long for its column is refused with its place and what would fit, and nothing is changed.
    let long = format!(
        r#"[{{"op": "replace", "path": "name.familyName", "value": "Jensen"}},
            {{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "{}@acme.example"}}]"#,
        "b".repeat(200)
    );
    let refused = patch(&id, &long, &Precondition::None).await.unwrap_err();
    let body = keyfob_core::ToErrorBody::to_error_body(&refused);
    assert_eq!(body.status, 400);
    assert_eq!(
        body.detail,
        "the service refuses it: `emails[primary].value` is longer than 200 characters"
    );
    assert_eq!(find("name.familyName pr").await.len(), 0);

    // Whom the application deletes softly is in no list until it takes that back.
    application
        .batch_execute("UPDATE members SET deleted_at = now() WHERE org = 'acme'")
        .await
        .unwrap();
    assert_eq!(find("userName pr").await.len(), 0);
    application
        .batch_execute("UPDATE members SET deleted_at = NULL WHERE org = 'acme'")
        .await
        .unwrap();
    engine.delete(&cx, user, &id, &Precondition::None).await.unwrap();
    assert_eq!(find("userName pr").await.len(), 0);
}

#[test]
fn nobody_is_found_by_a_text_that_postgresql_holds_nowhere() {
    if address().is_none() {
        return;
    }
    let database = Database::default();
    database.run(async {
        let pool = database.pool().await;
        let (store, registry) = scim(pool.clone()).await.unwrap();
        let engine = Engine::new(store, registry);
        let user = engine.registry().resource_type("User").unwrap();
        let cx = Context::new(TenantId::new("acme"));
        let insert = "INSERT INTO members (org, login) VALUES ('acme', 'a')";
        pool.get().await.unwrap().batch_execute(insert).await.unwrap();
        let find = async |filter: &str| {
            let mut request = SearchRequest::new();
            request.filter = Some(filter.into());
            engine.list(&cx, user, &request).await.unwrap().resources
        };
        for (filter, found) in [
            (r#"id eq "\u0000""#, 0),
            (r#"userName eq "a\u0000b""#, 0),
            (r#"userName eq "a\u0000b" or userName eq "a""#, 1),
            (r#"emails.value eq "a\u0000b""#, 0),
            (r#"externalId eq "a\u0000b""#, 0),
            (r#"groups.value eq "\u0000""#, 0),
        ] {
            assert_eq!(find(filter).await.len(), found, "{filter}");
        }
        // Whoever is to have one stays as they are.
        let id = find(r#"userName eq "a""#).await[0].id().unwrap();
        for (path, expected) in [
            (
                "name.givenName",
                Some("the change is refused: `name.givenName` holds the character U+0000, which the database can't store: leave it out"),
            ),
            // No column holds it.
            ("externalId", None),
        ] {
            let request = format!(
                r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                    "Operations": [{{"op": "replace", "path": "{path}", "value": "a\u0000b"}}]}}"#
            );
            let request = PatchRequest::from_json(request.as_bytes()).unwrap();
            let whole = Projection::all();
            let patched = engine.patch(&cx, user, &id, request, &Precondition::None, &whole);
            let refused = patched.await.err().map(|error| error.to_string());
            assert_eq!(refused.as_deref(), expected, "{path}");
        }
        let found = find(r#"externalId eq "a\u0000b""#).await;
        assert_eq!(found[0].core().get_str("externalId"), Some("a\0b"));
    });
}

#[test]
fn the_side_tables_are_made_once_and_then_need_no_right_to_make_any() {
    if address().is_none() {
        return;
    }
    let database = Database::default();
    database.run(async {
        let schema = &database.schema;
        let pool = database.pool().await;
        let owner = pool.get().await.unwrap();
        let mut starts = JoinSet::new();
        for _ in 0..4 {
            starts.spawn(scim(pool.clone()));
        }
        for started in starts.join_all().await {
            started.unwrap();
        }

        let role = format!("{schema}_service");
        let grants = format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {schema} TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};"
        );
        owner.batch_execute(&grants).await.unwrap();
        let mut config = database.config.clone();
        config.options(format!("-c search_path={schema} -c role={role}"));
        let service = Pool::builder(Manager::new(config, NoTls)).max_size(1).build();
        let (store, _) = scim(service.unwrap()).await.unwrap();
        let acme = TenantId::new("acme");
        let known = store.committed(&acme, &CommitId::new("none")).await.unwrap();
        assert!(!known);
        drop(store);
        owner
            .batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
            .await
            .unwrap();
    });
}

fn commit_of(id: &str) -> Commit {
    let at = keyfob_core::DateTime::from_unix_millis(1_767_225_600_000);
    Commit::new(CommitId::new(id), TenantId::new("acme"), at, Vec::new())
}

#[test]
fn a_failure_that_the_application_passes_over_keeps_nothing() {
    if address().is_none() {
        return;
    }
    let database = Database::default();
    database.run(async {
        let (store, _) = scim(database.pool().await).await.unwrap();
        let commit = commit_of("request");
        let mut tx = store.tables().begin(Access::Write).await.unwrap();
        store.commit_within(&mut tx, &commit).await.unwrap();
        tx.change("INSERT INTO members (org) VALUES ($1)", &[&"acme"])
            .await
            .unwrap_err();
        let ended = tx.commit().await;
        assert!(matches!(ended, Err(TableError::Failed(_))), "{ended:?}");
        assert!(!store.committed(&commit.tenant, &commit.id).await.unwrap());
    });
}

#[test]
fn a_commit_under_way_is_waited_for_and_not_for_ever() {
    if address().is_none() {
        return;
    }
    let database = Database::default();
    database.run(async {
        let (store, _) = scim(database.pool().await).await.unwrap();
        let commit = commit_of("request");
        let mut tx = store.tables().begin(Access::Write).await.unwrap();
        store.take_turn(&mut tx, &commit.tenant).await.unwrap();
        store.commit_within(&mut tx, &commit).await.unwrap();

        let mut late = commit_of("late");
        late.deadline = Some(std::time::Instant::now() + std::time::Duration::from_millis(200));
        let late = store.commit_one(late).await;
        assert!(
            matches!(
                late,
                Err(CommitError::Store(
                    StoreError::Unavailable(_) | StoreError::Exhausted(_)
                ))
            ),
            "{late:?}"
        );

        // It is not known before the end of the transaction, whatever becomes of the connection.
        let asked = store.committed(&commit.tenant, &commit.id);
        let end = async {
            let blocked = format!(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
                 AND pid IN (SELECT pid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '{}')",
                database.schema
            );
            while tx.query_one(&blocked, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            tx.commit().await.unwrap();
        };
        let (known, ()) = tokio::join!(asked, end);
        assert!(known.unwrap());
    });
}

#[test]
fn rows_that_refer_to_a_locked_row_may_be_inserted() {
    if address().is_none() {
        return;
    }
    let database = Database::default();
    database.run(async {
        let pool = database.pool().await;
        let (store, _) = scim(pool.clone()).await.unwrap();
        let application = pool.get().await.unwrap();
        application
            .batch_execute("INSERT INTO teams (org, title) VALUES ('acme', 'staff'); INSERT INTO members (org, login) VALUES ('acme', 'ada')")
            .await
            .unwrap();
        let mut tx = store.tables().begin(Access::Write).await.unwrap();
        let of = Scope {
            tenant: &TenantId::new("acme"),
            kind: Kind::Group,
        };
        let keys = [Key::Integer(1)];
        let rows = store.tables().rows(&mut tx, of, Which::Locked(&keys)).await.unwrap();
        assert_eq!(rows.len(), 1);
        application
            .batch_execute("SET lock_timeout = '5s'; INSERT INTO team_members SELECT 1, id FROM members")
            .await
            .unwrap();
        let update = "UPDATE teams SET title = 'crew'";
        let waiting = format!("SET lock_timeout = '50ms'; {update}");
        assert!(application.batch_execute(&waiting).await.is_err(), "the row is locked");
        tx.commit().await.unwrap();
        application.batch_execute(update).await.unwrap();
    });
}
