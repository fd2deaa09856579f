//! The store in an application's database, with what the application does in the same transaction.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use keyfob_store::{Change, Commit, CommitError, Committed, Store, StoreError, StoreExt};
use keyfob_store_postgres::{Hook, HookFuture, PostgresStore, Transaction};

use crate::support::{Schema, commit, commit_of, get, id, new_user, pool_at, server, test, user_type};

/// Notes commits in a table of the application's, and refuses those of a verb.
struct Outbox {
    table: String,
}

impl Hook for Outbox {
    fn before_commit<'h>(
        &'h self,
        transaction: Transaction<'h>,
        commit: &'h Commit,
        committed: &'h Committed,
    ) -> HookFuture<'h> {
        Box::pin(async move {
            let outcomes = i64::try_from(committed.outcomes.len()).unwrap_or(i64::MAX);
            let sql = format!("INSERT INTO {} (commit_id, outcomes) VALUES ($1, $2)", self.table);
            transaction.query(&sql, &[&commit.id.as_str(), &outcomes]).await?;
            if commit.verb == "refused" {
                return Err(StoreError::internal("the application refuses"));
            }
            Ok(())
        })
    }
}

#[test]
fn what_the_application_writes_is_committed_with_the_commit_or_not_at_all() {
    test(|schema| async move {
        let table = schema.table("outbox");
        schema
            .sql(&format!(
                "CREATE SCHEMA \"{}\"; CREATE TABLE {table} (commit_id text, outcomes bigint)",
                schema.name
            ))
            .await;
        let (_, port) = server();
        let options = schema.options().with_hook(Outbox { table: table.clone() });
        let store = PostgresStore::open(pool_at(port, 3), &options).await.unwrap();
        commit(&store, vec![new_user("u", "u"), new_user("v", "v")])
            .await
            .unwrap();
        // One that is refused by the store never comes to the application.
        commit(&store, vec![new_user("w", "u")]).await.unwrap_err();
        let mut refused = commit_of(vec![new_user("x", "x")]);
        refused.verb = "refused".into();
        let error = store.commit_one(refused).await.unwrap_err();
        assert!(
            matches!(error, CommitError::Store(StoreError::Internal(_))),
            "{error:?}"
        );
        assert!(get(&store, user_type(), "x").await.is_none());
        let noted = format!("SELECT sum(outcomes)::bigint FROM {table}");
        assert_eq!(schema.number(&noted).await, 2);
    });
}

/// Writes its own table as the verb of a commit says.
struct Moody {
    table: String,
    calls: Arc<AtomicUsize>,
}

impl Hook for Moody {
    fn before_commit<'h>(
        &'h self,
        transaction: Transaction<'h>,
        commit: &'h Commit,
        _: &'h Committed,
    ) -> HookFuture<'h> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let insert = format!("INSERT INTO {} (name) VALUES ($1)", self.table);
            match commit.verb.as_str() {
                "passes over" => drop(transaction.query(&insert, &[&"taken"]).await),
                "takes back" => {
                    transaction.query("SAVEPOINT mine", &[]).await?;
                    transaction.query(&insert, &[&"taken"]).await.unwrap_err();
                    transaction.query("ROLLBACK TO SAVEPOINT mine", &[]).await?;
                }
                name => drop(transaction.query(&insert, &[&name]).await?),
            }
            Ok(())
        })
    }
}

/// A store with such a hook, whose table holds `taken`, and the number of its calls.
async fn moody(schema: &Schema, constraint: &str) -> (PostgresStore, Arc<AtomicUsize>) {
    let table = schema.table("own");
    schema
        .sql(&format!(
            "CREATE SCHEMA \"{}\"; CREATE TABLE {table} (name text, UNIQUE (name) {constraint});
             INSERT INTO {table} VALUES ('taken')",
            schema.name
        ))
        .await;
    let calls = Arc::new(AtomicUsize::new(0));
    let hook = Moody {
        table,
        calls: Arc::clone(&calls),
    };
    let (_, port) = server();
    let options = schema.options().with_hook(hook);
    let store = PostgresStore::open(pool_at(port, 3), &options).await.unwrap();
    (store, calls)
}

fn with_verb(verb: &str, changes: Vec<Change>) -> Commit {
    let mut commit = commit_of(changes);
    commit.verb = verb.into();
    commit
}

#[test]
fn a_failure_that_the_hook_passes_over_fails_the_commit() {
    test(|schema| async move {
        let (store, _) = moody(&schema, "").await;
        store
            .commit_one(with_verb("free", vec![new_user("u", "u")]))
            .await
            .unwrap();
        let delete = || vec![Change::delete(user_type(), id("u"), None)];
        // Nobody asks for an answer, so that the end of the transaction is all that is left to be done.
        let passed_over = store.commit_one(with_verb("passes over", delete())).await;
        assert!(
            matches!(passed_over, Err(CommitError::Store(StoreError::Internal(_)))),
            "{passed_over:?}"
        );
        assert!(get(&store, user_type(), "u").await.is_some());
        store.commit_one(with_verb("takes back", delete())).await.unwrap();
        assert!(get(&store, user_type(), "u").await.is_none());
    });
}

#[test]
fn a_commit_that_the_application_refuses_stops_none_of_its_group() {
    test(|schema| async move {
        let (store, _) = moody(&schema, "").await;
        let commits: Vec<_> = ["first", "taken", "third"]
            .iter()
            .map(|verb| Arc::new(with_verb(verb, vec![new_user(verb, verb)])))
            .collect();
        let results = store.commit(&commits).await;
        assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
        assert!(
            matches!(&results[1], Err(CommitError::Store(StoreError::Refused(_)))),
            "{results:?}"
        );
        assert!(get(&store, user_type(), "first").await.is_some());
        assert!(get(&store, user_type(), "taken").await.is_none());
    });
}

#[test]
fn what_a_constraint_of_the_applications_refuses_is_not_tried_again() {
    for constraint in ["", "DEFERRABLE INITIALLY DEFERRED"] {
        test(|schema| async move {
            let (store, calls) = moody(&schema, constraint).await;
            let refused = store
                .commit_one(with_verb("taken", vec![new_user("u", "u")]))
                .await;
            let Err(CommitError::Store(StoreError::Refused(reason))) = refused else {
                panic!("{refused:?}")
            };
            assert!(reason.contains("unique constraint"), "{reason}");
            assert_eq!(calls.load(Ordering::SeqCst), 1, "{constraint}");
            assert!(get(&store, user_type(), "u").await.is_none());
        });
    }
}
