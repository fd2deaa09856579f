//! The PATCH that turns one resource into another.

mod elements;
mod relation;

use keyfob_core::{
    AttrName, AttrPath, Attribute, Object, Resource, ResourceType, SchemaUri, Value,
    message::{PatchOperation, PatchOperationKind, PatchRequest},
    schema::{Extension, Mutability, RelationKind},
};
use keyfob_filter::{Filter, PatchPath};
use smol_str::{SmolStr, format_smolstr};

/// The smallest sensible PATCH that turns the canonical resource `from` into the canonical resource `to`.
///
/// It says what changes and nothing else: sub-attributes of a single complex value, values of a multi-valued attribute
/// as far as `value`, `type` or both tell them apart, members one by one, an extension as a whole where there was none
/// or none is left. Where too little stays the same, or values come in another order, the attribute is replaced.
///
/// What a client can't say by PATCH is left out: readOnly attributes, `id` and `meta` among them, `schemas`, which
/// follow from the rest, and what is known of a member that stays. A change of an immutable attribute is in the
/// request, and refused when it is applied. Two resources that differ in nothing else make a request without
/// operations; there is nothing to send then, and RFC 7644 section 3.5.2 knows no such request on the wire.
///
/// ```
/// use keyfob_core::{Dialect, Registry, Resource};
/// use keyfob_patch::{Plan, diff};
///
/// let user = Registry::rfc().resource_type("User").unwrap();
/// let mut before = Resource::from_json(br#"{
///     "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen", "title": "Guide",
///     "emails": [{"type": "work", "value": "b@example.com"}, {"type": "home", "value": "b@jensen.org"}]
/// }"#, user)?;
/// let after = Resource::from_json(br#"{
///     "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen",
///     "emails": [{"type": "work", "value": "barbara@example.com"}, {"type": "home", "value": "b@jensen.org"}]
/// }"#, user)?;
///
/// let request = diff(&before, &after, user);
/// let paths: Vec<&str> = request.operations.iter().filter_map(|operation| operation.path.as_deref()).collect();
/// assert_eq!(paths, ["title", r#"emails[type eq "work"].value"#]);
/// Plan::compile(request, user, Dialect::strict())?.apply(&mut before)?;
/// assert_eq!(before, after);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Complexity
/// Linear in the resources, members included; quadratic in the values of one attribute.
#[must_use]
pub fn diff(from: &Resource, to: &Resource, resource_type: &ResourceType) -> PatchRequest {
    let mut operations = Vec::new();
    for (_, attribute) in resource_type.attributes().filter(|(uri, _)| uri.is_none()) {
        let name = attribute.name.as_str();
        if resource_type.relation(name).is_none() && !attribute.name.is("schemas") {
            let place = Place::new(None, attribute);
            compare(place, from.core().get(name), to.core().get(name), &mut operations);
        }
    }
    for relation in resource_type.relations() {
        let attribute = &relation.attribute;
        if relation.kind == RelationKind::Owned && attribute.mutability != Mutability::ReadOnly {
            let name = attribute.name.as_str();
            relation::compare(attribute, from.relation(name), to.relation(name), &mut operations);
        }
    }
    for extension in resource_type.extensions() {
        compare_extensions(extension, from, to, &mut operations);
    }
    PatchRequest::new(operations)
}

/// An attribute and where it stands.
#[derive(Clone, Copy)]
struct Place<'r> {
    extension: Option<&'r SchemaUri>,
    attribute: &'r Attribute,
}

impl<'r> Place<'r> {
    fn new(extension: Option<&'r SchemaUri>, attribute: &'r Attribute) -> Self {
        Self { extension, attribute }
    }

    fn path(self, sub: Option<&AttrName>) -> SmolStr {
        format_smolstr!("{}", self.attribute_path(sub))
    }

    fn element_path(self, filter: Filter, sub: Option<&AttrName>) -> SmolStr {
        let path = PatchPath::new(self.attribute_path(None), Some(filter), sub.cloned());
        format_smolstr!("{path}")
    }

    fn attribute_path(self, sub: Option<&AttrName>) -> AttrPath {
        AttrPath::new(self.extension.cloned(), self.attribute.name.clone(), sub.cloned())
    }
}

fn compare_extensions(
    extension: &Extension,
    from: &Resource,
    to: &Resource,
    operations: &mut Vec<PatchOperation>,
) {
    let uri = &extension.schema.id;
    let held = |resource: &Resource| resource.extension(uri).is_some_and(|object| !object.is_empty());
    let writable = |attribute: &&Attribute| attribute.mutability != Mutability::ReadOnly;
    match (held(from), held(to)) {
        (true, false) => operations.push(remove(uri.as_str().into())),
        (false, true) => {
            let attributes = extension.schema.attributes.iter().filter(writable);
            let values: Object = attributes
                .filter_map(|attribute| {
                    let value = to.extension(uri)?.get(attribute.name.as_str())?;
                    Some((attribute.name.clone(), value.clone()))
                })
                .collect();
            if !values.is_empty() {
                operations.push(add(uri.as_str().into(), values.into()));
            }
        }
        _ => {
            let get = |resource: &'_ Resource, name: &str| resource.extension(uri)?.get(name).cloned();
            for attribute in &extension.schema.attributes {
                let name = attribute.name.as_str();
                let (before, after) = (get(from, name), get(to, name));
                let place = Place::new(Some(uri), attribute);
                compare(place, before.as_ref(), after.as_ref(), operations);
            }
        }
    }
}

/// What turns one value of an attribute into another.
fn compare(
    place: Place<'_>,
    before: Option<&Value>,
    after: Option<&Value>,
    operations: &mut Vec<PatchOperation>,
) {
    let assigned = |value: &&Value| !value.is_unassigned();
    let (before, after) = (before.filter(assigned), after.filter(assigned));
    if place.attribute.mutability == Mutability::ReadOnly || before == after {
        return;
    }
    match (before, after) {
        (Some(_), None) => operations.push(remove(place.path(None))),
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            compare_objects(place, before, after, operations);
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            match elements::compare(place, before, after) {
                Some(edits) => operations.extend(edits),
                None => operations.push(replace(place.path(None), Value::Array(after.clone()))),
            }
        }
        (_, Some(after)) => operations.push(replace(place.path(None), after.clone())),
        (None, None) => {}
    }
}

/// What turns one single complex value into another: `replace` leaves alone what its value doesn't name (RFC 7644
/// section 3.5.2.3).
fn compare_objects(place: Place<'_>, before: &Object, after: &Object, operations: &mut Vec<PatchOperation>) {
    let mut set = Object::new();
    let mut unset = Vec::new();
    for sub in changed(place.attribute, before, after) {
        match after.get(sub.name.as_str()) {
            Some(value) => {
                set.insert(sub.name.clone(), value.clone());
            }
            None => unset.push(remove(place.path(Some(&sub.name)))),
        }
    }
    if set.len() > 1 {
        operations.push(replace(place.path(None), set.into()));
    } else {
        operations.extend(
            set.into_iter()
                .map(|(name, value)| replace(place.path(Some(&name)), value)),
        );
    }
    operations.extend(unset);
}

/// The sub-attributes that a client can change and that differ.
fn changed<'a>(
    attribute: &'a Attribute,
    before: &Object,
    after: &Object,
) -> impl Iterator<Item = &'a Attribute> {
    attribute.sub_attributes.iter().filter(move |sub| {
        let name = sub.name.as_str();
        sub.mutability != Mutability::ReadOnly && before.get(name) != after.get(name)
    })
}

fn add(path: SmolStr, value: Value) -> PatchOperation {
    PatchOperation::new(PatchOperationKind::Add, Some(path), Some(value))
}

fn remove(path: SmolStr) -> PatchOperation {
    PatchOperation::new(PatchOperationKind::Remove, Some(path), None)
}

fn replace(path: SmolStr, value: Value) -> PatchOperation {
    PatchOperation::new(PatchOperationKind::Replace, Some(path), Some(value))
}
