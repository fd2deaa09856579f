//! Does it take longer to find a user by name among 100,000 than among 1,000, over HTTP and SQLite?

use std::{error::Error, net::SocketAddr, path::Path, sync::Arc};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use keyfob_benches::{compare_waiting, criterion};
use keyfob_core::{
    Clock, Collation, CompareKey, IdGenerator, Registry, Resource, ResourceId, SchemaUri, SystemClock,
    UuidGenerator,
};
use keyfob_engine::{Change, Context, MemberPolicy, OnRefusal, StoreExt, TenantId, UniqueKey};
use keyfob_http::{BearerTokens, ScimService};
use keyfob_provisioning::{Provisioner, Token};
use keyfob_store_sqlite::SqliteStore;
use tokio::{net::TcpListener, runtime::Runtime};
use tower_service::Service;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let small = Served::start(&runtime, &folder.path().join("small.db"), 1_000)?;
    let large = Served::start(&runtime, &folder.path().join("large.db"), 100_000)?;
    for (served, number) in [(&small, 777), (&large, 77_777)] {
        let answer = served.find(number)?;
        if !answer.contains("\"totalResults\":1,") {
            return Err(format!("user {number} was not found: {answer}").into());
        }
    }
    let mut criterion = criterion();
    compare_waiting(
        &mut criterion,
        "find a user by name over HTTP, among 100,000 (keyfob) and among 1,000 (floor)",
        || large.find(77_777),
        || small.find(777),
    );
    criterion.final_summary();
    Ok(())
}

/// A server with users, and a client with a connection to it.
struct Served {
    address: SocketAddr,
    token: Token,
    client: ureq::Agent,
}

impl Served {
    fn start(runtime: &Runtime, database: &Path, users: usize) -> Result<Self, Box<dyn Error>> {
        let engine = Provisioner::new(SqliteStore::open(database)?, Registry::rfc().clone());
        let token = Token::generate()?;
        let organization = runtime.block_on(engine.admin().create_organization("bench", &token))?;
        runtime.block_on(fill(&engine, organization.tenant, users))?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        runtime.spawn(serve(listener, service(engine)));
        Ok(Self {
            address,
            token,
            client: ureq::Agent::new_with_defaults(),
        })
    }

    fn find(&self, number: usize) -> Result<String, ureq::Error> {
        let url = format!("http://{}/Users", self.address);
        let request = self
            .client
            .get(url)
            .query("filter", format!("userName eq \"{}\"", user_name(number)))
            .header("Authorization", format!("Bearer {}", self.token.expose()));
        request.call()?.body_mut().read_to_string()
    }
}

fn user_name(number: usize) -> String {
    format!("user{number}@example.com")
}

fn service(provisioner: Provisioner<SqliteStore>) -> ScimService<SqliteStore> {
    let engine = Arc::clone(provisioner.engine());
    let tokens = BearerTokens::new(&engine, provisioner);
    ScimService::new(engine, tokens)
}

/// Creates users, a thousand a commit.
async fn fill(
    engine: &Provisioner<SqliteStore>,
    tenant: TenantId,
    users: usize,
) -> Result<(), Box<dyn Error>> {
    let user_type = engine.registry().resource_type("User").ok_or("no users")?;
    let cx = Context::new(tenant);
    let at = SystemClock::new().now();
    let numbers: Vec<usize> = (0..users).collect();
    for chunk in numbers.chunks(1_000) {
        let created: Vec<(ResourceId, Resource, [UniqueKey; 1])> = chunk
            .iter()
            .map(|number| {
                let name = user_name(*number);
                let mut document = Resource::new([SchemaUri::USER]);
                document.core_mut().insert("userName", name.as_str());
                document
                    .core_mut()
                    .insert("displayName", format!("User {number}").as_str());
                document.core_mut().insert("active", true);
                (
                    UuidGenerator::new().next_id(at),
                    document,
                    [UniqueKey::new(
                        "userName",
                        CompareKey::new(Collation::UserName, &name),
                    )],
                )
            })
            .collect();
        let changes: Vec<Change> = created
            .iter()
            .map(|(id, document, unique)| Change::Create {
                resource_type: user_type.clone(),
                id: id.clone(),
                document: document.clone().into(),
                state: Arc::default(),
                relations: Arc::default(),
                members: MemberPolicy::default(),
                unique: unique.to_vec(),
                on_refusal: OnRefusal::Fail,
            })
            .collect();
        let commit = engine.commit_of(&cx, "bench", changes, None);
        engine.store().commit_one(commit).await?;
    }
    Ok(())
}

async fn serve(listener: TcpListener, service: ScimService<SqliteStore>) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = service.clone();
        stream.set_nodelay(true).ok();
        let connection = http1::Builder::new().serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| {
                let mut service = service.clone();
                async move { service.call(request).await }
            }),
        );
        tokio::spawn(connection);
    }
}
