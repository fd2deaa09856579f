//! From what is stored to what a client sees.

use keyfob_core::{AttrSet, EntityTag, ResolvedProjection, Resource, ResourceType, schema::RelationKind};
use keyfob_store::Store;
use smol_str::{SmolStr, format_smolstr};

use super::Engine;
use crate::{context::Context, policy, state::State};

/// Adds the inverse relations, which the entity tag of a resource depends on, to what is read of it. Returns true if the
/// type has any.
pub(super) fn select_shown(attributes: &mut AttrSet, resource_type: &ResourceType) -> bool {
    let mut shown = false;
    for relation in resource_type.relations() {
        if relation.kind != RelationKind::Owned {
            attributes.insert(relation.attribute.id);
            shown = true;
        }
    }
    shown
}

impl<S: Store> Engine<S> {
    /// The address of a resource.
    pub(crate) fn location(cx: &Context, resource_type: &ResourceType, id: &str) -> SmolStr {
        resource_type.address(cx.base_url(), id)
    }

    /// The resource as the client asked to see it: with addresses, and without what it didn't ask for.
    pub(super) fn view(
        &self,
        cx: &Context,
        resource: Resource,
        tag: EntityTag,
        projection: &ResolvedProjection<'_>,
    ) -> Resource {
        let resource_type = projection.resource_type();
        let mut resource = resource;
        State::take_from(&mut resource);
        policy::show_active(&mut resource, resource_type);
        if let (Some(mut meta), Some(id)) = (resource.meta(), resource.id()) {
            meta.version = Some(format_smolstr!("{tag}"));
            meta.location = Some(Self::location(cx, resource_type, id.as_str()));
            resource.set_meta(&meta);
        }
        let addresses = cx.addresses(self.registry());
        for (name, members) in resource.relations_mut() {
            let Some(relation) = resource_type.relation(name.as_str()) else {
                continue;
            };
            for (id, member) in members.iter_mut() {
                member.reference = addresses.of_member(relation, id, member);
            }
        }
        // Last, as it may take out some of the addresses.
        projection.apply(&mut resource);
        resource
    }
}
