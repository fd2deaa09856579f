//! Who sends a request.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use http::{HeaderMap, header, request::Parts};
use keyfob_core::{ErrorBody, Quirk, ResourceId, ToErrorBody};
use keyfob_engine::{
    Authenticated, AuthenticationError, AuthenticationScheme, Context, Engine, Store, StoreError, TenantId,
};
use smol_str::SmolStr;
use thiserror::Error;

/// Finds out who sends a request, before anything else is done with it.
///
/// The service comes with [`BearerTokens`]. An application that knows its callers in another way, by a JWT or by what
/// a middleware of its own left in the request's extensions, implements this trait.
///
/// ```
/// use http::request::Parts;
/// use keyfob_engine::{AuthenticationScheme, TenantId};
/// use keyfob_http::{Authenticator, AuthenticatorError, Caller};
///
/// /// What a middleware in front has found out.
/// #[derive(Clone)]
/// struct Session {
///     customer: String,
/// }
///
/// struct Sessions;
///
/// impl Authenticator for Sessions {
///     async fn authenticate(&self, request: &Parts) -> Result<Caller, AuthenticatorError> {
///         let session: &Session = request.extensions.get().ok_or(AuthenticatorError::Unauthorized)?;
///         Ok(Caller::new(TenantId::new(session.customer.as_str())))
///     }
///
///     fn schemes(&self) -> Vec<AuthenticationScheme> {
///         vec![AuthenticationScheme::new("cookie", "Session", "The session of the application's log-in")]
///     }
/// }
/// ```
pub trait Authenticator: Send + Sync + 'static {
    /// Names the caller of a request.
    ///
    /// # Errors
    /// [`AuthenticatorError`] where there is none; the request is then answered with it and nothing else happens.
    fn authenticate(
        &self,
        request: &Parts,
    ) -> impl Future<Output = Result<Caller, AuthenticatorError>> + Send;

    /// How clients prove who they are, the preferred way first: what `/ServiceProviderConfig` says (RFC 7643 section 5)
    /// and, where a scheme has a challenge, the `WWW-Authenticate` of an answer 401.
    ///
    /// Asked once, when the service is built.
    fn schemes(&self) -> Vec<AuthenticationScheme>;
}

/// Who sends a request.
#[derive(Clone, Debug)]
pub struct Caller {
    context: Context,
    resource: Option<(SmolStr, ResourceId)>,
}

impl Caller {
    /// Creates a caller who acts for a tenant and is none of its resources, such as a provisioning provider.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            context: Context::new(tenant),
            resource: None,
        }
    }

    /// Creates the provider of an organization that a token has opened. What the authentication has read is not read
    /// again.
    #[must_use]
    pub fn provider(authenticated: &Authenticated) -> Self {
        Self {
            context: authenticated.to_context(),
            resource: None,
        }
    }

    /// Returns the same caller with an identity and the name of the credential that let them in, which events carry.
    #[must_use]
    pub fn with_identity(self, identity: impl Into<SmolStr>, credential: impl Into<SmolStr>) -> Self {
        Self {
            context: self.context.with_identity(identity, credential),
            ..self
        }
    }

    /// The same caller, being this resource: what `/Me` leads to (RFC 7644 section 3.11).
    ///
    /// The resource may be read and changed by way of `/Me` as under its own address, but as a user's own doing
    /// ([`Actor::User`](keyfob_engine::Actor::User)): what only a provider may change stays closed to it.
    #[must_use]
    pub fn with_resource(self, resource_type: impl Into<SmolStr>, id: ResourceId) -> Self {
        Self {
            resource: Some((resource_type.into(), id)),
            ..self
        }
    }

    /// Returns the tenant that the caller acts for.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        self.context.tenant()
    }

    /// Returns the context of what the caller asks for.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// The name of the resource type and the id of the resource that the caller is.
    #[must_use]
    pub fn resource(&self) -> Option<(&str, &ResourceId)> {
        self.resource
            .as_ref()
            .map(|(resource_type, id)| (resource_type.as_str(), id))
    }
}

/// Why a request has no caller.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthenticatorError {
    /// The credentials are missing, malformed, unknown or revoked; which of them is not told. Maps to 401.
    #[error("the credentials are missing or not valid")]
    Unauthorized,
    /// The `Authorization` header holds one word, which a token without its scheme would be. Maps to 401; the text
    /// says nothing of the token, which wasn't looked at.
    #[error("the `Authorization` header lacks the scheme: `Bearer` and a space belong before the token")]
    SchemeMissing,
    /// The caller is known and may not provision. Maps to 403.
    #[error("the caller may not use this service")]
    Forbidden,
    /// The credentials could not be checked. Maps to 503 or 500.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AuthenticationError> for AuthenticatorError {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::Store(error) => Self::Store(error),
            _ => Self::Unauthorized,
        }
    }
}

impl ToErrorBody for AuthenticatorError {
    fn to_error_body(&self) -> ErrorBody {
        match self {
            Self::Unauthorized | Self::SchemeMissing => ErrorBody::new(401, self.to_string()),
            Self::Forbidden => ErrorBody::new(403, self.to_string()),
            Self::Store(error) => error.to_error_body(),
        }
    }
}

/// Takes the bearer tokens of the engine's organizations (RFC 6750 section 2.1): what a service does by default.
///
/// Under a dialect with [`Quirk::TokenWithoutScheme`] the token may stand alone in the `Authorization` header.
///
/// An application wraps it to know more of a caller than the tenant.
pub struct BearerTokens<S> {
    engine: Arc<Engine<S>>,
}

impl<S: Store> BearerTokens<S> {
    /// Takes the tokens of this engine.
    #[must_use]
    pub fn new(engine: Arc<Engine<S>>) -> Self {
        Self { engine }
    }
}

impl<S: Store> Authenticator for BearerTokens<S> {
    async fn authenticate(&self, request: &Parts) -> Result<Caller, AuthenticatorError> {
        let token = match (
            bearer_token(&request.headers),
            token_without_scheme(&request.headers),
        ) {
            (Some(token), _) => token,
            (None, Some(token)) if self.engine.profile().dialect.allows(Quirk::TokenWithoutScheme) => token,
            (None, Some(_)) => return Err(AuthenticatorError::SchemeMissing),
            (None, None) => return Err(AuthenticatorError::Unauthorized),
        };
        Ok(Caller::provider(&self.engine.authenticate(token).await?))
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        vec![AuthenticationScheme::bearer()]
    }
}

impl<S> fmt::Debug for BearerTokens<S> {
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

/// An [`Authenticator`] whose type is not known.
pub(crate) trait Erased: Send + Sync {
    fn authenticate<'a>(&'a self, request: &'a Parts) -> Authentication<'a>;

    fn schemes(&self) -> Vec<AuthenticationScheme>;
}

pub(crate) type Authentication<'a> =
    Pin<Box<dyn Future<Output = Result<Caller, AuthenticatorError>> + Send + 'a>>;

impl<A: Authenticator> Erased for A {
    fn authenticate<'a>(&'a self, request: &'a Parts) -> Authentication<'a> {
        Box::pin(Authenticator::authenticate(self, request))
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        Authenticator::schemes(self)
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
