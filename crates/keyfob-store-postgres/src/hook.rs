//! The application's own statements within the transaction of a commit.

use std::{future::Future, pin::Pin};

use keyfob_store::{Commit, Committed, StoreError};
use tokio_postgres::{Row, types::ToSql};

use crate::{error::Failure, session::Session};

/// The application's part of the transaction of every commit: a row in a table of its own, or a check of its own.
///
/// ```no_run
/// use keyfob_store::{Commit, Committed, StoreError};
/// use keyfob_store_postgres::{Hook, HookFuture, Transaction};
///
/// /// Notes every commit in the application's outbox.
/// struct Outbox;
///
/// impl Hook for Outbox {
///     fn before_commit<'h>(
///         &'h self,
///         transaction: Transaction<'h>,
///         commit: &'h Commit,
///         _: &'h Committed,
///     ) -> HookFuture<'h> {
///         Box::pin(async move {
///             let sql = "INSERT INTO app.outbox (tenant, verb) VALUES ($1, $2)";
///             transaction.query(sql, &[&commit.tenant.as_str(), &commit.verb.as_str()]).await?;
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait Hook: Send + Sync + 'static {
    /// Comes after the changes of a commit are written and before the transaction ends. An error fails the commit and
    /// nothing is changed.
    ///
    /// A transaction that meets another one is tried again, so this may be called several times for one commit; what it
    /// wrote before was taken back.
    fn before_commit<'h>(
        &'h self,
        transaction: Transaction<'h>,
        commit: &'h Commit,
        committed: &'h Committed,
    ) -> HookFuture<'h>;
}

/// The future of a [`Hook`].
pub type HookFuture<'h> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'h>>;

/// The transaction of a commit.
#[derive(Clone, Copy)]
pub struct Transaction<'t> {
    session: &'t Session,
}

impl std::fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl<'t> Transaction<'t> {
    pub(crate) fn new(session: &'t Session) -> Self {
        Self { session }
    }

    /// Runs a statement and returns its rows. It must not end the transaction, and leaves no setting behind.
    ///
    /// # Errors
    /// [`StoreError`] with no more than the server's primary message, as details quote values.
    pub async fn query(self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StoreError> {
        let told = |failure: Failure| failure.into_store_error(None);
        let client = self.session.client().map_err(told)?;
        let prepared = client.prepare_cached(sql).await;
        let prepared = prepared.map_err(|error| told(error.into()))?;
        let rows = client.query(&prepared, params).await;
        rows.map_err(|error| told(error.into()))
    }
}
