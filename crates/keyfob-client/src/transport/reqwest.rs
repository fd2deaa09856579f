//! A transport over reqwest.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Response;
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use super::{Request, Transport, TransportError, tls};

/// Sends requests over HTTP with [reqwest](https://docs.rs/reqwest), within a runtime of tokio.
///
/// Connections are reused. Certificates are verified by rustls as the operating system trusts them.
#[derive(Clone, Debug)]
pub struct Reqwest {
    client: reqwest::Client,
}

impl Reqwest {
    /// Creates a transport that follows no redirects.
    ///
    /// # Errors
    /// [`TransportError`] when the operating system's certificates can't be used.
    pub fn new() -> Result<Self, TransportError> {
        let tls = ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(TransportError::not_sent)?
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(TransportError::not_sent)?;
        Ok(Self { client })
    }
}

/// A client of your own, such as one with a proxy or a client certificate. It must follow no redirects
/// (`redirect::Policy::none()`): where it does, it may carry the token to another server.
impl From<reqwest::Client> for Reqwest {
    fn from(client: reqwest::Client) -> Self {
        Self { client }
    }
}

impl Transport for Reqwest {
    async fn send(&self, request: Request) -> Result<Response<Bytes>, TransportError> {
        let (limit, timeout) = (request.max_body, request.timeout);
        let mut http = reqwest::Request::try_from(request.http).map_err(failed)?;
        *http.timeout_mut() = Some(timeout);
        let mut answer = self.client.execute(http).await.map_err(failed)?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        std::mem::swap(response.headers_mut(), answer.headers_mut());
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > limit {
                return Err(TransportError::too_large(limit));
            }
            body.extend_from_slice(&chunk);
        }
        *response.body_mut() = body.freeze();
        Ok(response)
    }

    async fn wait(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The address stands in no error: its query holds names of people.
fn failed(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        TransportError::not_sent(error)
    } else if error.is_timeout() {
        TransportError::timed_out(error)
    } else {
        TransportError::interrupted(error)
    }
}
