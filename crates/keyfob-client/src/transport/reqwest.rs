//! A transport over reqwest.

use std::{
    error::Error as StdError,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::Response;
use reqwest::{
    ClientBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use super::{Request, Transport, TransportError, tls};

/// Sends requests over HTTP with [reqwest](https://docs.rs/reqwest), within a runtime of tokio.
///
/// Connections are reused. Certificates are verified by rustls as the operating system trusts them.
#[derive(Clone, Debug)]
pub struct Reqwest {
    client: reqwest::Client,
    allowed: Option<Allowed>,
}

/// Tells which addresses may be connected to.
#[derive(Clone)]
struct Allowed(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl fmt::Debug for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Allowed(..)")
    }
}

impl Reqwest {
    /// Creates a transport that follows no redirects.
    ///
    /// # Errors
    /// [`TransportError`] when the operating system's certificates can't be used.
    pub fn new() -> Result<Self, TransportError> {
        let client = builder()?.build().map_err(TransportError::not_sent)?;
        Ok(client.into())
    }

    /// Creates a transport that follows no redirects, goes through no proxy, and connects to the addresses alone that a
    /// function allows: for URLs that come from somebody who is not to reach the service's own network through it.
    ///
    /// The function is asked about each address to which a name resolves, and the connection is made to one of those
    /// that it allows. So a name that resolves to another address a moment later leads nowhere else. It is asked about
    /// the address in a URL, too, in whatever way that is written. A request to any other address is
    /// [not sent](TransportError::is_not_sent).
    ///
    /// ```no_run
    /// use keyfob_client::{Reqwest, is_public};
    ///
    /// let transport = Reqwest::reaching(is_public)?;
    /// # Ok::<(), keyfob_client::TransportError>(())
    /// ```
    ///
    /// # Errors
    /// [`TransportError`] when the operating system's certificates can't be used.
    pub fn reaching(
        allowed: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Result<Self, TransportError> {
        let allowed = Allowed(Arc::new(allowed));
        // A proxy would resolve the name by itself.
        let client = builder()?
            .no_proxy()
            .dns_resolver(Resolver(allowed.clone()))
            .build()
            .map_err(TransportError::not_sent)?;
        Ok(Self {
            client,
            allowed: Some(allowed),
        })
    }

    /// Refuses a URL with an address in place of a name, which no resolver is asked about.
    fn check(&self, url: &reqwest::Url) -> Result<(), TransportError> {
        let (Some(Allowed(allowed)), Some(host)) = (&self.allowed, url.host_str()) else {
            return Ok(());
        };
        // The URL has been brought to one form: hexadecimal and short forms of an address are written out by now.
        let address = host.trim_start_matches('[').trim_end_matches(']').parse();
        match address {
            Ok(address) if !allowed(address) => Err(TransportError::not_sent(NOT_ALLOWED)),
            _ => Ok(()),
        }
    }
}

const NOT_ALLOWED: &str = "the host has no address that may be connected to";

fn builder() -> Result<ClientBuilder, TransportError> {
    let tls = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(TransportError::not_sent)?
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .redirect(Policy::none())
        .tls_backend_preconfigured(tls))
}

/// The operating system's resolver, of whose answers the addresses remain that are allowed.
struct Resolver(Allowed);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Allowed(allowed) = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.filter(|address| allowed(address.ip())).collect();
            if found.is_empty() {
                return Err(Box::<dyn StdError + Send + Sync>::from(NOT_ALLOWED));
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A client of your own, such as one with a proxy or a client certificate. It must follow no redirects
/// (`redirect::Policy::none()`): where it does, it may carry the token to another server.
impl From<reqwest::Client> for Reqwest {
    fn from(client: reqwest::Client) -> Self {
        Self {
            client,
            allowed: None,
        }
    }
}

impl Transport for Reqwest {
    async fn send(&self, request: Request) -> Result<Response<Bytes>, TransportError> {
        let (limit, timeout) = (request.max_body, request.timeout);
        let mut http = reqwest::Request::try_from(request.http).map_err(failed)?;
        self.check(http.url())?;
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
