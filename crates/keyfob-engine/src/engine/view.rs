//! From what is stored to what a client sees.

use keyfob_core::{ResolvedProjection, Resource, ResourceType, schema::RelationKind};
use keyfob_store::{Store, Stored};
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

impl<S: Store> Engine<S> {
    /// The address of a resource.
    pub(crate) fn location(cx: &Context, resource_type: &ResourceType, id: &str) -> SmolStr {
        let segment = utf8_percent_encode(id, RESERVED);
        format_smolstr!("{}{}/{segment}", cx.base_url(), resource_type.endpoint())
    }

    /// The resource as the client asked to see it: with addresses, and without what it didn't ask for.
    pub(super) fn view(&self, cx: &Context, stored: Stored, projection: &ResolvedProjection<'_>) -> Resource {
        let resource_type = projection.resource_type();
        let mut resource = stored.resource;
        State::take_from(&mut resource);
        if let (Some(mut meta), Some(id)) = (resource.meta(), resource.id()) {
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
