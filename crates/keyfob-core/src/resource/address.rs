//! Addresses: where a resource is served, and which resource an address is of.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use smol_str::{SmolStr, format_smolstr};

use super::{Member, ResourceId};
use crate::schema::Relation;

/// What an id can't hold in an address as it is: all but the unreserved characters of RFC 3986 section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The addresses of the resources of a registry below a base URL: the texts of `meta.location` and `$ref` (RFC 7643
/// sections 2.3.7 and 3.1).
///
/// ```
/// use keyfob_core::{Registry, ResourceId};
///
/// let addresses = Registry::rfc().addresses("https://example.com/scim/v2");
/// let address = addresses.of("User", &ResourceId::new("a/b")).unwrap();
/// assert_eq!(address, "https://example.com/scim/v2/Users/a%2Fb");
/// assert_eq!(addresses.resource_at(&address), Some(("User", ResourceId::new("a/b"))));
/// assert_eq!(addresses.resource_at("https://example.com/scim/v2/Users/a/b"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    base_url: SmolStr,
    /// The name and the endpoint of each resource type.
    endpoints: Arc<[(SmolStr, SmolStr)]>,
}

impl Addresses {
    pub(crate) fn new(base_url: SmolStr, endpoints: Arc<[(SmolStr, SmolStr)]>) -> Self {
        Self { base_url, endpoints }
    }

    /// The address of a resource; none where the registry has no such type.
    #[must_use]
    pub fn of(&self, resource_type: &str, id: &ResourceId) -> Option<SmolStr> {
        let (_, endpoint) = self
            .endpoints
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(resource_type))?;
        Some(address(&self.base_url, endpoint, id.as_str()))
    }

    /// The address of a member of a relation; none where nothing tells its type.
    #[must_use]
    pub fn of_member(&self, relation: &Relation, id: &ResourceId, member: &Member) -> Option<SmolStr> {
        self.of(relation.target().or(member.kind.as_ref())?, id)
    }

    /// Returns the type and the id of the resource whose address a text is, character by character except for the version
    /// of the protocol: an address with another version than the base URL, or without one, is the same address (RFC 7643
    /// section 2.4).
    #[must_use]
    pub fn resource_at(&self, text: &str) -> Option<(&str, ResourceId)> {
        let below = text.strip_prefix(without_version(&self.base_url))?;
        // An endpoint may look like a version.
        let paths = [Some(below), after_version(below)];
        paths.into_iter().flatten().find_map(|path| {
            self.endpoints.iter().find_map(|(name, endpoint)| {
                let segment = path.strip_prefix(endpoint.as_str())?.strip_prefix('/')?;
                let id = percent_decode_str(segment).decode_utf8().ok()?;
                // An id has one address, and other texts that decode to it are none.
                let is_address = !id.is_empty() && address("", endpoint, &id) == path;
                is_address.then(|| (name.as_str(), ResourceId::new(&*id)))
            })
        })
    }
}

/// Returns true for a version of the protocol in an address, such as `v2` (RFC 7644 section 3.13).
fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix('v').unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns a base URL up to its version, which stands immediately before the endpoint.
fn without_version(base_url: &str) -> &str {
    match base_url.rsplit_once('/') {
        Some((before, last)) if is_version(last) => before,
        _ => base_url,
    }
}

/// Returns what follows a version at the beginning of a path; none where there is no version.
fn after_version(path: &str) -> Option<&str> {
    let segment = path.strip_prefix('/')?.split('/').next()?;
    is_version(segment)
        .then(|| path.strip_prefix('/')?.strip_prefix(segment))
        .flatten()
}

/// The address of the resource with an id below an endpoint.
pub(crate) fn address(base_url: &str, endpoint: &str, id: &str) -> SmolStr {
    format_smolstr!("{base_url}{endpoint}/{}", utf8_percent_encode(id, RESERVED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    #[test]
    fn an_address_is_of_the_resource_that_has_it() {
        for base_url in [
            "",
            "/scim/v2",
            "https://example.com/scim/v2",
            "https://example.com/Users",
        ] {
            let addresses = Registry::rfc().addresses(base_url);
            for name in ["User", "Group"] {
                for id in [
                    "2819c223", "a b", "a/b", "..", "\u{20ac}", "%41", "Users/x", "a?b#c",
                ] {
                    let id = ResourceId::new(id);
                    let address = addresses.of(name, &id).unwrap();
                    assert_eq!(addresses.resource_at(&address), Some((name, id)), "{address}");
                }
            }
        }
        let addresses = Registry::rfc().addresses("https://example.com/v2");
        for text in [
            "",
            "https://example.com/v2",
            "https://example.com/v2/Users",
            "https://example.com/v2/Users/",
            "https://example.com/v2/Users/%41",
            "https://example.com/v2/Users/a%2fb",
            "https://example.com/v2/Users/a/b",
            "https://example.com/v2/users/a",
            "https://example.com/v2/Devices/a",
            "https://example.org/v2/Users/a",
            "https://example.com/v2/Users/%ff",
            "/Users/a",
        ] {
            assert_eq!(addresses.resource_at(text), None, "{text}");
        }
    }

    #[test]
    fn rfc_7643_2_4_an_address_with_another_version_or_none_is_the_same() {
        for base_url in [
            "https://example.com",
            "https://example.com/v2",
            "https://example.com/v10",
        ] {
            let addresses = Registry::rfc().addresses(base_url);
            for (text, expected) in [
                ("https://example.com/Users/a", Some("User")),
                ("https://example.com/v1/Users/a", Some("User")),
                ("https://example.com/v2/Groups/a", Some("Group")),
                ("https://example.com/v2/v2/Users/a", None),
                ("https://example.com/v/Users/a", None),
                ("https://example.com/2/Users/a", None),
                ("https://example.com/v2x/Users/a", None),
                ("https://example.com/V2/Users/a", None),
                ("https://example.comv2/Users/a", None),
                ("https://example.com/v2Users/a", None),
                ("https://example.org/v2/Users/a", None),
            ] {
                let found = addresses.resource_at(text);
                let expected = expected.map(|name| (name, ResourceId::new("a")));
                assert_eq!(found, expected, "{text} below {base_url}");
            }
        }
        let addresses = Registry::rfc().addresses("");
        assert!(addresses.resource_at("/v2/Users/a").is_some());
        let addresses = Registry::rfc().addresses("/v2");
        assert!(addresses.resource_at("/Users/a").is_some());
    }

    #[test]
    fn a_member_has_the_address_of_its_type() {
        let addresses = Registry::rfc().addresses("");
        let of_member = |owner: &str, relation: &str, member: Member| {
            let relation = Registry::rfc().resource_type(owner)?.relation(relation)?;
            addresses.of_member(relation, &ResourceId::new("x"), &member)
        };
        let kind = |kind: &str| Member::new().with_kind(kind);
        assert_eq!(
            of_member("Group", "members", kind("User")).as_deref(),
            Some("/Users/x")
        );
        assert_eq!(
            of_member("Group", "members", kind("group")).as_deref(),
            Some("/Groups/x")
        );
        assert_eq!(of_member("Group", "members", kind("Device")), None);
        assert_eq!(of_member("Group", "members", Member::new()), None);
        assert_eq!(
            of_member("User", "groups", kind("direct")).as_deref(),
            Some("/Groups/x")
        );
    }
}
