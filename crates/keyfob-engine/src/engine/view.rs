//! From what is stored to what a client sees.

use keyfob_core::{AttrSet, EntityTag, ResolvedProjection, Resource, ResourceType, schema::RelationKind};
use keyfob_store::Store;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use smol_str::{SmolStr, format_smolstr};

use super::Engine;
use crate::{context::Context, state::State};

/// What an id can't hold in an address as it is: all but the unreserved characters of RFC 3986 section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

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
        let segment = utf8_percent_encode(id, RESERVED);
        format_smolstr!("{}{}/{segment}", cx.base_url(), resource_type.endpoint())
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
        if let (Some(mut meta), Some(id)) = (resource.meta(), resource.id()) {
            meta.version = Some(format_smolstr!("{tag}"));
            meta.location = Some(Self::location(cx, resource_type, id.as_str()));
            resource.set_meta(&meta);
        }
        for (name, members) in resource.relations_mut() {
            let Some(relation) = resource_type.relation(name.as_str()) else {
                continue;
            };
            for (id, member) in members.iter_mut() {
                let target = match &relation.kind {
                    RelationKind::InverseOf { resource_type, .. } => Some(resource_type),
                    _ => member.kind.as_ref(),
                };
                member.reference = target
                    .and_then(|name| self.registry().resource_type(name))
                    .map(|target| Self::location(cx, target, id.as_str()));
            }
        }
        // Last, as it may take out some of the addresses.
        projection.apply(&mut resource);
        resource
    }
}
