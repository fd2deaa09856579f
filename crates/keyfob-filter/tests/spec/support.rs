//! What the tests share.

use keyfob_core::{Registry, Resource, ResourceType};

pub(crate) fn resource_type(name: &str) -> &'static ResourceType {
    Registry::rfc().resource_type(name).unwrap()
}

pub(crate) fn user() -> &'static ResourceType {
    resource_type("User")
}

/// The resource that a JSON text is.
pub(crate) fn resource(json: &str, resource_type: &ResourceType) -> Resource {
    Resource::from_json(json.as_bytes(), resource_type).unwrap()
}
