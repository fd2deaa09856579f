//! Makes whole bodies canonical for their resource type.

use smol_str::{SmolStr, format_smolstr};

use super::{
    IgnoreRule, Reader, ValidationError,
    members::{check_types, members},
    value::is_primary,
};
use crate::{
    dialect::{Dialect, Quirk},
    name::{AttrName, AttrPath, SchemaUri},
    resource::{MemberSet, Resource},
    schema::{Attribute, Mutability, RelationKind, ResourceType, Schema, Target},
    value::{Object, Value},
};

/// Makes the body of a POST canonical: [`Reader::create`].
///
/// # Errors
/// As [`Reader::create`].
///
/// # Complexity
/// Linear in the body.
pub fn create(
    body: Resource,
    resource_type: &ResourceType,
    dialect: Dialect,
) -> Result<Resource, ValidationError> {
    Reader::new(dialect).create(body, resource_type)
}

/// Makes the body of a PUT canonical: [`Reader::replace`].
///
/// # Errors
/// As [`Reader::replace`].
pub fn replace(
    body: Resource,
    existing: &Resource,
    resource_type: &ResourceType,
    dialect: Dialect,
) -> Result<Resource, ValidationError> {
    Reader::new(dialect).replace(body, existing, resource_type)
}

impl Reader {
    /// Makes the body of a POST canonical (RFC 7644 section 3.3).
    ///
    /// In the result every attribute is one of the resource type's, of its type and in its spelling; what is unknown,
    /// readOnly or unassigned is gone; relations are keyed; `schemas` names the core schema and the extensions that
    /// hold something.
    ///
    /// # Errors
    /// [`ValidationError`]: `invalidValue` for a wrong type, a missing required attribute, an element that says nothing
    /// known, two primary values or a member of a `type` that the relation doesn't
    /// [take](crate::schema::Relation::takes), `invalidSyntax` for `schemas` that don't fit, an unregistered extension
    /// and an attribute that stands both at the top and under the core URI, `invalidPath` for an extension of other
    /// resource types.
    ///
    /// # Complexity
    /// Linear in the body.
    pub fn create(
        &mut self,
        mut body: Resource,
        resource_type: &ResourceType,
    ) -> Result<Resource, ValidationError> {
        let dialect = self.dialect;
        check_schemas(&body, resource_type, dialect)?;
        lift_core(&mut body, resource_type)?;
        if dialect.allows(Quirk::UnqualifiedExtensions) {
            lift_unqualified(&mut body, resource_type)?;
        }
        // In bodies the unknown is ignored at every level (RFC 7644 section 3.3).
        self.dialect = dialect.with(Quirk::UnknownAttributes);
        let read = self.read(body, resource_type, dialect);
        self.dialect = dialect;
        let mut canonical = read?;
        state_schemas(&mut canonical, resource_type);
        complete(&canonical, resource_type)?;
        check_relations(&canonical, resource_type)?;
        Ok(canonical)
    }

    fn read(
        &mut self,
        mut body: Resource,
        resource_type: &ResourceType,
        dialect: Dialect,
    ) -> Result<Resource, ValidationError> {
        let mut canonical = Resource::default();
        for (name, sent) in std::mem::take(body.core_mut()) {
            let Some(attribute) = resource_type.attribute(name.as_str()) else {
                self.unknown_key(&name, &sent, resource_type, dialect)?;
                continue;
            };
            if attribute.name.is("schemas") {
                continue;
            }
            let relation = resource_type.relation(name.as_str());
            let is_owned = relation.is_none_or(|relation| relation.kind == RelationKind::Owned);
            if attribute.mutability == Mutability::ReadOnly || !is_owned {
                self.ignore(IgnoreRule::ReadOnly, "", attribute.name.as_str())?;
                continue;
            }
            let path = attribute.name.as_str();
            let accepted = self.value(attribute, sent, path)?;
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
                canonical.set_relation(&attribute.name, self.keyed_members(sent, attribute)?);
            } else {
                self.ignore(IgnoreRule::ReadOnly, "", attribute.name.as_str())?;
            }
        }
        for (uri, sent) in std::mem::take(body.extensions_mut()) {
            let Some(extension) = resource_type.extension(&uri) else {
                self.unknown_schema(&uri, resource_type, dialect)?;
                continue;
            };
            let accepted = self.extension_object(&extension.schema, sent, resource_type)?;
            if !accepted.is_empty() {
                let uri = extension.schema.id.clone();
                canonical.extensions_mut().push((uri, accepted));
            }
        }
        Ok(canonical)
    }

    /// Makes the body of a PUT canonical (RFC 7644 section 3.5.1): as [`create`](Self::create), and with respect to what
    /// is stored.
    ///
    /// A readOnly attribute keeps its stored value whatever the body says; an immutable one may be set where it is
    /// unassigned, repeated, or left out, in which case it stays.
    ///
    /// # Errors
    /// As [`create`](Self::create), and `mutability` where an immutable attribute would change.
    pub fn replace(
        &mut self,
        body: Resource,
        existing: &Resource,
        resource_type: &ResourceType,
    ) -> Result<Resource, ValidationError> {
        let mut canonical = self.create(body, resource_type)?;
        keep_stored(&mut canonical, existing, resource_type)?;
        Ok(canonical)
    }

    /// Passes over a key that no schema of the type has, or refuses an extension that is no object; `null` unassigns
    /// it.
    fn unknown_key(
        &mut self,
        name: &AttrName,
        sent: &Value,
        resource_type: &ResourceType,
        dialect: Dialect,
    ) -> Result<(), ValidationError> {
        // What PATCH would find under this key is no unknown attribute: passing over it would lose what was meant, and a PUT
        // would unassign it.
        if leads_somewhere(name.as_str(), resource_type, dialect) {
            return Err(ValidationError::PathAsKey {
                key: name.as_str().into(),
            });
        }
        if !name.as_str().contains(':') {
            return self.ignore(IgnoreRule::UnknownAttribute, "", name.as_str());
        }
        let uri = SchemaUri::new(name.as_str());
        match resource_type.extension(&uri) {
            _ if *sent == Value::Null => Ok(()),
            None => self.unknown_schema(&uri, resource_type, dialect),
            Some(extension) => Err(ValidationError::WrongType {
                path: extension.schema.id.as_str().into(),
                expected: "an object".into(),
                found: sent.type_name().into(),
            }),
        }
    }

    /// Passes over the object of an extension that the registry doesn't have, where the dialect has it so.
    fn unknown_schema(
        &mut self,
        uri: &SchemaUri,
        resource_type: &ResourceType,
        dialect: Dialect,
    ) -> Result<(), ValidationError> {
        let resource_type_name = || resource_type.name().clone();
        if resource_type.is_registered(uri.as_str()) {
            return Err(ValidationError::OtherSchema {
                uri: uri.clone(),
                resource_type: resource_type_name(),
            });
        }
        if !dialect.allows(Quirk::UnknownSchemas) {
            return Err(ValidationError::UnknownSchema {
                uri: uri.clone(),
                resource_type: resource_type_name(),
            });
        }
        self.ignore(IgnoreRule::UnregisteredExtension, "", uri.as_str())
    }

    /// Makes the object of an extension canonical.
    fn extension_object(
        &mut self,
        schema: &Schema,
        sent: Object,
        resource_type: &ResourceType,
    ) -> Result<Object, ValidationError> {
        let mut canonical = Object::new();
        for (name, sent) in sent {
            let Some(attribute) = schema.attribute(name.as_str()) else {
                let path = format_smolstr!("{}:{name}", schema.id);
                if leads_somewhere(&path, resource_type, self.dialect) {
                    return Err(ValidationError::PathAsKey {
                        key: name.as_str().into(),
                    });
                }
                self.ignore(IgnoreRule::UnknownAttribute, "", &path)?;
                continue;
            };
            let path = path_in(Some(&schema.id), attribute);
            if attribute.mutability == Mutability::ReadOnly {
                self.ignore(IgnoreRule::ReadOnly, "", &path)?;
                continue;
            }
            let accepted = self.value(attribute, sent, &path)?;
            if !accepted.is_unassigned() {
                canonical.push_new(attribute.name.clone(), accepted);
            }
        }
        Ok(canonical)
    }
}

/// Lets what a client can't change be as it is stored.
fn keep_stored(
    canonical: &mut Resource,
    existing: &Resource,
    resource_type: &ResourceType,
) -> Result<(), ValidationError> {
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
        let mut object = canonical.attributes_mut(uri);
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
                keep_sub_attributes(attribute, stored, &mut object, &path_in(uri, attribute))?;
            }
        }
    }
    state_schemas(canonical, resource_type);
    Ok(())
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

/// Checks that an attribute of a canonical resource holds what it must, `None` where it has no value: something, if it is
/// required and a client can change it, and no two primary values. `schema` is the extension that it is of.
///
/// # Errors
/// [`ValidationError`], which maps to `invalidValue`.
///
/// # Complexity
/// Linear in the values.
pub fn held(
    schema: Option<&SchemaUri>,
    attribute: &Attribute,
    value: Option<&Value>,
) -> Result<(), ValidationError> {
    check_held(schema, attribute, value, Direction::Request)
}

fn check_held(
    schema: Option<&SchemaUri>,
    attribute: &Attribute,
    value: Option<&Value>,
    direction: Direction,
) -> Result<(), ValidationError> {
    let present = value.filter(|value| !value.is_unassigned());
    if let Some(Value::Array(values)) = present
        && values.iter().filter(|value| is_primary(value)).count() > 1
    {
        let path = path_in(schema, attribute);
        return Err(ValidationError::TwoPrimaries { path });
    }
    let expected = attribute.required
        && !attribute.name.is("schemas")
        && (attribute.mutability != Mutability::ReadOnly || direction == Direction::Response);
    if expected && present.is_none_or(|value| value.as_str() == Some("")) {
        let path = path_in(schema, attribute);
        return Err(ValidationError::Missing { path });
    }
    Ok(())
}

/// Whose body it is: a client can't supply required attributes that are readOnly.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Direction {
    Request,
    Response,
}

pub(super) fn check_document(
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
        check_held(uri, attribute, object.get(name), direction)?;
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
pub(super) fn check_relations(
    resource: &Resource,
    resource_type: &ResourceType,
) -> Result<(), ValidationError> {
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
pub(super) fn check_schemas(
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

/// Moves core attributes to the top that stand under the core URI, and extensions beside it.
fn lift_core(body: &mut Resource, resource_type: &ResourceType) -> Result<(), ValidationError> {
    let core = &resource_type.schema().id;
    let Some(index) = body.extensions().iter().position(|(uri, _)| uri == core) else {
        return Ok(());
    };
    let (_, nested) = body.extensions_mut().remove(index);
    for (name, value) in nested {
        let text = name.as_str();
        let duplicate = || ValidationError::Duplicate { path: text.into() };
        let is_known = resource_type.attribute(text).is_some() || resource_type.unqualified(text).is_some();
        match value {
            Value::Object(object) if text.contains(':') => {
                let uri = SchemaUri::new(text);
                let is_twice = resource_type.extension(&uri).is_some() && body.extension(&uri).is_some();
                if uri == *core || is_twice {
                    return Err(duplicate());
                }
                body.extensions_mut().push((uri, object));
            }
            // Only what is known is looked for, so that the time stays linear.
            _ if is_known && (body.core().get(text).is_some() || body.relation(text).is_some()) => {
                return Err(duplicate());
            }
            value => body.core_mut().push_new(name, value),
        }
    }
    Ok(())
}

/// Moves attributes into their extension that stand at the top without its URI and are nobody else's.
fn lift_unqualified(body: &mut Resource, resource_type: &ResourceType) -> Result<(), ValidationError> {
    let is_unqualified = |name: &str| resource_type.unqualified(name).is_some();
    if !body.core().names().any(is_unqualified) {
        return Ok(());
    }
    for (name, value) in std::mem::take(body.core_mut()) {
        let Some((uri, _)) = resource_type.unqualified(name.as_str()) else {
            body.core_mut().push_new(name, value);
            continue;
        };
        let mut object = body.extension_mut(uri);
        if object.get(name.as_str()).is_some() {
            let path = name.as_str().into();
            return Err(ValidationError::Duplicate { path });
        }
        object.push_new(name, value);
    }
    Ok(())
}

/// Takes out extensions that hold nothing, puts the others into the resource type's order and lets `schemas` name the core
/// schema and them, so that equal resources look equal.
pub fn state_schemas(resource: &mut Resource, resource_type: &ResourceType) {
    if are_stated(resource, resource_type) {
        return;
    }
    let place = |uri: &SchemaUri| {
        resource_type
            .extensions()
            .iter()
            .position(|extension| extension.schema.id == *uri)
    };
    resource.extensions_mut().retain(|(_, object)| !object.is_empty());
    resource.extensions_mut().sort_by_key(|(uri, _)| place(uri));
    let extensions = resource.extensions().iter().map(|(uri, _)| uri.clone());
    let uris = [resource_type.schema().id.clone()]
        .into_iter()
        .chain(extensions)
        .collect();
    *resource.schemas_mut() = uris;
}

/// Returns true if extensions and `schemas` are as [`state_schemas`] leaves them, which is so of most resources.
fn are_stated(resource: &Resource, resource_type: &ResourceType) -> bool {
    let mut known = resource_type.extensions().iter();
    let in_order = resource
        .extensions()
        .iter()
        .all(|(uri, object)| !object.is_empty() && known.any(|extension| extension.schema.id == *uri));
    let held = resource.extensions().iter().map(|(uri, _)| uri);
    let mut uris = std::iter::once(&resource_type.schema().id).chain(held);
    in_order && resource.schemas().iter().all(|uri| uris.next() == Some(uri)) && uris.next().is_none()
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

/// An attribute's path for messages.
pub(super) fn path_in(uri: Option<&SchemaUri>, attribute: &Attribute) -> SmolStr {
    let name: &AttrName = &attribute.name;
    match uri {
        None => name.as_str().into(),
        Some(uri) => format_smolstr!("{uri}:{name}"),
    }
}

/// Returns true if a key that is no attribute's name is a path to one of the type's attributes, such as
/// `name.givenName`, `urn:…:User:title` or `emails[type eq "work"].value`, or the malformed beginning of one, such as
/// `name.`. Such a key is never an unknown attribute.
///
/// # Complexity
/// Linear in the key and in the attributes of the schemas that it may mean.
#[must_use]
pub fn leads_somewhere(key: &str, resource_type: &ResourceType, dialect: Dialect) -> bool {
    let path = key.split_once('[').map_or(key, |(path, _)| path);
    let is_one = |path: &AttrPath| matches!(resource_type.find(path, dialect), Some(Target::Attribute(_)));
    if let Ok(path) = AttrPath::parse(path) {
        return is_one(&path);
    }
    // `name.` and `name.givenName.x` are meant as paths and lead nowhere.
    let start = path.rfind(':').map_or(0, |colon| colon + 1);
    let end = path.get(start..).and_then(|name| name.find('.'));
    let attribute = end.and_then(|end| path.get(..start + end));
    attribute.is_some_and(|attribute| AttrPath::parse(attribute).is_ok_and(|path| is_one(&path)))
}
