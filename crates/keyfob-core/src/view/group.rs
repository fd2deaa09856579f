//! The view of groups.

use smol_str::SmolStr;

use super::field::Field;
use crate::{
    name::SchemaUri,
    resource::{ExternalId, MemberSet, Meta, Resource, ResourceId},
};

view! {
    /// A group (RFC 7643 section 4.2).
    ///
    /// ```
    /// use keyfob_core::{Member, Resource, ResourceId, view::Group};
    ///
    /// let mut group = Group::new("Tour Guides");
    /// group.members.insert(ResourceId::new("2819c223"), Member::new().with_kind("User"));
    /// let resource = Resource::from(group);
    /// assert_eq!(resource.relation("members").unwrap().len(), 1);
    /// ```
    Group in Resource {
        /// The id that the service provider gave it.
        id: Option<ResourceId> = "id",
        /// The id that the provisioning client gave it.
        external_id: Option<ExternalId> = "externalId",
        /// The metadata.
        meta: Option<Meta> = "meta",
        /// The name to display; required.
        display_name: Option<SmolStr> = "displayName",
        /// The members.
        members: MemberSet = "members",
    }
}

impl Group {
    /// A group with this `displayName`.
    #[must_use]
    pub fn new(display_name: impl Into<SmolStr>) -> Self {
        let mut group = Self::from(Resource::new([SchemaUri::GROUP]));
        group.display_name = Some(display_name.into());
        group
    }
}
