//! The `meta` attribute and the versions in it.

use std::fmt;

use smol_str::SmolStr;

use crate::{time::DateTime, value::Object};

/// A resource's metadata (`meta`, RFC 7643 section 3.1).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Meta {
    /// The name of the resource type.
    pub resource_type: Option<SmolStr>,
    /// When the resource was created.
    pub created: Option<DateTime>,
    /// When it last changed.
    pub last_modified: Option<DateTime>,
    /// Its address; set on the way out, never stored.
    pub location: Option<SmolStr>,
    /// Its version as an entity tag, as written.
    pub version: Option<SmolStr>,
}

impl Meta {
    /// Metadata that says nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the attribute says; what isn't of its type is left out.
    #[must_use]
    pub fn from_object(object: &Object) -> Self {
        let date = |name| object.get_str(name).and_then(|text| text.parse().ok());
        Self {
            resource_type: object.get_str("resourceType").map(SmolStr::new),
            created: date("created"),
            last_modified: date("lastModified"),
            location: object.get_str("location").map(SmolStr::new),
            version: object.get_str("version").map(SmolStr::new),
        }
    }

    /// The attribute's value.
    #[must_use]
    pub fn to_object(&self) -> Object {
        let date = |date: DateTime| SmolStr::from(date.to_string());
        [
            ("resourceType", self.resource_type.clone()),
            ("created", self.created.map(date)),
            ("lastModified", self.last_modified.map(date)),
            ("location", self.location.clone()),
            ("version", self.version.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// The version of a resource's state: 1 when created, one more with each change.
///
/// Clients see it as part of an [`EntityTag`](crate::EntityTag).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// The version of a resource that was just created.
    pub const FIRST: Self = Self(1);

    /// The version with this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// The version after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
