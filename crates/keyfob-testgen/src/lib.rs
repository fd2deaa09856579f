#![doc = include_str!("../README.md")]

mod choices;
mod filter;
mod hostile;
mod model;
mod organization;
mod request;
mod resource;
mod text;

use keyfob_core::{Registry, ResourceType};

pub use self::{
    choices::Choices,
    filter::{address, filter_matches, shown},
    hostile::{hostile_body, hostile_patch},
    model::apply_patch,
    organization::Organization,
    request::patch_request,
    resource::resource,
};

/// The enterprise extension of users (RFC 7643 section 4.3).
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What a generated resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests go through all kinds")]
pub enum Kind {
    /// A user with the enterprise extension.
    User,
    /// A group.
    Group,
}

impl Kind {
    /// The resource type in the registry of the RFC.
    ///
    /// # Panics
    /// Never: the registry of the RFC has both.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the registry of the RFC has both")]
    pub fn resource_type(self) -> &'static ResourceType {
        let name = match self {
            Self::User => "User",
            Self::Group => "Group",
        };
        Registry::rfc()
            .resource_type(name)
            .expect("a resource type of the RFC")
    }
}
