//! What GET shows and no store holds: addresses.

use keyfob_core::{Addresses, AttrName, Member, ResourceId, ResourceType, SmolStr};

/// What is needed to compare `meta.location` and `$ref` as they are shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) addresses: Addresses,
    /// The type of the resource that an attribute gives the address of, where that is not for each member to say.
    types: Vec<(AttrName, SmolStr)>,
}

impl Shown {
    /// What is shown of the members of a relation, each of which says its type.
    pub(crate) fn of_members(addresses: &Addresses) -> Self {
        Self {
            addresses: addresses.clone(),
            types: Vec::new(),
        }
    }

    /// What is shown of the resources of a type.
    pub(crate) fn of(resource_type: &ResourceType, addresses: &Addresses) -> Self {
        let own = (AttrName::new("meta"), resource_type.name().clone());
        let relations = resource_type
            .relations()
            .iter()
            .filter_map(|relation| Some((relation.attribute.name.clone(), relation.target()?.clone())));
        Self {
            types: std::iter::once(own).chain(relations).collect(),
            ..Self::of_members(addresses)
        }
    }

    /// The type of the resource that the attribute gives the address of.
    pub(crate) fn type_of(&self, attribute: &AttrName) -> Option<&SmolStr> {
        let known = self.types.iter().find(|(name, _)| name == attribute);
        known.map(|(_, resource_type)| resource_type)
    }

    /// `meta.location` of the resource with this id.
    pub(crate) fn location(&self, id: &ResourceId) -> Option<SmolStr> {
        let resource_type = self.type_of(&AttrName::new("meta"))?;
        self.addresses.of(resource_type, id)
    }

    /// `$ref` of a member.
    pub(crate) fn reference(
        &self,
        attribute: &AttrName,
        id: &ResourceId,
        member: &Member,
    ) -> Option<SmolStr> {
        let resource_type = self.type_of(attribute).or(member.kind.as_ref())?;
        self.addresses.of(resource_type, id)
    }
}
