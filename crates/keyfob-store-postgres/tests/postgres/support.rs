//! What the tests share: a database, users and groups, and short ways to write and read.

use std::{
    env,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use keyfob_core::{
    AttrSet, Collation, CompareKey, DateTime, Dialect, Member, Registry, Resource, ResourceId, ResourceType,
};
use keyfob_filter::Filter;
use keyfob_store::{
    Change, Commit, CommitError, CommitId, Committed, MemberPolicy, NewEvent, OnRefusal, Query, ReadContext,
    RelationDelta, Selection, Store, StoreExt, Stored, TenantId, UniqueKey,
};
use keyfob_store_postgres::{
    DatabaseUrl, Options, PostgresStore,
    deadpool_postgres::{Manager, Pool, tokio_postgres},
};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls};

/// Runs on the runtime of all tests, on which stores and their connections live.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();

    RUNTIME.get_or_init(|| Runtime::new().unwrap()).block_on(future)
}

/// Returns true if the tests must not be skipped.
pub(crate) fn is_demanded() -> bool {
    env::var_os("KEYFOB_TEST_POSTGRES_REQUIRED").is_some()
}

pub(crate) fn url() -> Option<String> {
    env::var("KEYFOB_TEST_POSTGRES_URL").ok()
}

/// A schema that is there as long as the test.
pub(crate) struct Schema {
    pub(crate) name: String,
}

impl Schema {
    /// A schema that nothing is in yet; none where there is no database.
    pub(crate) fn new() -> Option<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);

        url()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Some(Self {
            name: format!("test_{}_{number}", std::process::id()),
        })
    }

    pub(crate) fn options(&self) -> Options {
        Options::new().with_schema(&self.name).with_connections(8)
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        DatabaseUrl::parse_with(&url().unwrap(), self.options()).unwrap()
    }

    /// Opens the store. A test that opens it twice has two servers of one database.
    pub(crate) async fn open(&self) -> PostgresStore {
        PostgresStore::connect(&self.url()).await.unwrap()
    }

    /// The name of a table of the store.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("\"{}\".{name}", self.name)
    }

    /// Runs statements on a connection of nobody's.
    pub(crate) async fn sql(&self, sql: &str) {
        client().await.batch_execute(sql).await.unwrap();
    }

    /// The one number that a query answers.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        client().await.query_one(sql, &[]).await.unwrap().get(0)
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let sql = format!("DROP SCHEMA IF EXISTS \"{}\" CASCADE", self.name);
        run(async { client().await.batch_execute(&sql).await.ok() });
    }
}

pub(crate) async fn client() -> Client {
    let (client, connection) = tokio_postgres::connect(&url().unwrap(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The address of the server.
pub(crate) fn server() -> (String, u16) {
    let config: Config = url().unwrap().parse().unwrap();
    let host = match &config.get_hosts()[0] {
        tokio_postgres::config::Host::Tcp(host) => host.clone(),
        tokio_postgres::config::Host::Unix(_) => "127.0.0.1".to_owned(),
    };
    (host, config.get_ports().first().copied().unwrap_or(5432))
}

/// A pool of an application's, to a server at another port of this machine.
pub(crate) fn pool_at(port: u16, connections: usize) -> Pool {
    let known: Config = url().unwrap().parse().unwrap();
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(port)
        .user(known.get_user().unwrap())
        .dbname(known.get_dbname().unwrap());
    if let Some(password) = known.get_password() {
        config.password(password);
    }
    Pool::builder(Manager::new(config, NoTls))
        .max_size(connections)
        .build()
        .unwrap()
}

/// Runs a test in a schema of its own, or says that it is skipped.
pub(crate) fn test<F: Future<Output = ()>>(test: impl FnOnce(Arc<Schema>) -> F) {
    match Schema::new() {
        Some(schema) => {
            // It goes when the runtime is left.
            let schema = Arc::new(schema);
            run(test(Arc::clone(&schema)));
        }
        None => assert!(!is_demanded(), "there is no database, and one is demanded"),
    }
}

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

pub(crate) fn id(text: &str) -> ResourceId {
    ResourceId::new(text)
}

fn document(schema: &str, attribute: &str, value: &str) -> Resource {
    let mut document = Resource::new([format!("urn:ietf:params:scim:schemas:core:2.0:{schema}")
        .as_str()
        .into()]);
    document.core_mut().insert(attribute, value);
    document
}

/// The change that creates a user whose id is its name.
pub(crate) fn new_user(id_text: &str, name: &str) -> Change {
    Change::Create {
        resource_type: user_type().clone(),
        id: id(id_text),
        document: document("User", "userName", name).into(),
        state: Arc::default(),
        relations: Arc::default(),
        members: MemberPolicy::default(),
        unique: vec![UniqueKey::new(
            "userName",
            CompareKey::new(Collation::UserName, name),
        )],
        on_refusal: OnRefusal::Fail,
    }
}

pub(crate) fn new_group(name: &str) -> Change {
    Change::create(group_type(), id(name), document("Group", "displayName", name))
}

/// The change that gives a user another title.
pub(crate) fn retitle(name: &str, title: &str) -> Change {
    retitle_as(user_type(), name, title)
}

/// The same for users of another definition.
pub(crate) fn retitle_as(resource_type: &ResourceType, name: &str, title: &str) -> Change {
    let mut user = document("User", "userName", name);
    user.core_mut().insert("title", title);
    Change::replace(resource_type, id(name), user, None)
}

pub(crate) fn add(group: &str, member: &str) -> Change {
    let mut delta = RelationDelta::new("members".into());
    delta.add = vec![(id(member), Member::new())];
    Change::relate(group_type(), id(group), [delta])
}

pub(crate) fn event(name: &str, of: usize) -> Change {
    Change::publish(NewEvent::new(name, "User", id("u")), of)
}

/// A commit with an id that no other has.
pub(crate) fn commit_of(changes: Vec<Change>) -> Commit {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);

    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let at = DateTime::from_unix_millis(1_700_000_000_000);
    Commit::new(CommitId::new(format!("commit-{number}")), acme(), at, changes)
}

pub(crate) async fn commit(store: &PostgresStore, changes: Vec<Change>) -> Result<Committed, CommitError> {
    store.commit_one(commit_of(changes)).await
}

/// All attributes, the relations among them.
pub(crate) fn everything(resource_type: &ResourceType) -> Selection {
    let attributes = resource_type.attributes().map(|(_, attribute)| attribute.id);
    Selection::of(attributes.collect::<AttrSet>())
}

pub(crate) async fn get(store: &PostgresStore, resource_type: &ResourceType, name: &str) -> Option<Stored> {
    store
        .get_one(&cx(), resource_type, &id(name), &everything(resource_type))
        .await
        .unwrap()
}

/// The ids of the users that match a filter.
pub(crate) async fn search(store: &PostgresStore, filter: &str) -> Vec<String> {
    search_type(store, user_type(), filter).await
}

pub(crate) async fn search_type(
    store: &PostgresStore,
    resource_type: &ResourceType,
    filter: &str,
) -> Vec<String> {
    let predicate = Filter::parse(filter).unwrap();
    let predicate = predicate.compile(resource_type, Dialect::strict()).unwrap();
    let query = Query::first(1_000).with_filter(predicate);
    let page = store.query(&cx(), resource_type, &query).await.unwrap();
    ids(&page.resources)
}

pub(crate) fn ids(resources: &[Stored]) -> Vec<String> {
    let ids = resources
        .iter()
        .map(|stored| stored.resource.id().unwrap().to_string());
    ids.collect()
}
