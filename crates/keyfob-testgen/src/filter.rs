//! The meaning of filters once more, slow and obvious: over JSON values, collecting whatever a path reaches.

use std::cmp::Ordering;

use keyfob_core::{
    AttrPath, Attribute, DateTime, Dialect, ResourceType,
    schema::{AttributeType, Container, Target},
};
use keyfob_filter::{CompareOp, Filter, Literal};
use serde_json::Value;

use crate::{Kind, text};

/// Whether a resource, given as JSON, matches. The filter is one that compiles.
#[must_use]
pub fn filter_matches(filter: &Filter, resource: &Value, resource_type: &ResourceType) -> bool {
    evaluate(filter, &|path| {
        let found = match resource_type.resolve(path, Dialect::strict()) {
            Ok(Target::Attribute(found)) => found,
            Ok(Target::Extension(schema)) => {
                let extensions = reach(std::slice::from_ref(resource), schema.id.as_str());
                return Reached::Extension(extensions);
            }
            Err(_) => return Reached::Extension(Vec::new()),
        };
        let container = match found.container {
            Container::Core => vec![resource.clone()],
            Container::Extension(uri) => reach(std::slice::from_ref(resource), uri.as_str()),
        };
        Reached::Values {
            values: reach(&container, found.attribute.name.as_str()),
            is_element: false,
            attribute: Box::new(found.attribute.clone()),
            sub: found.sub.cloned().map(Box::new),
        }
    })
}

/// Whether one value of an attribute satisfies a value filter.
pub(crate) fn element_matches(filter: &Filter, attribute: &Attribute, element: &Value) -> bool {
    evaluate(filter, &|path| Reached::Values {
        values: vec![element.clone()],
        is_element: true,
        attribute: Box::new(attribute.clone()),
        sub: attribute
            .sub_attribute(path.name().as_str())
            .cloned()
            .map(Box::new),
    })
}

/// A resource, given as JSON, as GET shows it: with its own address and those of the groups or members in it.
#[must_use]
pub fn shown(resource: &Value, kind: Kind, base_url: &str) -> Value {
    let mut shown = resource.clone();
    let id = text_in(resource, "id").unwrap_or_default();
    if let Some(meta) = shown.get_mut("meta").and_then(Value::as_object_mut) {
        meta.insert("location".into(), address(base_url, kind, &id).into());
    }
    for relation in ["groups", "members"] {
        let members = shown.get_mut(relation).and_then(Value::as_array_mut);
        for member in members.into_iter().flatten() {
            let target = match (relation, text_in(member, "type").as_deref()) {
                ("groups", _) => Some(Kind::Group),
                (_, Some(name)) if name.eq_ignore_ascii_case("User") => Some(Kind::User),
                (_, Some(name)) if name.eq_ignore_ascii_case("Group") => Some(Kind::Group),
                _ => None,
            };
            let id = text_in(member, "value").unwrap_or_default();
            let address = target.map(|target| address(base_url, target, &id));
            if let Some(member) = member.as_object_mut() {
                member.insert("$ref".into(), address.map_or(Value::Null, Value::from));
            }
        }
    }
    shown
}

/// The address of a resource.
#[must_use]
pub fn address(base_url: &str, kind: Kind, id: &str) -> String {
    let mut address = match kind {
        Kind::User => format!("{base_url}/Users/"),
        Kind::Group => format!("{base_url}/Groups/"),
    };
    for byte in id.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => address.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => address.push(byte.into()),
            byte => {
                let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
                let digits = [byte >> 4, byte & 15].map(digit);
                address.push('%');
                address.extend(digits.iter().map(char::to_ascii_uppercase));
            }
        }
    }
    address
}

fn text_in(object: &Value, name: &str) -> Option<String> {
    object.get(name)?.as_str().map(str::to_owned)
}

/// What a path reaches.
enum Reached {
    /// The extension that it names, or nothing.
    Extension(Vec<Value>),
    /// The values of an attribute, and which part of each the path names.
    Values {
        values: Vec<Value>,
        /// A value filter is asked of one value, which is there even if nothing is in it.
        is_element: bool,
        attribute: Box<Attribute>,
        sub: Option<Box<Attribute>>,
    },
}

/// Evaluates a filter in which `look_up` says what a path reaches.
fn evaluate(filter: &Filter, look_up: &dyn Fn(&AttrPath) -> Reached) -> bool {
    match filter {
        Filter::And(operands) => operands.iter().all(|operand| evaluate(operand, look_up)),
        Filter::Or(operands) => operands.iter().any(|operand| evaluate(operand, look_up)),
        Filter::Not(operand) => !evaluate(operand, look_up),
        Filter::Present(path) | Filter::Compare(path, CompareOp::Ne, Literal::Null) => {
            is_present(look_up(path))
        }
        Filter::Compare(path, _, Literal::Null) => !is_present(look_up(path)),
        Filter::Compare(path, op, literal) => match look_up(path) {
            // What the type lacks is without value (RFC 7644 section 3.4.2.1).
            Reached::Extension(_) => *op == CompareOp::Ne,
            Reached::Values {
                values,
                is_element,
                attribute,
                sub,
            } => {
                let is_there = is_element || values.iter().any(is_assigned);
                let sub = sub.or_else(|| attribute.default_sub_attribute().cloned().map(Box::new));
                let satisfies = |value| compares_one(&attribute, sub.as_deref(), value, *op, literal);
                values.iter().any(satisfies) || *op == CompareOp::Ne && !is_there
            }
        },
        Filter::Path(path, inner) => match look_up(path) {
            Reached::Extension(_) => false,
            Reached::Values {
                values, attribute, ..
            } => values
                .iter()
                .any(|element| element_matches(inner, &attribute, element)),
        },
    }
}

fn is_present(reached: Reached) -> bool {
    match reached {
        Reached::Extension(extensions) => extensions.iter().any(is_assigned),
        Reached::Values {
            values, sub: None, ..
        } => values.iter().any(is_assigned),
        Reached::Values {
            values,
            sub: Some(sub),
            ..
        } => reach(&values, sub.name.as_str()).iter().any(is_assigned),
    }
}

/// Returns true if one value of an attribute, or what it has of a sub-attribute, compares so.
fn compares_one(
    attribute: &Attribute,
    sub: Option<&Attribute>,
    value: &Value,
    op: CompareOp,
    literal: &Literal,
) -> bool {
    let leaf = sub.unwrap_or(attribute);
    let mut values = match sub {
        None => vec![value.clone()],
        Some(sub) => reach(std::slice::from_ref(value), sub.name.as_str()),
    };
    // RFC 7643 section 2.4
    if values.is_empty() && attribute.multi_valued && leaf.name.is("primary") {
        values.push(Value::Bool(false));
    }
    if op == CompareOp::Ne {
        let differs = |value: &Value| !compares(leaf, value, CompareOp::Eq, literal);
        return values.is_empty() || values.iter().any(differs);
    }
    values.iter().any(|value| compares(leaf, value, op, literal))
}

/// All values under a name in any of some objects, arrays taken apart.
fn reach(values: &[Value], name: &str) -> Vec<Value> {
    let mut reached = Vec::new();
    for object in values.iter().filter_map(Value::as_object) {
        for (key, value) in object {
            if key.eq_ignore_ascii_case(name) {
                match value {
                    Value::Array(elements) => reached.extend(elements.iter().cloned()),
                    Value::Null => {}
                    single => reached.push(single.clone()),
                }
            }
        }
    }
    reached
}

fn is_assigned(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(elements) => elements.iter().any(is_assigned),
        Value::Object(object) => object.values().any(is_assigned),
        _ => true,
    }
}

fn compares(attribute: &Attribute, value: &Value, op: CompareOp, literal: &Literal) -> bool {
    match (value, literal) {
        (Value::String(value), Literal::String(literal)) if attribute.kind == AttributeType::DateTime => {
            let instant = |text: &str| text.parse::<DateTime>().ok();
            match (instant(value), instant(literal)) {
                (Some(value), Some(literal)) => ordered(op, value.cmp(&literal)),
                _ => false,
            }
        }
        (Value::String(value), Literal::String(literal)) => {
            let is_same = text::is_same(attribute, value, literal);
            let (value, literal) = (
                text::compared(attribute, value),
                text::compared(attribute, literal),
            );
            match op {
                CompareOp::Eq => is_same,
                CompareOp::Co => value.contains(&literal),
                CompareOp::Sw => value.starts_with(&literal),
                CompareOp::Ew => value.ends_with(&literal),
                _ => ordered(op, value.chars().cmp(literal.chars())),
            }
        }
        (Value::Bool(value), Literal::Bool(literal)) => value == literal,
        // As providers send it, where the dialect lets them.
        (Value::Bool(value), Literal::String(literal)) => literal.eq_ignore_ascii_case(&value.to_string()),
        _ => false,
    }
}

fn ordered(op: CompareOp, ordering: Ordering) -> bool {
    match op {
        CompareOp::Eq => ordering == Ordering::Equal,
        CompareOp::Gt => ordering == Ordering::Greater,
        CompareOp::Ge => ordering != Ordering::Less,
        CompareOp::Lt => ordering == Ordering::Less,
        CompareOp::Le => ordering != Ordering::Greater,
        CompareOp::Ne | CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    }
}
