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

    /// The type and the id of the resource whose address a text is, character by character.
    #[must_use]
    pub fn resource_at(&self, text: &str) -> Option<(&str, ResourceId)> {
        let path = text.strip_prefix(self.base_url.as_str())?;
        self.endpoints.iter().find_map(|(name, endpoint)| {
            let segment = path.strip_prefix(endpoint.as_str())?.strip_prefix('/')?;
            let id = percent_decode_str(segment).decode_utf8().ok()?;
            // An id has one address, and other texts that decode to it are none.
            let is_address = !id.is_empty() && address(&self.base_url, endpoint, &id) == text;
            is_address.then(|| (name.as_str(), ResourceId::new(&*id)))
        })
    }
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
