//! A store on own tables keeps the contract of a store.

use keyfob_core::Registry;
use keyfob_store_testkit::{Failure, Harness, Report, registry_builder};
use keyfob_tables::{Shape, TableStore};
use tempfile::TempDir;

use crate::common;

/// An application whose tables are all that is kept of users and groups, beside the service's own types.
struct Columns {
    folder: TempDir,
    shape: Shape,
    registry: Registry,
}

impl Columns {
    fn new(shape: Shape) -> Self {
        let registry = shape.trim(registry_builder().unwrap()).unwrap();
        Self {
            folder: TempDir::new().unwrap(),
            shape,
            registry,
        }
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self::new(common::shape())
    }
}

impl Harness for Columns {
    type Store = TableStore<common::App>;

    async fn open(&self) -> Result<Self::Store, Failure> {
        let app = common::App::open(self.folder.path().join("app.db"), self.shape.clone());
        Ok(TableStore::open(app, &self.registry).await?)
    }

    async fn reopen(&self, store: Self::Store) -> Result<Self::Store, Failure> {
        drop(store);
        self.open().await
    }

    fn registry(&self) -> &Registry {
        &self.registry
    }
}

#[test]
fn own_tables_keep_the_contract_of_a_store() -> Result<(), Failure> {
    let report = Report::of::<Columns>();
    eprintln!("{report}");
    report.check()
}
