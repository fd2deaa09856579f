//! Who sends a request.

use std::{fmt, future::Future, pin::Pin};

use http::{HeaderMap, header, request::Parts};
use keyfob_core::{Dialect, ErrorBody, Quirk, ToErrorBody};
use keyfob_engine::{
    AuthenticationError, AuthenticationScheme, Authenticator, Caller, Engine, Store, StoreError,
};
use thiserror::Error;

/// Finds out who sends a request, before anything else is done with it.
///
/// The service comes with [`BearerTokens`], which show their secret to any [`Authenticator`] of the engine's. An application
/// that knows its callers in another way, by several headers or by a value that a middleware of its own left in the
/// request's extensions, implements this trait.
///
/// ```
/// use http::request::Parts;
/// use keyfob_engine::{AuthenticationError, AuthenticationScheme, Caller, TenantId};
/// use keyfob_http::{RequestAuthenticator, RequestAuthenticatorError};
///
/// /// What a middleware in front has found out.
/// #[derive(Clone)]
/// struct Session {
///     customer: String,
/// }
///
/// struct Sessions;
///
/// impl RequestAuthenticator for Sessions {
///     async fn authenticate(&self, request: &Parts) -> Result<Caller, RequestAuthenticatorError> {
///         let session: Option<&Session> = request.extensions.get();
///         let session = session.ok_or(AuthenticationError::Rejected)?;
///         Ok(Caller::new(TenantId::new(session.customer.as_str())))
///     }
///
///     fn schemes(&self) -> Vec<AuthenticationScheme> {
///         vec![AuthenticationScheme::new("cookie", "Session", "The session of the application's log-in")]
///     }
/// }
/// ```
pub trait RequestAuthenticator: Send + Sync + 'static {
    /// Names the caller of a request.
    ///
    /// # Errors
    /// [`RequestAuthenticatorError`] where there is none; the request is then answered with it and nothing else happens.
    fn authenticate(
        &self,
        request: &Parts,
    ) -> impl Future<Output = Result<Caller, RequestAuthenticatorError>> + Send;

    /// How clients prove who they are, the preferred way first: what `/ServiceProviderConfig` says (RFC 7643 section 5)
    /// and, where a scheme has a challenge, the `WWW-Authenticate` of an answer 401.
    ///
    /// Asked once, when the service is built.
    fn schemes(&self) -> Vec<AuthenticationScheme>;
}

/// Why a request has no caller.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RequestAuthenticatorError {
    /// The `Authorization` header holds one word, which a token without its scheme would be. Maps to 401; the text
    /// says nothing of the token, which wasn't looked at.
    #[error("the `Authorization` header lacks the scheme: `Bearer` and a space belong before the token")]
    SchemeMissing,
    /// The credentials were refused or could not be checked.
    #[error(transparent)]
    Refused(#[from] AuthenticationError),
}

impl From<StoreError> for RequestAuthenticatorError {
    fn from(error: StoreError) -> Self {
        AuthenticationError::from(error).into()
    }
}

impl ToErrorBody for RequestAuthenticatorError {
    fn to_error_body(&self) -> ErrorBody {
        match self {
            Self::SchemeMissing => ErrorBody::new(401, self.to_string()),
            Self::Refused(error) => error.to_error_body(),
        }
    }
}

/// Shows the bearer token of a request (RFC 6750 section 2.1) to an [`Authenticator`].
///
/// Under a dialect with [`Quirk::TokenWithoutScheme`] the token may stand alone in the `Authorization` header.
///
/// ```
/// use std::sync::Arc;
/// use keyfob_core::Registry;
/// use keyfob_engine::{AuthenticationError, Authenticator, Caller, Engine, TenantId};
/// use keyfob_http::{BearerTokens, ScimService};
/// use keyfob_store_memory::MemoryStore;
///
/// struct OneKey;
///
/// impl Authenticator for OneKey {
///     async fn authenticate(&self, secret: &str) -> Result<Caller, AuthenticationError> {
///         // Compare digests in constant time here.
///         Err(AuthenticationError::Rejected)
///     }
/// }
///
/// let engine = Arc::new(Engine::new(MemoryStore::new(), Registry::rfc().clone()));
/// let service = ScimService::new(Arc::clone(&engine), BearerTokens::new(&engine, OneKey));
/// # let _ = service;
/// ```
pub struct BearerTokens<A> {
    authenticator: A,
    dialect: Dialect,
    scheme: AuthenticationScheme,
}

impl<A: Authenticator> BearerTokens<A> {
    /// Shows the tokens to this authenticator, read as the engine's dialect has it.
    #[must_use]
    pub fn new<S: Store>(engine: &Engine<S>, authenticator: A) -> Self {
        Self {
            authenticator,
            dialect: engine.profile().dialect,
            scheme: AuthenticationScheme::bearer(),
        }
    }

    /// Returns the same with other words for where the tokens come from, such as an authorization server, and with the
    /// challenge that the scheme has. The default is [`AuthenticationScheme::bearer`], whose challenge a scheme without any
    /// gets: every 401 has one (RFC 9110 section 15.5.2).
    ///
    /// ```
    /// use keyfob_core::Registry;
    /// use keyfob_engine::{AuthenticationScheme, Authenticator, Engine};
    /// use keyfob_http::BearerTokens;
    /// use keyfob_store_memory::MemoryStore;
    ///
    /// fn tokens<A: Authenticator>(engine: &Engine<MemoryStore>, authenticator: A) -> BearerTokens<A> {
    ///     let scheme = AuthenticationScheme::new("oauth2", "OAuth 2.0", "Client credentials with the scope `scim.write`")
    ///         .specified_at("https://www.rfc-editor.org/info/rfc6749")
    ///         .documented_at("https://docs.example.com/clients")
    ///         .challenging_with("Bearer realm=\"SCIM\"");
    ///     BearerTokens::new(engine, authenticator).described_as(scheme)
    /// }
    /// ```
    #[must_use]
    pub fn described_as(self, mut scheme: AuthenticationScheme) -> Self {
        if scheme.challenge.is_none() {
            scheme.challenge = AuthenticationScheme::bearer().challenge;
        }
        Self { scheme, ..self }
    }
}

impl<A: Authenticator> RequestAuthenticator for BearerTokens<A> {
    async fn authenticate(&self, request: &Parts) -> Result<Caller, RequestAuthenticatorError> {
        let token = match (
            bearer_token(&request.headers),
            token_without_scheme(&request.headers),
        ) {
            (Some(token), _) => token,
            (None, Some(token)) if self.dialect.allows(Quirk::TokenWithoutScheme) => token,
            (None, Some(_)) => return Err(RequestAuthenticatorError::SchemeMissing),
            (None, None) => return Err(AuthenticationError::Rejected.into()),
        };
        Ok(self.authenticator.authenticate(token).await?)
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        vec![self.scheme.clone()]
    }
}

impl<A> fmt::Debug for BearerTokens<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerTokens").finish_non_exhaustive()
    }
}

/// The bearer token of a request, if it has exactly one `Authorization` header and that holds one.
#[must_use]
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = credentials(headers)?.split_once(' ')?;
    let token = token.trim_start();
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then_some(token)
}

/// The token of a request without the scheme before it ([`Quirk::TokenWithoutScheme`]): all that the `Authorization`
/// header holds, if there is exactly one and it is one word other than the scheme's.
#[must_use]
pub fn token_without_scheme(headers: &HeaderMap) -> Option<&str> {
    credentials(headers)
        .filter(|only| !only.is_empty() && !only.contains(' ') && !only.eq_ignore_ascii_case("Bearer"))
}

/// The value of the `Authorization` header, if there is exactly one.
fn credentials(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (Some(only), None) => only.to_str().ok().map(str::trim),
        _ => None,
    }
}

/// A [`RequestAuthenticator`] whose type is not known.
pub(crate) trait Erased: Send + Sync {
    fn authenticate<'a>(&'a self, request: &'a Parts) -> Authentication<'a>;

    fn schemes(&self) -> Vec<AuthenticationScheme>;
}

pub(crate) type Authentication<'a> =
    Pin<Box<dyn Future<Output = Result<Caller, RequestAuthenticatorError>> + Send + 'a>>;

impl<A: RequestAuthenticator> Erased for A {
    fn authenticate<'a>(&'a self, request: &'a Parts) -> Authentication<'a> {
        Box::pin(RequestAuthenticator::authenticate(self, request))
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        RequestAuthenticator::schemes(self)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_bearer_token_stands_alone_after_its_scheme_in_any_case() {
        for (sent, token) in [
            (&["Bearer abc"][..], Some("abc")),
            (&["bearer abc"], Some("abc")),
            (&["BEARER   abc "], Some("abc")),
            (&["Bearer"], None),
            (&["Bearer "], None),
            (&["Basic abc"], None),
            (&["abc"], None),
            (&[""], None),
            (&[], None),
            (&["Bearer abc", "Bearer abc"], None),
            (&["Bearer a\u{e9}"], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append(
                    header::AUTHORIZATION,
                    HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                );
            }
            assert_eq!(bearer_token(&headers), token, "{sent:?}");
        }
    }
}
