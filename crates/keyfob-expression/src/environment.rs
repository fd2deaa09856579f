//! The outside world of an evaluation: the time, randomness and named parameters. All of them are
//! injected, so that everything else is a function.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use keyfob_core::DateTime;
use thiserror::Error;

use crate::source::Source;

/// The time, the randomness and the parameters of an evaluation.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Environment<'e> {
    /// The value of `Now()`.
    pub now: DateTime,
    /// The randomness of `Guid()` and `RandomString(…)`.
    pub entropy: &'e dyn Entropy,
    /// The values of `%name%`, by name; an expression that reads another one is an error.
    pub parameters: Option<&'e Source>,
}

impl<'e> Environment<'e> {
    /// The environment of this time and randomness.
    #[must_use]
    pub fn new(now: DateTime, entropy: &'e dyn Entropy) -> Self {
        Self {
            now,
            entropy,
            parameters: None,
        }
    }

    /// Gives expressions these values for `%name%`.
    ///
    /// ```
    /// use keyfob_expression::{Environment, Options, Outcome, Program, SeededEntropy, Source};
    ///
    /// let parameters = Source::from_iter([("Domain", "contoso.com")]);
    /// let entropy = SeededEntropy::new(0);
    /// let environment = Environment::new("2026-01-01T12:00:00Z".parse()?, &entropy).with_parameters(&parameters);
    /// let program = Program::read(r#"Join("@", [alias], %Domain%)"#, &Options::default())?;
    /// let outcome = program.evaluate(&Source::from_iter([("alias", "babs")]), &environment)?;
    /// assert_eq!(outcome, Outcome::Value("babs@contoso.com".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_parameters(self, parameters: &'e Source) -> Self {
        Self {
            parameters: Some(parameters),
            ..self
        }
    }
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    ///
    /// # Errors
    /// [`EntropyError`], where there is no randomness to be had.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError>;
}

/// There is no randomness to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the system has no randomness")]
#[non_exhaustive]
pub struct EntropyError;

/// The operating system's randomness, fit for passwords.
#[cfg(feature = "randomness")]
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemEntropy;

#[cfg(feature = "randomness")]
impl SystemEntropy {
    /// The operating system's randomness.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

#[cfg(feature = "randomness")]
impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(buffer).map_err(|_| EntropyError)
    }
}

/// Bytes that follow from a seed, for tests and for output that can be repeated; not fit for passwords.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// The bytes that follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for SeededEntropy {
    /// One step of `SplitMix64` for every eight bytes.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        for chunk in buffer.chunks_mut(8) {
            let mut bits = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^= bits >> 31;
            for (byte, random) in chunk.iter_mut().zip(bits.to_le_bytes()) {
                *byte = random;
            }
        }
        Ok(())
    }
}
