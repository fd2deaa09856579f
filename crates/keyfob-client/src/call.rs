//! Calls: operations that are ready to be awaited, called or driven.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use keyfob_core::{Dialect, Projection, SmolStr};

use crate::{
    base::check_timeout,
    client::Shared,
    error::Error,
    exchange::{Exchange, Step},
    session::{Options, Session},
    transport::{BlockingTransport, Transport},
};

pub(crate) type BoxFuture<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// An operation that is ready to run. It does nothing until it is
///
/// - awaited, over a [`Transport`];
/// - [called](Self::call), over a [`BlockingTransport`];
/// - [taken apart](Self::into_exchange) into the steps that it consists of.
///
/// Dropping the future in the middle abandons the operation where it is: a request that was sent may or may not be
/// carried out.
#[must_use = "a call does nothing until it is awaited or called"]
pub struct Call<'c, X, T> {
    transport: &'c X,
    shared: Arc<Shared>,
    options: Options,
    /// The fault of the options.
    fault: Result<(), Error>,
    start: Start<T>,
}

type Start<T> = Box<dyn FnOnce(Session) -> BoxFuture<'static, Result<T, Error>> + Send>;

impl<'c, X, T: 'static> Call<'c, X, T> {
    pub(crate) fn new<F>(
        transport: &'c X,
        shared: &Arc<Shared>,
        start: impl FnOnce(Session) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        Self {
            transport,
            shared: Arc::clone(shared),
            options: Options::default(),
            fault: Ok(()),
            start: Box::new(|session| Box::pin(start(session))),
        }
    }

    /// Carries out the operation only if the resource still is of this version (`If-Match`, RFC 7644 section 3.14);
    /// otherwise the server refuses it with 412.
    pub fn if_match(mut self, version: &str) -> Self {
        self.options.if_match = Some(version.into());
        self
    }

    /// Asks for these attributes alone (RFC 7644 section 3.9).
    pub fn attributes<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.project(names, [])
    }

    /// Asks for all attributes that are returned by default but these.
    pub fn excluding<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.project([], names)
    }

    fn project<'n>(
        mut self,
        attributes: impl IntoIterator<Item = &'n str>,
        excluded: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        match Projection::of_names(attributes, excluded, Dialect::strict()) {
            Ok(projection) => self.options.projection = projection,
            Err(error) => self.fault = Err(Error::Request(SmolStr::from(error.to_string()))),
        }
        self
    }

    /// Gives up on a request after that long, instead of after the client's own time: from 1 millisecond to 24 hours. With
    /// any other time the call is [`Error::Request`] and nothing is sent.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        match check_timeout(timeout) {
            Ok(timeout) => self.options.timeout = Some(timeout),
            Err(error) => self.fault = Err(Error::Request(SmolStr::from(error.to_string()))),
        }
        self
    }

    /// Returns the operation as steps, to be driven without a transport.
    pub fn into_exchange(self) -> Exchange<T> {
        let (shared, options, start) = (self.shared, self.options, self.start);
        let fault = self.fault;
        Exchange::new(move |port| async move {
            fault?;
            start(Session::new(shared, port, options)).await
        })
    }
}

impl<X: BlockingTransport, T: 'static> Call<'_, X, T> {
    /// Carries out the operation and returns its result.
    ///
    /// # Errors
    /// As the method that made the call says.
    pub fn call(self) -> Result<T, Error> {
        let transport = self.transport;
        drive_blocking(transport, self.into_exchange())
    }
}

impl<'c, X: Transport, T: Send + 'static> IntoFuture for Call<'c, X, T> {
    type Output = Result<T, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let transport = self.transport;
        Box::pin(drive(transport, self.into_exchange()))
    }
}

impl<X, T> fmt::Debug for Call<'_, X, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

/// Drives an exchange over a transport to its result.
///
/// # Errors
/// As the operation says.
pub async fn drive<X: Transport, T>(transport: &X, mut exchange: Exchange<T>) -> Result<T, Error> {
    loop {
        match exchange.next() {
            Step::Send(request) => {
                let answer = transport.send(request).await;
                exchange.answer(answer);
            }
            Step::Wait(duration) => transport.wait(duration).await,
            Step::Done(result) => return result,
        }
    }
}

/// Drives an exchange over a transport that blocks to its result.
///
/// # Errors
/// As the operation says.
pub fn drive_blocking<X: BlockingTransport, T>(transport: &X, mut exchange: Exchange<T>) -> Result<T, Error> {
    loop {
        match exchange.next() {
            Step::Send(request) => exchange.answer(transport.send_blocking(request)),
            Step::Wait(duration) => transport.wait_blocking(duration),
            Step::Done(result) => return result,
        }
    }
}
