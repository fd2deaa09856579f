//! Makes values canonical for their attribute.

use smol_str::format_smolstr;

use super::ValidationError;
use crate::{
    dialect::{Dialect, Quirk},
    schema::{Attribute, AttributeType, Mutability},
    time::DateTime,
    value::{Object, Value},
};

/// Makes a client's value canonical for `attribute`: of its type, with names in the schema's spelling, without
/// readOnly sub-attributes and without anything unassigned. [`Value::Null`] means that the attribute is unassigned
/// (RFC 7643 section 2.5). The dialect says which departures are understood.
///
/// `path` is the attribute's path for messages.
///
/// # Errors
/// [`ValidationError`], which maps to `invalidValue`.
///
/// # Complexity
/// Linear in the value.
pub fn value(
    attribute: &Attribute,
    value: Value,
    dialect: Dialect,
    path: &str,
) -> Result<Value, ValidationError> {
    if !attribute.multi_valued {
        return match value {
            Value::Null => Ok(Value::Null),
            Value::Array(values) if dialect.allows(Quirk::SingleValues) && values.len() <= 1 => {
                values.into_iter().next().map_or(Ok(Value::Null), |single| {
                    element(attribute, single, dialect, path)
                })
            }
            single => element(attribute, single, dialect, path),
        };
    }
    let values = match value {
        Value::Null => return Ok(Value::Null),
        Value::Array(values) => values,
        Value::String(text) if text.is_empty() && dialect.allows(Quirk::BareValues) => {
            return Ok(Value::Null);
        }
        single if dialect.allows(Quirk::SingleValues) => vec![single],
        other => return Err(wrong_type(attribute, &other, path, true)),
    };
    let mut canonical = Vec::with_capacity(values.len());
    for value in values {
        if value == Value::Null {
            return Err(wrong_type(attribute, &value, path, false));
        }
        match element(attribute, value, dialect, path)? {
            Value::Null => {}
            value => canonical.push(value),
        }
    }
    let primaries = canonical.iter().filter(|value| is_primary(value)).count();
    if primaries > 1 {
        return Err(ValidationError::TwoPrimaries { path: path.into() });
    }
    Ok(if canonical.is_empty() {
        Value::Null
    } else {
        Value::Array(canonical)
    })
}

/// Makes one value of `attribute` canonical: the value of a single-valued attribute or one element of another.
///
/// # Errors
/// As [`value`].
pub fn element(
    attribute: &Attribute,
    value: Value,
    dialect: Dialect,
    path: &str,
) -> Result<Value, ValidationError> {
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(Value::Null),
        (AttributeType::Complex, Value::Object(object)) => complex(attribute, object, dialect, path),
        (AttributeType::Complex, bare @ Value::String(_))
            if dialect.allows(Quirk::BareValues) && points_at_resources(attribute) =>
        {
            if bare.as_str() == Some("") {
                return Ok(Value::Null);
            }
            complex(attribute, [("value", bare)].into_iter().collect(), dialect, path)
        }
        (AttributeType::Boolean, flag @ Value::Bool(_)) => Ok(flag),
        (AttributeType::Boolean, Value::String(text)) if dialect.allows(Quirk::BooleanStrings) => {
            boolean(&text)
                .map(Value::Bool)
                .ok_or_else(|| wrong_type(attribute, &Value::String(text), path, false))
        }
        (AttributeType::Integer, number @ Value::Integer(_))
        | (AttributeType::Decimal, number @ (Value::Integer(_) | Value::Decimal(_))) => Ok(number),
        (AttributeType::String | AttributeType::Reference, text @ Value::String(_)) => Ok(text),
        (AttributeType::String, Value::Integer(number)) if dialect.allows(Quirk::StringNumbers) => {
            Ok(Value::String(format_smolstr!("{number}")))
        }
        (AttributeType::String, Value::Bool(flag)) if dialect.allows(Quirk::StringNumbers) => {
            Ok(Value::String(format_smolstr!("{flag}")))
        }
        (AttributeType::DateTime, Value::String(text)) if text.parse::<DateTime>().is_ok() => {
            Ok(Value::String(text))
        }
        (AttributeType::Binary, Value::String(text)) if is_base64(&text) => Ok(Value::String(text)),
        (kind, Value::Object(mut object))
            if kind != AttributeType::Complex
                && attribute.multi_valued
                && dialect.allows(Quirk::WrappedValues) =>
        {
            match object.remove("value") {
                Some(inner) if !matches!(inner, Value::Object(_)) => element(attribute, inner, dialect, path),
                _ => Err(wrong_type(attribute, &Value::Object(object), path, false)),
            }
        }
        (_, other) => Err(wrong_type(attribute, &other, path, false)),
    }
}

/// Makes a client's change of one complex value canonical: the sub-attributes that it sets, and as [`Value::Null`]
/// those that it unassigns. What it doesn't name stays as it is (RFC 7644 section 3.5.2.3), so required
/// sub-attributes may be left out. `None` means that the value is unassigned as a whole.
///
/// # Errors
/// As [`value`].
///
/// # Complexity
/// Linear in the value.
pub fn changes(
    attribute: &Attribute,
    value: Value,
    dialect: Dialect,
    path: &str,
) -> Result<Option<Object>, ValidationError> {
    let single = match value {
        Value::Array(values) if dialect.allows(Quirk::SingleValues) && values.len() <= 1 => {
            values.into_iter().next().unwrap_or(Value::Null)
        }
        single => single,
    };
    match single {
        Value::Object(object) if points_at_nothing(attribute, object.get_str("value"), dialect) => Ok(None),
        Value::Object(object) => sub_attributes(attribute, object, dialect, path).map(Some),
        other => match element(attribute, other, dialect, path)? {
            Value::Object(object) => Ok(Some(object)),
            _ => Ok(None),
        },
    }
}

/// Whether an element says of itself that it is the primary one (RFC 7643 section 2.4).
#[must_use]
pub fn is_primary(value: &Value) -> bool {
    value.as_object().and_then(|object| object.get("primary")) == Some(&Value::Bool(true))
}

/// Whether the single value of `attribute` says by the empty `id` in its `value` that there is no resource to point at,
/// which is how Entra ID takes a manager away ([`Quirk::BareValues`]). An element of several, such as a member without
/// an id, is a mistake instead.
#[must_use]
pub fn points_at_nothing(attribute: &Attribute, id: Option<&str>, dialect: Dialect) -> bool {
    id == Some("")
        && dialect.allows(Quirk::BareValues)
        && !attribute.multi_valued
        && points_at_resources(attribute)
}

/// The boolean that a string spells, in any case.
fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn complex(
    attribute: &Attribute,
    object: Object,
    dialect: Dialect,
    path: &str,
) -> Result<Value, ValidationError> {
    if points_at_nothing(attribute, object.get_str("value"), dialect) {
        return Ok(Value::Null);
    }
    let mut canonical = sub_attributes(attribute, object, dialect, path)?;
    canonical.retain(|_, value| *value != Value::Null);
    if canonical.is_empty() {
        return Ok(Value::Null);
    }
    let lacking = attribute.sub_attributes.iter().find(|sub| {
        let present = canonical.get(sub.name.as_str());
        sub.required
            && sub.mutability != Mutability::ReadOnly
            && present.is_none_or(|value| value.as_str() == Some(""))
    });
    match lacking {
        Some(sub) => Err(ValidationError::Missing {
            path: format_smolstr!("{path}.{}", sub.name),
        }),
        None => Ok(Value::Object(canonical)),
    }
}

/// Makes the sub-attributes of a complex value canonical; those that are unassigned stay as `null`.
fn sub_attributes(
    attribute: &Attribute,
    object: Object,
    dialect: Dialect,
    path: &str,
) -> Result<Object, ValidationError> {
    let mut canonical = Object::new();
    for (name, inner) in object {
        let Some(sub) = attribute.sub_attribute(name.as_str()) else {
            if dialect.allows(Quirk::UnknownSubAttributes) {
                continue;
            }
            return Err(ValidationError::UnknownSubAttribute {
                path: path.into(),
                name: name.as_str().into(),
            });
        };
        if sub.mutability == Mutability::ReadOnly {
            continue;
        }
        let inner = value(sub, inner, dialect, &format_smolstr!("{path}.{}", sub.name))?;
        let inner = if inner.is_unassigned() { Value::Null } else { inner };
        canonical.push_new(sub.name.clone(), inner);
    }
    Ok(canonical)
}

/// Whether the attribute's values point at resources, so that a bare string can only be the id of one.
fn points_at_resources(attribute: &Attribute) -> bool {
    attribute.default_sub_attribute().is_some() && attribute.sub_attribute("$ref").is_some()
}

/// Base64 or base64url, with white space as certificates come with and padded or not (RFC 7643 section 2.3.6).
fn is_base64(text: &str) -> bool {
    let (mut digits, mut padding) = (0_usize, 0_usize);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        match byte {
            b'=' => padding += 1,
            b'+' | b'/' | b'-' | b'_' if padding == 0 => digits += 1,
            byte if padding == 0 && byte.is_ascii_alphanumeric() => digits += 1,
            _ => return false,
        }
    }
    digits % 4 != 1 && (padding == 0 || (padding <= 2 && (digits + padding).is_multiple_of(4)))
}

fn wrong_type(attribute: &Attribute, found: &Value, path: &str, array: bool) -> ValidationError {
    let expected = match (array, attribute.kind) {
        (true, _) => "an array",
        (_, AttributeType::Binary) => "a base64 string",
        (_, AttributeType::Boolean) => "a boolean",
        (_, AttributeType::Complex) => "an object",
        (_, AttributeType::DateTime) => "a date and time such as `2008-01-23T04:56:22Z`",
        (_, AttributeType::Decimal) => "a number",
        (_, AttributeType::Integer) => "an integer",
        (_, AttributeType::Reference) => "a URI as a string",
        (_, AttributeType::String) => "a string",
    };
    // Only the type of what was sent is told: a value may be personal, and errors are logged.
    ValidationError::WrongType {
        path: path.into(),
        expected: expected.into(),
        found: match found {
            Value::String(_) if !array && !matches!(attribute.kind, AttributeType::Complex) => {
                "this string".into()
            }
            other => other.type_name().into(),
        },
    }
}
