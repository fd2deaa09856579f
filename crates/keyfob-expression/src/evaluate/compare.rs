//! Comparisons. Microsoft lists the operators and says no more about their meaning.

use std::cmp::Ordering;

use keyfob_core::DateTime;

use super::EvaluateErrorKind;
use crate::{
    dotnet,
    expression::Operator,
    value::{Decimal, Value},
};

/// Returns true if a comparison holds.
///
/// A number and text that is one compare as numbers, a date and text that is one as dates. Two texts are equal when
/// their characters are; they are ordered as numbers when both are, and by their characters otherwise. Null compares
/// as the empty text.
pub(super) fn holds(left: &Value, operator: Operator, right: &Value) -> Result<bool, EvaluateErrorKind> {
    let (left, right) = (left.reveal(), right.reveal());
    if matches!(left, Value::List(_)) || matches!(right, Value::List(_)) {
        return Err(EvaluateErrorKind::ListCompared);
    }
    let both_text = matches!((left, right), (Value::Text(_), Value::Text(_)));
    let is_equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    let ordering = match (left, right) {
        (Value::DateTime(left), Value::DateTime(right)) => left.cmp(right),
        (Value::DateTime(left), Value::Text(right)) if !right.is_empty() => left.cmp(&date(right)?),
        (Value::Text(left), Value::DateTime(right)) if !left.is_empty() => date(left)?.cmp(right),
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) if !(is_equality && both_text) => left.cmp(&right),
            _ => left.as_text().cmp(&right.as_text()),
        },
    };
    Ok(match operator {
        Operator::Equal => ordering == Ordering::Equal,
        Operator::NotEqual => ordering != Ordering::Equal,
        Operator::Greater => ordering == Ordering::Greater,
        Operator::GreaterOrEqual => ordering != Ordering::Less,
        Operator::Less => ordering == Ordering::Less,
        Operator::LessOrEqual => ordering != Ordering::Greater,
    })
}

/// The instant that a text is.
fn date(text: &str) -> Result<DateTime, EvaluateErrorKind> {
    let date = dotnet::date_time::parse(text)?;
    Ok(DateTime::from_unix_millis(date.timestamp_millis()))
}

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => Some((*number).into()),
        Value::Decimal(number) => Some(number.clone()),
        Value::Text(text) => Decimal::parse(text.trim()),
        _ => None,
    }
}
