//! The identity of whoever sends a request.

use std::{future::Future, time::Duration};

use http::{header, request::Parts};
use keyfob_admin::{Administration, Administrator};
use keyfob_engine::{AuthenticationError, Feeds, Maintenance};
use thiserror::Error;

/// Finds out which administrator sends a request: by a token, or by a session, certificate or header of the application
/// in which the router is nested.
///
/// ```
/// use http::request::Parts;
/// use keyfob_admin::{Administrator, Grant, Role, Scope};
/// use keyfob_admin_http::{Administrators, IdentifyError};
///
/// /// The proxy in front has signed people in and names them.
/// struct Proxy;
///
/// impl Administrators for Proxy {
///     async fn identify(&self, request: &Parts) -> Result<Administrator, IdentifyError> {
///         let name = request.headers.get("x-signed-in").and_then(|name| name.to_str().ok());
///         let name = name.ok_or(IdentifyError::Unknown)?;
///         Ok(Administrator::new(name, "proxy").with_grant(Grant::new(Role::Auditor, Scope::Service)))
///     }
/// }
/// ```
///
/// An implementation that takes cookies has to refuse requests of other origins: the router doesn't.
pub trait Administrators: Send + Sync + 'static {
    /// Names the administrator who sends a request.
    ///
    /// # Errors
    /// [`IdentifyError`].
    fn identify(&self, request: &Parts) -> impl Future<Output = Result<Administrator, IdentifyError>> + Send;
}

/// The error when nobody is known to send a request.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IdentifyError {
    /// The credential is missing, unknown or over. Maps to 401.
    #[error("the credentials are missing or not valid")]
    Unknown,
    /// Too many wrong credentials came from the same place. Maps to 429 with `Retry-After`.
    #[error("too many credentials that are not valid, try again later")]
    TooMany {
        /// The time after which the client may come again, in whole seconds.
        retry_after: Duration,
    },
    /// The credential could not be checked. Maps to 503.
    #[error("the service is unavailable, try again later")]
    Unavailable,
}

/// The administrators whose tokens the administration made, as bearer tokens (RFC 6750).
#[derive(Debug)]
pub struct AdminTokens<S> {
    administration: Administration<S>,
}

impl<S> AdminTokens<S> {
    /// Takes the tokens of an administration.
    #[must_use]
    pub fn new(administration: Administration<S>) -> Self {
        Self { administration }
    }
}

impl<S: Feeds + Maintenance> Administrators for AdminTokens<S> {
    async fn identify(&self, request: &Parts) -> Result<Administrator, IdentifyError> {
        let header = request.headers.get(header::AUTHORIZATION);
        let header = header.and_then(|header| header.to_str().ok());
        let token = header.and_then(|header| {
            let (scheme, token) = header.split_once(' ')?;
            scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
        });
        let token = token.ok_or(IdentifyError::Unknown)?;
        // What begins like a provider's token is one: the log says so, and the answer doesn't.
        if token.starts_with("kf1_") || token.starts_with("kf_") {
            tracing::warn!("a provider's token was shown to the administration");
        }
        match self.administration.authenticate(token).await {
            Ok(administrator) => Ok(administrator),
            Err(AuthenticationError::Store(error)) => {
                tracing::error!(%error, "a token of an administrator could not be checked");
                Err(IdentifyError::Unavailable)
            }
            Err(_) => Err(IdentifyError::Unknown),
        }
    }
}
