//! From mappings to Graph's JSON.

use keyfob_core::{Object, SmolStr, Value};
use keyfob_expression::Expression;

use super::{
    read::{self, FLOW_TYPES},
    tree,
};
use crate::{
    document::{ImportError, Reader, invalid},
    mapping::{Actions, AttributeMapping, ObjectMapping},
    scope::{self, ScopingFilter},
};

/// A schema of one rule with these mappings.
pub(super) fn schema(mappings: &[ObjectMapping]) -> Object {
    let objects = mappings.iter().map(|mapping| {
        let mut object = Object::new();
        write_mapping(&mut object, None, mapping);
        Value::Object(object)
    });
    let objects: Vec<Value> = objects.collect();
    let mut rule = Object::new();
    rule.insert("name", "USER_OUTBOUND_USER");
    rule.insert("editable", true);
    rule.insert("priority", 1);
    rule.insert("sourceDirectoryName", "Azure Active Directory");
    rule.insert("targetDirectoryName", "customappsso");
    rule.insert("metadata", Vec::new());
    rule.insert("objectMappings", objects);
    let mut schema = Object::new();
    schema.insert("synchronizationRules", vec![Value::Object(rule)]);
    schema.insert("directories", Vec::new());
    schema
}

/// Puts a mapping in the place of the one that it is a change of.
pub(super) fn set_mapping(document: &mut Object, mapping: &ObjectMapping) -> Result<(), ImportError> {
    let read = read::mappings(&Reader::new(document))?;
    let by_name = || {
        let named = !mapping.name.is_empty();
        read.iter()
            .position(|other| named && other.mapping.name == mapping.name)
    };
    let by_types = || {
        read.iter().position(|other| {
            other.mapping.source == mapping.source && other.mapping.target == mapping.target
        })
    };
    let present = by_name().or_else(by_types);
    let rules = document
        .get_mut("synchronizationRules")
        .map(elements_mut)
        .unwrap_or_default();
    let objects = rules
        .iter_mut()
        .filter_map(Value::as_object_mut)
        .filter_map(|rule| rule.get_mut("objectMappings"))
        .flat_map(elements_mut)
        .filter_map(Value::as_object_mut);
    let found = present.and_then(|index| Some((read.get(index)?, objects.into_iter().nth(index)?)));
    match found {
        None => Err(invalid(
            "synchronizationRules".into(),
            "a mapping of the same name, or between the same types of objects,",
        )),
        Some((before, object)) => {
            write_mapping(object, Some(&before.mapping), mapping);
            Ok(())
        }
    }
}

/// The elements of an array for change.
fn elements_mut(value: &mut Value) -> &mut [Value] {
    match value {
        Value::Array(values) => values,
        _ => &mut [],
    }
}

/// Lets an object say what the mapping says, touching nothing of which it says the same already.
fn write_mapping(object: &mut Object, before: Option<&ObjectMapping>, mapping: &ObjectMapping) {
    let mut set = |member: &str, differs: bool, value: Value| {
        if differs {
            object.insert(member, value);
        }
    };
    let differs = |differs: fn(&ObjectMapping, &ObjectMapping) -> bool| {
        before.is_none_or(|before| differs(before, mapping))
    };
    set(
        "name",
        differs(|a, b| a.name != b.name),
        mapping.name.clone().into(),
    );
    set(
        "enabled",
        differs(|a, b| a.enabled != b.enabled),
        mapping.enabled.into(),
    );
    set(
        "flowTypes",
        differs(|a, b| a.actions != b.actions),
        flow_types(mapping.actions).as_str().into(),
    );
    set(
        "sourceObjectName",
        differs(|a, b| a.source != b.source),
        mapping.source.clone().into(),
    );
    set(
        "targetObjectName",
        differs(|a, b| a.target != b.target),
        mapping.target.clone().into(),
    );
    if differs(|a, b| a.scope != b.scope) {
        write_scope(object, &mapping.scope);
    }
    if differs(|a, b| a.attributes != b.attributes) {
        write_attributes(object, &mapping.attributes);
    }
}

/// The attribute mappings in their order; those that are there already are found by their targets.
fn write_attributes(object: &mut Object, attributes: &[AttributeMapping]) {
    let mut present = match object
        .get_mut("attributeMappings")
        .map(|value| std::mem::replace(value, Value::Null))
    {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    };
    let attributes = attributes.iter().map(|attribute| {
        let is_same = |value: &Value| {
            let target = value
                .as_object()
                .and_then(|object| object.get_str("targetAttributeName"));
            target == Some(attribute.target.as_str())
        };
        let index = present.iter().position(is_same);
        let object = index.map(|index| present.remove(index));
        write_attribute(object, attribute)
    });
    let attributes: Vec<Value> = attributes.collect();
    object.insert("attributeMappings", attributes);
}

fn flow_types(actions: Actions) -> String {
    let words = [
        (actions.create, "Add"),
        (actions.update, "Update"),
        (actions.delete, "Delete"),
    ];
    let words: Vec<&str> = words
        .into_iter()
        .filter(|(allowed, _)| *allowed)
        .map(|(_, word)| word)
        .collect();
    if words.is_empty() {
        "None".into()
    } else {
        words.join(", ")
    }
}

fn write_scope(object: &mut Object, filter: &ScopingFilter) {
    if filter.is_empty() {
        object.insert("scope", Value::Null);
        return;
    }
    let groups = scope::to_graph_groups(filter);
    if let Some(scope) = object.get_mut("scope").and_then(Value::as_object_mut) {
        scope.insert("groups", groups);
        return;
    }
    let mut scope = Object::new();
    scope.insert("groups", groups);
    scope.insert("inputFilterGroups", Vec::new());
    scope.insert("categoryFilterGroups", Vec::new());
    object.insert("scope", scope);
}

/// An attribute mapping as it is, where it says the same, or with what it says changed.
fn write_attribute(present: Option<Value>, attribute: &AttributeMapping) -> Value {
    let read = |value: &Value| {
        let reader = Reader::of(value, SmolStr::default()).ok()?;
        read::attribute(&reader).ok()
    };
    let before = present.as_ref().and_then(read);
    let mut object = match present {
        Some(Value::Object(object)) => object,
        _ => Object::new(),
    };
    let differs = |differs: fn(&AttributeMapping, &AttributeMapping) -> bool| {
        before.as_ref().is_none_or(|before| differs(before, attribute))
    };
    if before.is_none() {
        object.insert("defaultValue", Value::Null);
        object.insert("exportMissingReferences", false);
        object.insert("flowBehavior", "FlowWhenChanged");
    }
    if differs(|a, b| a.default != b.default) {
        object.insert(
            "defaultValue",
            attribute.default.clone().map_or(Value::Null, Value::from),
        );
    }
    if differs(|a, b| a.apply != b.apply) {
        let word = FLOW_TYPES
            .into_iter()
            .find(|(_, apply)| *apply == attribute.apply);
        object.insert("flowType", word.map_or("Always", |(word, _)| word));
    }
    if differs(|a, b| a.matching != b.matching) {
        let priority = attribute
            .matching
            .map_or(0, |precedence| i64::from(precedence.get()));
        object.insert("matchingPriority", priority);
    }
    if differs(|a, b| a.expression != b.expression) {
        object.insert(
            "source",
            attribute.expression.as_ref().map_or(Value::Null, source),
        );
    }
    object.insert("targetAttributeName", attribute.target.clone());
    object.into()
}

/// The source of an attribute: its text as it is written, and the tree that goes with it. One that can't be read has
/// no tree; the service says what it makes of the text.
fn source(text: &SmolStr) -> Value {
    let mut node = match Expression::parse(text) {
        Ok(expression) => tree::node(&expression),
        Err(_) => Object::new(),
    };
    node.insert("expression", text.clone());
    node.into()
}
