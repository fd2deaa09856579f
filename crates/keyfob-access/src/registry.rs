//! The internal resource types in which everything of this crate is kept, in the organization's own tenant.

use std::sync::LazyLock;

use keyfob_core::{
    AttrPath, Registry, ResourceType, Schema, SchemaUri,
    schema::{RegistryBuilder, ResourceTypeBuilder},
};
use thiserror::Error;

pub(crate) const ACCESS_GROUP: &str = "AccessGroup";
pub(crate) const ACCESS_LEVEL: &str = "AccessLevel";
pub(crate) const DOOR: &str = "Door";
pub(crate) const UNIT: &str = "Unit";
pub(crate) const ROLE: &str = "Role";
pub(crate) const GRANT: &str = "Grant";

/// Adds the resource types of this crate to those of a service. Clients see none of them.
///
/// `AccessGroup`, `AccessLevel` and `Door` say who may pass which doors; `Unit`, `Role` and `Grant` who belongs to which
/// part of the organization.
///
/// ```
/// use keyfob_core::schema::RegistryBuilder;
///
/// let registry = keyfob_access::register(RegistryBuilder::verkada()).build()?;
/// assert!(!registry.resource_type("AccessGroup").unwrap().is_exposed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn register(builder: RegistryBuilder) -> RegistryBuilder {
    let definitions: [(&str, &[&str], &[&str]); 6] = [
        (ACCESS_GROUP, &["members"], &["source"]),
        (ACCESS_LEVEL, &["accessGroups", "doors"], &[]),
        (DOOR, &[], &[]),
        (UNIT, &["groups"], &["parent"]),
        (ROLE, &[], &[]),
        (GRANT, &["users"], &["unit"]),
    ];
    let builder = definitions
        .into_iter()
        .fold(builder, |builder, (name, relations, indexed)| {
            let mut definition =
                ResourceTypeBuilder::new(name, format!("/{name}s"), schema_of(name)).internal();
            for relation in relations {
                definition = definition.relation(*relation);
            }
            for attribute in indexed {
                definition = definition.indexed(AttrPath::attribute(*attribute));
            }
            builder.resource_type(definition)
        });
    SCHEMAS.iter().cloned().fold(builder, RegistryBuilder::schema)
}

/// The registry lacks a resource type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the registry has no resource type `{0}`")]
pub struct NotRegistered(pub(crate) &'static str);

/// The URI of the schema of one of the types.
pub(crate) fn schema_of(name: &str) -> SchemaUri {
    SchemaUri::new(format!("urn:keyfob:params:scim:schemas:access:1.0:{name}"))
}

/// The resource types that this crate works with, its own and those of users and groups.
#[derive(Clone, Debug)]
pub(crate) struct Types {
    pub(crate) user: ResourceType,
    pub(crate) group: ResourceType,
    pub(crate) access_group: ResourceType,
    pub(crate) access_level: ResourceType,
    pub(crate) door: ResourceType,
    pub(crate) unit: ResourceType,
    pub(crate) role: ResourceType,
    pub(crate) grant: ResourceType,
}

impl Types {
    pub(crate) fn of(registry: &Registry) -> Result<Self, NotRegistered> {
        let own = |name| registry.resource_type(name).cloned().ok_or(NotRegistered(name));
        let of_schema = |name, uri: SchemaUri| {
            let mut types = registry.resource_types().iter();
            let found = types.find(|resource_type| resource_type.schema().id == uri);
            found.cloned().ok_or(NotRegistered(name))
        };
        Ok(Self {
            user: of_schema("User", SchemaUri::USER)?,
            group: of_schema("Group", SchemaUri::GROUP)?,
            access_group: own(ACCESS_GROUP)?,
            access_level: own(ACCESS_LEVEL)?,
            door: own(DOOR)?,
            unit: own(UNIT)?,
            role: own(ROLE)?,
            grant: own(GRANT)?,
        })
    }
}

static SCHEMAS: LazyLock<Vec<Schema>> = LazyLock::new(load);

#[expect(
    clippy::panic,
    reason = "the definitions are part of the crate and a test loads them"
)]
fn load() -> Vec<Schema> {
    let texts = [
        include_str!("../schemas/access-group.json"),
        include_str!("../schemas/access-level.json"),
        include_str!("../schemas/door.json"),
        include_str!("../schemas/unit.json"),
        include_str!("../schemas/role.json"),
        include_str!("../schemas/grant.json"),
    ];
    texts
        .iter()
        .map(|text| match Schema::from_json(text.as_bytes()) {
            Ok(schema) => schema,
            Err(error) => panic!("an embedded schema is malformed: {error}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_fit_beside_those_of_every_registry() {
        for builder in [RegistryBuilder::rfc(), RegistryBuilder::verkada()] {
            let registry = register(builder).build().unwrap();
            let types = Types::of(&registry).unwrap();
            assert!(!types.grant.is_exposed());
        }
        assert_eq!(
            Types::of(Registry::rfc()).unwrap_err(),
            NotRegistered("AccessGroup")
        );
    }
}
