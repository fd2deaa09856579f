//! Callers, and the secrets by which they are known.

use std::{future::Future, sync::Arc, time::Duration};

use keyfob_core::{ErrorBody, ResourceId, ToErrorBody};
use keyfob_store::{StoreError, TenantId};
use smol_str::SmolStr;
use thiserror::Error;

use crate::context::Context;

/// Finds out who shows a secret, such as a bearer token (RFC 6750).
///
/// ```
/// use keyfob_engine::{AuthenticationError, Authenticator, Caller, TenantId};
///
/// /// One customer with one key. A real table of keys holds digests and compares them in constant time.
/// struct OneKey;
///
/// impl Authenticator for OneKey {
///     async fn authenticate(&self, secret: &str) -> Result<Caller, AuthenticationError> {
///         match secret {
///             "0123456789abcdef0123456789abcdef" => Ok(Caller::new(TenantId::new("acme"))),
///             _ => Err(AuthenticationError::Rejected),
///         }
///     }
/// }
/// ```
pub trait Authenticator: Send + Sync + 'static {
    /// Names the caller who shows a secret.
    ///
    /// # Errors
    /// [`AuthenticationError`]. A secret that opens nothing is refused in the same words and after the same work, whatever is
    /// wrong with it.
    fn authenticate(&self, secret: &str) -> impl Future<Output = Result<Caller, AuthenticationError>> + Send;
}

impl<T: Authenticator> Authenticator for Arc<T> {
    async fn authenticate(&self, secret: &str) -> Result<Caller, AuthenticationError> {
        (**self).authenticate(secret).await
    }
}

/// Says again who sends a request that takes long, such as a bulk request: a credential may end, and what its tenant
/// allows may change, while it is served.
///
/// A [`Context`] renews to itself.
pub trait Renewal: Sync {
    /// Returns the context of the caller's calls from now on.
    ///
    /// # Errors
    /// The answer to what is left of the request, where its sender may do nothing more.
    fn renew(&self) -> impl Future<Output = Result<Context, ErrorBody>> + Send;
}

impl Renewal for Context {
    async fn renew(&self) -> Result<Context, ErrorBody> {
        Ok(self.clone())
    }
}

/// The sender of a request.
#[derive(Clone, Debug)]
pub struct Caller {
    context: Context,
    resource: Option<(SmolStr, ResourceId)>,
}

impl Caller {
    /// Creates a caller who acts for a tenant and is none of its resources, such as a provisioning provider.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self::of(Context::new(tenant))
    }

    /// Creates a caller whose calls have this context, with whatever [facts](Context::with_fact) authentication has read.
    #[must_use]
    pub fn of(context: Context) -> Self {
        Self {
            context,
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

    /// Returns the same caller with a credential that may read and not write, as a scope of an access token says. A write is
    /// refused (403).
    #[must_use]
    pub fn read_only(self) -> Self {
        Self {
            context: self.context.read_only(),
            ..self
        }
    }

    /// Returns the same caller, being this resource: `/Me` leads to it (RFC 7644 section 3.11).
    ///
    /// The resource may be read and changed by way of `/Me` as under its own address, but as a user's own doing
    /// ([`Actor::User`](crate::Actor::User)): what only a provider may change stays closed to it.
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

    /// Returns the context of the caller's calls.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the name of the resource type and the id of the resource that the caller is.
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
pub enum AuthenticationError {
    /// The secret is missing, malformed, unknown or revoked; which of them is not told. Maps to 401.
    #[error("the credentials are missing or not valid")]
    Rejected,
    /// The secret is not valid, for a reason that its holder may know, such as the end of its lifetime. Maps to 401 with
    /// `error="invalid_token"` (RFC 6750 section 3.1).
    #[error("{reason}")]
    Invalid {
        /// The reason, a sentence for whoever administers the client. It holds nothing of the secret.
        reason: SmolStr,
    },
    /// The caller is known and may not provision. Maps to 403.
    #[error("the caller may not use this service")]
    Forbidden,
    /// The caller's credential lacks a scope. Maps to 403 with `error="insufficient_scope"` (RFC 6750 section 3.1).
    #[error("the credential lacks the scope `{scope}`")]
    InsufficientScope {
        /// The scope that would be enough.
        scope: SmolStr,
    },
    /// The caller has shown too many secrets that are not valid, or sends too many requests. Maps to 429 with `Retry-After`.
    #[error("too many requests, try again later")]
    TooMany {
        /// The time after which the caller may come again, in whole seconds.
        retry_after: Duration,
    },
    /// The secret could not be checked. Maps to 503 or 500. `StoreError::unavailable(error).into()` makes it of an
    /// error of the application's own database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ToErrorBody for AuthenticationError {
    fn to_error_body(&self) -> ErrorBody {
        match self {
            Self::Rejected | Self::Invalid { .. } => ErrorBody::new(401, self.to_string()),
            Self::Forbidden | Self::InsufficientScope { .. } => ErrorBody::new(403, self.to_string()),
            Self::TooMany { .. } => ErrorBody::new(429, self.to_string()),
            Self::Store(error) => error.to_error_body(),
        }
    }
}
