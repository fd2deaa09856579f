//! What the suite has to be told about a store.

use std::future::Future;

use keyfob_store::Store;

use crate::failure::Failure;

/// Opens stores for the suite.
///
/// Each case makes a harness of its own, by [`Default`], and opens one store with it, so that a harness may own what
/// a store needs: a temporary directory, a schema in a database, a runtime.
///
/// ```
/// use keyfob_store_memory::MemoryStore;
/// use keyfob_store_testkit::{Failure, Harness};
///
/// #[derive(Default)]
/// struct Memory;
///
/// impl Harness for Memory {
///     type Store = MemoryStore;
///
///     async fn open(&self) -> Result<MemoryStore, Failure> {
///         Ok(MemoryStore::new())
///     }
/// }
///
/// assert!(keyfob_store_testkit::cases::<Memory>().len() >= 45);
/// ```
pub trait Harness: Send + Sync {
    /// The store that is tried.
    type Store: Store;

    /// Opens a store that holds nothing.
    fn open(&self) -> impl Future<Output = Result<Self::Store, Failure>> + Send;

    /// Closes a store and opens what it kept. Asked of stores alone that say that they are
    /// [durable](keyfob_store::Capabilities::durable).
    fn reopen(&self, store: Self::Store) -> impl Future<Output = Result<Self::Store, Failure>> + Send {
        drop(store);
        async {
            Err(Failure::new(
                "the store says that it is durable, but its harness can't open it again",
            ))
        }
    }

    /// Runs a future to its end. Called from several threads at once.
    ///
    /// By default the calling thread sleeps until the future is done. The harness of a store that needs a runtime
    /// runs it there, as with `self.runtime.block_on(future)`.
    fn run<F: Future>(&self, future: F) -> F::Output {
        pollster::block_on(future)
    }
}
