//! The contract of a store.

use keyfob_store_sqlite::SqliteStore;
use keyfob_store_testkit::{Failure, Harness, store_conformance};
use tempfile::TempDir;

/// A database in a directory of its own.
struct Sqlite(TempDir);

impl Default for Sqlite {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Harness for Sqlite {
    type Store = SqliteStore;

    async fn open(&self) -> Result<SqliteStore, Failure> {
        Ok(SqliteStore::open(self.0.path().join("keyfob.db"))?)
    }

    async fn reopen(&self, store: SqliteStore) -> Result<SqliteStore, Failure> {
        drop(store);
        self.open().await
    }
}

store_conformance!(Sqlite);
