//! What several tests need.

use keyfob_core::{Registry, Resource, ResourceType, SchemaUri};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

pub(crate) fn user_type() -> &'static ResourceType {
    Registry::verkada().resource_type("User").unwrap()
}

pub(crate) fn group_type() -> &'static ResourceType {
    Registry::verkada().resource_type("Group").unwrap()
}

/// The text as JSON, for comparisons that leave the order of attributes alone.
pub(crate) fn json(text: impl AsRef<[u8]>) -> serde_json::Value {
    serde_json::from_slice(text.as_ref()).unwrap()
}

/// A user with these attributes, given as the inside of a JSON object.
pub(crate) fn user(attributes: &str) -> Resource {
    decode(attributes, user_type())
}

/// A group with these attributes, given as the inside of a JSON object.
pub(crate) fn group(attributes: &str) -> Resource {
    decode(attributes, group_type())
}

fn decode(attributes: &str, resource_type: &ResourceType) -> Resource {
    Resource::from_json(format!("{{{attributes}}}").as_bytes(), resource_type)
        .unwrap_or_else(|error| panic!("{attributes}: {error}"))
}

/// The resource as JSON without `schemas`, as the inside of a JSON object would be given.
pub(crate) fn without_schemas(resource: &Resource) -> serde_json::Value {
    let mut written = json(resource.to_json());
    written.as_object_mut().unwrap().remove("schemas");
    written
}

/// The JSON texts of one of the files of RFC 7643 section 8, which hold an object or an array of them.
pub(crate) fn samples(file: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/../../testdata/rfc7643/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    match json(&text) {
        serde_json::Value::Array(samples) => samples
            .iter()
            .map(|sample| serde_json::to_vec(sample).unwrap())
            .collect(),
        _ => vec![text],
    }
}

/// The texts for the numbers below `count` one after another.
pub(crate) fn repeat(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |all, number| all + &text(number))
}

/// A URI for extensions of tests.
pub(crate) fn badge() -> SchemaUri {
    SchemaUri::new("urn:example:params:scim:schemas:badge:1.0:User")
}
