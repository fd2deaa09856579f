//! A transport over ureq, which blocks.

use std::{io::Read, time::Duration};

use bytes::Bytes;
use http::{Method, Response};
use ureq::{
    AsSendBody, Body,
    tls::{RootCerts, TlsConfig},
};

use super::{BlockingTransport, Request, TransportError, tls};

/// The number of connections that stay open without a request.
const IDLE: usize = 64;

/// Sends requests over HTTP with [ureq](https://docs.rs/ureq), without a runtime.
///
/// Connections are reused. Certificates are verified by rustls as the operating system trusts them.
#[derive(Clone, Debug)]
pub struct Ureq {
    agent: ureq::Agent,
}

impl Ureq {
    /// Creates a transport that follows no redirects and adds no headers but those of HTTP itself.
    #[must_use]
    pub fn new() -> Self {
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(tls::provider())
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            // A request is sent exactly as it is: which headers it has is decided by whoever made it.
            .user_agent("")
            .accept("")
            .accept_encoding("")
            // Several threads may share it: each keeps its connection.
            .max_idle_connections(IDLE)
            .max_idle_connections_per_host(IDLE)
            .build();
        Self {
            agent: config.new_agent(),
        }
    }
}

impl Ureq {
    fn run(
        &self,
        http: http::Request<impl AsSendBody>,
        timeout: Duration,
    ) -> Result<Response<Body>, ureq::Error> {
        let http = self
            .agent
            .configure_request(http)
            .timeout_global(Some(timeout))
            .build();
        self.agent.run(http)
    }
}

impl Default for Ureq {
    fn default() -> Self {
        Self::new()
    }
}

impl BlockingTransport for Ureq {
    fn send_blocking(&self, request: Request) -> Result<Response<Bytes>, TransportError> {
        let (limit, timeout) = (request.max_body, request.timeout);
        // An empty body would be announced by its length, also where a method has none (RFC 9110 section 8.6).
        let has_none = matches!(
            *request.http.method(),
            Method::GET | Method::HEAD | Method::DELETE
        );
        let answer = if has_none && request.http.body().is_empty() {
            self.run(request.http.map(|_| ()), timeout)
        } else {
            self.run(request.http.map(|body| body.to_vec()), timeout)
        };
        let answer = answer.map_err(failed)?;
        let (head, body) = answer.into_parts();
        let mut read = Vec::new();
        // One byte more than the limit tells a body of just that size from a larger one.
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        body.into_reader()
            .take(most)
            .read_to_end(&mut read)
            .map_err(|error| {
                if error.kind() == std::io::ErrorKind::TimedOut {
                    TransportError::timed_out(error)
                } else {
                    TransportError::interrupted(error)
                }
            })?;
        if read.len() > limit {
            return Err(TransportError::too_large(limit));
        }
        Ok(Response::from_parts(head, Bytes::from(read)))
    }
}

fn failed(error: ureq::Error) -> TransportError {
    use ureq::Error;
    match error {
        Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect)
        | Error::HostNotFound
        | Error::ConnectionFailed
        | Error::BadUri(_)
        | Error::Tls(_)
        | Error::Rustls(_) => TransportError::not_sent(error),
        Error::Timeout(_) => TransportError::timed_out(error),
        Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => TransportError::not_sent(io),
        _ => TransportError::interrupted(error),
    }
}
