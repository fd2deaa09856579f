//! From the value of an expression to one of the target attribute's type.

use std::borrow::Cow;

use keyfob_core::{Attribute, DateTime, Dialect, MemberSet, Object, Value, schema::AttributeType, validate};
use keyfob_expression as expression;

use super::ApplyErrorKind;

/// The value as one of `attribute`, an attribute or sub-attribute; [`Value::Null`] where it says that there is none.
/// `"False"` is the boolean of a boolean attribute and text of another, an id points at a resource where the attribute
/// does, and so on.
pub(super) fn coerce(
    value: Cow<'_, expression::Value>,
    attribute: &Attribute,
    path: &str,
) -> Result<Value, ApplyErrorKind> {
    // Most values are texts of attributes that take any text.
    let value = match value {
        Cow::Owned(expression::Value::Text(text)) if is_any_text(attribute) => {
            return Ok(Value::String(text));
        }
        value => value,
    };
    let coerced = match value.reveal() {
        expression::Value::Text(text) if is_any_text(attribute) => return Ok(Value::String(text.clone())),
        expression::Value::List(values) if attribute.multi_valued => elements(values, attribute)?,
        expression::Value::List(values) => match values.as_slice() {
            [] => Value::Null,
            [value] => single(value, attribute)?,
            several => return Err(ApplyErrorKind::ManyValues { found: several.len() }),
        },
        value if attribute.multi_valued => elements(std::slice::from_ref(value), attribute)?,
        value => single(value, attribute)?,
    };
    Ok(validate::value(attribute, coerced, Dialect::interop(), path)?)
}

/// Returns true if the attribute takes any single text: the service's dialect asks for no form.
fn is_any_text(attribute: &Attribute) -> bool {
    !attribute.multi_valued && matches!(attribute.kind, AttributeType::String | AttributeType::Reference)
}

/// The values of a multi-valued attribute, those without value left out.
fn elements(values: &[expression::Value], attribute: &Attribute) -> Result<Value, ApplyErrorKind> {
    let mut elements = Vec::with_capacity(values.len());
    for value in values {
        match single(value, attribute)? {
            Value::Null => {}
            element => elements.push(element),
        }
    }
    Ok(elements.into())
}

/// The members of a relation.
pub(super) fn members(values: Value, path: &str) -> Result<MemberSet, ApplyErrorKind> {
    Ok(validate::members(values, path)?)
}

/// One value in the JSON type of the attribute's; whether it is in the type's range is for [`validate::value`] to say.
fn single(value: &expression::Value, attribute: &Attribute) -> Result<Value, ApplyErrorKind> {
    let value = value.reveal();
    if let expression::Value::Complex(members) = value
        && attribute.is_complex()
    {
        return complex(members, attribute);
    }
    if *value == expression::Value::Null {
        return Ok(Value::Null);
    }
    let wrong = |expected| ApplyErrorKind::WrongType {
        expected,
        found: value.type_name(),
    };
    let text = value.as_text();
    Ok(match attribute.kind {
        AttributeType::Integer => Value::Integer(text.parse().map_err(|_| wrong("an integer"))?),
        AttributeType::Decimal => {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            Value::Decimal(number.ok_or_else(|| wrong("a number"))?)
        }
        AttributeType::DateTime => match value {
            expression::Value::DateTime(instant) => Value::from(instant.to_string().as_str()),
            _ => Value::from(&*text),
        },
        AttributeType::Complex => {
            let sub = attribute
                .default_sub_attribute()
                .ok_or_else(|| wrong("a complex value"))?;
            if text.is_empty() {
                return Ok(Value::Null);
            }
            let object: Object = [(sub.name.clone(), single(value, sub)?)].into_iter().collect();
            object.into()
        }
        AttributeType::Boolean | AttributeType::Binary | AttributeType::Reference | AttributeType::String => {
            Value::from(&*text)
        }
    })
}

/// A complex value, whose sub-attributes may themselves be of other types than the target's.
fn complex(
    members: &[(keyfob_core::SmolStr, expression::Value)],
    attribute: &Attribute,
) -> Result<Value, ApplyErrorKind> {
    let mut object = Object::new();
    for (name, value) in members {
        if let Some(sub) = attribute.sub_attribute(name) {
            object.insert(sub.name.clone(), coerce(Cow::Borrowed(value), sub, name)?);
        }
    }
    Ok(object.into())
}

/// Returns true if a resource that holds `held` need not be told `wanted`: instants may be written in several ways, and a
/// complex value may know more than it is told.
pub(super) fn holds(held: &Value, wanted: &Value, attribute: &Attribute) -> bool {
    match (held, wanted) {
        (Value::Object(held), Value::Object(wanted)) => wanted.iter().all(|(name, wanted)| {
            let sub = attribute.sub_attribute(name.as_str());
            let held = held.get(name.as_str());
            match (held, sub) {
                (Some(held), Some(sub)) => holds(held, wanted, sub),
                // An absent `primary` is false, and servers leave it out.
                (None, Some(sub)) if sub.kind == AttributeType::Boolean => *wanted == Value::Bool(false),
                (held, _) => held == Some(wanted),
            }
        }),
        (Value::String(held), Value::String(wanted)) if attribute.kind == AttributeType::DateTime => {
            match (held.parse::<DateTime>(), wanted.parse::<DateTime>()) {
                (Ok(held), Ok(wanted)) => held == wanted,
                _ => held == wanted,
            }
        }
        (held, wanted) => held == wanted,
    }
}
