//! How requests reach the server.

mod address;
mod in_process;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(any(feature = "reqwest", feature = "ureq"))]
mod tls;
#[cfg(feature = "ureq")]
mod ureq;

use std::{error::Error as StdError, fmt, future::Future, time::Duration};

use bytes::Bytes;
use http::Response;

#[cfg(feature = "reqwest")]
pub use self::reqwest::Reqwest;
#[cfg(feature = "ureq")]
pub use self::ureq::Ureq;
pub use self::{address::is_public, in_process::InProcess};

/// A request on its way to the server.
#[non_exhaustive]
pub struct Request {
    /// The request with its absolute address, its headers and its body.
    pub http: http::Request<Bytes>,
    /// The time after which the transport gives up.
    pub timeout: Duration,
    /// The size of the largest body, in bytes, that the transport reads.
    pub max_body: usize,
}

impl Request {
    /// Creates a request.
    #[must_use]
    pub fn new(http: http::Request<Bytes>, timeout: Duration, max_body: usize) -> Self {
        Self {
            http,
            timeout,
            max_body,
        }
    }
}

/// Shows neither the query nor the headers nor the body: they hold names of people and the token.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", self.http.method())
            .field("path", &self.http.uri().path())
            .field("body", &format_args!("{} bytes", self.http.body().len()))
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Sends requests and waits, for asynchronous programs.
///
/// An implementation sends the request exactly as it is and returns whatever answer comes. It follows no redirects,
/// repeats nothing, and adds neither credentials nor cookies: all of that is decided by the client. Dropping a future that
/// [`send`](Self::send) returned abandons the request; whether the server carries it out is then unknown.
///
/// ```
/// use std::{future::Future, time::Duration};
///
/// use bytes::Bytes;
/// use keyfob_client::{Request, Transport, TransportError};
///
/// /// Answers every request with an empty list.
/// struct Nobody;
///
/// impl Transport for Nobody {
///     async fn send(&self, _: Request) -> Result<http::Response<Bytes>, TransportError> {
///         let list = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 0}"#;
///         http::Response::builder()
///             .header("content-type", "application/scim+json")
///             .body(Bytes::from(list))
///             .map_err(TransportError::interrupted)
///     }
///
///     async fn wait(&self, _: Duration) {}
/// }
/// ```
pub trait Transport: Send + Sync {
    /// Sends a request and returns its answer with the whole body.
    ///
    /// # Errors
    /// [`TransportError`] says whether the server can have seen the request.
    fn send(&self, request: Request) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send;

    /// Waits that long.
    fn wait(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// Sends requests and waits, for programs that block. What [`Transport`] says of implementations holds here too.
pub trait BlockingTransport {
    /// Sends a request and returns its answer with the whole body.
    ///
    /// # Errors
    /// [`TransportError`] says whether the server can have seen the request.
    fn send_blocking(&self, request: Request) -> Result<Response<Bytes>, TransportError>;

    /// Waits that long.
    fn wait_blocking(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// The error when no answer came.
///
/// The constructors say what the client may do next: a request that [was never sent](Self::not_sent) can be repeated
/// whatever it is, and the fate of any other is unknown.
#[derive(Debug)]
pub struct TransportError {
    kind: Kind,
    source: Box<dyn StdError + Send + Sync>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    NotSent,
    TimedOut,
    Interrupted,
    TooLarge,
}

impl TransportError {
    /// Creates the error when the server has not seen the request: there was no connection.
    #[must_use]
    pub fn not_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            kind: Kind::NotSent,
            source: source.into(),
        }
    }

    /// Creates the error when no answer came in time.
    #[must_use]
    pub fn timed_out(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            kind: Kind::TimedOut,
            source: source.into(),
        }
    }

    /// Creates the error when the connection broke, or anything else went wrong.
    #[must_use]
    pub fn interrupted(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            kind: Kind::Interrupted,
            source: source.into(),
        }
    }

    /// Creates the error when the body of the answer is larger than [`Request::max_body`].
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        Self {
            kind: Kind::TooLarge,
            source: format!("the limit is {limit} bytes").into(),
        }
    }

    /// Returns true if the server can't have seen the request.
    #[must_use]
    pub fn is_not_sent(&self) -> bool {
        self.kind == Kind::NotSent
    }

    /// Returns true if no answer came in time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.kind == Kind::TimedOut
    }

    /// Returns what the HTTP library said.
    #[must_use]
    pub fn cause(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.source
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::NotSent => "the server can't be reached",
            Kind::TimedOut => "the server did not answer in time",
            Kind::Interrupted => "the answer did not arrive",
            Kind::TooLarge => "the answer is too large",
        })?;
        // The causes are part of the message, since errors of operations that were repeated quote it.
        let mut cause: Option<&dyn StdError> = Some(&*self.source);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for TransportError {}
