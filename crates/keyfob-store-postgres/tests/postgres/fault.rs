//! Connections that break, above all in the middle of the end of a transaction.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};

use keyfob_store::{Budget, Feeds, Position, Query, Store, StoreError, StoreExt};
use keyfob_store_postgres::PostgresStore;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{
    Schema, acme, commit, commit_of, cx, event, get, new_user, pool_at, retitle, server, test, url, user_type,
};

/// When the proxy cuts the connection that sends the next end of a transaction.
#[derive(Clone, Copy, PartialEq)]
enum Cut {
    /// The server doesn't get it.
    Before = 1,
    /// The server gets it, and its answer is lost.
    After = 2,
}

/// Stands between a store and the server.
#[derive(Clone, Default)]
struct Proxy {
    next: Arc<AtomicU8>,
    cuts: Arc<AtomicUsize>,
}

impl Proxy {
    async fn start() -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self::default();
        let accepting = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let proxy = accepting.clone();
                tokio::spawn(async move { proxy.forward(client).await });
            }
        });
        (proxy, port)
    }

    fn cut(&self, cut: Cut) {
        self.next.store(cut as u8, Ordering::SeqCst);
    }

    fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }

    async fn forward(&self, client: TcpStream) -> Option<()> {
        let (host, port) = server();
        let server = TcpStream::connect((host.as_str(), port)).await.ok()?;
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = from_client
                .read(&mut buffer)
                .await
                .ok()
                .filter(|read| *read > 0)?;
            let sent = &buffer[..read];
            let ends = sent.windows(7).any(|bytes| bytes == b"COMMIT\0");
            let cut = if ends {
                self.next.swap(0, Ordering::SeqCst)
            } else {
                0
            };
            if cut == Cut::Before as u8 {
                self.cuts.fetch_add(1, Ordering::SeqCst);
                answers.abort();
                return None;
            }
            if cut == Cut::After as u8 {
                // No answer gets through any more.
                answers.abort();
                answers.await.ok();
                to_server.write_all(sent).await.ok()?;
                self.cuts.fetch_add(1, Ordering::SeqCst);
                return None;
            }
            to_server.write_all(sent).await.ok()?;
        }
    }
}

async fn through_a_proxy(schema: &Schema) -> (Proxy, PostgresStore) {
    let (proxy, port) = Proxy::start().await;
    let store = PostgresStore::open(pool_at(port, 4), &schema.options())
        .await
        .unwrap();
    (proxy, store)
}

#[test]
fn a_commit_of_which_the_end_is_cut_off_happens_once_and_is_answered() {
    test(|schema| async move {
        let (proxy, store) = through_a_proxy(&schema).await;
        commit(&store, vec![new_user("u", "u")]).await.unwrap();
        let mut version = 1;
        for round in 0..6 {
            let cut = if round % 2 == 0 { Cut::Before } else { Cut::After };
            proxy.cut(cut);
            let handed = commit_of(vec![retitle("u", &format!("title {round}")), event("changed", 0)]);
            let handed = Arc::new(handed.with_answer(keyfob_store::Answer {
                change: 0,
                selection: keyfob_store::Selection::document(),
            }));
            let committed = store.commit_one(Arc::clone(&handed)).await.unwrap();
            version += 1;
            assert_eq!(committed.revision(0).unwrap().version.number(), version);
            let answer = committed.answer.unwrap();
            assert_eq!(answer.version.number(), version);
            assert_eq!(
                answer.resource.core().get_str("title"),
                Some(&*format!("title {round}"))
            );
            assert_eq!(proxy.cuts(), round + 1);
            assert!(store.committed(&acme(), &handed.id).await.unwrap());
        }
        assert_eq!(
            get(&store, user_type(), "u").await.unwrap().version.number(),
            version
        );
        let events = store.read_feed(&acme(), Position::START, 99).await.unwrap();
        assert_eq!(events.len(), 6);
    });
}

#[test]
fn a_group_of_commits_of_which_the_end_is_cut_off_happens_once() {
    test(|schema| async move {
        let (proxy, store) = through_a_proxy(&schema).await;
        for (round, cut) in [Cut::After, Cut::Before].into_iter().enumerate() {
            proxy.cut(cut);
            let commits: Vec<_> = (0..5)
                .map(|number| {
                    // Two of one name: the second is refused.
                    let name = format!("{round}-{}", number % 4);
                    Arc::new(commit_of(vec![new_user(&format!("{round}-{number}"), &name)]))
                })
                .collect();
            let results = store.commit(&commits).await;
            let made: Vec<bool> = results.iter().map(Result::is_ok).collect();
            assert_eq!(made, [true, true, true, true, false], "{results:?}");
            assert!(results[4].as_ref().unwrap_err().refusal().is_some());
            for (commit, made) in commits.iter().zip(made) {
                assert_eq!(store.committed(&acme(), &commit.id).await.unwrap(), made);
            }
        }
        let page = store.query(&cx(), user_type(), &Query::first(0)).await.unwrap();
        assert_eq!(page.total, Some(8));
    });
}

#[test]
fn connections_that_the_server_ended_are_replaced() {
    test(|schema| async move {
        let store = schema.open().await;
        commit(&store, vec![new_user("u", "u")]).await.unwrap();
        for _ in 0..3 {
            // Those of the other tests stay.
            let ended = format!(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE pid <> pg_backend_pid() AND query LIKE '%{}%'",
                schema.name
            );
            schema.number(&ended).await;
            assert!(get(&store, user_type(), "u").await.is_some());
            commit(&store, vec![retitle("u", "t")]).await.unwrap();
        }
        assert_eq!(get(&store, user_type(), "u").await.unwrap().version.number(), 4);
    });
}

#[test]
fn a_database_out_of_reach_is_unavailable_and_comes_back() {
    test(|schema| async move {
        let store = schema.open().await;
        commit(&store, vec![new_user("u", "u")]).await.unwrap();
        // A pool to a port at which nobody listens.
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap().port()
        };
        let nowhere = PostgresStore::open(pool_at(port, 1), &schema.options())
            .await
            .unwrap_err();
        let text = format!("{nowhere} {nowhere:?}");
        assert!(text.contains("can't be reached"), "{text}");
        // A table that is locked by somebody is waited for until the deadline.
        let client = crate::support::client().await;
        let lock = format!(
            "BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
            schema.table("resources")
        );
        client.batch_execute(&lock).await.unwrap();
        let budget = Budget::UNLIMITED.within(std::time::Duration::from_millis(200));
        let read = store
            .query(&cx().with_budget(budget), user_type(), &Query::first(1))
            .await;
        assert!(matches!(read, Err(StoreError::Exhausted(_))), "{read:?}");
        let mut late = commit_of(vec![retitle("u", "late")]);
        late.deadline = budget
            .deadline
            .map(|deadline| deadline + std::time::Duration::from_millis(200));
        let refused = store.commit_one(late).await.unwrap_err();
        assert!(
            matches!(
                refused,
                keyfob_store::CommitError::Store(StoreError::Exhausted(_))
            ),
            "{refused:?}"
        );
        client.batch_execute("ROLLBACK").await.unwrap();
        commit(&store, vec![retitle("u", "in time")]).await.unwrap();
        let user = get(&store, user_type(), "u").await.unwrap();
        assert_eq!(user.resource.core().get_str("title"), Some("in time"));
        assert!(url().is_some());
    });
}

#[test]
fn a_pool_without_a_free_connection_is_unavailable_and_then_serves_again() {
    test(|schema| async move {
        let (_, port) = server();
        let pool = pool_at(port, 1);
        let store = PostgresStore::open(pool.clone(), &schema.options())
            .await
            .unwrap();
        commit(&store, vec![new_user("u", "u")]).await.unwrap();
        let taken = pool.get().await.unwrap();
        let budget = Budget::UNLIMITED.within(std::time::Duration::from_millis(100));
        let read = store
            .query(&cx().with_budget(budget), user_type(), &Query::first(1))
            .await;
        assert!(
            matches!(read, Err(StoreError::Exhausted(_) | StoreError::Unavailable(_))),
            "{read:?}"
        );
        drop(taken);
        assert!(get(&store, user_type(), "u").await.is_some());
    });
}
