//! Ids, a type for each side, so that one is never taken for the other.

use std::fmt;

use indexmap::Equivalent;
use smol_str::SmolStr;

/// The id that the service provider gave a resource (`id`, RFC 7643 section 3.1): opaque, case-exact.
///
/// Distinct from [`ExternalId`] so that no client's value is ever looked up as a server's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(SmolStr);

/// The id that the provisioning client gave a resource (`externalId`, RFC 7643 section 3.1): opaque, case-exact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalId(SmolStr);

macro_rules! id {
    ($name:ident) => {
        impl $name {
            /// The id with this text.
            #[must_use]
            pub fn new(text: impl Into<SmolStr>) -> Self {
                Self(text.into())
            }

            /// The id's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(ResourceId);
id!(ExternalId);

/// Lets a set keyed by ids be probed with a text, without making an id of it.
impl Equivalent<ResourceId> for str {
    fn equivalent(&self, key: &ResourceId) -> bool {
        *self == *key.0
    }
}
