//! Bearer tokens: random, shown once, stored only as a digest.

use std::{collections::BTreeSet, fmt};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use keyfob_core::ResourceId;
use keyfob_store::TenantId;
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use subtle::ConstantTimeEq;
use thiserror::Error;
use uuid::Uuid;

/// The secret by which a provider shows for which organization it provisions (RFC 6750).
///
/// A token that the service makes for an organization names the tenant, `kf1_<tenant>_<secret>`, and is checked by one
/// look at it. One that somebody chose is found by its digest in a directory of the service.
///
/// `Debug` doesn't show it, nothing serialises it, and the store holds its digest alone.
pub struct Token(String);

/// The text with which a token begins that names its tenant.
const PREFIX: &str = "kf1_";

/// The number of characters of 256 bits in base 64.
const SECRET: usize = 43;

impl Token {
    /// The least number of characters of a token that somebody chose.
    pub const MIN_CHOSEN: usize = 32;

    /// The least number of different characters of a token that somebody chose.
    pub const MIN_DISTINCT: usize = 10;

    /// Makes a token of 256 random bits that names no tenant.
    ///
    /// # Errors
    /// [`TokenError::NoRandomness`] where the operating system gives none.
    pub fn generate() -> Result<Self, TokenError> {
        Ok(Self(format!("kf_{}", random()?)))
    }

    /// Makes a token of 256 random bits that names the tenant that it opens, if the tenant's id is one that the engine
    /// made: an id that somebody chose may be the name of a customer, and is not for everybody who sees a token.
    ///
    /// # Errors
    /// [`TokenError::NoRandomness`] where the operating system gives none.
    pub fn generate_for(tenant: &TenantId) -> Result<Self, TokenError> {
        if Uuid::try_parse(tenant.as_str()).is_err() {
            return Self::generate();
        }
        Ok(Self(format!("{PREFIX}{tenant}_{}", random()?)))
    }

    /// Takes a token that somebody chose.
    ///
    /// # Errors
    /// [`TokenError::TooShort`] and [`TokenError::TooUniform`] where it would be guessed, [`TokenError::IllegalCharacter`] where it
    /// could not be sent.
    pub fn chosen(secret: &str) -> Result<Self, TokenError> {
        if secret.len() < Self::MIN_CHOSEN {
            return Err(TokenError::TooShort);
        }
        if secret.bytes().collect::<BTreeSet<_>>().len() < Self::MIN_DISTINCT {
            return Err(TokenError::TooUniform);
        }
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::IllegalCharacter);
        }
        Ok(Self(secret.into()))
    }

    /// Returns the secret, for the one time that it is shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns true if the token names the tenant, so that no directory has to know it.
    pub(crate) fn names(&self, tenant: &TenantId) -> bool {
        tenant_of(&self.0).is_some_and(|named| named == *tenant)
    }

    /// Returns the last four characters, by which people tell tokens apart.
    pub(crate) fn hint(&self) -> SmolStr {
        let start = self.0.len().saturating_sub(4);
        self.0.get(start..).unwrap_or_default().into()
    }

    /// Returns the id under which the token is stored.
    pub(crate) fn id(&self) -> ResourceId {
        id_of(&self.0)
    }
}

/// Returns 256 random bits as text.
fn random() -> Result<String, TokenError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|_| TokenError::NoRandomness)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(secret))
}

/// Returns the tenant that a token names. Whether it opens the tenant is for the tenant to say.
pub(crate) fn tenant_of(secret: &str) -> Option<TenantId> {
    let named = secret.strip_prefix(PREFIX)?;
    let end = named.len().checked_sub(SECRET + 1)?;
    let (tenant, rest) = named.split_at_checked(end)?;
    (rest.starts_with('_') && Uuid::try_parse(tenant).is_ok()).then(|| TenantId::new(tenant))
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The id under which the token with this secret is stored: the SHA-256 in hexadecimal digits.
pub(crate) fn id_of(secret: &str) -> ResourceId {
    ResourceId::new(base16(&Sha256::digest(secret.as_bytes())))
}

fn base16(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
        .collect()
}

/// Returns true if two ids of tokens are equal, in a time that doesn't tell where they differ.
pub(crate) fn same_id(left: &ResourceId, right: &ResourceId) -> bool {
    left.as_str().as_bytes().ct_eq(right.as_str().as_bytes()).into()
}

/// The error when there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    NoRandomness,
    /// A chosen secret is shorter than [`Token::MIN_CHOSEN`] characters.
    #[error("a token has at least 32 characters")]
    TooShort,
    /// A chosen secret has fewer than [`Token::MIN_DISTINCT`] different characters.
    #[error("a token has at least 10 different characters")]
    TooUniform,
    /// A chosen secret holds white space or something that is not ASCII.
    #[error("a token is made of visible ASCII characters")]
    IllegalCharacter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_random_bits_and_does_not_print_itself() {
        let (token, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        let secret = token.expose().strip_prefix("kf_").unwrap();
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(secret).unwrap().len(), 32);
        assert_ne!(token.expose(), other.expose());
        assert!(!format!("{token:?}").contains(secret));
        assert!(!token.id().as_str().contains(secret));
    }

    #[test]
    fn a_token_names_the_tenant_whose_id_was_made_and_no_name() {
        let made = TenantId::new("0198c1f2-5b7e-7c3d-9a41-000000000001");
        let token = Token::generate_for(&made).unwrap();
        assert!(token.names(&made) && !token.names(&TenantId::SYSTEM));
        assert_eq!(tenant_of(token.expose()), Some(made));
        let named = Token::generate_for(&TenantId::new("acme")).unwrap();
        assert!(!named.expose().contains("acme"));
        assert_eq!(tenant_of(named.expose()), None);
        let secret = "a".repeat(43);
        for text in [
            String::new(),
            "kf1_".to_owned(),
            format!("kf1__{secret}"),
            format!("kf1_acme_{secret}"),
            format!("kf1_ä_{secret}"),
            format!("kf1_0198c1f2-5b7e-7c3d-9a41-000000000001_{}", "ä".repeat(22)),
            format!("0198c1f2-5b7e-7c3d-9a41-000000000001_{secret}"),
        ] {
            assert_eq!(tenant_of(&text), None, "{text}");
        }
    }

    #[test]
    fn a_chosen_token_can_be_sent_and_is_hard_to_guess() {
        assert!(Token::chosen("0123456789abcdef0123456789abcdef").is_ok());
        assert_eq!(Token::chosen("short").unwrap_err(), TokenError::TooShort);
        for (secret, error) in [
            ("0123456789abcdef0123456789abcde", TokenError::TooShort),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", TokenError::TooUniform),
            ("012345678012345678012345678012345678", TokenError::TooUniform),
            ("0123456789abcdef 0123456789abcdef", TokenError::IllegalCharacter),
            (
                "0123456789abcdef0123456789abcde\u{e9}",
                TokenError::IllegalCharacter,
            ),
        ] {
            assert_eq!(Token::chosen(secret).unwrap_err(), error, "{secret}");
        }
    }
}
