//! Makes whole bodies canonical for their resource type.

use smol_str::{SmolStr, format_smolstr};

use super::{
    ValidationError,
    members::{check_types, keyed_members, members},
    value::{is_primary, value},
};
use crate::{
    dialect::{Dialect, Quirk},
    name::{AttrName, SchemaUri},
    resource::{MemberSet, Resource},
    schema::{Attribute, Mutability, RelationKind, ResourceType, Returned, Schema},
    value::{Object, Value},
};

/// Makes the body of a POST canonical (RFC 7644 section 3.3).
///
/// In the result every attribute is one of the resource type's, of its type and in its spelling; what is unknown,
/// readOnly or unassigned is gone; relations are keyed; `schemas` names the core schema and the extensions that
/// hold something.
///
/// # Errors
/// [`ValidationError`]: `invalidValue` for a wrong type, a missing required attribute, two primary values or a member
/// of a `type` that the relation doesn't [take](crate::schema::Relation::takes), `invalidSyntax` for `schemas` that
/// don't fit and for an attribute that stands both at the top and under the core URI.
///
/// # Complexity
/// Linear in the body.
pub fn create(
    mut body: Resource,
    resource_type: &ResourceType,
    dialect: Dialect,
) -> Result<Resource, ValidationError> {
    check_schemas(&body, resource_type, dialect)?;
    lift_core(&mut body, resource_type)?;
    // In bodies the unknown is ignored at every level (RFC 7644 section 3.3).
    let dialect = dialect.with(Quirk::UnknownSubAttributes);
    let mut canonical = Resource::default();
    for (name, sent) in std::mem::take(body.core_mut()) {
        let Some(attribute) = resource_type.attribute(name.as_str()) else {
            check_extension_key(&name, &sent, resource_type)?;
            continue;
        };
        if attribute.mutability == Mutability::ReadOnly || attribute.name.is("schemas") {
            continue;
        }
        let relation = resource_type.relation(name.as_str());
        if relation.is_some_and(|relation| relation.kind != RelationKind::Owned) {
            continue;
        }
        let path = attribute.name.as_str();
        let accepted = value(attribute, sent, dialect, path)?;
        if relation.is_some() {
            let members = members(accepted, path)?;
            check_types(&members, attribute, path)?;
            canonical.set_relation(&attribute.name, members);
        } else if !accepted.is_unassigned() {
            canonical.core_mut().push_new(attribute.name.clone(), accepted);
        }
    }
    for (name, sent) in std::mem::take(body.relations_mut()) {
        let Some(relation) = resource_type.relation(name.as_str()) else {
            continue;
        };
        let attribute = &relation.attribute;
        if attribute.mutability != Mutability::ReadOnly && relation.kind == RelationKind::Owned {
            canonical.set_relation(&attribute.name, keyed_members(sent, attribute, dialect)?);
        }
    }
    for (uri, sent) in std::mem::take(body.extensions_mut()) {
        let Some(extension) = resource_type.extension(&uri) else {
            continue;
        };
        let accepted = extension_object(&extension.schema, sent, dialect)?;
        if !accepted.is_empty() {
            let uri = extension.schema.id.clone();
            canonical.extensions_mut().push((uri, accepted));
        }
    }
    state_schemas(&mut canonical, resource_type);
    complete(&canonical, resource_type)?;
    check_relations(&canonical, resource_type)?;
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
            Mutability::ReadWrite | Mutability::WriteOnly => {
                keep_sub_attributes(attribute, stored, object, &path_in(uri, attribute))?;
            }
        }
    }
    canonical
        .extensions_mut()
        .retain(|(_, object)| !object.is_empty());
    state_schemas(&mut canonical, resource_type);
    Ok(canonical)
}

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
    let dialect = Dialect::strict().with(Quirk::UnknownSubAttributes);
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

/// Checks that a canonical resource holds what it must: the required attributes and extensions, and no two primary
/// values of one attribute.
///
/// # Errors
/// [`ValidationError`], which maps to `invalidValue`.
///
/// # Complexity
/// Linear in the document; relations are not looked at.
pub fn complete(resource: &Resource, resource_type: &ResourceType) -> Result<(), ValidationError> {
    check_document(resource, resource_type, Direction::Request)
}

/// Whose body it is: a client can't supply required attributes that are readOnly.
#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Request,
    Response,
}

fn check_document(
    resource: &Resource,
    resource_type: &ResourceType,
    direction: Direction,
) -> Result<(), ValidationError> {
    for (uri, attribute) in resource_type.attributes() {
        let name = attribute.name.as_str();
        let object = match uri {
            None if resource_type.relation(name).is_some() => continue,
            None => resource.core(),
            Some(uri) => match resource.extension(uri) {
                Some(object) if !object.is_empty() => object,
                _ => continue,
            },
        };
        let present = object.get(name).filter(|value| !value.is_unassigned());
        if let Some(Value::Array(values)) = present
            && values.iter().filter(|value| is_primary(value)).count() > 1
        {
            let path = path_in(uri, attribute);
            return Err(ValidationError::TwoPrimaries { path });
        }
        let expected = attribute.required
            && !attribute.name.is("schemas")
            && (attribute.mutability != Mutability::ReadOnly || direction == Direction::Response);
        if expected && present.is_none_or(|value| value.as_str() == Some("")) {
            let path = path_in(uri, attribute);
            return Err(ValidationError::Missing { path });
        }
    }
    let lacking = resource_type.extensions().iter().find(|extension| {
        let present = resource.extension(&extension.schema.id);
        extension.required && present.is_none_or(Object::is_empty)
    });
    match lacking {
        None => Ok(()),
        Some(extension) => Err(ValidationError::Missing {
            path: extension.schema.id.as_str().into(),
        }),
    }
}

/// Checks that the required relations hold something.
fn check_relations(resource: &Resource, resource_type: &ResourceType) -> Result<(), ValidationError> {
    let lacking = resource_type.relations().iter().find(|relation| {
        let name = relation.attribute.name.as_str();
        relation.attribute.required
            && relation.kind == RelationKind::Owned
            && resource.relation(name).is_none_or(MemberSet::is_empty)
            && resource.core().get(name).is_none_or(Value::is_unassigned)
    });
    match lacking {
        None => Ok(()),
        Some(relation) => Err(ValidationError::Missing {
            path: relation.attribute.name.as_str().into(),
        }),
    }
}

/// Holds `schemas` and the extensions against the resource type.
fn check_schemas(
    body: &Resource,
    resource_type: &ResourceType,
    dialect: Dialect,
) -> Result<(), ValidationError> {
    let core = &resource_type.schema().id;
    let unknown = |uri: &SchemaUri| ValidationError::UnknownSchema {
        uri: uri.clone(),
        resource_type: resource_type.name().clone(),
    };
    if !dialect.allows(Quirk::UnlistedSchemas) {
        let extensions = resource_type
            .extensions()
            .iter()
            .map(|extension| &extension.schema.id)
            .filter(|uri| body.extension(uri).is_some());
        let unlisted = [core]
            .into_iter()
            .chain(extensions)
            .find(|uri| !body.schemas().contains(uri));
        if let Some(uri) = unlisted {
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
    if !dialect.allows(Quirk::NestedCore) && body.extension(core).is_some() {
        return Err(unknown(core));
    }
    Ok(())
}

/// Moves core attributes to the top that stand under the core URI.
fn lift_core(body: &mut Resource, resource_type: &ResourceType) -> Result<(), ValidationError> {
    let core = &resource_type.schema().id;
    let Some(index) = body.extensions().iter().position(|(uri, _)| uri == core) else {
        return Ok(());
    };
    let (_, nested) = body.extensions_mut().remove(index);
    for (name, value) in nested {
        if resource_type.attribute(name.as_str()).is_none() {
            continue;
        }
        if body.core().get(name.as_str()).is_some() || body.relation(name.as_str()).is_some() {
            let path = name.as_str().into();
            return Err(ValidationError::Duplicate { path });
        }
        body.core_mut().push_new(name, value);
    }
    Ok(())
}

/// Refuses an extension that is no object; `null` unassigns it.
fn check_extension_key(
    name: &AttrName,
    sent: &Value,
    resource_type: &ResourceType,
) -> Result<(), ValidationError> {
    let mut extensions = resource_type.extensions().iter();
    match extensions.find(|extension| extension.schema.id.is(name.as_str())) {
        Some(extension) if *sent != Value::Null => Err(ValidationError::WrongType {
            path: extension.schema.id.as_str().into(),
            expected: "an object".into(),
            found: sent.type_name().into(),
        }),
        _ => Ok(()),
    }
}

/// Makes the object of an extension canonical.
fn extension_object(schema: &Schema, sent: Object, dialect: Dialect) -> Result<Object, ValidationError> {
    let mut canonical = Object::new();
    for (name, sent) in sent {
        let Some(attribute) = schema.attribute(name.as_str()) else {
            continue;
        };
        if attribute.mutability == Mutability::ReadOnly {
            continue;
        }
        let accepted = value(attribute, sent, dialect, &path_in(Some(&schema.id), attribute))?;
        if !accepted.is_unassigned() {
            canonical.push_new(attribute.name.clone(), accepted);
        }
    }
    Ok(canonical)
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

/// Keeps those sub-attributes of a single complex value that the client can't change.
///
/// A readOnly one describes what the value points at, such as a manager's `displayName`: it stays as long as that is
/// the same.
fn keep_sub_attributes(
    attribute: &Attribute,
    stored: &Value,
    object: &mut Object,
    path: &str,
) -> Result<(), ValidationError> {
    let sent = object
        .get_mut(attribute.name.as_str())
        .and_then(Value::as_object_mut);
    let (Some(stored), Some(sent)) = (stored.as_object(), sent) else {
        return Ok(());
    };
    let points_at_the_same = stored.get("value") == sent.get("value");
    for sub in &attribute.sub_attributes {
        let name = sub.name.as_str();
        let Some(stored) = stored.get(name) else {
            continue;
        };
        match (sub.mutability, sent.get(name)) {
            (Mutability::ReadOnly, _) if points_at_the_same => {
                sent.insert(sub.name.clone(), stored.clone());
            }
            (Mutability::Immutable, None) => {
                sent.insert(sub.name.clone(), stored.clone());
            }
            (Mutability::Immutable, Some(sent)) if sent != stored => {
                let path = format_smolstr!("{path}.{name}");
                return Err(ValidationError::Immutable { path });
            }
            _ => {}
        }
    }
    Ok(())
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

/// An attribute's path for messages.
fn path_in(uri: Option<&SchemaUri>, attribute: &Attribute) -> SmolStr {
    let name: &AttrName = &attribute.name;
    match uri {
        None => name.as_str().into(),
        Some(uri) => format_smolstr!("{uri}:{name}"),
    }
}
