//! The resource types that the suite stores, and documents of them.

use std::sync::LazyLock;

use keyfob_core::{
    AttrName, AttrPath, Collation, CompareKey, DateTime, Registry, Resource, ResourceType, Schema, SchemaUri,
    schema::{RegistryBuilder, ResourceTypeBuilder},
};
use keyfob_store::UniqueKey;

use crate::failure::Failure;

static REGISTRY: LazyLock<Registry> = LazyLock::new(load);

/// The resource types that the suite stores: `User` and `Group` of RFC 7643, the user with the enterprise extension
/// and one of the suite's own, and `Device`, with an attribute of every type, a unique attribute that is caseExact, two
/// relations, of which one takes any resource, and an inverse one.
#[must_use]
pub fn registry() -> &'static Registry {
    &REGISTRY
}

/// A builder of the suite's [registry], for a store that keeps a part of what is in it.
///
/// # Errors
/// [`Failure`] where the suite's own schemas are malformed.
pub fn registry_builder() -> Result<RegistryBuilder, Failure> {
    let badge = Schema::from_json(include_bytes!("../schemas/badge.json"))?;
    let device = Schema::from_json(include_bytes!("../schemas/device.json"))?;
    let attribute = |name: &str| AttrPath::attribute(name);
    let sub = |name: &str, sub: &str| attribute(name).with_sub(Some(AttrName::new(sub)));
    let user = ResourceTypeBuilder::new("User", "/Users", SchemaUri::USER)
        .extension(SchemaUri::ENTERPRISE_USER, false)
        .extension(badge.id.clone(), false)
        .inverse_relation("groups", "Group", "members")
        .indexed(attribute("externalId"))
        .indexed(attribute("displayName"))
        .indexed(sub("emails", "value"))
        .indexed(AttrPath::new(
            Some(badge.id.clone()),
            AttrName::new("badgeNumber"),
            None,
        ));
    let group = ResourceTypeBuilder::new("Group", "/Groups", SchemaUri::GROUP)
        .relation("members")
        .indexed(attribute("externalId"))
        .indexed(attribute("displayName"));
    let device_type = ResourceTypeBuilder::new("Device", "/Devices", device.id.clone())
        .relation("users")
        .relation("components")
        .inverse_relation("partOf", "Device", "components")
        .indexed(attribute("label"))
        .indexed(attribute("code"))
        .indexed(attribute("tags"))
        .indexed(attribute("slot"))
        .indexed(attribute("installed"))
        .indexed(sub("ports", "name"));
    let builder = Registry::builder().schema(badge).schema(device);
    Ok(builder
        .resource_type(user)
        .resource_type(group)
        .resource_type(device_type))
}

/// One of the types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    User,
    Group,
    Device,
}

pub(crate) use Kind::{Device, Group, User};

impl Kind {
    pub(crate) const ALL: [Self; 3] = [User, Group, Device];

    pub(crate) fn name(self) -> &'static str {
        match self {
            User => "User",
            Group => "Group",
            Device => "Device",
        }
    }

    /// The type as the suite defines it.
    #[expect(
        clippy::panic,
        reason = "the definitions are part of the crate and a test loads them"
    )]
    pub(crate) fn definition(self) -> &'static ResourceType {
        match registry().resource_type(self.name()) {
            Some(resource_type) => resource_type,
            None => panic!("the suite has no type {}", self.name()),
        }
    }

    /// The owned relation that most cases use.
    pub(crate) fn relation(self) -> &'static str {
        match self {
            User => "",
            Group => "members",
            Device => "users",
        }
    }

    /// Whether one of its owned relations takes resources of a type, as the schemas state it.
    pub(crate) fn takes(self, relation: &str, member: Self) -> bool {
        match (self, relation) {
            (Group, "members") => member != Device,
            (Device, "components") => member != Group,
            (Device, "users") => true,
            _ => false,
        }
    }

    /// A document that holds little more than a name.
    pub(crate) fn document(self, name: &str) -> Resource {
        let mut resource = Resource::new([self.definition().schema().id.clone()]);
        let core = resource.core_mut();
        match self {
            User => core.insert("userName", name),
            Group => core.insert("displayName", name),
            Device => core.insert("serialNumber", name),
        };
        resource
    }

    /// The keys that a document reserves, as the engine derives them.
    pub(crate) fn keys(self, document: &Resource) -> Vec<UniqueKey> {
        let key = match self {
            User => document
                .core()
                .get_str("userName")
                .map(|name| UniqueKey::new("userName", CompareKey::new(Collation::UserName, name))),
            Group => None,
            Device => document
                .core()
                .get_str("serialNumber")
                .map(|text| UniqueKey::new("serialNumber", CompareKey::new(Collation::Exact, text))),
        };
        key.into_iter().collect()
    }
}

/// A document read from JSON.
pub(crate) fn document(kind: Kind, json: &str) -> Result<Resource, Failure> {
    Ok(Resource::from_json(json.as_bytes(), kind.definition())?)
}

/// The instant so many minutes into the year 2026.
pub(crate) fn minute(minutes: i64) -> DateTime {
    DateTime::from_unix_millis(1_767_225_600_000 + minutes * 60_000)
}

#[expect(
    clippy::panic,
    reason = "the definitions are part of the crate and a test loads them"
)]
fn load() -> Registry {
    let built = || -> Result<Registry, Failure> { Ok(registry_builder()?.build()?) };
    match built() {
        Ok(registry) => registry,
        Err(failure) => panic!("the suite's own schemas are malformed: {failure}"),
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::schema::RelationKind;

    use super::*;

    #[test]
    fn the_types_of_the_suite_load() {
        for kind in Kind::ALL {
            for relation in kind.definition().relations() {
                let name = relation.attribute.name.as_str();
                for member in Kind::ALL {
                    let takes = relation.kind == RelationKind::Owned && relation.takes(member.name());
                    assert_eq!(kind.takes(name, member), takes, "{kind:?}.{name} of {member:?}");
                }
            }
            assert_eq!(kind.definition().name(), kind.name());
        }
    }
}
