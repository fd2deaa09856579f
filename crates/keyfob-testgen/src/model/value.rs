//! Values as the schema has them, from values as clients send them.

use keyfob_core::{
    Attribute, Dialect, Quirk,
    schema::{AttributeType, Mutability},
};
use serde_json::{Map, Value};

use super::{Fault, elements::is_json_text};

/// The value of the attribute; null where it is unassigned.
pub(super) fn canonical(attribute: &Attribute, value: &Value, dialect: Dialect) -> Result<Value, Fault> {
    if !attribute.multi_valued {
        let single = match (value, only(value, dialect)) {
            (Value::Array(_), Value::Object(wrapped)) if !attribute.is_complex() => {
                let is_understood = dialect.allows(Quirk::WrappedValues)
                    && wrapped
                        .keys()
                        .all(|name| name == "value" || dialect.allows(Quirk::UnknownAttributes));
                wrapped
                    .get("value")
                    .filter(|inner| is_understood && !inner.is_object())
                    .ok_or("invalidValue")?
            }
            (_, single) => single,
        };
        return element(attribute, single, dialect);
    }
    let values = match value {
        Value::Null => return Ok(Value::Null),
        Value::Array(values) => values.clone(),
        Value::String(text) if text.is_empty() => return Err("invalidValue"),
        other if dialect.allows(Quirk::SingleValues) => vec![other.clone()],
        Value::String(_) if bare_elements(attribute, dialect) => vec![value.clone()],
        _ => return Err("invalidValue"),
    };
    let mut canonical = Vec::new();
    for value in values {
        match element(attribute, &value, dialect)? {
            // Nothing that is known is no element.
            Value::Null => return Err("invalidValue"),
            value => canonical.push(value),
        }
    }
    if canonical.iter().filter(|value| is_primary(value)).count() > 1 {
        return Err("invalidValue");
    }
    Ok(if canonical.is_empty() {
        Value::Null
    } else {
        canonical.into()
    })
}

/// One value of the attribute; null where there is nothing in it.
fn element(attribute: &Attribute, value: &Value, dialect: Dialect) -> Result<Value, Fault> {
    match (attribute.kind, value) {
        (_, Value::Null)
        | (AttributeType::Boolean, Value::Bool(_))
        | (AttributeType::String | AttributeType::Reference, Value::String(_)) => Ok(value.clone()),
        (AttributeType::Complex, _) => Ok(match changes(attribute, value, dialect)? {
            None => Value::Null,
            Some(mut object) => {
                object.retain(|_, value| !value.is_null());
                if object.is_empty() {
                    Value::Null
                } else {
                    object.into()
                }
            }
        }),
        (AttributeType::String, Value::Bool(_) | Value::Number(_))
            if dialect.allows(Quirk::StringNumbers) =>
        {
            let text = value.to_string();
            // An integer that is read as a decimal number.
            Ok(if text == "-0.0" { "-0".into() } else { text.into() })
        }
        (AttributeType::Boolean, Value::String(text)) if dialect.allows(Quirk::BooleanStrings) => {
            match text.to_ascii_lowercase().as_str() {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err("invalidValue"),
            }
        }
        _ => Err("invalidValue"),
    }
}

/// The sub-attributes that a complex value sets, and as null those that it unassigns; none where all of it is
/// unassigned.
pub(super) fn changes(
    attribute: &Attribute,
    value: &Value,
    dialect: Dialect,
) -> Result<Option<Map<String, Value>>, Fault> {
    let bare = (dialect.allows(Quirk::BareValues) && points_at_resources(attribute))
        || bare_elements(attribute, dialect);
    match only(value, dialect) {
        Value::Null => Ok(None),
        Value::String(id) if bare && id.is_empty() => Ok(None),
        // A list or an object that is written as text is nobody's id and nobody's address.
        text if bare && is_json_text(text) => Err("invalidValue"),
        Value::String(id) if bare => Ok(Some([("value".into(), id.as_str().into())].into_iter().collect())),
        Value::Object(object) => {
            let mut changes = Map::new();
            for (name, value) in object {
                match attribute.sub_attribute(name) {
                    None if dialect.allows(Quirk::UnknownAttributes) => {}
                    None => return Err("invalidValue"),
                    Some(sub) if sub.mutability == Mutability::ReadOnly => {}
                    Some(sub) => {
                        changes.insert(sub.name.as_str().into(), canonical(sub, value, dialect)?);
                    }
                }
            }
            let is_empty_id = changes.get("value").and_then(Value::as_str) == Some("");
            Ok(Some(changes).filter(|_| !(bare && is_empty_id && !attribute.multi_valued)))
        }
        _ => Err("invalidValue"),
    }
}

/// Returns true if a bare string can be an element.
fn bare_elements(attribute: &Attribute, dialect: Dialect) -> bool {
    dialect.allows(Quirk::BareElements)
        && attribute.multi_valued
        && attribute.sub_attribute("value").is_some()
        && !points_at_resources(attribute)
}

pub(super) fn points_at_resources(attribute: &Attribute) -> bool {
    attribute.sub_attribute("value").is_some() && attribute.sub_attribute("$ref").is_some()
}

/// The only value of an array, where the dialect has it so.
fn only(value: &Value, dialect: Dialect) -> &Value {
    match value {
        Value::Array(values) if dialect.allows(Quirk::SingleValues) && values.len() < 2 => {
            values.first().unwrap_or(&Value::Null)
        }
        other => other,
    }
}

pub(super) fn merge(object: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, value) in changes {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
}

pub(super) fn is_primary(value: &Value) -> bool {
    value.get("primary") == Some(&Value::Bool(true))
}
