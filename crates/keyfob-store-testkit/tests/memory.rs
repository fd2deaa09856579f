//! The store in memory keeps the contract.

use keyfob_store_memory::MemoryStore;
use keyfob_store_testkit::{Failure, Harness};

#[derive(Default)]
struct Memory;

impl Harness for Memory {
    type Store = MemoryStore;

    async fn open(&self) -> Result<MemoryStore, Failure> {
        Ok(MemoryStore::new())
    }
}

keyfob_store_testkit::store_conformance!(Memory);
