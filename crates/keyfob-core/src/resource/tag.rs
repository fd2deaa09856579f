//! Entity tags.

use std::fmt;

use super::{MemberSet, Resource, Version};
use crate::schema::{RelationKind, ResourceType};

/// The entity tag of a resource (RFC 7644 section 3.14): the version of its state, and a fingerprint of what its
/// inverse relations show.
///
/// A group that takes a user in changes the `groups` that the user shows, but not the user's own state. The
/// fingerprint makes the tag change with both. `If-Match` compares the [`version`](Self::version) alone, so that a
/// group never stops a change of its member; `If-None-Match` compares the whole tag, so that no client is told
/// that its copy of `groups` is current when it isn't.
///
/// On the wire it is the weak tag `W/"3"`, or `W/"3-6d3a…"` where the resource shows members of an inverse relation.
///
/// ```
/// use keyfob_core::{EntityTag, Version};
///
/// let tag = EntityTag::from(Version::new(3));
/// assert_eq!(tag.to_string(), "W/\"3\"");
/// assert_eq!(EntityTag::parse("W/\"3\""), Some(tag));
/// assert_eq!(EntityTag::parse("W/\"3-00000000000000ff\"").map(|tag| tag.version()), Some(Version::new(3)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntityTag {
    version: Version,
    shown: Option<u64>,
}

impl EntityTag {
    /// Returns the tag of a resource of this version, which holds its inverse relations.
    ///
    /// # Complexity
    /// Sorts the members of the inverse relations.
    #[must_use]
    pub fn of(version: Version, resource: &Resource, resource_type: &ResourceType) -> Self {
        let mut shown: Option<Fingerprint> = None;
        for relation in resource_type.relations() {
            if relation.kind == RelationKind::Owned {
                continue;
            }
            let members = resource.relation(relation.attribute.name.as_str());
            for members in members.into_iter().filter(|members| !members.is_empty()) {
                let fingerprint = shown.get_or_insert_default();
                fingerprint.text(relation.attribute.name.as_str());
                fingerprint.members(members);
            }
        }
        Self {
            version,
            shown: shown.map(|fingerprint| fingerprint.0),
        }
    }

    /// Returns the version of the resource's state.
    #[must_use]
    pub fn version(self) -> Version {
        self.version
    }

    /// Reads a tag, strong or weak; returns `None` for a tag that no resource here ever had.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let tag = tag.trim();
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        let opaque = opaque.strip_prefix('"')?.strip_suffix('"')?;
        let (version, shown) = match opaque.split_once('-') {
            None => (opaque, None),
            Some((version, shown)) => (version, Some(shown)),
        };
        let parsed = Self {
            version: Version::new(version.parse().ok()?),
            shown: match shown {
                None => None,
                Some(digits) => Some(u64::from_str_radix(digits, 16).ok()?),
            },
        };
        // Another spelling of the same number, such as `07` or `+7`, is somebody else's tag.
        (parsed.opaque() == opaque).then_some(parsed)
    }

    fn opaque(self) -> String {
        match self.shown {
            None => self.version.number().to_string(),
            Some(shown) => format!("{}-{shown:016x}", self.version.number()),
        }
    }
}

impl From<Version> for EntityTag {
    /// The tag of a resource that shows no members of an inverse relation.
    fn from(version: Version) -> Self {
        Self { version, shown: None }
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "W/\"{}\"", self.opaque())
    }
}

/// A 64-bit FNV-1a hash. It guards against nobody: a client that finds a collision deceives only its own cache. It is
/// the same on every server and in every process, which the hashers of the standard library don't promise.
#[derive(Clone, Copy)]
struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    fn text(&mut self, text: &str) {
        text.bytes().for_each(|byte| self.byte(byte));
        // No UTF-8 text holds this byte, so that two texts never read as two others.
        self.byte(0xff);
    }

    fn members(&mut self, members: &MemberSet) {
        let mut sorted: Vec<_> = members.iter().collect();
        sorted.sort_unstable_by_key(|(id, _)| id.as_str());
        for (id, member) in sorted {
            self.text(id.as_str());
            self.text(member.kind.as_deref().unwrap_or_default());
            self.text(member.display.as_deref().unwrap_or_default());
        }
        self.byte(0xff);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Member, Registry, ResourceId};

    #[test]
    fn a_tag_reads_back_as_the_one_that_made_it_and_others_are_nobodys() {
        let whole = "W/\"7-00000000000000ff\"";
        for (text, tag) in [
            ("W/\"7\"", Some("W/\"7\"")),
            ("\"7\"", Some("W/\"7\"")),
            (" W/\"7\" ", Some("W/\"7\"")),
            (whole, Some(whole)),
            ("7", None),
            ("W/\"07\"", None),
            ("W/\"+7\"", None),
            ("W/\"\"", None),
            ("W/\"7-\"", None),
            ("W/\"7-ff\"", None),
            ("W/\"7-00000000000000FF\"", None),
            ("W/\"7-+0000000000000ff\"", None),
            ("W/\"a330bc54f0671c9\"", None),
        ] {
            let parsed = EntityTag::parse(text).map(|tag| tag.to_string());
            assert_eq!(parsed.as_deref(), tag, "{text}");
        }
    }

    #[test]
    fn a_users_tag_changes_with_the_groups_that_it_shows_and_not_with_their_order() {
        let user = Registry::rfc().resource_type("User").unwrap();
        let tag = |groups: &[(&str, &str)]| {
            let mut resource = Resource::new([]);
            let mut members = MemberSet::new();
            for (id, display) in groups {
                let mut member = Member::new();
                member.display = Some((*display).into());
                members.insert(ResourceId::new(*id), member);
            }
            let name = &user.relation("groups").unwrap().attribute.name;
            resource.set_relation(name, members);
            EntityTag::of(Version::FIRST, &resource, user)
        };
        assert_eq!(tag(&[]), EntityTag::from(Version::FIRST));
        let both = tag(&[("1", "Guides"), ("2", "Guards")]);
        assert_eq!(both, tag(&[("2", "Guards"), ("1", "Guides")]));
        let others = [
            tag(&[]),
            tag(&[("1", "Guides")]),
            tag(&[("1", "Guides"), ("2", "Guides")]),
            tag(&[("1", "Guards"), ("2", "Guides")]),
            tag(&[("1", "GuidesGuards"), ("2", "")]),
        ];
        for (place, other) in others.iter().enumerate() {
            assert_ne!(both, *other);
            assert!(!others[..place].contains(other));
            assert_eq!(other.version(), Version::FIRST);
        }
    }
}
