//! Functions of lists.

use std::{borrow::Cow, collections::BTreeSet};

use super::{Definition, Kind, required};
use crate::{
    evaluate::{Call, EvaluateErrorKind, Evaluated, NULL},
    value::Value,
};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new("Count", &[required("attribute", Kind::Any)], Kind::Integer, count),
    Definition::new(
        "Item",
        &[required("attribute", Kind::Any), required("index", Kind::Integer)],
        Kind::Text,
        item,
    ),
    Definition::new(
        "RemoveDuplicates",
        &[required("attribute", Kind::Any)],
        Kind::List,
        remove_duplicates,
    ),
];

fn count<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let count = match call.value(0)?.reveal() {
        Value::Null => 0,
        Value::List(values) => values.len(),
        _ => 1,
    };
    Ok(Cow::Owned(i64::try_from(count).unwrap_or(i64::MAX).into()))
}

/// Values are counted from 1; a single value is a list of one.
fn item<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let (value, Some(index)) = (call.value(0)?, call.integer(1)?) else {
        return Ok(NULL);
    };
    let values = match value.reveal() {
        Value::Null => return Ok(NULL),
        Value::List(values) => values,
        single => std::slice::from_ref(single),
    };
    let skipped = index
        .checked_sub(1)
        .and_then(|skipped| usize::try_from(skipped).ok());
    if let Some(value) = skipped.and_then(|skipped| values.get(skipped)) {
        return Ok(Cow::Owned(value.clone()));
    }
    let count = values.len();
    Err(call.fail_at(1, EvaluateErrorKind::Index { index, count }))
}

/// The first of equal values stays.
fn remove_duplicates<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let value = call.value(0)?;
    let Value::List(values) = value.reveal() else {
        return Ok(value);
    };
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for value in values {
        let text = value.to_text();
        call.charge(size_of::<Value>() + text.len())?;
        if seen.insert(text) {
            kept.push(value.clone());
        }
    }
    Ok(Cow::Owned(Value::List(kept)))
}
