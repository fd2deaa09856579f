//! The core that does no I/O: what has to be sent and waited for, one step at a time.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::Response;

use crate::{
    error::Error,
    transport::{Request, TransportError},
};

/// An operation as a sequence of requests, waits and a result, with no I/O of its own.
///
/// [`Call`](crate::Call)s drive it over a transport. Drive it by hand to put the client into a loop of your own, or to
/// test without a network and without time.
///
/// ```
/// use bytes::Bytes;
/// use keyfob_client::{Client, Step};
/// use keyfob_core::{ResourceId, view::User};
///
/// let client = Client::builder("https://app.example/scim/v2")?.bearer("secret").build()?;
/// let mut exchange = client.of::<User>().get(&ResourceId::new("1")).into_exchange();
///
/// let Step::Send(request) = exchange.next() else { return Err("a request comes first".into()) };
/// assert_eq!(request.http.uri(), "https://app.example/scim/v2/Users/1");
/// exchange.answer(Ok(http::Response::builder()
///     .header("content-type", "application/scim+json")
///     .body(Bytes::from(r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
///                           "id": "1", "userName": "bjensen"}"#))?));
///
/// let Step::Done(user) = exchange.next() else { return Err("nothing else is to be sent".into()) };
/// assert_eq!(user?.resource.user_name.as_deref(), Some("bjensen"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an exchange does nothing until it is driven"]
pub struct Exchange<T> {
    // The operations are written as asynchronous functions that wait for nothing but this port, which makes the compiler
    // build the state machine. No executor is involved: `next` polls with a waker that does nothing.
    operation: Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>,
    port: Port,
}

/// What has to be done next.
#[expect(clippy::exhaustive_enums, reason = "a driver has to know every step")]
pub enum Step<T> {
    /// Send the request and hand the answer to [`Exchange::answer`].
    Send(Request),
    /// Wait that long.
    Wait(Duration),
    /// The result.
    Done(Result<T, Error>),
}

impl<T> fmt::Debug for Step<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(request) => f.debug_tuple("Send").field(request).finish(),
            Self::Wait(duration) => f.debug_tuple("Wait").field(duration).finish(),
            Self::Done(Ok(_)) => f.write_str("Done(Ok(..))"),
            Self::Done(Err(error)) => f.debug_tuple("Done").field(error).finish(),
        }
    }
}

impl<T> fmt::Debug for Exchange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

impl<T> Exchange<T> {
    pub(crate) fn new<F>(operation: impl FnOnce(Port) -> F) -> Self
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let port = Port::default();
        Self {
            operation: Box::pin(operation(port.clone())),
            port,
        }
    }

    /// Returns the next step.
    ///
    /// A request that was returned and not answered counts as interrupted: whether the server carried it out is unknown.
    #[expect(clippy::should_implement_trait, reason = "the answers come in between")]
    pub fn next(&mut self) -> Step<T> {
        let mut cx = Context::from_waker(Waker::noop());
        self.port.resume();
        match self.operation.as_mut().poll(&mut cx) {
            Poll::Ready(result) => {
                // A future must not be polled again once it is ready.
                self.operation = Box::pin(async { Err(Error::Finished) });
                Step::Done(result)
            }
            Poll::Pending => match self.port.take_order() {
                Some(Order::Send(request)) => Step::Send(*request),
                Some(Order::Wait(duration)) => Step::Wait(duration),
                None => Step::Done(Err(Error::Finished)),
            },
        }
    }

    /// Hands in the answer to the request that [`next`](Self::next) returned.
    pub fn answer(&mut self, answer: Result<Response<Bytes>, TransportError>) {
        self.port.put(Slot::Answered(answer));
    }
}

/// The place through which an operation and its driver talk.
#[derive(Clone, Default)]
pub(crate) struct Port(Arc<Mutex<Slot>>);

enum Order {
    Send(Box<Request>),
    Wait(Duration),
}

#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Ordered(Order),
    Sent,
    Waiting,
    Answered(Result<Response<Bytes>, TransportError>),
    Waited,
}

impl Port {
    /// Sends a request and returns its answer.
    pub(crate) async fn send(&self, request: Request) -> Result<Response<Bytes>, TransportError> {
        self.put(Slot::Ordered(Order::Send(Box::new(request))));
        poll_fn(|_| match self.take() {
            Slot::Answered(answer) => Poll::Ready(answer),
            other => {
                self.put(other);
                Poll::Pending
            }
        })
        .await
    }

    /// Waits that long.
    pub(crate) async fn wait(&self, duration: Duration) {
        self.put(Slot::Ordered(Order::Wait(duration)));
        poll_fn(|_| match self.take() {
            Slot::Waited => Poll::Ready(()),
            other => {
                self.put(other);
                Poll::Pending
            }
        })
        .await;
    }

    /// Ends what the driver was asked to do before it asks for the next step.
    fn resume(&self) {
        match self.take() {
            Slot::Waiting => self.put(Slot::Waited),
            Slot::Sent => self.put(Slot::Answered(Err(TransportError::interrupted(
                "the request was not answered",
            )))),
            other => self.put(other),
        }
    }

    fn take_order(&self) -> Option<Order> {
        match self.take() {
            Slot::Ordered(order) => {
                self.put(match order {
                    Order::Send(_) => Slot::Sent,
                    Order::Wait(_) => Slot::Waiting,
                });
                Some(order)
            }
            other => {
                self.put(other);
                None
            }
        }
    }

    fn put(&self, slot: Slot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = slot;
    }

    fn take(&self) -> Slot {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
