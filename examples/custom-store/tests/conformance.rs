//! The application's database keeps the contract of a store.
#![cfg(test)]

use custom_store::Directory;
use keyfob_store_testkit::{Failure, Harness};
use tempfile::TempDir;

struct Database(TempDir);

impl Default for Database {
    fn default() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }
}

impl Harness for Database {
    type Store = Directory;

    async fn open(&self) -> Result<Directory, Failure> {
        Ok(Directory::open(self.0.path().join("directory.db"))?)
    }

    async fn reopen(&self, store: Directory) -> Result<Directory, Failure> {
        drop(store);
        self.open().await
    }
}

keyfob_store_testkit::store_conformance!(Database);
