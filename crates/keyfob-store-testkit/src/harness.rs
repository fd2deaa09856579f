//! What the suite has to know about a store.

use std::future::Future;

use keyfob_core::Registry;
use keyfob_store::{Feeds, Maintenance};

use crate::{failure::Failure, fixture};

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
/// assert!(keyfob_store_testkit::cases::<Memory>().len() >= 150);
/// ```
pub trait Harness: Send + Sync {
    /// The store that is tried. One without events and maintenance is tried as a [`StoreOnly`](crate::StoreOnly).
    type Store: Feeds + Maintenance;

    /// Opens a store that holds nothing.
    fn open(&self) -> impl Future<Output = Result<Self::Store, Failure>> + Send;

    /// Closes a store and opens what it kept. Called for stores alone that claim to be
    /// [durable](keyfob_store::Capabilities::durable).
    fn reopen(&self, store: Self::Store) -> impl Future<Output = Result<Self::Store, Failure>> + Send {
        drop(store);
        async {
            Err(Failure::new(
                "the store claims to be durable, but its harness can't open it again",
            ))
        }
    }

    /// Returns the resource types that the suite stores. A store of some types or attributes gives its own registry, and
    /// the suite leaves out the cases that need others.
    ///
    /// The names of the types are those of the suite's own [registry](crate::registry), which is the default.
    fn registry(&self) -> &Registry {
        fixture::registry()
    }

    /// Returns true if a constraint of the database behind the store keeps user names unique, whatever keys are reserved.
    /// The suite then has no two users of one name but where it expects a refusal.
    fn has_unique_names(&self) -> bool {
        false
    }

    /// Runs a future to its end. Called from several threads at once.
    ///
    /// By default the calling thread sleeps until the future is done. The harness of a store that needs a runtime
    /// runs it there, as with `self.runtime.block_on(future)`.
    fn run<F: Future>(&self, future: F) -> F::Output {
        pollster::block_on(future)
    }
}
