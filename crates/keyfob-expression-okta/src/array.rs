//! `Arrays.…`.

use std::borrow::Cow;

use keyfob_expression::Value;

use super::{
    error::EvaluateError,
    evaluate::{Evaluation, is_same, type_error},
    function::Function,
    text,
};

/// The elements of an array: none of null, and of a text what stands between its commas.
fn elements<'v>(function: &'static str, value: &'v Value) -> Result<Cow<'v, [Value]>, EvaluateError> {
    match value.reveal() {
        Value::Null => Ok(Cow::Borrowed(&[])),
        Value::List(values) => Ok(Cow::Borrowed(values)),
        Value::Text(text) if text.is_empty() => Ok(Cow::Borrowed(&[])),
        Value::Text(text) => Ok(Cow::Owned(separated(text).collect())),
        other => Err(type_error(function, "an array", other)),
    }
}

/// Returns what stands between the commas of a text, without the blanks around it.
fn separated(text: &str) -> impl Iterator<Item = Value> {
    text.split(',').map(|part| part.trim().into())
}

/// The element at a position that counts from zero.
pub(super) fn element(
    function: &'static str,
    list: &Value,
    position: &Value,
) -> Result<Value, EvaluateError> {
    let position = text::integer(function, position)?;
    let elements = elements(function, list)?;
    let found = usize::try_from(position)
        .ok()
        .and_then(|index| elements.get(index));
    found.cloned().ok_or(EvaluateError::Position {
        function,
        position,
        length: elements.len(),
    })
}

/// Calls a function of arrays.
pub(super) fn call(
    run: &mut Evaluation<'_>,
    function: Function,
    arguments: Vec<Value>,
) -> Result<Value, EvaluateError> {
    let name = function.name();
    if function == Function::ArrayFlatten {
        return flatten(run, arguments);
    }
    let mut arguments = arguments.into_iter();
    let list = arguments.next().unwrap_or(Value::Null);
    let operand = arguments.next().unwrap_or(Value::Null);
    if function == Function::ArrayGet {
        return element(name, &list, &operand);
    }
    let elements = elements(name, &list)?;
    let count = elements.len();
    Ok(match function {
        Function::ArrayClear => Value::List(Vec::new()),
        Function::ArrayContains => Value::Boolean(elements.iter().any(|element| is_same(element, &operand))),
        Function::ArrayIsEmpty => Value::Boolean(elements.is_empty()),
        Function::ArraySize => {
            Value::Integer(i64::try_from(count).map_err(|_| EvaluateError::OutOfRange { function: name })?)
        }
        Function::ArrayToCsvString => {
            let texts = elements
                .iter()
                .map(|element| Ok(text::text(name, element)?.unwrap_or_default()));
            let texts = texts.collect::<Result<Vec<_>, EvaluateError>>()?;
            text::join(run, ",", &texts)?
        }
        Function::ArrayRemove => {
            run.charge(count.saturating_mul(size_of::<Value>()))?;
            let mut elements = elements.into_owned();
            if let Some(index) = elements.iter().position(|element| is_same(element, &operand)) {
                elements.remove(index);
            }
            Value::List(elements)
        }
        _ => {
            run.charge((count + 1).saturating_mul(size_of::<Value>()))?;
            let mut elements = elements.into_owned();
            elements.push(operand);
            Value::List(elements)
        }
    })
}

/// All that stands in the arguments, in the arrays among them, whatever they stand in, and in texts with commas.
fn flatten(run: &mut Evaluation<'_>, arguments: Vec<Value>) -> Result<Value, EvaluateError> {
    let mut flat = Vec::new();
    let arrays = arguments.into_iter().map(|argument| match argument {
        Value::Text(text) if text.contains(',') => Value::List(separated(&text).collect()),
        other => other,
    });
    let arguments: Vec<Value> = arrays.collect();
    let mut left = vec![arguments.into_iter()];
    while let Some(values) = left.last_mut() {
        match values.next() {
            None => {
                left.pop();
            }
            Some(Value::List(values)) => left.push(values.into_iter()),
            Some(value) => {
                run.charge(size_of::<Value>())?;
                flat.push(value);
            }
        }
    }
    Ok(Value::List(flat))
}
