//! What texts that are compared without regard to ASCII case have in common.

use std::hash::Hasher;

/// Implements a text that keeps its spelling and is equal to, and hashes like, every other spelling of it.
macro_rules! caseless {
    ($name:ident) => {
        impl $name {
            /// The text as written.
            #[must_use]
            #[inline]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether it equals `text` up to ASCII case.
            #[must_use]
            #[inline]
            pub fn is(&self, text: &str) -> bool {
                let own = self.0.as_str();
                own.len() == text.len() && (own == text || own.eq_ignore_ascii_case(text))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.is(&other.0)
            }
        }

        impl Eq for $name {}

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                $crate::name::caseless::hash(&self.0, state);
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

pub(super) use caseless;

/// Hashes `text` such that texts equal up to ASCII case hash alike.
pub(super) fn hash<H: Hasher>(text: &str, state: &mut H) {
    for byte in text.bytes() {
        state.write_u8(byte.to_ascii_lowercase());
    }
    state.write_u8(0xff);
}
