//! The application's own statements within the transaction of a commit.

use keyfob_store::{Commit, Committed};
use rusqlite::Connection;

/// The application's part of the transaction of every commit: rows in tables of its own, in the file of the store, or a
/// check of its own.
///
/// ```
/// use keyfob_core::Registry;
/// use keyfob_store::{Commit, Committed};
/// use keyfob_store_sqlite::{Hook, SqliteStore, rusqlite::{self, Connection}};
///
/// /// Notes every commit in the application's outbox.
/// struct Outbox;
///
/// impl Hook for Outbox {
///     fn before_commit(&self, connection: &Connection, commit: &Commit, _: &Committed) -> rusqlite::Result<()> {
///         let insert = "INSERT INTO outbox (tenant, verb) VALUES (?1, ?2)";
///         connection.prepare_cached(insert)?.execute([commit.tenant.as_str(), commit.verb.as_str()])?;
///         Ok(())
///     }
/// }
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("keyfob.db");
/// let store = SqliteStore::open(&path)?.with_hook(Outbox);
/// // The store has made its tables; the application's come into the same file.
/// Connection::open(&path)?.execute_batch("CREATE TABLE IF NOT EXISTS outbox (tenant TEXT, verb TEXT)")?;
/// # drop(store);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Hook: Send + Sync + 'static {
    /// Comes after the changes of a commit are written and before the transaction ends. An error fails the commit, of which
    /// then nothing is left: as a failure that may pass where the database is busy or full, as an internal one otherwise.
    ///
    /// Commits share transactions, and one that is taken back is written again, so this may be called several times for one
    /// commit; what it wrote before was taken back. It must not end the transaction. Other commits wait for it.
    ///
    /// # Errors
    /// Those of SQLite.
    fn before_commit(
        &self,
        connection: &Connection,
        commit: &Commit,
        committed: &Committed,
    ) -> rusqlite::Result<()>;
}
