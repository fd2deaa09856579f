//! The meaning of filters once more, slow and obvious: over JSON values, collecting whatever a path reaches.

use std::cmp::Ordering;

use keyfob_core::{
    AttrPath, Attribute, DateTime, Dialect, ResourceType, fold,
    schema::{AttributeType, Container, Target},
};
use keyfob_filter::{CompareOp, Filter, Literal};
use serde_json::Value;

/// Whether a resource, given as JSON, matches. The filter is one that compiles.
#[must_use]
pub fn filter_matches(filter: &Filter, resource: &Value, resource_type: &ResourceType) -> bool {
    evaluate(filter, &|path| {
        let found = match resource_type.resolve(path, Dialect::strict()) {
            Ok(Target::Attribute(found)) => found,
            Ok(Target::Extension(schema)) => {
                return (None, reach(std::slice::from_ref(resource), schema.id.as_str()));
            }
            Err(_) => return (None, Vec::new()),
        };
        let container = match found.container {
            Container::Core => vec![resource.clone()],
            Container::Extension(uri) => reach(std::slice::from_ref(resource), uri.as_str()),
        };
        let mut values = reach(&container, found.attribute.name.as_str());
        if let Some(sub) = found.sub {
            values = reach(&values, sub.name.as_str());
        }
        (Some(found.leaf().clone()), values)
    })
}

/// Whether one value of an attribute satisfies a value filter.
pub(crate) fn element_matches(filter: &Filter, attribute: &Attribute, element: &Value) -> bool {
    evaluate(filter, &|path| {
        let name = path.name().as_str();
        match attribute.sub_attribute(name) {
            Some(sub) => (Some(sub.clone()), reach(std::slice::from_ref(element), name)),
            None => (Some(attribute.clone()), vec![element.clone()]),
        }
    })
}

/// What a path names, which is no attribute where it names an extension, and reaches.
type Reached = (Option<Attribute>, Vec<Value>);

/// Evaluates a filter in which `look_up` says what a path names and reaches.
fn evaluate(filter: &Filter, look_up: &dyn Fn(&AttrPath) -> Reached) -> bool {
    match filter {
        Filter::And(operands) => operands.iter().all(|operand| evaluate(operand, look_up)),
        Filter::Or(operands) => operands.iter().any(|operand| evaluate(operand, look_up)),
        Filter::Not(operand) => !evaluate(operand, look_up),
        Filter::Present(path) => look_up(path).1.iter().any(is_assigned),
        Filter::Compare(path, CompareOp::Ne, literal) => !evaluate(
            &Filter::Compare(path.clone(), CompareOp::Eq, literal.clone()),
            look_up,
        ),
        Filter::Compare(path, _, Literal::Null) => !look_up(path).1.iter().any(is_assigned),
        Filter::Compare(path, op, literal) => {
            let (Some(mut attribute), mut values) = look_up(path) else {
                return false;
            };
            if let Some(value) = attribute.default_sub_attribute() {
                values = reach(&values, "value");
                attribute = value.clone();
            }
            values
                .iter()
                .any(|value| compares(&attribute, value, *op, literal))
        }
        Filter::Path(path, inner) => {
            let (attribute, elements) = look_up(path);
            attribute.is_some_and(|attribute| {
                elements
                    .iter()
                    .any(|element| element_matches(inner, &attribute, element))
            })
        }
    }
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
            let fold = |text: &str| {
                // Base64 means other bytes in another case.
                if attribute.case_exact || attribute.kind == AttributeType::Binary {
                    text.to_owned()
                } else {
                    fold(text).to_string()
                }
            };
            let (value, literal) = (fold(value), fold(literal));
            match op {
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
