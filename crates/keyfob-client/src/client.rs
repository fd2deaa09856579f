//! The client and how it is set up.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use keyfob_core::{Clock, Resource, SmolStr, SystemClock, message::Deviation};

use crate::{
    base::{Base, UrlError, check_timeout},
    call::Call,
    discover::{self, Target},
    error::Error,
    resources::{Resources, View},
    retry::{Budget, Random, Retry, SystemRandom},
};

/// A client of one SCIM server.
///
/// `X` is the [transport](crate::transport); without one the client makes [`Exchange`](crate::Exchange)s. Cloning is
/// cheap; clones share the transport and the budget of repetitions.
pub struct Client<X = ()> {
    pub(crate) transport: Arc<X>,
    pub(crate) shared: Arc<Shared>,
}

/// What all operations of a client share.
pub(crate) struct Shared {
    pub(crate) base: Base,
    pub(crate) headers: HeaderMap,
    pub(crate) credentials: Credentials,
    pub(crate) timeout: Duration,
    pub(crate) max_body: usize,
    pub(crate) max_pages: u64,
    pub(crate) retry: Retry,
    pub(crate) budget: Arc<Budget>,
    pub(crate) strict: bool,
    pub(crate) on_deviation: Option<Report>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) target: Arc<Target>,
}

/// What is called with every deviation.
type Report = Arc<dyn Fn(&Deviation) + Send + Sync>;

/// Who the client is to the server.
#[derive(Clone)]
pub(crate) enum Credentials {
    None,
    /// The whole header, and the secrets in it.
    Fixed(HeaderValue, Vec<SmolStr>),
    /// A bearer token that is asked for with every request.
    Bearer(Arc<dyn Fn() -> String + Send + Sync>),
}

impl Client {
    /// Sets up a client of the server at this base URL, the address to which `/Users` is appended.
    ///
    /// # Errors
    /// [`UrlError`] when the text is no absolute URL, or holds credentials or a query.
    pub fn builder(base_url: &str) -> Result<ClientBuilder, UrlError> {
        Ok(ClientBuilder {
            transport: (),
            plain_text: false,
            header_error: None,
            shared: Shared {
                base: Base::parse(base_url)?,
                headers: HeaderMap::from_iter([
                    (
                        header::ACCEPT,
                        HeaderValue::from_static("application/scim+json, application/json;q=0.9"),
                    ),
                    (
                        header::USER_AGENT,
                        HeaderValue::from_static(concat!("keyfob-client/", env!("CARGO_PKG_VERSION"))),
                    ),
                ]),
                credentials: Credentials::None,
                timeout: Duration::from_secs(30),
                max_body: 32 << 20,
                max_pages: 100_000,
                retry: Retry::default(),
                budget: Arc::new(Budget::new(Retry::default().budget)),
                strict: false,
                on_deviation: None,
                clock: Arc::new(SystemClock::new()),
                random: Arc::new(SystemRandom),
                target: Arc::new(Target::rfc()),
            },
        })
    }
}

impl<X> Client<X> {
    /// Asks the server what it supports: `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas` (RFC 7644 section 4).
    ///
    /// An endpoint that the server doesn't have is noted as a deviation, and what the RFC says stands in for it.
    ///
    /// # Errors
    /// [`Error`] when no endpoint answers with SCIM, or the server refuses the client (401, 403).
    pub fn discover(&self) -> Call<'_, X, Target> {
        Call::new(&*self.transport, &self.shared, discover::discover)
    }

    /// Returns a client of the same server that knows what it supports.
    #[must_use]
    pub fn with(&self, target: Target) -> Self {
        let shared = Shared {
            target: Arc::new(target),
            ..self.shared.again()
        };
        Self {
            transport: Arc::clone(&self.transport),
            shared: Arc::new(shared),
        }
    }

    /// Returns what is known of the server.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.shared.target
    }

    /// Returns the transport.
    #[must_use]
    pub fn transport(&self) -> &X {
        &self.transport
    }

    /// Returns the base URL.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.shared.base.as_str()
    }

    /// Returns the resources of a type as its typed view.
    #[must_use]
    pub fn of<V: View>(&self) -> Resources<'_, X, V> {
        Resources::new(self, V::RESOURCE_TYPE.into())
    }

    /// Returns the resources of the type with this name, such as `Device`, whatever their attributes.
    #[must_use]
    pub fn resources(&self, resource_type: &str) -> Resources<'_, X, Resource> {
        Resources::new(self, resource_type.into())
    }
}

impl<X> Clone for Client<X> {
    fn clone(&self) -> Self {
        Self {
            transport: Arc::clone(&self.transport),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<X> fmt::Debug for Client<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// A copy, which shares the budget.
    fn again(&self) -> Self {
        Self {
            base: self.base.clone(),
            headers: self.headers.clone(),
            credentials: self.credentials.clone(),
            timeout: self.timeout,
            max_body: self.max_body,
            max_pages: self.max_pages,
            retry: self.retry,
            budget: Arc::clone(&self.budget),
            strict: self.strict,
            on_deviation: self.on_deviation.clone(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            target: Arc::clone(&self.target),
        }
    }

    /// Returns the header that says who the client is.
    pub(crate) fn authorization(&self) -> Result<Option<HeaderValue>, Error> {
        match &self.credentials {
            Credentials::None => Ok(None),
            Credentials::Fixed(value, _) => Ok(Some(value.clone())),
            Credentials::Bearer(token) => bearer(&token())
                .map(Some)
                .ok_or_else(|| Error::Request("the token holds characters that no header may hold".into())),
        }
    }

    /// Returns the secrets that must not appear in any error.
    pub(crate) fn secrets(&self) -> Cow<'_, [SmolStr]> {
        match &self.credentials {
            Credentials::None => Cow::Borrowed(&[]),
            Credentials::Fixed(_, secrets) => Cow::Borrowed(secrets),
            Credentials::Bearer(token) => Cow::Owned(vec![token().into()]),
        }
    }
}

fn bearer(token: &str) -> Option<HeaderValue> {
    sensitive(&format!("Bearer {}", token.trim()))
}

/// A value that no `Debug` shows, of headers or of HTTP libraries.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("base", &self.base.as_str())
            .field("timeout", &self.timeout)
            .field("max_body", &self.max_body)
            .field("retry", &self.retry)
            .field("strict", &self.strict)
            .finish_non_exhaustive()
    }
}

/// Sets up a [`Client`].
#[must_use]
pub struct ClientBuilder<X = ()> {
    transport: X,
    shared: Shared,
    plain_text: bool,
    header_error: Option<UrlError>,
}

impl<X> ClientBuilder<X> {
    /// Sends requests over this transport.
    pub fn transport<Y>(self, transport: Y) -> ClientBuilder<Y> {
        ClientBuilder {
            transport,
            shared: self.shared,
            plain_text: self.plain_text,
            header_error: self.header_error,
        }
    }

    /// Sends a bearer token with every request (RFC 6750). Space around it is not part of it.
    pub fn bearer(mut self, token: &str) -> Self {
        self.credentials(bearer(token), vec![token.trim().into()]);
        self
    }

    /// Asks for the bearer token before every request, for tokens that end. The function should answer from memory.
    pub fn bearer_from(mut self, token: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.shared.credentials = Credentials::Bearer(Arc::new(token));
        self
    }

    /// Sends a user name and a password with every request (RFC 7617).
    pub fn basic(mut self, user_name: &str, password: &str) -> Self {
        let encoded = BASE64_STANDARD.encode(format!("{user_name}:{password}"));
        let value = sensitive(&format!("Basic {encoded}"));
        self.credentials(value, vec![encoded.into(), password.into()]);
        self
    }

    fn credentials(&mut self, value: Option<HeaderValue>, secrets: Vec<SmolStr>) {
        match value {
            Some(value) => self.shared.credentials = Credentials::Fixed(value, secrets),
            None => self.header_error = Some(UrlError::Header("authorization".into())),
        }
    }

    /// Sends a header with every request, in place of the client's own of that name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(true);
                self.shared.headers.insert(name, value);
            }
            _ => self.header_error = Some(UrlError::Header(name.into())),
        }
        self
    }

    /// Gives up on a request after that long: from 1 millisecond to 24 hours, and 30 seconds by default.
    /// [`build`](Self::build) refuses any other time. A request that is [repeated](Retry) has the time anew.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.shared.timeout = timeout;
        self
    }

    /// Reads answers of at most so many bytes. Defaults to 32 MiB, enough for a group of 150,000 members.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.shared.max_body = bytes;
        self
    }

    /// Reads at most so many pages of a list. Defaults to 100,000.
    pub fn max_pages(mut self, pages: u64) -> Self {
        self.shared.max_pages = pages;
        self
    }

    /// Sets when requests are sent again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.shared.budget = Arc::new(Budget::new(retry.budget));
        self.shared.retry = retry;
        self
    }

    /// Makes every deviation from the RFC an error, for tests of servers.
    pub fn strict(mut self) -> Self {
        self.shared.strict = true;
        self
    }

    /// Calls the function with every deviation from the RFC.
    pub fn on_deviation(mut self, report: impl Fn(&Deviation) + Send + Sync + 'static) -> Self {
        self.shared.on_deviation = Some(Arc::new(report));
        self
    }

    /// Takes the time from this clock, where an answer has no `Date`.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.shared.clock = Arc::new(clock);
        self
    }

    /// Takes random numbers from here.
    pub fn random(mut self, random: impl Random) -> Self {
        self.shared.random = Arc::new(random);
        self
    }

    /// Allows `http` to other machines than this one, such as within a cluster's own network.
    pub fn allow_plain_text(mut self) -> Self {
        self.plain_text = true;
        self
    }

    /// Returns the client.
    ///
    /// # Errors
    /// [`UrlError::PlainText`] for `http` to another machine, [`UrlError::Header`] when a header can't be sent, and
    /// [`UrlError::Timeout`] for a time that is none.
    pub fn build(self) -> Result<Client<X>, UrlError> {
        if let Some(error) = self.header_error {
            return Err(error);
        }
        check_timeout(self.shared.timeout)?;
        if !self.plain_text && !self.shared.base.is_private() {
            return Err(UrlError::PlainText(self.shared.base.as_str().into()));
        }
        Ok(Client {
            transport: Arc::new(self.transport),
            shared: Arc::new(self.shared),
        })
    }
}

impl<X> fmt::Debug for ClientBuilder<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}
