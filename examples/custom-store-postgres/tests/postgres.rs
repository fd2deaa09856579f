//! The application's tables in PostgreSQL keep the contract of a store, and both sides see what the other does.
#![cfg(test)]

use std::{
    env,
    sync::atomic::{AtomicUsize, Ordering},
};

use custom_store_postgres::{OwnTables, connect, scim};
use deadpool_postgres::Pool;
use keyfob_core::{
    EntityTag, Projection, Registry, Resource,
    message::{PatchRequest, SearchRequest},
};
use keyfob_engine::{Context, Engine, EngineError, Precondition, TenantId};
use keyfob_store_testkit::{Failure, Harness, Report};
use keyfob_tables::TableStore;
use tokio::runtime::Runtime;
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
        let registry = runtime.block_on(async {
            let pool = connect(config.clone()).await.unwrap();
            scim(pool).await.unwrap().1
        });
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
        eprintln!("SKIPPED: the conformance suite takes minutes, and KEYFOB_TEST_LONG is not set");
        return Ok(());
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

    // A value that is too long for its column is refused in the database's words, and nothing is changed.
    let long = format!(
        r#"[{{"op": "replace", "path": "name.familyName", "value": "Jensen"}},
            {{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "{}@acme.example"}}]"#,
        "b".repeat(200)
    );
    let refused = patch(&id, &long, &Precondition::None).await.unwrap_err();
    let body = keyfob_core::ToErrorBody::to_error_body(&refused);
    assert_eq!(body.status, 400);
    assert!(body.detail.contains("too long"), "{}", body.detail);
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
