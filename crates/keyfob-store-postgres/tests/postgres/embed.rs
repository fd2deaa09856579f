//! The store in an application's database, with what the application does in the same transaction.

use keyfob_store::{Commit, CommitError, Committed, StoreError};
use keyfob_store_postgres::{Hook, HookFuture, PostgresStore, Transaction};

use crate::support::{commit, get, new_user, pool_at, server, test, user_type};

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
        let mut refused = crate::support::commit_of(vec![new_user("x", "x")]);
        refused.verb = "refused".into();
        let error = keyfob_store::StoreExt::commit_one(&store, refused)
            .await
            .unwrap_err();
        assert!(
            matches!(error, CommitError::Store(StoreError::Internal(_))),
            "{error:?}"
        );
        assert!(get(&store, user_type(), "x").await.is_none());
        let noted = format!("SELECT sum(outcomes)::bigint FROM {table}");
        assert_eq!(schema.number(&noted).await, 2);
    });
}
