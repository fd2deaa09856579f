//! What several tests need.

use std::sync::LazyLock;

use keyfob_core::{Registry, Resource, ResourceType, Value, json, message::PatchRequest};
use keyfob_expression::{Environment, Options, SeededEntropy, Source};
use keyfob_mapping::{Mapper, ObjectMapping};

pub(crate) fn user() -> &'static ResourceType {
    Registry::verkada().resource_type("User").unwrap()
}

pub(crate) fn group() -> &'static ResourceType {
    Registry::verkada().resource_type("Group").unwrap()
}

pub(crate) fn testdata(file: &str) -> Vec<u8> {
    let path = format!("{}/../../testdata/entra/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The mapper of a user mapping in the native form, of which `attributes` are the attributes.
pub(crate) fn mapper(attributes: &str) -> Mapper {
    let mapping = mapping(attributes);
    Mapper::compile(&mapping, user(), &Options::default())
        .unwrap_or_else(|error| panic!("{attributes}: {error}"))
}

pub(crate) fn mapping(attributes: &str) -> ObjectMapping {
    ObjectMapping::from_json(format!("{{\"attributes\": {attributes}}}").as_bytes()).unwrap()
}

pub(crate) fn source(json: &str) -> Source {
    Source::from_json(json.as_bytes()).unwrap()
}

/// A fixed time and randomness.
pub(crate) fn environment() -> Environment<'static> {
    static ENTROPY: LazyLock<SeededEntropy> = LazyLock::new(|| SeededEntropy::new(0));
    Environment::new("2026-01-01T12:00:00Z".parse().unwrap(), &*ENTROPY)
}

/// A user with these attributes.
pub(crate) fn existing(attributes: &str) -> Resource {
    Resource::from_json(attributes.as_bytes(), user()).unwrap()
}

/// The resource as JSON without `schemas`.
pub(crate) fn attributes(resource: &Resource) -> serde_json::Value {
    let mut written: serde_json::Value = serde_json::from_slice(&resource.to_json()).unwrap();
    written.as_object_mut().unwrap().remove("schemas");
    written
}

/// The operations of a request as JSON.
pub(crate) fn operations(request: &PatchRequest) -> serde_json::Value {
    let operations = request.to_object().remove("Operations").unwrap_or(Value::Null);
    serde_json::from_slice(&json::value_to_vec(&operations)).unwrap()
}
