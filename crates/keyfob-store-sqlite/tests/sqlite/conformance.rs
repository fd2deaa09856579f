//! The contract of a store.

use keyfob_store_sqlite::SqliteStore;
use keyfob_store_testkit::{Failure, Harness, check_explanations, check_push_down, store_conformance};
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

#[test]
fn a_filter_that_an_index_answers_reads_no_other_document() -> Result<(), Failure> {
    check_push_down::<Sqlite>()
}

#[test]
fn a_query_reads_what_its_explanation_tells_of() -> Result<(), Failure> {
    check_explanations::<Sqlite>()
}
