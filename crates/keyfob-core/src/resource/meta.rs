//! The `meta` attribute and the versions in it.

use std::fmt;

use smol_str::{SmolStr, format_smolstr};

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

/// The version of a stored resource: 1 when created, one more with each change.
///
/// On the wire it is the weak entity tag `W/"n"` (RFC 7644 section 3.14).
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

    /// The version as an entity tag.
    #[must_use]
    pub fn to_etag(self) -> SmolStr {
        format_smolstr!("{self}")
    }

    /// The version that an entity tag names, strong or weak; none for a tag that no resource here ever had.
    #[must_use]
    pub fn from_etag(tag: &str) -> Option<Self> {
        let tag = tag.trim();
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        let digits = opaque.strip_prefix('"')?.strip_suffix('"')?;
        let canonical = !digits.starts_with(['0', '+']);
        digits.parse().ok().filter(|_| canonical).map(Self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "W/\"{}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_tag_names_the_version_that_made_it() {
        assert_eq!(Version::new(7).to_etag(), "W/\"7\"");
        for (tag, version) in [
            ("W/\"7\"", Some(7)),
            ("\"7\"", Some(7)),
            (" W/\"7\" ", Some(7)),
            ("7", None),
            ("W/\"07\"", None),
            ("W/\"\"", None),
            ("W/\"a330bc54f0671c9\"", None),
        ] {
            assert_eq!(Version::from_etag(tag), version.map(Version::new), "{tag}");
        }
    }
}
