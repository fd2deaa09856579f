//! The contract of a store.

use keyfob_store_postgres::PostgresStore;
use keyfob_store_testkit::{Failure, Harness, check_explanations, check_push_down, store_conformance};

use crate::support::{Schema, is_demanded, run};

/// A schema of its own, unless there is no database.
struct Postgres(Option<Schema>);

impl Default for Postgres {
    fn default() -> Self {
        Self(Schema::new())
    }
}

impl Harness for Postgres {
    type Store = PostgresStore;

    async fn open(&self) -> Result<PostgresStore, Failure> {
        match &self.0 {
            Some(schema) => Ok(schema.open().await),
            None => Err(Failure::inapplicable(
                "KEYFOB_TEST_POSTGRES_URL names no database, so that PostgreSQL was skipped; \
                 `.ci/postgres cargo test -p keyfob-store-postgres` starts one",
            )),
        }
    }

    async fn reopen(&self, store: PostgresStore) -> Result<PostgresStore, Failure> {
        drop(store);
        self.open().await
    }

    fn run<F: Future>(&self, future: F) -> F::Output {
        run(future)
    }
}

store_conformance!(Postgres);

#[test]
fn a_filter_that_an_index_answers_reads_no_other_document() -> Result<(), Failure> {
    check_push_down::<Postgres>()
}

#[test]
fn a_query_reads_what_its_explanation_tells_of() -> Result<(), Failure> {
    check_explanations::<Postgres>()
}

#[test]
fn a_database_is_there_where_one_is_demanded() {
    assert!(
        !is_demanded() || Schema::new().is_some(),
        "KEYFOB_TEST_POSTGRES_REQUIRED is set, but KEYFOB_TEST_POSTGRES_URL isn't"
    );
}
