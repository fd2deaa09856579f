//! Value filters, evaluated as they read.

use keyfob_core::{Attribute, Dialect, Quirk, schema::AttributeType};
use keyfob_filter::{CompareOp, Filter, Literal};
use serde_json::{Map, Value};

use super::Fault;

/// Refuses what doesn't fit the attribute's sub-attributes.
pub(super) fn check(filter: &Filter, attribute: &Attribute, dialect: Dialect) -> Result<(), Fault> {
    let sub = |name: &str| attribute.sub_attribute(name).ok_or("invalidFilter");
    match filter {
        Filter::Present(path) => sub(path.name().as_str()).map(drop),
        Filter::Compare(path, _, literal) => match (sub(path.name().as_str())?.kind, literal) {
            (AttributeType::Boolean, Literal::String(_)) if !dialect.allows(Quirk::BooleanStrings) => {
                Err("invalidFilter")
            }
            _ => Ok(()),
        },
        Filter::And(operands) | Filter::Or(operands) => operands
            .iter()
            .try_for_each(|operand| check(operand, attribute, dialect)),
        Filter::Not(operand) => check(operand, attribute, dialect),
        Filter::Path(..) => Err("invalidFilter"),
    }
}

/// What a value holds that was made for the filter: none unless it is a conjunction of equalities that don't
/// contradict each other.
pub(super) fn equalities(filter: &Filter, attribute: &Attribute) -> Option<Map<String, Value>> {
    match filter {
        Filter::Compare(path, CompareOp::Eq, literal) => {
            let sub = attribute.sub_attribute(path.name().as_str())?;
            Some(
                [(sub.name.as_str().into(), equality(sub, literal)?)]
                    .into_iter()
                    .collect(),
            )
        }
        Filter::Compare(path, CompareOp::Ne, literal) if path.name().is("primary") => {
            let equal = Filter::Compare(path.clone(), CompareOp::Eq, literal.clone());
            other_primary(&equalities(&equal, attribute)?)
        }
        Filter::Not(operand) => other_primary(&equalities(operand, attribute)?),
        Filter::And(operands) => {
            let mut held = Map::new();
            for operand in operands {
                for (name, value) in equalities(operand, attribute)? {
                    if held
                        .insert(name, value.clone())
                        .is_some_and(|other| other != value)
                    {
                        return None;
                    }
                }
            }
            Some(held)
        }
        _ => None,
    }
}

/// What is held when `primary` is not as said: it is true or false, also where it is absent (RFC 7643 section 2.4).
fn other_primary(held: &Map<String, Value>) -> Option<Map<String, Value>> {
    let is_primary = held.get("primary")?.as_bool()?;
    (held.len() == 1).then(|| [("primary".into(), (!is_primary).into())].into_iter().collect())
}

/// The value that is equal to the literal.
fn equality(sub: &Attribute, literal: &Literal) -> Option<Value> {
    match literal {
        Literal::Bool(flag) => Some((*flag).into()),
        Literal::String(text) if sub.kind == AttributeType::Boolean => {
            Some(text.eq_ignore_ascii_case("true").into())
        }
        Literal::String(text) => Some(text.as_str().into()),
        _ => None,
    }
}
