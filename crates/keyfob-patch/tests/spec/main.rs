//! What a PATCH does, by the RFC and by what providers send.
#![cfg(test)]

mod atomicity;
mod cases;
mod dialects;
mod errors;
mod mutability;
mod relations;
mod rfc;

use keyfob_core::{
    Dialect, ErrorBody, Registry, Resource, ResourceType, SchemaUri, ToErrorBody, json, message::PatchRequest,
};
use keyfob_patch::{Applied, Plan};

fn user() -> &'static ResourceType {
    Registry::rfc().resource_type("User").unwrap()
}

fn group() -> &'static ResourceType {
    Registry::rfc().resource_type("Group").unwrap()
}

/// The resource that the JSON of its attributes says, `schemas` apart.
fn resource(resource_type: &ResourceType, attributes: &str) -> Resource {
    let mut resource = Resource::from_json(attributes.as_bytes(), resource_type).unwrap();
    let extensions: Vec<SchemaUri> = resource.extensions().iter().map(|(uri, _)| uri.clone()).collect();
    *resource.schemas_mut() = vec![resource_type.schema().id.clone()];
    resource.schemas_mut().extend(extensions);
    resource
}

fn request(operations: &str) -> PatchRequest {
    let message = format!(
        r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": {operations}}}"#
    );
    PatchRequest::from_json(message.as_bytes()).unwrap()
}

fn plan<'t>(resource_type: &'t ResourceType, dialect: Dialect, operations: &str) -> Plan<'t> {
    Plan::compile(request(operations), resource_type, dialect).unwrap()
}

/// Compiles and applies.
fn patch(
    resource: &mut Resource,
    resource_type: &ResourceType,
    dialect: Dialect,
    operations: &str,
) -> Result<Applied, ErrorBody> {
    Plan::compile(request(operations), resource_type, dialect)
        .and_then(|plan| plan.apply(resource))
        .map_err(|error| error.to_error_body())
}

/// The resource as JSON without `schemas` and `userName`, which every user has.
fn attributes(resource: &Resource) -> String {
    let mut object = json::object_from_slice(&resource.to_json()).unwrap();
    object.remove("schemas");
    object.remove("userName");
    String::from_utf8(json::object_to_vec(&object)).unwrap()
}

/// Holds patched users against what a table expects: attributes, or a `scimType`.
fn check_users(dialect: Dialect, table: &[(&str, &str, &str)]) {
    for (before, operations, expected) in table {
        let before = format!(
            r#"{{"userName": "bjensen", {}"#,
            before.trim_start().trim_start_matches('{')
        );
        let before = before.replace(", }", "}");
        let mut patched = resource(user(), &before);
        match patch(&mut patched, user(), dialect, operations) {
            Ok(_) => {
                let expected = json::value_from_slice(expected.as_bytes())
                    .unwrap_or_else(|_| panic!("{operations} on {before} was not refused with {expected}"));
                let found = json::value_from_slice(attributes(&patched).as_bytes()).unwrap();
                assert_eq!(found, expected, "{operations} on {before}");
            }
            Err(error) => {
                let scim_type = error.scim_type.map_or("", |scim_type| scim_type.as_str());
                assert_eq!(scim_type, *expected, "{operations} on {before}: {}", error.detail);
                assert_eq!(patched, resource(user(), &before), "{operations} on {before}");
            }
        }
    }
}
