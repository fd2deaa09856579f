//! The values of a multi-valued attribute: which are the same, and which one is primary.

use std::collections::{HashMap, HashSet};

use keyfob_core::{
    Attribute, Object, Value, fold, json,
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

/// Takes out those that one of `sent` means: by `value`, and by `type` where it says one; by everything where it has
/// no `value`.
///
/// # Complexity
/// Linear in both.
pub(crate) fn discard(attribute: &Attribute, elements: &mut Vec<Value>, sent: &[Value]) {
    let typeless = |element: &Value| {
        let object = element.as_object()?;
        (object.get("type").is_none())
            .then(|| value_text(attribute, object))
            .flatten()
    };
    let whole: HashSet<Vec<u8>> = sent.iter().map(|element| identity(attribute, element)).collect();
    let by_value: HashSet<Vec<u8>> = sent.iter().filter_map(typeless).collect();
    elements.retain(|element| {
        let value = element
            .as_object()
            .and_then(|object| value_text(attribute, object));
        !whole.contains(&identity(attribute, element))
            && !value.is_some_and(|value| by_value.contains(&value))
    });
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

/// The value as JSON, with its case folded where the attribute doesn't tell cases apart.
fn text(attribute: &Attribute, value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) if attribute.kind == AttributeType::String && !attribute.case_exact => {
            json::value_to_vec(&Value::String(fold(text)))
        }
        other => json::value_to_vec(other),
    }
}
