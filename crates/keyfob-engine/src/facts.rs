//! Facts: data that decisions depend on beside the resource itself.

use std::{
    any::{Any, TypeId},
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
};

use keyfob_store::{Store, StoreError};

use crate::context::Context;

/// Values of different types, one of each type.
///
/// An operation reads facts before it decides; the lifecycle and the rules look at them by type and read nothing themselves.
///
/// ```
/// use std::sync::Arc;
/// use keyfob_engine::Facts;
///
/// struct Quota(usize);
///
/// let facts = Facts::new().with(Arc::new(Quota(10)));
/// assert_eq!(facts.get::<Quota>().map(|quota| quota.0), Some(10));
/// assert!(facts.get::<String>().is_none());
/// ```
#[derive(Clone, Default)]
pub struct Facts(Vec<Arc<dyn Any + Send + Sync>>);

impl Facts {
    /// Creates an empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the same facts with one more, which replaces the one of its type.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, fact: Arc<T>) -> Self {
        self.put(fact);
        self
    }

    /// Returns the fact of a type.
    ///
    /// # Complexity
    /// Linear in the number of facts, of which there is about one for each [`FactSource`].
    #[must_use]
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.iter().find_map(|fact| fact.downcast_ref())
    }

    /// Returns the fact of a type, to be kept.
    #[must_use]
    pub fn get_shared<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let mut facts = self.0.iter();
        facts.find_map(|fact| Arc::clone(fact).downcast().ok())
    }

    /// Adds the facts of another set, which replace those of the same types.
    pub(crate) fn merge(&mut self, other: Self) {
        for fact in other.0 {
            self.put(fact);
        }
    }

    fn put(&mut self, fact: Arc<dyn Any + Send + Sync>) {
        let type_of = |fact: &Arc<dyn Any + Send + Sync>| -> TypeId { (**fact).type_id() };
        match self
            .0
            .iter_mut()
            .find(|present| type_of(present) == type_of(&fact))
        {
            Some(present) => *present = fact,
            None => self.0.push(fact),
        }
    }
}

impl fmt::Debug for Facts {
    /// Prints how many there are: a fact may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Facts").field(&self.0.len()).finish()
    }
}

/// Reads facts from the store or from anywhere else, as a rule itself may not.
///
/// The engine asks before each attempt of a write, so that a decision never rests on what an earlier attempt has seen. What
/// the [`Context`] brings along from authentication needn't be read again.
///
/// ```
/// use std::sync::Arc;
/// use keyfob_core::Registry;
/// use keyfob_engine::{Context, Engine, FactSource, Facts, Store, StoreError};
/// use keyfob_store_memory::MemoryStore;
///
/// /// The number of seats that a tenant has paid for.
/// struct Seats(usize);
///
/// struct Billing;
///
/// impl<S: Store> FactSource<S> for Billing {
///     async fn read(&self, _: &S, _: &Context) -> Result<Facts, StoreError> {
///         // A request of the application's own database stands here.
///         Ok(Facts::new().with(Arc::new(Seats(25))))
///     }
/// }
///
/// let engine = Engine::new(MemoryStore::new(), Registry::rfc().clone()).with_facts(Billing);
/// # let _ = (engine, Seats(1).0);
/// ```
pub trait FactSource<S: Store>: Send + Sync + 'static {
    /// Reads the facts for a call.
    ///
    /// # Errors
    /// [`StoreError`]; the operation ends with it and changes nothing.
    fn read(&self, store: &S, cx: &Context) -> impl Future<Output = Result<Facts, StoreError>> + Send;
}

/// A [`FactSource`] whose type is not known.
pub(crate) trait Erased<S>: Send + Sync {
    fn read<'r>(&'r self, store: &'r S, cx: &'r Context) -> Reading<'r>;
}

type Reading<'r> = Pin<Box<dyn Future<Output = Result<Facts, StoreError>> + Send + 'r>>;

impl<S: Store, F: FactSource<S>> Erased<S> for F {
    fn read<'r>(&'r self, store: &'r S, cx: &'r Context) -> Reading<'r> {
        Box::pin(FactSource::read(self, store, cx))
    }
}
