//! The store in memory keeps the contract, by its own type and behind [`DynStore`].

use keyfob_store::DynStore;
use keyfob_store_memory::MemoryStore;
use keyfob_store_testkit::{Failure, Harness, store_conformance};

mod by_its_type {
    use super::*;

    #[derive(Default)]
    struct Memory;

    impl Harness for Memory {
        type Store = MemoryStore;

        async fn open(&self) -> Result<MemoryStore, Failure> {
            Ok(MemoryStore::new())
        }
    }

    store_conformance!(Memory);
}

mod behind_a_type_that_hides_it {
    use super::*;

    #[derive(Default)]
    struct Hidden;

    impl Harness for Hidden {
        type Store = DynStore;

        async fn open(&self) -> Result<DynStore, Failure> {
            Ok(DynStore::new(MemoryStore::new()))
        }
    }

    store_conformance!(Hidden);
}
