//! Creates users at 1 and at 32 clients, by the store and by plain statements of the same rows over the same pool, and prints
//! how many a second. `KEYFOB_POSTGRES_FSYNC=on .ci/postgres cargo run --release -p keyfob-store-postgres --example create`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement prints its figures, and ends where it fails"
)]

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use keyfob_core::{Collation, CompareKey, DateTime, Registry, Resource, ResourceId};
use keyfob_store::{
    Change, Commit, CommitId, MemberPolicy, NewEvent, OnRefusal, StoreExt, TenantId, UniqueKey,
};
use keyfob_store_postgres::{
    Options, PostgresStore,
    deadpool_postgres::{
        Manager, Pool,
        tokio_postgres::{Config, NoTls},
    },
};
use tokio::task::JoinSet;

const TIME: Duration = Duration::from_secs(8);

#[tokio::main]
async fn main() {
    let url = env::var("KEYFOB_TEST_POSTGRES_URL").unwrap();
    let config: Config = url.parse().unwrap();
    let pool = Pool::builder(Manager::new(config, NoTls))
        .max_size(32)
        .build()
        .unwrap();
    let schema = format!("bench_{}", std::process::id());
    let options = Options::new().with_schema(&schema);
    let store = PostgresStore::open(pool.clone(), &options).await.unwrap();
    for clients in [1, 32] {
        // Turn and turn about, so that both meet the same machine.
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..3 {
            rates[0].push(by_the_store(&store, clients).await);
            rates[1].push(by_plain_statements(&pool, &schema, clients).await);
        }
        let [store, plain] = rates.map(|mut rates| {
            rates.sort_by(f64::total_cmp);
            rates[1]
        });
        println!(
            "{clients} clients: {store:.0}/s by the store, {plain:.0}/s plain, {:.2}",
            store / plain
        );
    }
    let sql = format!("DROP SCHEMA {schema} CASCADE");
    pool.get().await.unwrap().batch_execute(&sql).await.unwrap();
}

/// The number of the next user.
fn next() -> usize {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

fn json(number: usize) -> String {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"user{number}@example.com","externalId":"x-{number}","displayName":"User {number}","active":true,"name":{{"givenName":"User","familyName":"Number {number}"}},"emails":[{{"value":"user{number}@example.com","type":"work","primary":true}}]}}"#
    )
}

async fn by_the_store(store: &PostgresStore, clients: usize) -> f64 {
    let user = Registry::rfc().resource_type("User").unwrap();
    let start = Instant::now();
    let mut working = JoinSet::new();
    for _ in 0..clients {
        let store = store.clone();
        working.spawn(async move {
            let mut created = 0_u32;
            while start.elapsed() < TIME {
                let number = next();
                let id = ResourceId::new(format!("0199aaaa-0000-7000-8000-{number:012}"));
                let name = format!("user{number}@example.com");
                let changes = vec![
                    Change::Create {
                        resource_type: user.clone(),
                        id: id.clone(),
                        document: Arc::new(Resource::from_json(json(number).as_bytes(), user).unwrap()),
                        state: Arc::default(),
                        relations: Arc::default(),
                        members: MemberPolicy::default(),
                        unique: vec![UniqueKey::new(
                            "userName",
                            CompareKey::new(Collation::UserName, &name),
                        )],
                        on_refusal: OnRefusal::Fail,
                    },
                    Change::publish(NewEvent::new("created", "User", id), 0),
                ];
                let at = DateTime::from_unix_millis(1_700_000_000_000);
                let commit = Commit::new(
                    CommitId::new(format!("c-{number}")),
                    TenantId::new("acme"),
                    at,
                    changes,
                );
                store.commit_one(commit).await.unwrap();
                created += 1;
            }
            created
        });
    }
    let created: u32 = working.join_all().await.into_iter().sum();
    f64::from(created) / start.elapsed().as_secs_f64()
}

/// The same rows, each table by a prepared statement, in a transaction for each user.
async fn by_plain_statements(pool: &Pool, schema: &str, clients: usize) -> f64 {
    let start = Instant::now();
    let statements: Arc<[String]> = [
        "INSERT INTO @.commits (tenant, id, at) VALUES ('plain', $1, 0)",
        "INSERT INTO @.resources (tenant, id, kind, hidden, version, created, modified, stamp, generation, name,
            external_id, document) VALUES ('plain', $1, 'User', false, 1, 0, 0, 0, 0, $2, $3, $4)",
        "INSERT INTO @.unique_keys (tenant, kind, attribute, key, id) VALUES ('plain', 'User', 'userName', $2, $1)",
        "INSERT INTO @.entries (tenant, kind, attribute, hidden, key, created, id, sorts) VALUES
            ('plain', 'User', 'username', false, $2, 0, $1, true), ('plain', 'User', 'emails.value', false, $2, 0, $1, true),
            ('plain', 'User', 'externalid', false, $3, 0, $1, true), ('plain', 'User', 'displayname', false, $4, 0, $1, true)",
        "INSERT INTO @.pending (tenant, stamp, commit_id, number, at, role, identity, credential, request, verb, name,
            resource_type, resource, label, external_id, version, joined_count, departed_count, data)
            VALUES ('plain', $4::bigint, $1, 0, 0, '', '', '', '', '', 'created', 'User', $1, $2, $3, 1, 0, 0, '{}')",
    ]
    .map(|sql| sql.replace('@', schema))
    .into();
    let mut working = JoinSet::new();
    for _ in 0..clients {
        let (pool, statements) = (pool.clone(), Arc::clone(&statements));
        working.spawn(async move {
            let mut created = 0_u32;
            while start.elapsed() < TIME {
                let number = next();
                let mut client = pool.get().await.unwrap();
                let transaction = client.transaction().await.unwrap();
                let id = format!("0199aaaa-0000-7000-8000-{number:012}");
                let (name, external) = (format!("user{number}@example.com"), format!("x-{number}"));
                let (display, document) = (format!("user {number}"), json(number));
                let stamp = i64::try_from(number).unwrap();
                for (place, sql) in statements.iter().enumerate() {
                    let prepared = transaction.prepare_cached(sql).await.unwrap();
                    let done = match place {
                        0 => transaction.execute(&prepared, &[&id]).await,
                        1 => {
                            transaction
                                .execute(&prepared, &[&id, &name, &external, &document])
                                .await
                        }
                        2 => transaction.execute(&prepared, &[&id, &name]).await,
                        3 => {
                            transaction
                                .execute(&prepared, &[&id, &name, &external, &display])
                                .await
                        }
                        _ => {
                            transaction
                                .execute(&prepared, &[&id, &name, &external, &stamp])
                                .await
                        }
                    };
                    done.unwrap();
                }
                transaction.commit().await.unwrap();
                created += 1;
            }
            created
        });
    }
    let created: u32 = working.join_all().await.into_iter().sum();
    f64::from(created) / start.elapsed().as_secs_f64()
}
