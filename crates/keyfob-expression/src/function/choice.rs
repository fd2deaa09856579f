//! Functions that choose and test.

use std::borrow::Cow;

use super::{Definition, Kind, Role, optional, required};
use crate::{
    evaluate::{Call, EvaluateError, EvaluateErrorKind, Evaluated, NULL, boolean, to_boolean},
    options::NullCondition,
    value::Value,
};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "Switch",
        &[
            required("source", Kind::Text).each(),
            optional("defaultValue", Kind::Any),
            required("switchValue", Kind::Text),
            required("switchValue", Kind::Any),
        ],
        Kind::Any,
        switch,
    )
    .repeating(2, 1),
    Definition::new(
        "IIF",
        &[
            required("condition", Kind::Boolean),
            required("valueIfTrue", Kind::Any),
            required("valueIfFalse", Kind::Any),
        ],
        Kind::Any,
        iif,
    ),
    Definition::new("Coalesce", &[required("source", Kind::Any)], Kind::Any, coalesce).repeating(1, 1),
    Definition::new(
        "IgnoreFlowIfNullOrEmpty",
        &[required("expression", Kind::Any)],
        Kind::Any,
        ignore_flow_if_null_or_empty,
    )
    .meaning(Role::IgnoreIfEmpty),
    Definition::new(
        "IsNull",
        &[required("expression", Kind::Any)],
        Kind::Boolean,
        is_null,
    ),
    Definition::new(
        "IsNothing",
        &[required("source", Kind::Any)],
        Kind::Boolean,
        is_null,
    )
    .of_cloud_sync(),
    Definition::new(
        "IsNullOrEmpty",
        &[required("expression", Kind::Any)],
        Kind::Boolean,
        is_null_or_empty,
    ),
    Definition::new(
        "IsPresent",
        &[required("expression", Kind::Any)],
        Kind::Boolean,
        is_present,
    ),
    Definition::new(
        "IsString",
        &[required("expression", Kind::Any)],
        Kind::Boolean,
        is_string,
    ),
    Definition::new("Not", &[required("source", Kind::Any)], Kind::Boolean, not),
    Definition::new(
        "CBool",
        &[required("expression", Kind::Any)],
        Kind::Boolean,
        c_bool,
    ),
    Definition::new("CStr", &[required("value", Kind::Text).each()], Kind::Text, c_str),
    Definition::new(
        "BitAnd",
        &[
            required("value1", Kind::Integer),
            required("value2", Kind::Integer),
        ],
        Kind::Integer,
        bit_and,
    ),
    Definition::new("Error", &[required("message", Kind::Text)], Kind::Any, error).of_cloud_sync(),
];

/// Only the value that is chosen is evaluated. A `Switch` whose keys are constant texts is a `Choice` of the program.
fn switch<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let source = call.value(0)?;
    let source = source.as_text();
    for place in (2..call.count()).step_by(2) {
        let key = call.value(place)?;
        if let Value::List(_) = &*key {
            return Err(call.type_error(place, &key));
        }
        if key.as_text() == source {
            return call.value(place + 1);
        }
    }
    call.value(1)
}

/// Only the value that is chosen is evaluated.
fn iif<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let checks = call.options().null_condition;
    if checks != NullCondition::Natural && call.reads_nothing(0) {
        return match checks {
            NullCondition::False => call.value(2),
            _ => Ok(NULL),
        };
    }
    let condition = to_boolean(&*call.value(0)?).map_err(|kind| call.fail_at(0, kind))?;
    call.value(if condition { 1 } else { 2 })
}

fn coalesce<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    for place in 0..call.count() {
        let value = call.value(place)?;
        if !is_absent(&value) {
            return Ok(value);
        }
    }
    Ok(NULL)
}

fn ignore_flow_if_null_or_empty<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let value = call.value(0)?;
    if value.is_empty() { Ok(NULL) } else { Ok(value) }
}

fn is_absent(value: &Value) -> bool {
    matches!(value.reveal(), Value::Null)
}

fn is_null<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    Ok(boolean(is_absent(&*call.value(0)?)))
}

fn is_null_or_empty<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    Ok(boolean(call.value(0)?.is_empty()))
}

fn is_present<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    Ok(boolean(!call.value(0)?.is_empty()))
}

fn is_string<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let is_many = matches!(
        call.value(0)?.reveal(),
        Value::Null | Value::List(_) | Value::Complex(_)
    );
    Ok(boolean(!is_many))
}

/// False for true alone: whatever is not true makes true.
fn not<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    Ok(boolean(!to_boolean(&*call.value(0)?).unwrap_or(false)))
}

fn c_bool<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let holds = to_boolean(&*call.value(0)?).map_err(|kind| call.fail_at(0, kind))?;
    Ok(boolean(holds))
}

fn c_str<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    match call.text(0)? {
        None => Ok(NULL),
        Some(text) => call.made(text),
    }
}

fn bit_and<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    match (bits(call, 0)?, bits(call, 1)?) {
        (Some(left), Some(right)) => Ok(Cow::Owned((left & right).into())),
        _ => Ok(NULL),
    }
}

/// The 64 bits of an argument, of which hexadecimal numbers can have the highest one, too.
fn bits(call: &Call<'_, '_>, place: usize) -> Result<Option<i64>, EvaluateError> {
    if let Value::Decimal(number) = call.value(place)?.reveal()
        && let Ok(bits) = number.as_str().parse::<u64>()
    {
        return Ok(Some(bits.cast_signed()));
    }
    call.integer(place)
}

fn error<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let message = call.text(0)?.unwrap_or_default();
    Err(call.fail(EvaluateErrorKind::Raised { message }))
}
