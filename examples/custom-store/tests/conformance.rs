//! The application's tables keep the contract of a store.
#![cfg(test)]

use custom_store::{Directory, OwnTables};
use keyfob_core::Registry;
use keyfob_store_testkit::{Failure, Harness, Report};
use keyfob_tables::TableStore;
use tempfile::TempDir;

struct Database {
    folder: TempDir,
    registry: Registry,
}

impl Default for Database {
    fn default() -> Self {
        let folder = TempDir::new().expect("a temporary directory");
        let directory = Directory::open(folder.path().join("directory.db")).expect("a database");
        let (_, registry) = pollster::block_on(directory.scim()).expect("a store");
        Self { folder, registry }
    }
}

impl Harness for Database {
    type Store = TableStore<OwnTables>;

    async fn open(&self) -> Result<Self::Store, Failure> {
        let directory = Directory::open(self.folder.path().join("directory.db"))?;
        Ok(directory.scim().await?.0)
    }

    async fn reopen(&self, store: Self::Store) -> Result<Self::Store, Failure> {
        drop(store);
        self.open().await
    }

    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn has_unique_names(&self) -> bool {
        true
    }
}

// `store_conformance!` makes a test of each case, and runs all of them once more for its report: here one run is enough.
#[test]
fn own_tables_keep_the_contract_of_a_store() -> Result<(), Failure> {
    let report = Report::of::<Database>();
    eprintln!("{report}");
    report.check()
}
