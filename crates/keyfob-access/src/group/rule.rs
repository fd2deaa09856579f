//! What becomes of an access group when a provider changes the group from which it was made.

use keyfob_core::{Object, Registry, Resource, ResourceId, ResourceType, SchemaUri, Value};
use keyfob_engine::{Context, FurtherChange, Operation, Rejection, Review, Rule};
use keyfob_provisioning::{Module, Provisioning};

use crate::{
    event::NAME_CONFLICT,
    keep::{document, name_key},
    registry::{ACCESS_GROUP, NotRegistered, Types, schema_of},
};

/// Keeps access groups in step with the SCIM groups from which they were made, in the same commit.
///
/// - A SCIM group that is deleted takes its access group with it, and that out of every level.
/// - One that is renamed renames it. Where another access group has the name, the access group keeps the one it has, and
///   [`NAME_CONFLICT`] is published.
/// - When the organization is unlinked, all of them go.
#[derive(Debug)]
pub struct AccessGroups {
    access_group: ResourceType,
}

impl AccessGroups {
    /// The rule for an engine with this registry.
    ///
    /// # Errors
    /// [`NotRegistered`] where it was made without [`register`](crate::register).
    pub fn new(registry: &Registry) -> Result<Self, NotRegistered> {
        let types = Types::of(registry)?;
        Ok(Self {
            access_group: types.access_group,
        })
    }
}

impl Rule for AccessGroups {
    fn review(&self, _: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
        if review.resource_type().schema().id != SchemaUri::GROUP {
            return Ok(());
        }
        let Some(id) = access_group_of(review) else {
            return Ok(());
        };
        let resource_type = self.access_group.clone();
        if matches!(review.operation(), Operation::Hide | Operation::Delete) {
            review.attempt(FurtherChange::Delete { resource_type, id }, None);
            return Ok(());
        }
        let name = display_name(review.document()).to_owned();
        if review.document().is_none() || display_name(review.before()) == name {
            return Ok(());
        }
        let mut conflict = review.event(NAME_CONFLICT);
        conflict.data.insert("accessGroup", id.as_str());
        conflict.data.insert("name", name.as_str());
        let renamed = FurtherChange::Replace {
            resource_type,
            id,
            document: access_group_document(&name, review),
            unique: vec![name_key(&name)],
        };
        review.attempt(renamed, Some(conflict));
        Ok(())
    }
}

impl Module for AccessGroups {
    fn unlinked(&self) -> &[(&'static str, &'static str)] {
        &[(ACCESS_GROUP, "source pr")]
    }
}

/// Under which name a group's state holds its access group, with the link under which that was made: of an access group
/// that went with another link nobody has to know.
const STATE: &str = "accessGroup";

/// The access group that was made from the group under review.
pub(super) fn access_group_of(review: &Review<'_>) -> Option<ResourceId> {
    let noted = review.state().get(STATE)?.as_object()?;
    let link = Provisioning::among(review.facts()).link.as_deref()?;
    let id = (noted.get_str("link") == Some(link)).then(|| noted.get_str("value"))?;
    id.map(ResourceId::new)
}

pub(super) fn note_access_group(review: &mut Review<'_>, id: &ResourceId) {
    let mut noted = Object::new();
    noted.insert("value", id.as_str());
    if let Some(link) = &Provisioning::among(review.facts()).link {
        noted.insert("link", link.clone());
    }
    review.state_mut().set(STATE, Value::from(noted));
}

pub(super) fn forget_access_group(review: &mut Review<'_>) {
    review.state_mut().remove(STATE);
}

/// Returns the document of an access group that is made from the group under review, over the organization's link.
pub(super) fn access_group_document(name: &str, review: &Review<'_>) -> Resource {
    let mut document = document(schema_of(ACCESS_GROUP), name);
    document.core_mut().insert("source", review.id().as_str());
    if let Some(link) = &Provisioning::among(review.facts()).link {
        document.core_mut().insert("link", link.clone());
    }
    document
}

pub(super) fn display_name(group: Option<&Resource>) -> &str {
    let name = group.and_then(|group| group.core().get_str("displayName"));
    name.unwrap_or_default()
}
