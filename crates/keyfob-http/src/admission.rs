//! Whether a request is answered now: the seam by which a server shares itself out fairly.

use std::{any::Any, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use http::request::Parts;
use keyfob_engine::Caller;

/// Lets requests in, after their callers are known and before anything of their bodies is read.
///
/// An implementation may wait: a tenant that sends more requests than are its share then waits for its own and holds up
/// nobody else. The service has no timer; an implementation that waits sees to it that the waiting ends.
///
/// ```
/// use std::{sync::Arc, sync::atomic::{AtomicUsize, Ordering::Relaxed}, time::Duration};
/// use http::request::Parts;
/// use keyfob_engine::Caller;
/// use keyfob_http::{Admission, Busy, Permit};
///
/// /// Answers ten requests at once and no more.
/// #[derive(Default)]
/// struct Ten(Arc<AtomicUsize>);
///
/// struct Running(Arc<AtomicUsize>);
///
/// impl Drop for Running {
///     fn drop(&mut self) {
///         self.0.fetch_sub(1, Relaxed);
///     }
/// }
///
/// impl Admission for Ten {
///     async fn admit(&self, _: &Caller, _: &Parts) -> Result<Permit, Busy> {
///         let running = Running(Arc::clone(&self.0));
///         match self.0.fetch_add(1, Relaxed) {
///             0..10 => Ok(Permit::new(running)),
///             _ => Err(Busy::Server { retry_after: Duration::from_secs(1) }),
///         }
///     }
/// }
/// ```
pub trait Admission: Send + Sync + 'static {
    /// Lets a request in.
    ///
    /// # Errors
    /// [`Busy`] where the request is to come again later.
    fn admit(&self, caller: &Caller, request: &Parts) -> impl Future<Output = Result<Permit, Busy>> + Send;
}

impl<T: Admission> Admission for Arc<T> {
    async fn admit(&self, caller: &Caller, request: &Parts) -> Result<Permit, Busy> {
        (**self).admit(caller, request).await
    }
}

/// A request's share of the service, given back when the last copy is dropped.
///
/// The answer carries it among its extensions. A server that keeps it until the client has the body lets a client that reads
/// slowly hold its own share.
#[derive(Clone)]
pub struct Permit(Arc<dyn Any + Send + Sync>);

impl Permit {
    /// Creates a permit that holds this value.
    #[must_use]
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self(Arc::new(held))
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&(*self.0).type_id()).finish()
    }
}

/// Why a request isn't answered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Busy {
    /// The tenant has as many requests running and waiting as it may. Maps to 429 with `Retry-After`.
    Tenant {
        /// The time after which the client may come again, in whole seconds.
        retry_after: Duration,
    },
    /// The server has as much to do as it can. Maps to 503 with `Retry-After`.
    Server {
        /// The time after which the client may come again, in whole seconds.
        retry_after: Duration,
    },
}

impl Busy {
    pub(crate) fn retry_after(self) -> Duration {
        match self {
            Self::Tenant { retry_after } | Self::Server { retry_after } => retry_after,
        }
    }
}

/// An [`Admission`] whose type is not known.
pub(crate) trait Erased: Send + Sync {
    fn admit<'a>(&'a self, caller: &'a Caller, request: &'a Parts) -> Admitting<'a>;
}

pub(crate) type Admitting<'a> = Pin<Box<dyn Future<Output = Result<Permit, Busy>> + Send + 'a>>;

impl<A: Admission> Erased for A {
    fn admit<'a>(&'a self, caller: &'a Caller, request: &'a Parts) -> Admitting<'a> {
        Box::pin(Admission::admit(self, caller, request))
    }
}
