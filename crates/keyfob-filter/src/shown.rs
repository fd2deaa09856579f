//! What GET shows and no store holds: addresses and entity tags.

use keyfob_core::{Addresses, AttrName, EntityTag, Member, Resource, ResourceId, ResourceType, SmolStr};

/// What is needed to compare `meta.location`, `meta.version` and `$ref` as they are shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) addresses: Addresses,
    /// The type of the resources that are shown; none for members alone, each of which says its type.
    pub(crate) resource_type: Option<ResourceType>,
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        let name = |shown: &Self| shown.resource_type.as_ref().map(|shown| shown.name().clone());
        self.addresses == other.addresses && name(self) == name(other)
    }
}

impl Shown {
    /// The type of the resources that an attribute gives the address of, where that is not for each member to say.
    pub(crate) fn type_of(&self, attribute: &AttrName) -> Option<&SmolStr> {
        let resource_type = self.resource_type.as_ref()?;
        if attribute.is("meta") {
            Some(resource_type.name())
        } else {
            resource_type.relation(attribute.as_str())?.target()
        }
    }

    /// `meta.location`.
    pub(crate) fn location(&self, resource: &Resource) -> Option<SmolStr> {
        let resource_type = self.resource_type.as_ref()?;
        self.addresses.of(resource_type.name(), &resource.id()?)
    }

    /// `meta.version`: the tag of the version that is held and of the inverse relations, which the filter reads.
    pub(crate) fn version(&self, resource: &Resource) -> Option<SmolStr> {
        let held = EntityTag::parse(resource.meta()?.version.as_deref()?)?;
        let tag = EntityTag::of(held.version(), resource, self.resource_type.as_ref()?);
        Some(tag.to_string().into())
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
