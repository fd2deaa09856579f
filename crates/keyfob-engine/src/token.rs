//! Bearer tokens: random, shown once, stored only as a digest.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use keyfob_core::{ErrorBody, ResourceId, ToErrorBody};
use keyfob_store::StoreError;
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use subtle::ConstantTimeEq;
use thiserror::Error;

/// The secret by which a provider shows for which organization it provisions (RFC 6750).
///
/// `Debug` doesn't show it, nothing serialises it, and the store holds its digest alone.
pub struct Token(String);

impl Token {
    /// A secret that somebody chose has at least so many characters.
    pub const MIN_CHOSEN: usize = 32;

    /// A new token of 256 random bits.
    ///
    /// # Errors
    /// [`TokenError::NoRandomness`] where the operating system gives none.
    pub fn generate() -> Result<Self, TokenError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| TokenError::NoRandomness)?;
        Ok(Self(format!("kf_{}", BASE64_URL_SAFE_NO_PAD.encode(secret))))
    }

    /// A token that somebody chose.
    ///
    /// # Errors
    /// [`TokenError::TooShort`] and [`TokenError::IllegalCharacter`] where it could not be sent or would be guessed.
    pub fn chosen(secret: &str) -> Result<Self, TokenError> {
        if secret.len() < Self::MIN_CHOSEN {
            return Err(TokenError::TooShort);
        }
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::IllegalCharacter);
        }
        Ok(Self(secret.into()))
    }

    /// The secret, for the one time that it is shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four characters, by which people tell tokens apart.
    pub(crate) fn hint(&self) -> SmolStr {
        let start = self.0.len().saturating_sub(4);
        self.0.get(start..).unwrap_or_default().into()
    }

    /// The id under which the token is stored.
    pub(crate) fn id(&self) -> ResourceId {
        id_of(&self.0)
    }
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

/// Whether two ids of tokens are equal, in a time that doesn't tell where they differ.
pub(crate) fn same_id(left: &ResourceId, right: &ResourceId) -> bool {
    left.as_str().as_bytes().ct_eq(right.as_str().as_bytes()).into()
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    NoRandomness,
    /// A chosen secret is shorter than [`Token::MIN_CHOSEN`] characters.
    #[error("a token has at least 32 characters")]
    TooShort,
    /// A chosen secret holds white space or something that is not ASCII.
    #[error("a token is made of visible ASCII characters")]
    IllegalCharacter,
}

/// Why a request has no tenant.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// The token is missing, malformed, unknown or revoked; which of them is not told.
    #[error("the bearer token is missing or not valid")]
    Rejected,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ToErrorBody for AuthenticationError {
    fn to_error_body(&self) -> ErrorBody {
        match self {
            Self::Rejected => ErrorBody::new(401, "the bearer token is missing or not valid"),
            Self::Store(error) => error.to_error_body(),
        }
    }
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
    fn a_chosen_token_can_be_sent_and_is_hard_to_guess() {
        assert!(Token::chosen("0123456789abcdef0123456789abcdef").is_ok());
        assert_eq!(Token::chosen("short").unwrap_err(), TokenError::TooShort);
        assert_eq!(
            Token::chosen(&"a b".repeat(11)).unwrap_err(),
            TokenError::IllegalCharacter
        );
    }
}
