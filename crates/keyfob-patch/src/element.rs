//! The values of a multi-valued attribute: which are the same, and which one is primary.

use std::collections::{HashMap, HashSet};

use keyfob_core::{
    Attribute, Object, Value, json,
    schema::{AttributeType, Mutability},
    validate::is_primary,
};

/// Adds those of `added` that are not there, and what the others say beyond that to those that are. Says which
/// elements the result holds for them.
///
/// # Complexity
/// Linear in both.
pub(crate) fn extend(attribute: &Attribute, elements: &mut Vec<Value>, added: &[Value]) -> Vec<usize> {
    let mut places = HashMap::with_capacity(elements.len() + added.len());
    for (index, element) in elements.iter().enumerate() {
        places.entry(identity(attribute, element)).or_insert(index);
    }
    let mut touched = Vec::with_capacity(added.len());
    for element in added {
        let index = *places
            .entry(identity(attribute, element))
            .or_insert_with(|| elements.len());
        match elements.get_mut(index) {
            Some(present) => complement(attribute, present, element),
            None => elements.push(element.clone()),
        }
        touched.push(index);
    }
    touched
}

/// Takes out those that one of `sent` means: by `value`, and by `type` where it says one; by everything that it says
/// where it has no `value`.
///
/// # Complexity
/// Linear in both, for each combination of sub-attributes that is sent.
pub(crate) fn discard(attribute: &Attribute, elements: &mut Vec<Value>, sent: &[Value]) {
    let mut simple = HashSet::new();
    let mut criteria: HashMap<Vec<&str>, HashSet<Vec<u8>>> = HashMap::new();
    for value in sent {
        let Some(object) = value.as_object() else {
            simple.insert(text(attribute, value));
            continue;
        };
        let has_value = object.get("value").is_some();
        let subs = attribute.sub_attributes.iter().map(|sub| sub.name.as_str());
        let names: Vec<&str> = subs
            .filter(|name| object.get(name).is_some())
            .filter(|name| !has_value || ["value", "type"].contains(name))
            .collect();
        let meant = parts(attribute, object, &names);
        criteria.entry(names).or_default().extend(meant);
    }
    elements.retain(|element| match element.as_object() {
        None => !simple.contains(&text(attribute, element)),
        Some(object) => !criteria.iter().any(|(names, meant)| {
            parts(attribute, object, names).is_some_and(|parts| meant.contains(&parts))
        }),
    });
}

/// What the object says for these names, if it has all of them. Who doesn't say that they are primary are not
/// (RFC 7643 section 2.4).
fn parts(attribute: &Attribute, object: &Object, names: &[&str]) -> Option<Vec<u8>> {
    const NOT_PRIMARY: Value = Value::Bool(false);
    let texts: Option<Vec<Vec<u8>>> = names
        .iter()
        .map(|name| match object.get(name) {
            Some(value) => Some(sub_text(attribute, name, value)),
            None => (*name == "primary").then(|| sub_text(attribute, name, &NOT_PRIMARY)),
        })
        .collect();
    Some(texts?.join(&b','))
}

/// Where one of the `touched` elements is primary, lets no other be (RFC 7644 section 3.5.2).
pub(crate) fn demote_others(elements: &mut [Value], touched: &[usize]) {
    let moved = touched
        .iter()
        .any(|index| elements.get(*index).is_some_and(is_primary));
    if !moved {
        return;
    }
    let touched: HashSet<usize> = touched.iter().copied().collect();
    for (index, element) in elements.iter_mut().enumerate() {
        if !touched.contains(&index)
            && is_primary(element)
            && let Some(object) = element.as_object_mut()
        {
            object.insert("primary", false);
        }
    }
}

/// Gives an element what another that is the same says beyond it.
fn complement(attribute: &Attribute, present: &mut Value, sent: &Value) {
    let (Some(present), Some(sent)) = (present.as_object_mut(), sent.as_object()) else {
        return;
    };
    for (name, value) in sent.iter() {
        let is_fixed = name.is("value")
            || name.is("type")
            || attribute
                .sub_attribute(name.as_str())
                .is_some_and(|sub| sub.mutability == Mutability::Immutable);
        if !is_fixed || present.get(name.as_str()).is_none() {
            present.insert(name.clone(), value.clone());
        }
    }
}

/// A text that two elements share when they are the same: equal in `value` and `type` where they have a `value`
/// (RFC 7643 section 2.4), equal in everything otherwise.
fn identity(attribute: &Attribute, element: &Value) -> Vec<u8> {
    let Some(object) = element.as_object() else {
        return text(attribute, element);
    };
    let mut parts: Vec<Vec<u8>> = match value_text(attribute, object) {
        Some(value) => {
            let kind = object.get("type").map(|kind| sub_text(attribute, "type", kind));
            vec![value, kind.unwrap_or_default()]
        }
        None => object
            .iter()
            .map(|(name, value)| {
                let mut part = name.as_str().to_ascii_lowercase().into_bytes();
                part.push(b':');
                part.extend(sub_text(attribute, name.as_str(), value));
                part
            })
            .collect(),
    };
    if object.get("value").is_none() {
        parts.sort_unstable();
    }
    parts.join(&b',')
}

fn value_text(attribute: &Attribute, object: &Object) -> Option<Vec<u8>> {
    object
        .get("value")
        .map(|value| sub_text(attribute, "value", value))
}

fn sub_text(attribute: &Attribute, name: &str, value: &Value) -> Vec<u8> {
    match attribute.sub_attribute(name) {
        Some(sub) => text(sub, value),
        None => json::value_to_vec(value),
    }
}

/// The value as JSON, a text as it is compared.
fn text(attribute: &Attribute, value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) if matches!(attribute.kind, AttributeType::String | AttributeType::Reference) => {
            json::value_to_vec(&Value::String(attribute.compare_key(text).into()))
        }
        other => json::value_to_vec(other),
    }
}
