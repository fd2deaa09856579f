//! Tenants.

use std::fmt;

use smol_str::SmolStr;

/// One customer of the service, by its id. No tenant sees the resources of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(SmolStr);

impl TenantId {
    /// The service itself, under which a product keeps what is nobody's in particular. No credential leads here.
    pub const SYSTEM: Self = Self(SmolStr::new_static(""));

    /// Creates the tenant with this id.
    #[must_use]
    pub fn new(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// Returns the id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
