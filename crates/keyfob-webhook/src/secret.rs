//! Secrets and signatures, as the Standard Webhooks specification has them.

use std::{fmt, str::FromStr, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use keyfob_core::{DateTime, ResourceId};
use keyfob_store::TenantId;
use sha2::Sha256;
use smol_str::SmolStr;
use thiserror::Error;

/// The header with the id of a message, the same at every attempt.
pub(crate) const ID: &str = "webhook-id";
/// The header with the instant of an attempt, in seconds since 1970.
pub(crate) const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures.
pub(crate) const SIGNATURE: &str = "webhook-signature";

const PREFIX: &str = "whsec_";
const VERSION: &str = "v1,";

/// The number of signatures of a message that are looked at.
const SIGNATURES: usize = 16;

/// The secret that sender and receiver of a webhook share. `Debug` doesn't show it.
///
/// It signs and verifies as the [Standard Webhooks](https://www.standardwebhooks.com) specification says: HMAC-SHA256 over
/// the id, the timestamp and the body, so that libraries of many languages verify what is sent. A receiver parses the text
/// that it was given, and checks each request before it looks at the body:
///
/// ```
/// use http::HeaderMap;
/// use keyfob_webhook::Secret;
///
/// let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// let mut headers = HeaderMap::new();
/// headers.insert("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".parse()?);
/// headers.insert("webhook-timestamp", "1614265330".parse()?);
/// headers.insert("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".parse()?);
/// let now = "2021-02-25T15:02:15Z".parse()?;
/// let id = secret.verify(&headers, br#"{"test": 2432232314}"#, now)?;
/// // A message whose id was handled before is answered 2xx and passed over.
/// assert_eq!(id, "msg_p5jXN8AQM9LWM0D4loKWxJek");
/// assert!(secret.verify(&headers, br#"{"test": 2432232315}"#, now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The difference between the clocks of sender and receiver, and the time on the way, that [`verify`](Self::verify)
    /// puts up with: five minutes.
    pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

    /// Derives the secret of a webhook. It is stored nowhere: the store holds the key of the derivation and the salt.
    pub(crate) fn derive(key: &[u8; 32], tenant: &TenantId, webhook: &ResourceId, salt: &str) -> Self {
        let mut code = mac(key);
        // Lengths keep the parts apart, whatever they hold.
        for part in ["keyfob-webhook", tenant.as_str(), webhook.as_str(), salt] {
            code.update(&(part.len() as u64).to_be_bytes());
            code.update(part.as_bytes());
        }
        Self(code.finalize().into_bytes().to_vec())
    }

    /// Returns the secret as text, for the one time that it is shown: `whsec_` and base64.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(&self.0))
    }

    /// Returns the signature of a message: `v1,` and the code in base64.
    ///
    /// ```
    /// # use keyfob_webhook::Secret;
    /// let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
    /// let at = "2021-02-25T15:02:10Z".parse()?;
    /// let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
    /// assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn sign(&self, id: &str, at: DateTime, body: &[u8]) -> String {
        let code = self.code(id, &seconds(at).to_string(), body);
        format!(
            "{VERSION}{}",
            BASE64_STANDARD.encode(code.finalize().into_bytes())
        )
    }

    /// Checks that a message comes from whoever knows the secret, was sent at most [`TOLERANCE`](Self::TOLERANCE) before or
    /// after `now`, and is as it was sent. Returns its id, which is the same however often it comes.
    ///
    /// A message has several signatures while its sender changes from one secret to another; one that fits is enough. The
    /// comparison takes the same time whatever the signature is.
    ///
    /// # Errors
    /// [`VerifyError`]; the message is to be refused with 400 or 401.
    pub fn verify<'h>(
        &self,
        headers: &'h HeaderMap,
        body: &[u8],
        now: DateTime,
    ) -> Result<&'h str, VerifyError> {
        self.verify_within(headers, body, now, Self::TOLERANCE)
    }

    /// Does what [`verify`](Self::verify) does, with another tolerance.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_within<'h>(
        &self,
        headers: &'h HeaderMap,
        body: &[u8],
        now: DateTime,
        tolerance: Duration,
    ) -> Result<&'h str, VerifyError> {
        let header = |name: &'static str| {
            let value = headers.get(name).ok_or(VerifyError::Missing(name))?;
            value.to_str().map_err(|_| VerifyError::Malformed(name))
        };
        let (id, timestamp, signatures) = (header(ID)?, header(TIMESTAMP)?, header(SIGNATURE)?);
        let is_number = timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let sent: i64 = timestamp
            .parse()
            .ok()
            .filter(|_| is_number)
            .ok_or(VerifyError::Malformed(TIMESTAMP))?;
        let apart = seconds(now).abs_diff(sent);
        if apart > tolerance.as_secs() {
            return Err(VerifyError::Time);
        }
        let is_one = |signature: &str| {
            let code = signature.strip_prefix(VERSION);
            let code = code.and_then(|code| BASE64_STANDARD.decode(code).ok());
            code.is_some_and(|code| self.code(id, timestamp, body).verify_slice(&code).is_ok())
        };
        if signatures.split(' ').take(SIGNATURES).any(is_one) {
            Ok(id)
        } else {
            Err(VerifyError::Signature)
        }
    }

    fn code(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut code = mac(&self.0);
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            code.update(part);
        }
        code
    }
}

#[expect(
    clippy::expect_used,
    reason = "a key of HMAC may have any length (RFC 2104 section 2)"
)]
fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length is one")
}

fn seconds(at: DateTime) -> i64 {
    at.unix_millis().div_euclid(1000)
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let code = text.strip_prefix(PREFIX).ok_or(SecretError)?;
        let bytes = BASE64_STANDARD.decode(code).map_err(|_| SecretError)?;
        // What the specification allows.
        if (24..=64).contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(SecretError)
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The error when a text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the secret of a webhook is `whsec_` and 24 to 64 bytes in base64")]
#[non_exhaustive]
pub struct SecretError;

/// The error when a message is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A header is missing.
    #[error("the header `{0}` is missing")]
    Missing(&'static str),
    /// A header has a value that none has.
    #[error("the header `{0}` is malformed")]
    Malformed(&'static str),
    /// The message was sent too long ago, or will be.
    #[error("the message was sent too long ago or by a clock that is ahead")]
    Time,
    /// No signature fits.
    #[error("the message has no signature of this secret")]
    Signature,
}

/// Returns the value of the header with the signatures of these secrets.
pub(crate) fn signatures(secrets: &[Secret], id: &str, at: DateTime, body: &[u8]) -> (String, SmolStr) {
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(id, at, body)).collect();
    (signatures.join(" "), smol_str::format_smolstr!("{}", seconds(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the specification's reference implementations.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const MESSAGE: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SENT: i64 = 1_614_265_330;
    const EXPECTED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn at(seconds: i64) -> DateTime {
        DateTime::from_unix_millis(seconds * 1000)
    }

    fn headers(id: &str, timestamp: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(ID, id), (TIMESTAMP, timestamp), (SIGNATURE, signature)] {
            if !value.is_empty() {
                headers.insert(name, value.parse().unwrap());
            }
        }
        headers
    }

    #[test]
    fn the_vector_of_standard_webhooks_is_signed_and_verified() {
        let secret: Secret = SECRET.parse().unwrap();
        assert_eq!(secret.expose(), SECRET);
        assert_eq!(secret.sign(MESSAGE, at(SENT), BODY), EXPECTED);
        let good = headers(MESSAGE, "1614265330", EXPECTED);
        assert_eq!(secret.verify(&good, BODY, at(SENT)).unwrap(), MESSAGE);
    }

    #[test]
    fn what_is_changed_too_old_or_signed_by_somebody_else_is_refused() {
        let secret: Secret = SECRET.parse().unwrap();
        let others = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,abc v1a,xyz";
        let both = format!("{others} {EXPECTED}");
        for (id, timestamp, signature, now, expected) in [
            (MESSAGE, "1614265330", both.as_str(), SENT, Ok(MESSAGE)),
            (MESSAGE, "1614265330", EXPECTED, SENT + 300, Ok(MESSAGE)),
            (MESSAGE, "1614265330", EXPECTED, SENT - 300, Ok(MESSAGE)),
            (
                MESSAGE,
                "1614265330",
                EXPECTED,
                SENT + 301,
                Err(VerifyError::Time),
            ),
            (
                MESSAGE,
                "1614265330",
                EXPECTED,
                SENT - 301,
                Err(VerifyError::Time),
            ),
            (MESSAGE, "1614265331", EXPECTED, SENT, Err(VerifyError::Signature)),
            (
                "msg_other",
                "1614265330",
                EXPECTED,
                SENT,
                Err(VerifyError::Signature),
            ),
            (MESSAGE, "1614265330", others, SENT, Err(VerifyError::Signature)),
            (
                MESSAGE,
                "1614265330",
                EXPECTED.trim_start_matches("v1,"),
                SENT,
                Err(VerifyError::Signature),
            ),
            (MESSAGE, "1614265330", "v1,", SENT, Err(VerifyError::Signature)),
            (
                MESSAGE,
                "+1614265330",
                EXPECTED,
                SENT,
                Err(VerifyError::Malformed(TIMESTAMP)),
            ),
            (
                MESSAGE,
                "-9223372036854775808",
                EXPECTED,
                SENT,
                Err(VerifyError::Malformed(TIMESTAMP)),
            ),
            (
                MESSAGE,
                "99999999999999999999",
                EXPECTED,
                SENT,
                Err(VerifyError::Malformed(TIMESTAMP)),
            ),
            ("", "1614265330", EXPECTED, SENT, Err(VerifyError::Missing(ID))),
            (MESSAGE, "", EXPECTED, SENT, Err(VerifyError::Missing(TIMESTAMP))),
            (
                MESSAGE,
                "1614265330",
                "",
                SENT,
                Err(VerifyError::Missing(SIGNATURE)),
            ),
        ] {
            let headers = headers(id, timestamp, signature);
            assert_eq!(
                secret.verify(&headers, BODY, at(now)),
                expected,
                "{id} {timestamp} {signature} {now}"
            );
        }
        let good = headers(MESSAGE, "1614265330", EXPECTED);
        assert_eq!(
            secret.verify(&good, br#"{"test": 2432232315}"#, at(SENT)),
            Err(VerifyError::Signature)
        );
    }

    #[test]
    fn a_secret_has_the_form_of_the_specification_and_does_not_print_itself() {
        for text in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!!!!",
            "whsec_AAAA",
        ] {
            assert_eq!(text.parse::<Secret>().unwrap_err(), SecretError, "{text}");
        }
        let long = format!("whsec_{}", BASE64_STANDARD.encode([7; 65]));
        assert!(long.parse::<Secret>().is_err());
        let secret: Secret = SECRET.parse().unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn each_webhook_and_salt_has_a_secret_of_its_own() {
        let derive = |tenant: &str, webhook: &str, salt: &str| {
            Secret::derive(&[7; 32], &TenantId::new(tenant), &ResourceId::new(webhook), salt).expose()
        };
        let one = derive("acme", "w", "s");
        assert_eq!(one, derive("acme", "w", "s"));
        assert!(one.parse::<Secret>().is_ok());
        for other in [
            derive("acme", "w", "t"),
            derive("acme", "ws", ""),
            derive("acm", "ew", "s"),
        ] {
            assert_ne!(one, other);
        }
    }
}
