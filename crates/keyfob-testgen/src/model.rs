//! PATCH as RFC 7644 section 3.5.2 tells it, slow and obvious, over plain JSON.

mod elements;
mod filter;
mod members;
mod target;
mod value;

use std::collections::BTreeSet;

use keyfob_core::{Attribute, Dialect, Quirk, ResourceType, schema::Mutability};
use serde_json::{Map, Value, json};

use self::{
    target::{Place, Target},
    value::{canonical, changes, is_primary, merge, points_at_resources},
};
use crate::Kind;

/// The `scimType` of an error.
type Fault = &'static str;

/// What the request makes of a canonical resource, or the `scimType`s of everything that is wrong with it: which one of
/// several a server names is its own to choose. A member is known by its id: one that was stored stays as it was.
///
/// # Errors
/// The faults of all operations, those that follow from others included.
pub fn apply_patch(
    before: &Value,
    request: &Value,
    kind: Kind,
    dialect: Dialect,
) -> Result<Value, BTreeSet<&'static str>> {
    let mut model = Model {
        kind: kind.resource_type(),
        dialect,
        before: before.clone(),
        after: before.clone(),
        faults: BTreeSet::new(),
    };
    for operation in request
        .get("Operations")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let op = operation.get("op").and_then(Value::as_str).unwrap_or_default();
        let op = match op.to_ascii_lowercase().as_str() {
            "add" => Op::Add,
            "replace" => Op::Replace,
            _ => Op::Remove,
        };
        let path = operation.get("path").and_then(Value::as_str);
        model.operation(op, path, operation.get("value"));
    }
    model.finish();
    if model.faults.is_empty() {
        Ok(model.after)
    } else {
        Err(model.faults)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Op {
    Add,
    Replace,
    Remove,
}

struct Model {
    kind: &'static ResourceType,
    dialect: Dialect,
    before: Value,
    after: Value,
    faults: BTreeSet<Fault>,
}

impl Model {
    fn operation(&mut self, op: Op, path: Option<&str>, value: Option<&Value>) {
        if op != Op::Remove && value.is_none() {
            self.faults.insert("invalidSyntax");
        }
        let Some(path) = path else {
            match (op, value) {
                (Op::Remove, _) => self.fault("noTarget"),
                (_, Some(value)) => {
                    // What is unknown is ignored, as in any body.
                    let dialect = self.dialect;
                    self.dialect = dialect.with(Quirk::UnknownAttributes);
                    self.attributes(op, value);
                    self.dialect = dialect;
                }
                _ => {}
            }
            return;
        };
        match Target::resolve(path, self.kind, self.dialect) {
            Err(fault) => self.unresolved(fault),
            Ok(Target::Core) => match value {
                Some(value) if op != Op::Remove => self.attributes(op, value),
                _ => self.fault("noTarget"),
            },
            Ok(Target::Extension(uri)) => self.extension(op, uri, value),
            Ok(Target::Place(place)) => {
                let null = Value::Null;
                match (op, value) {
                    (Op::Remove, value) => self.remove(&place, value),
                    (_, value) => self.put(op, &place, value.unwrap_or(&null), false),
                }
            }
        }
    }

    fn fault(&mut self, fault: Fault) {
        self.faults.insert(fault);
    }

    /// A name that no schema has is passed over where the dialect has it so.
    fn unresolved(&mut self, fault: Fault) {
        match fault {
            target::UNKNOWN if self.dialect.allows(Quirk::UnknownAttributes) => {}
            target::UNKNOWN => self.fault("invalidPath"),
            fault => self.fault(fault),
        }
    }

    /// An operation without a path: its value holds attributes.
    fn attributes(&mut self, op: Op, value: &Value) {
        let decoded = self.decoded(value);
        let Some(attributes) = decoded.as_object() else {
            return self.fault("invalidValue");
        };
        for (key, value) in attributes {
            self.attribute(op, key, value);
        }
    }

    fn attribute(&mut self, op: Op, key: &str, value: &Value) {
        let core = self.kind.schema().id.as_str();
        if key.eq_ignore_ascii_case(core) && self.dialect.allows(Quirk::NestedCore) {
            return self.attributes(op, value);
        }
        if let Some(extension) = self
            .kind
            .extensions()
            .iter()
            .find(|extension| extension.schema.id.is(key))
        {
            return self.extension(op, extension.schema.id.as_str(), Some(value));
        }
        let is_path = key.contains(['.', ':', '[']);
        if is_path && !self.dialect.allows(Quirk::PathKeys) {
            let path = key.split('[').next().unwrap_or_default();
            let target = Target::resolve(path, self.kind, self.dialect);
            // What leads nowhere is unknown, as a key of a body is.
            if key.contains(':') || matches!(target, Ok(Target::Place(_))) {
                self.fault("invalidPath");
            }
            return;
        }
        match Target::resolve(key, self.kind, self.dialect) {
            Ok(Target::Place(place)) => self.put(op, &place, value, true),
            Err(fault) => self.unresolved(fault),
            Ok(_) => self.fault("invalidPath"),
        }
    }

    /// An operation on all of an extension.
    fn extension(&mut self, op: Op, uri: &str, value: Option<&Value>) {
        if op == Op::Remove && value.is_some() {
            return self.fault("invalidSyntax");
        }
        match (op, value.filter(|value| !value.is_null())) {
            (Op::Remove | Op::Replace, None) => {
                if let Some(resource) = self.after.as_object_mut() {
                    resource.remove(uri);
                }
            }
            (_, None) => {}
            (_, Some(value)) => {
                let decoded = self.decoded(value);
                let Some(attributes) = decoded.as_object() else {
                    return self.fault("invalidValue");
                };
                for (key, value) in attributes {
                    match Target::resolve(&format!("{uri}:{key}"), self.kind, self.dialect) {
                        Ok(Target::Place(place)) => self.put(op, &place, value, true),
                        Err(fault) => self.unresolved(fault),
                        Ok(_) => self.fault("invalidPath"),
                    }
                }
            }
        }
    }

    /// `add` and `replace`.
    fn put(&mut self, op: Op, place: &Place, value: &Value, in_value: bool) {
        let attribute = place.attribute;
        if place.leaf().mutability == Mutability::ReadOnly || attribute.mutability == Mutability::ReadOnly {
            let stored = self.before.get(attribute.name.as_str());
            let repeats = stored == Some(value) && place.sub.is_none();
            if !repeats || !(in_value || self.dialect.allows(Quirk::RepeatedReadOnly)) {
                self.fault("mutability");
            }
            return;
        }
        if place.uri.is_none() && self.kind.relation(attribute.name.as_str()).is_some() {
            return self.put_members(op, place, value);
        }
        let decoded = if attribute.is_complex() && place.sub.is_none() {
            self.decoded(value)
        } else {
            value.clone()
        };
        // One value may be added to others without an array around it.
        let decoded = match decoded {
            Value::Object(_)
                if op == Op::Add
                    && attribute.multi_valued
                    && place.filter.is_none()
                    && place.sub.is_none() =>
            {
                json!([decoded])
            }
            other => other,
        };
        if attribute.multi_valued && (place.sub.is_some() || place.filter.is_some()) {
            return self.put_in_elements(op, place, &decoded);
        }
        let changed = match (place.sub, attribute.is_complex() && !attribute.multi_valued) {
            (Some(sub), _) => canonical(sub, &decoded, self.dialect).map(|value| {
                let is_empty_id = sub.name.is("value") && value == "";
                if is_empty_id && points_at_resources(attribute) && self.dialect.allows(Quirk::BareValues) {
                    return Value::Null;
                }
                let sub = (String::from(sub.name.as_str()), value);
                self.merged(place, &[sub].into_iter().collect())
            }),
            (None, true) => changes(attribute, &decoded, self.dialect).map(|changes| match changes {
                None => Value::Null,
                Some(changes) => self.merged(place, &changes),
            }),
            (None, false) => canonical(attribute, &decoded, self.dialect).map(|value| {
                if attribute.multi_valued && op == Op::Add {
                    self.added(place, &value)
                } else {
                    value
                }
            }),
        };
        match changed {
            Err(fault) => self.fault(fault),
            Ok(value) => self.set(place, value),
        }
    }

    /// The complex value with these sub-attributes set, and unassigned where they are null.
    fn merged(&self, place: &Place, changes: &Map<String, Value>) -> Value {
        let mut object = self
            .get(place)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        merge(&mut object, changes);
        if object.is_empty() {
            Value::Null
        } else {
            object.into()
        }
    }

    fn remove(&mut self, place: &Place, value: Option<&Value>) {
        let attribute = place.attribute;
        let read_only = |attribute: &Attribute| attribute.mutability == Mutability::ReadOnly;
        if read_only(attribute) || place.sub.is_some_and(read_only) {
            return self.fault("mutability");
        }
        if place.uri.is_none() && self.kind.relation(attribute.name.as_str()).is_some() {
            return self.remove_members(place, value);
        }
        if attribute.multi_valued {
            return self.remove_elements(place, value);
        }
        match place.sub {
            None => self.set(place, Value::Null),
            Some(sub) => {
                let value = self.merged(
                    place,
                    &[(sub.name.as_str().into(), Value::Null)].into_iter().collect(),
                );
                self.set(place, value);
            }
        }
    }

    fn get(&self, place: &Place) -> Option<&Value> {
        let container = match place.uri {
            None => Some(&self.after),
            Some(uri) => self.after.get(uri),
        };
        container?.get(place.attribute.name.as_str())
    }

    /// Sets the attribute, null meaning that it is unassigned.
    fn set(&mut self, place: &Place, value: Value) {
        if value.is_null() && place.attribute.required {
            return self.fault("mutability");
        }
        let Some(resource) = self.after.as_object_mut() else {
            return;
        };
        let container = match place.uri {
            None => Some(resource),
            Some(uri) => resource.entry(uri).or_insert(json!({})).as_object_mut(),
        };
        let Some(container) = container else { return };
        let name = place.attribute.name.as_str();
        if value.is_null() {
            container.remove(name);
        } else {
            container.insert(name.into(), value);
        }
    }

    /// Once all operations are done: extensions that hold nothing are gone, `schemas` says which are there, what is
    /// required is not empty, and no two values of an attribute are the primary one.
    fn finish(&mut self) {
        let Some(resource) = self.after.as_object_mut() else {
            return;
        };
        for attribute in &self.kind.schema().attributes {
            let name = attribute.name.as_str();
            let points = attribute.sub_attribute("$ref").is_some();
            if !points
                && resource.get(name) != self.before.get(name)
                && let Some(Value::Array(elements)) = resource.get_mut(name)
            {
                *elements = united(elements);
            }
        }
        let mut schemas = vec![self.kind.schema().id.as_str()];
        for extension in self.kind.extensions() {
            let uri = extension.schema.id.as_str();
            match resource.get(uri) {
                Some(held) if *held == json!({}) => {
                    resource.remove(uri);
                }
                Some(_) => schemas.push(uri),
                None => {}
            }
        }
        resource.insert("schemas".into(), json!(schemas));
        let lacks = |attribute: &Attribute| {
            let held = resource.get(attribute.name.as_str());
            attribute.required && held.is_none_or(|value| *value == json!(""))
        };
        let has_two_primaries = |value: &Value| {
            let values = value.as_array().into_iter().flatten();
            values.filter(|value| is_primary(value)).count() > 1
        };
        let is_wrong =
            self.kind.schema().attributes.iter().any(lacks) || resource.values().any(has_two_primaries);
        if is_wrong {
            self.faults.insert("invalidValue");
        }
    }

    /// The object that a string holds, where the dialect has it so.
    fn decoded(&self, value: &Value) -> Value {
        let object = value
            .as_str()
            .filter(|_| self.dialect.allows(Quirk::EncodedValue))
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
            .filter(Value::is_object);
        object.unwrap_or_else(|| value.clone())
    }
}

/// One of elements of the same `type` and `value`: the first, with what later ones say.
fn united(elements: &[Value]) -> Vec<Value> {
    let same = |one: &Value, other: &Value| {
        let of = |element: &Value, name: &str| element.get(name).and_then(Value::as_str).map(str::to_owned);
        of(one, "value").is_some()
            && of(one, "value") == of(other, "value")
            && of(one, "type").unwrap_or_default() == of(other, "type").unwrap_or_default()
    };
    let mut united: Vec<Value> = Vec::new();
    for element in elements {
        let first = united.iter_mut().find(|first| same(first, element));
        match (first.and_then(Value::as_object_mut), element.as_object()) {
            (Some(first), Some(again)) => first.extend(again.clone()),
            _ => united.push(element.clone()),
        }
    }
    united
}
