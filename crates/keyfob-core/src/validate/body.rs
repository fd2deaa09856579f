//! Makes whole bodies canonical for their resource type.

use smol_str::{SmolStr, format_smolstr};

use super::{
    ValidationError,
    value::{is_primary, members, value, wrong_type},
};
use crate::{
    dialect::{Dialect, Quirk},
    name::{AttrName, SchemaUri},
    resource::{MemberSet, Resource},
    schema::{Attribute, Mutability, RelationKind, ResourceType, Returned},
    value::{Object, Value},
};

/// Makes the body of a POST canonical (RFC 7644 section 3.3).
///
/// In the result every attribute is one of the resource type's, of its type and in its spelling; what is unknown,
/// readOnly or unassigned is gone; relations are keyed; `schemas` names the core schema and the extensions that
/// hold something.
///
/// # Errors
/// [`ValidationError`]: `invalidValue` for a wrong type, a missing required attribute or two primary values,
/// `invalidSyntax` for `schemas` that don't fit.
///
/// # Complexity
/// Linear in the body.
pub fn create(
    mut body: Resource,
    resource_type: &ResourceType,
    dialect: Dialect,
) -> Result<Resource, ValidationError> {
    check_schemas(&mut body, resource_type, dialect)?;
    // In bodies the unknown is ignored at every level (RFC 7644 section 3.3).
    let dialect = dialect.with(Quirk::UnknownSubAttributes);
    let mut canonical = Resource::default();
    let relations = std::mem::take(body.relations_mut());
    let extensions = std::mem::take(body.extensions_mut());
    for (name, sent) in std::mem::take(body.core_mut()) {
        if let Some(extension) = resource_type.extension(&SchemaUri::new(name.as_str())) {
            if sent == Value::Null {
                continue;
            }
            let path = extension.schema.id.as_str().into();
            let found = sent.type_name().into();
            return Err(ValidationError::WrongType {
                path,
                expected: "an object".into(),
                found,
            });
        }
        let Some(attribute) = resource_type.attribute(name.as_str()) else {
            continue;
        };
        if attribute.mutability == Mutability::ReadOnly || name.is("schemas") {
            continue;
        }
        let accepted = value(attribute, sent, dialect, attribute.name.as_str())?;
        match resource_type.relation(name.as_str()) {
            Some(_) => canonical.set_relation(&attribute.name, members(accepted, attribute.name.as_str())?),
            None if accepted.is_unassigned() => {}
            None => canonical.core_mut().push_new(attribute.name.clone(), accepted),
        }
    }
    for (name, sent) in relations {
        let Some(relation) = resource_type.relation(name.as_str()) else {
            continue;
        };
        if relation.attribute.mutability != Mutability::ReadOnly && relation.kind == RelationKind::Owned {
            canonical.set_relation(&relation.attribute.name, keyed(sent, &relation.attribute)?);
        }
    }
    for (uri, object) in extensions {
        let Some(extension) = resource_type.extension(&uri) else {
            continue;
        };
        let uri = &extension.schema.id;
        let mut accepted = Object::new();
        for (name, sent) in object {
            let Some(attribute) = extension.schema.attribute(name.as_str()) else {
                continue;
            };
            if attribute.mutability == Mutability::ReadOnly {
                continue;
            }
            let sent = value(attribute, sent, dialect, &path_in(Some(uri), attribute))?;
            if !sent.is_unassigned() {
                accepted.push_new(attribute.name.clone(), sent);
            }
        }
        if !accepted.is_empty() {
            canonical.extensions_mut().push((uri.clone(), accepted));
        }
    }
    state_schemas(&mut canonical, resource_type);
    complete(&canonical, resource_type)?;
    Ok(canonical)
}

/// Makes the body of a PUT canonical (RFC 7644 section 3.5.1): as [`create`], and with respect to what is stored.
///
/// A readOnly attribute keeps its stored value whatever the body says; an immutable one may be set where it is
/// unassigned, repeated, or left out, in which case it stays.
///
/// # Errors
/// As [`create`], and `mutability` where an immutable attribute would change.
pub fn replace(
    body: Resource,
    existing: &Resource,
    resource_type: &ResourceType,
    dialect: Dialect,
) -> Result<Resource, ValidationError> {
    let mut canonical = create(body, resource_type, dialect)?;
    for (uri, attribute) in resource_type.attributes() {
        if resource_type.relation(attribute.name.as_str()).is_some() && uri.is_none() {
            continue;
        }
        let stored = match uri {
            None => existing.core().get(attribute.name.as_str()),
            Some(uri) => existing
                .extension(uri)
                .and_then(|object| object.get(attribute.name.as_str())),
        };
        let Some(stored) = stored.filter(|stored| !stored.is_unassigned()) else {
            continue;
        };
        let object = match uri {
            None => canonical.core_mut(),
            Some(uri) => canonical.extension_mut(uri),
        };
        match attribute.mutability {
            Mutability::ReadOnly => {
                object.insert(attribute.name.clone(), stored.clone());
            }
            Mutability::Immutable => match object.get(attribute.name.as_str()) {
                None => {
                    object.insert(attribute.name.clone(), stored.clone());
                }
                Some(sent) if sent == stored => {}
                Some(_) => {
                    return Err(ValidationError::Immutable {
                        path: path_in(uri, attribute),
                    });
                }
            },
            Mutability::ReadWrite | Mutability::WriteOnly => keep_read_only(attribute, stored, object),
        }
    }
    canonical
        .extensions_mut()
        .retain(|(_, object)| !object.is_empty());
    state_schemas(&mut canonical, resource_type);
    Ok(canonical)
}

/// Checks a resource that a server sent: every known attribute is of its type, the required ones are there, and none
/// that is never returned.
///
/// # Errors
/// [`ValidationError`] names the first attribute that doesn't hold.
pub fn response(resource: &Resource, resource_type: &ResourceType) -> Result<(), ValidationError> {
    if !resource.schemas().contains(&resource_type.schema().id) {
        return Err(ValidationError::SchemaMissing {
            uri: resource_type.schema().id.clone(),
        });
    }
    if resource.core().get_str("id").is_none_or(str::is_empty) {
        return Err(ValidationError::Missing { path: "id".into() });
    }
    for (uri, attribute) in resource_type.attributes() {
        let object = match uri {
            None => Some(resource.core()),
            Some(uri) => resource.extension(uri),
        };
        let Some(sent) = object.and_then(|object| object.get(attribute.name.as_str())) else {
            continue;
        };
        let path = path_in(uri, attribute);
        if attribute.returned == Returned::Never {
            return Err(ValidationError::NeverReturned { path });
        }
        value(
            &readable(attribute),
            sent.clone(),
            Dialect::strict().with(Quirk::UnknownSubAttributes),
            &path,
        )?;
    }
    complete(resource, resource_type)
}

/// Checks that a canonical resource holds what it must: the required attributes and extensions, and no two primary
/// values of one attribute.
///
/// # Errors
/// [`ValidationError`], which maps to `invalidValue`.
///
/// # Complexity
/// Linear in the document; relations are not looked at.
pub fn complete(resource: &Resource, resource_type: &ResourceType) -> Result<(), ValidationError> {
    check_object(resource.core(), &resource_type.common().attributes, None)?;
    check_object(resource.core(), &resource_type.schema().attributes, None)?;
    for extension in resource_type.extensions() {
        let uri = &extension.schema.id;
        match resource.extension(uri).filter(|object| !object.is_empty()) {
            Some(object) => check_object(object, &extension.schema.attributes, Some(uri))?,
            None if extension.required => {
                return Err(ValidationError::Missing {
                    path: uri.as_str().into(),
                });
            }
            None => {}
        }
    }
    Ok(())
}

fn check_object(
    object: &Object,
    attributes: &[Attribute],
    uri: Option<&SchemaUri>,
) -> Result<(), ValidationError> {
    for attribute in attributes {
        match object.get(attribute.name.as_str()) {
            Some(Value::Array(values)) if values.iter().filter(|value| is_primary(value)).count() > 1 => {
                return Err(ValidationError::TwoPrimaries {
                    path: path_in(uri, attribute),
                });
            }
            Some(Value::String(text)) if attribute.required && text.is_empty() => {}
            Some(present) if !present.is_unassigned() => continue,
            _ => {}
        }
        if attribute.required && attribute.mutability != Mutability::ReadOnly && !attribute.name.is("schemas")
        {
            return Err(ValidationError::Missing {
                path: path_in(uri, attribute),
            });
        }
    }
    Ok(())
}

/// Holds `schemas` against the resource type, and moves core attributes to the top that stand under the core URI.
fn check_schemas(
    body: &mut Resource,
    resource_type: &ResourceType,
    dialect: Dialect,
) -> Result<(), ValidationError> {
    let core = &resource_type.schema().id;
    let unknown = |uri: &SchemaUri| ValidationError::UnknownSchema {
        uri: uri.clone(),
        resource_type: resource_type.name().clone(),
    };
    if !dialect.allows(Quirk::UnlistedSchemas) {
        let mut used = [core].into_iter().chain(
            body.extensions()
                .iter()
                .map(|(uri, _)| uri)
                .filter(|uri| resource_type.extension(uri).is_some()),
        );
        if let Some(uri) = used.find(|uri| !body.schemas().contains(uri)) {
            return Err(ValidationError::SchemaMissing { uri: uri.clone() });
        }
    }
    if !dialect.allows(Quirk::UnknownSchemas) {
        let strange = body
            .schemas()
            .iter()
            .find(|uri| *uri != core && resource_type.extension(uri).is_none());
        if let Some(uri) = strange {
            return Err(unknown(uri));
        }
    }
    if let Some(index) = body.extensions().iter().position(|(uri, _)| uri == core) {
        if !dialect.allows(Quirk::NestedCore) {
            return Err(unknown(core));
        }
        let (_, nested) = body.extensions_mut().remove(index);
        for (name, value) in nested {
            if body.core().get(name.as_str()).is_some() {
                return Err(unknown(core));
            }
            body.core_mut().push_new(name, value);
        }
    }
    Ok(())
}

/// Puts a resource's extensions into the resource type's order and lets `schemas` name the core schema and the
/// extensions that are there, so that equal resources look equal.
pub fn state_schemas(resource: &mut Resource, resource_type: &ResourceType) {
    let place = |uri: &SchemaUri| {
        resource_type
            .extensions()
            .iter()
            .position(|extension| extension.schema.id == *uri)
    };
    resource.extensions_mut().sort_by_key(|(uri, _)| place(uri));
    let extensions = resource.extensions().iter().map(|(uri, _)| uri.clone());
    let uris = [resource_type.schema().id.clone()]
        .into_iter()
        .chain(extensions)
        .collect();
    *resource.schemas_mut() = uris;
}

/// Makes members that were decoded in keyed form canonical.
fn keyed(mut sent: MemberSet, attribute: &Attribute) -> Result<MemberSet, ValidationError> {
    for (id, member) in sent.iter_mut() {
        if id.as_str().is_empty() {
            return Err(ValidationError::Missing {
                path: format_smolstr!("{}.value", attribute.name),
            });
        }
        // Where a member is served is the service provider's to say.
        member.reference = None;
        let Some(other) = member.other.take() else {
            continue;
        };
        for (name, value) in other.iter() {
            if let Some(sub) = attribute.sub_attribute(name.as_str()) {
                return Err(wrong_type(
                    sub,
                    value,
                    &format_smolstr!("{}.{}", attribute.name, sub.name),
                    false,
                ));
            }
        }
    }
    Ok(sent)
}

/// Keeps the readOnly sub-attributes of a single complex value, which the client can't have sent.
fn keep_read_only(attribute: &Attribute, stored: &Value, object: &mut Object) {
    let (Some(stored), false) = (stored.as_object(), attribute.multi_valued) else {
        return;
    };
    let Some(sent) = object
        .get_mut(attribute.name.as_str())
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    for sub in attribute
        .sub_attributes
        .iter()
        .filter(|sub| sub.mutability == Mutability::ReadOnly)
    {
        if let Some(value) = stored.get(sub.name.as_str()) {
            sent.insert(sub.name.clone(), value.clone());
        }
    }
}

/// The attribute with its readOnly sub-attributes checked like any other, as an answer's have to be.
fn readable(attribute: &Attribute) -> Attribute {
    let mut readable = attribute.clone();
    for sub in &mut readable.sub_attributes {
        sub.mutability = Mutability::ReadWrite;
    }
    readable
}

/// An attribute's path for messages.
fn path_in(uri: Option<&SchemaUri>, attribute: &Attribute) -> SmolStr {
    let name: &AttrName = &attribute.name;
    match uri {
        None => name.as_str().into(),
        Some(uri) => format_smolstr!("{uri}:{name}"),
    }
}
