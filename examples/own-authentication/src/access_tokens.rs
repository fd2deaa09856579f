//! OAuth 2.0 client credentials: access tokens that an authorization server signs (RFC 9068).

use std::{fmt, sync::Arc};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    errors::{Error, ErrorKind},
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet},
};
use keyfob::{core::ErrorBody, prelude::*};
use serde::Deserialize;

/// The scope of a client that reads.
pub const READ: &str = "scim.read";
/// The scope of a client that reads and writes.
pub const WRITE: &str = "scim.write";

/// The claims of an access token. They are a fact of every call: sources of facts and rules see them.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Claims {
    /// The client, as the authorization server knows it.
    pub sub: String,
    /// The customer for whom the client acts.
    pub tenant: String,
    /// The scopes, with blanks between them (RFC 8693 section 4.2).
    #[serde(default)]
    pub scope: String,
    /// The only domain of user names that the client may provision, if it is bound to one.
    pub domain: Option<String>,
}

impl Claims {
    /// Returns true if the token has a scope.
    #[must_use]
    pub fn has(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|present| present == scope)
    }
}

/// Takes the access tokens of one authorization server.
pub struct AccessTokens(Vec<Key>);

/// A key of the authorization server, and what a token that it signed has to say.
struct Key {
    id: String,
    public: DecodingKey,
    validation: Validation,
}

impl AccessTokens {
    /// Takes tokens of this issuer for this audience, signed by one of these keys.
    ///
    /// # Errors
    /// A key is malformed.
    pub fn new(issuer: &str, audience: &str, keys: &JwkSet) -> Result<Self, Error> {
        let usable = keys.keys.iter().filter_map(|key| {
            let (id, algorithm) = (key.common.key_id.clone()?, algorithm(key)?);
            // A key verifies by its own algorithm and by no other that a token names.
            let mut validation = Validation::new(algorithm);
            validation.validate_nbf = true;
            validation.set_issuer(&[issuer]);
            validation.set_audience(&[audience]);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            let key = DecodingKey::from_jwk(key);
            Some(key.map(|key| Key {
                id,
                public: key,
                validation,
            }))
        });
        usable.collect::<Result<_, _>>().map(Self)
    }
}

/// Returns the algorithm by which a key verifies. A symmetric key has no place in a document that everybody reads.
fn algorithm(key: &Jwk) -> Option<Algorithm> {
    match &key.algorithm {
        AlgorithmParameters::RSA(_) => Some(Algorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            Some(Algorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(_) => Some(Algorithm::EdDSA),
        _ => None,
    }
}

impl Authenticator for AccessTokens {
    async fn authenticate(&self, token: &str) -> Result<Caller, AuthenticationError> {
        let header = decode_header(token).map_err(|_| AuthenticationError::Rejected)?;
        let id = header.kid.as_deref();
        let key = self.0.iter().find(|key| Some(key.id.as_str()) == id);
        let key = key.ok_or(AuthenticationError::Rejected)?;
        let claims: Claims = decode(token, &key.public, &key.validation)
            .map_err(|error| refusal(&error))?
            .claims;
        if claims.tenant.is_empty() {
            return Err(AuthenticationError::Rejected);
        }
        let (identity, may_write) = (claims.sub.clone(), claims.has(WRITE));
        if !may_write && !claims.has(READ) {
            return Err(AuthenticationError::InsufficientScope { scope: READ.into() });
        }
        let context = Context::new(TenantId::new(claims.tenant.as_str())).with_fact(Arc::new(claims));
        let caller = Caller::of(context).with_identity(identity, "access token");
        Ok(if may_write { caller } else { caller.read_only() })
    }
}

/// Returns the refusal of a token. The signature is verified before anything else, so that nobody but the holder of a token
/// learns what is wrong with its claims.
fn refusal(error: &Error) -> AuthenticationError {
    let reason = match error.kind() {
        ErrorKind::ExpiredSignature => "the access token has expired",
        ErrorKind::ImmatureSignature => "the access token is not valid yet",
        ErrorKind::InvalidAudience => "the access token is for another service",
        _ => return AuthenticationError::Rejected,
    };
    AuthenticationError::Invalid {
        reason: reason.into(),
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

/// Returns the scheme that `/ServiceProviderConfig` shows, and the challenge of a 401.
#[must_use]
pub fn scheme() -> AuthenticationScheme {
    AuthenticationScheme::new(
        "oauth2",
        "OAuth 2.0",
        "Client credentials with the scope `scim.read` or `scim.write`",
    )
    .specified_at("https://www.rfc-editor.org/info/rfc6749")
    .challenging_with("Bearer realm=\"SCIM\"")
}

// ANCHOR: rule
/// A rule that keeps a client to the domain that its access token names.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a rule without settings")]
pub struct OwnDomain;

impl Rule for OwnDomain {
    fn review(&self, _: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
        let claims = review.facts().get::<Claims>();
        let Some(domain) = claims.and_then(|claims| claims.domain.as_deref()) else {
            return Ok(());
        };
        let name = review
            .document()
            .and_then(|document| document.core().get_str("userName"));
        let Some(name) = name else {
            return Ok(());
        };
        let is_own = name
            .rsplit_once('@')
            .is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain));
        if !is_own {
            let text = format!("`userName`: this client provisions users of `{domain}` alone");
            return Err(Rejection::other(text.clone(), ErrorBody::new(403, text)));
        }
        // The event names the claim on which the decision rested.
        let mut event = review.event("provisionedWithinDomain");
        event.data.insert("domain", domain);
        review.publish_event(event);
        Ok(())
    }
}
// ANCHOR_END: rule
