//! The attributes that a PATCH changes, for people; and the resource as it is afterwards.

use keyfob_core::{
    Dialect, Object, Quirk, Resource, ResourceType, Value,
    message::PatchRequest,
    schema::{Container, Mutability, Target},
};
use keyfob_filter::{Limits, PatchPath};
use keyfob_patch::Plan;

use crate::{
    event::Changed,
    rule::{Rule, is_secret},
};

/// The dialect of what mappings make.
fn dialect() -> Dialect {
    Dialect::strict().with(Quirk::BooleanStrings)
}

/// Returns the attributes that a PATCH changes, with the values that they have.
pub(super) fn changes(request: &PatchRequest, held: &Resource, rule: &Rule) -> Vec<Changed> {
    let change = |operation: &keyfob_core::message::PatchOperation| {
        let path = operation.path.clone().unwrap_or_default();
        Changed {
            old: value_at(held, &path, rule.resource_type()),
            new: operation.value.clone(),
            expression: rule.expression_of(&path),
            path,
        }
    };
    request.operations.iter().map(change).collect()
}

/// Returns what a resource that is created holds, as changes from nothing.
pub(super) fn contents(resource: &Resource, rule: &Rule) -> Vec<Changed> {
    let core = resource
        .core()
        .iter()
        .map(|(name, value)| (name.to_string(), value));
    let extensions = resource.extensions().iter().flat_map(|(uri, object)| {
        let attributes = object.iter();
        attributes.map(move |(name, value)| (format!("{}:{name}", uri.as_str()), value))
    });
    let contents = core.chain(extensions).filter(|(_, value)| !value.is_unassigned());
    contents
        .map(|(path, value)| Changed {
            expression: rule.expression_of(&path),
            path: path.into(),
            old: None,
            new: Some(value.clone()),
        })
        .collect()
}

/// The value at a path of PATCH; of several the first.
fn value_at(resource: &Resource, path: &str, resource_type: &ResourceType) -> Option<Value> {
    let path = PatchPath::parse_with(path, &Limits::default(), dialect()).ok()?;
    let Ok(Target::Attribute(found)) = resource_type.resolve(&path.attr, dialect()) else {
        return None;
    };
    let object = match found.container {
        Container::Core => resource.core(),
        Container::Extension(uri) => resource.extension(uri)?,
    };
    let value = object.get(found.attribute.name.as_str())?;
    let value = match &path.filter {
        None => value,
        Some(filter) => {
            let predicate = filter
                .clone()
                .compile_for_elements(found.attribute, dialect())
                .ok()?;
            let mut elements = value.as_elements().iter();
            elements.find(|element| predicate.matches(element))?
        }
    };
    let sub = path.sub.as_ref().or(path.attr.sub());
    let value = match sub {
        None => value,
        Some(sub) => value.as_object()?.get(sub.as_str())?,
    };
    Some(value.clone()).filter(|value| !value.is_unassigned())
}

/// Returns a resource as it is after a PATCH; none where the PATCH can't be understood, so that it has to be read.
pub(super) fn after(
    held: &Resource,
    request: &PatchRequest,
    resource_type: &ResourceType,
) -> Option<Resource> {
    let plan = Plan::compile(request.clone(), resource_type, dialect()).ok()?;
    let mut resource = held.clone();
    plan.apply(&mut resource).ok()?;
    Some(compared(resource, resource_type))
}

/// Returns what of a resource is compared: neither its members, which the state holds apart, nor what the target alone
/// sets, nor secrets, which no file is to hold.
pub(super) fn compared(mut resource: Resource, resource_type: &ResourceType) -> Resource {
    resource.relations_mut().clear();
    for (uri, attribute) in resource_type.attributes() {
        let container = uri.map_or(Container::Core, Container::Extension);
        if is_secret(container, attribute) || attribute.mutability == Mutability::ReadOnly {
            let mut object = resource.attributes_mut(uri);
            object.remove(attribute.name.as_str());
        }
    }
    // A target may answer with a password that its schema does not even name.
    for name in ["id", "meta", "password"] {
        resource.core_mut().remove(name);
    }
    resource
}

/// Returns true if a resource says that it is not active.
pub(super) fn is_inactive(resource: &Resource) -> bool {
    resource.core().get("active") == Some(&Value::Bool(false))
}

/// Returns the resource that was created: what was sent, and beside it what the target set itself. What the target made
/// of values that were sent doesn't count, or each cycle would send them again.
pub(super) fn created(answer: Resource, sent: &Resource, resource_type: &ResourceType) -> Resource {
    let mut resource = answer;
    put(resource.core_mut(), sent.core());
    for (uri, object) in sent.extensions() {
        let mut merged = resource.extension(uri).cloned().unwrap_or_default();
        put(&mut merged, object);
        resource.set_extension(uri, merged);
    }
    compared(resource, resource_type)
}

fn put(into: &mut Object, from: &Object) {
    for (name, value) in from.iter() {
        into.insert(name.clone(), value.clone());
    }
}
