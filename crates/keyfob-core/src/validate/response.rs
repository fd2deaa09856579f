//! Checks what servers answer.

use smol_str::format_smolstr;

use super::{
    ValidationError,
    body::{Direction, check_document, check_relations, check_schemas, path_in},
    value::value,
};
use crate::{
    dialect::{Dialect, Quirk},
    resource::Resource,
    schema::{Attribute, Mutability, ResourceType, Returned},
    value::Value,
};

/// Checks a resource that a server sent: `schemas` names its schemas and no others, every known attribute is of its
/// type, the required ones are there, the readOnly ones included, and none that is never returned.
///
/// # Errors
/// [`ValidationError`] names the first attribute that doesn't hold.
pub fn response(resource: &Resource, resource_type: &ResourceType) -> Result<(), ValidationError> {
    check_schemas(resource, resource_type, Dialect::strict())?;
    if resource.core().get_str("id").is_none_or(str::is_empty) {
        return Err(ValidationError::Missing { path: "id".into() });
    }
    // A client reads what there is: whether a text has its form is the server's business.
    let dialect = Dialect::strict()
        .with(Quirk::UnknownAttributes)
        .with(Quirk::LooseFormats);
    for (uri, attribute) in resource_type.attributes() {
        let object = match uri {
            None => Some(resource.core()),
            Some(uri) => resource.extension(uri),
        };
        let Some(sent) = object.and_then(|object| object.get(attribute.name.as_str())) else {
            continue;
        };
        let path = path_in(uri, attribute);
        check_returned(attribute, sent, &path)?;
        value(&readable(attribute), sent.clone(), dialect, &path)?;
    }
    for relation in resource_type.relations() {
        let path = relation.attribute.name.as_str();
        let sent = resource.relation(path).filter(|members| !members.is_empty());
        if relation.attribute.returned == Returned::Never && sent.is_some() {
            return Err(ValidationError::NeverReturned { path: path.into() });
        }
    }
    check_document(resource, resource_type, Direction::Response)?;
    check_relations(resource, resource_type)
}

/// Refuses what is never returned, at every level.
fn check_returned(attribute: &Attribute, sent: &Value, path: &str) -> Result<(), ValidationError> {
    if attribute.returned == Returned::Never {
        return Err(ValidationError::NeverReturned { path: path.into() });
    }
    for object in sent.as_elements().iter().filter_map(Value::as_object) {
        for sub in &attribute.sub_attributes {
            if let Some(sent) = object.get(sub.name.as_str()) {
                check_returned(sub, sent, &format_smolstr!("{path}.{}", sub.name))?;
            }
        }
    }
    Ok(())
}

/// The attribute with its readOnly sub-attributes checked like any other, as an answer's have to be.
fn readable(attribute: &Attribute) -> Attribute {
    Attribute {
        mutability: Mutability::ReadWrite,
        sub_attributes: attribute.sub_attributes.iter().map(readable).collect(),
        ..attribute.clone()
    }
}
