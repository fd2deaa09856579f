//! `String.…`. Positions and lengths count UTF-16 code units, as Java has them.

use keyfob_core::render::excerpt;
use keyfob_expression::Value;
use smol_str::{SmolStr, ToSmolStr as _};

use super::{
    error::EvaluateError,
    evaluate::{Evaluation, type_error},
    function::Function,
    number,
};

/// A value as Java writes it, and nothing for null.
pub(super) fn text(function: &'static str, value: &Value) -> Result<Option<SmolStr>, EvaluateError> {
    Ok(Some(match value.reveal() {
        Value::Null => return Ok(None),
        Value::Boolean(true) => SmolStr::new_static("true"),
        Value::Boolean(false) => SmolStr::new_static("false"),
        Value::Text(text) => text.clone(),
        Value::DateTime(instant) => instant.to_smolstr(),
        single @ (Value::Integer(_) | Value::Decimal(_)) => single.to_text(),
        other => return Err(type_error(function, "text", other)),
    }))
}

/// A value as text, where there has to be one.
pub(super) fn required(function: &'static str, value: &Value) -> Result<SmolStr, EvaluateError> {
    text(function, value)?.ok_or_else(|| type_error(function, "text", &Value::Null))
}

/// A whole number, or a text that is one.
pub(super) fn integer(function: &'static str, value: &Value) -> Result<i64, EvaluateError> {
    let found = match value.reveal() {
        Value::Integer(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    found.ok_or_else(|| type_error(function, "a whole number", value))
}

/// Calls a function of texts. Where the text itself is null, so is the result; elsewhere null is the empty text.
pub(super) fn call(
    run: &mut Evaluation<'_>,
    function: Function,
    arguments: &[Value],
) -> Result<Value, EvaluateError> {
    let name = function.name();
    let Some((first, others)) = arguments.split_first() else {
        return Ok(Value::Null);
    };
    if let (Function::Substring, [start, end]) = (function, others) {
        let (start, end) = (integer(name, start)?, integer(name, end)?);
        return text(name, first)?.map_or(Ok(Value::Null), |input| substring(name, &input, start, end));
    }
    let input = text(name, first)?;
    let others = others
        .iter()
        .map(|value| Ok(text(name, value)?.unwrap_or_default()))
        .collect::<Result<Vec<SmolStr>, EvaluateError>>()?;
    match (function, input, others.as_slice()) {
        (Function::Join, separator, texts) => join(run, &separator.unwrap_or_default(), texts),
        (Function::Append, input, [suffix]) => join(run, "", &[input.unwrap_or_default(), suffix.clone()]),
        (Function::Len, input, _) => {
            let length = input.map_or(0, |input| input.encode_utf16().count());
            i64::try_from(length)
                .map(Value::Integer)
                .map_err(|_| EvaluateError::OutOfRange { function: name })
        }
        (Function::StringContains, input, [searched]) => Ok(Value::Boolean(
            input.is_some_and(|input| input.contains(searched.as_str())),
        )),
        (Function::StartsWith, input, [searched]) => Ok(Value::Boolean(
            input.is_some_and(|input| input.starts_with(searched.as_str())),
        )),
        (Function::EndsWith, input, [searched]) => Ok(Value::Boolean(
            input.is_some_and(|input| input.ends_with(searched.as_str())),
        )),
        (Function::StringSwitch, input, [default, pairs @ ..]) => {
            let holds = |key: &SmolStr| input.as_ref().is_some_and(|input| input.contains(key.as_str()));
            let mut pairs = pairs.chunks_exact(2).filter_map(|pair| match pair {
                [key, value] if holds(key) => Some(value),
                _ => None,
            });
            Ok(pairs.next().unwrap_or(default).clone().into())
        }
        (_, None, _) => Ok(Value::Null),
        (_, Some(input), others) => of_text(run, function, &input, others),
    }
}

fn of_text(
    run: &mut Evaluation<'_>,
    function: Function,
    input: &str,
    others: &[SmolStr],
) -> Result<Value, EvaluateError> {
    // No text grows by more than this where its case changes (Unicode's SpecialCasing).
    const MAX_GROWTH: usize = 3;
    Ok(match (function, others) {
        (Function::Replace, [searched, replacement]) => {
            let count = input.matches(searched.as_str()).count();
            run.charge(
                input
                    .len()
                    .saturating_add(count.saturating_mul(replacement.len())),
            )?;
            input.replace(searched.as_str(), replacement).into()
        }
        (Function::ReplaceFirst, [searched, replacement]) => {
            run.charge(input.len() + replacement.len())?;
            input.replacen(searched.as_str(), replacement, 1).into()
        }
        (Function::SubstringAfter, [searched]) => input
            .split_once(searched.as_str())
            .map_or("", |(_, after)| after)
            .into(),
        (Function::SubstringBefore, [searched]) => input
            .split_once(searched.as_str())
            .map_or(input, |(before, _)| before)
            .into(),
        (Function::RemoveSpaces, _) => {
            run.charge(input.len())?;
            input.replace(' ', "").into()
        }
        (Function::ToUpperCase, _) => {
            run.charge(input.len().saturating_mul(MAX_GROWTH))?;
            input.to_uppercase().into()
        }
        (Function::ToLowerCase, _) => {
            run.charge(input.len().saturating_mul(MAX_GROWTH))?;
            lower_case(input).into()
        }
        _ => Value::Null,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the value that was asked for, not a comparison"
)]
fn lower_case(input: &str) -> String {
    input.to_lowercase()
}

/// Texts with a separator between them.
pub(super) fn join(
    run: &mut Evaluation<'_>,
    separator: &str,
    texts: &[SmolStr],
) -> Result<Value, EvaluateError> {
    let length: usize = texts
        .iter()
        .map(|text| text.len().saturating_add(separator.len()))
        .sum();
    run.charge(length)?;
    Ok(texts.join(separator).into())
}

/// The code units from `start` up to but not including `end`.
fn substring(function: &'static str, input: &str, start: i64, end: i64) -> Result<Value, EvaluateError> {
    let at = |position| byte_at(input, position).ok_or_else(|| beyond(function, input, position));
    let (from, to) = (at(start)?, at(end)?);
    let part = input.get(from..to);
    part.map(Value::from)
        .ok_or_else(|| beyond(function, input, start))
}

fn beyond(function: &'static str, input: &str, position: i64) -> EvaluateError {
    EvaluateError::Position {
        function,
        position,
        length: input.encode_utf16().count(),
    }
}

/// The byte at which so many code units have passed. A character is never divided.
fn byte_at(input: &str, position: i64) -> Option<usize> {
    let mut left = usize::try_from(position).ok()?;
    for (index, character) in input.char_indices() {
        match left.checked_sub(character.len_utf16()) {
            Some(rest) if left > 0 => left = rest,
            _ => return Some(index),
        }
    }
    (left == 0).then_some(input.len())
}

/// The number that a text is, or that a value is already.
pub(super) fn number(
    function: &'static str,
    value: &Value,
) -> Result<Option<keyfob_expression::Decimal>, EvaluateError> {
    if let Some(number) = number::decimal(value) {
        return Ok(Some(number));
    }
    let Some(text) = text(function, value)? else {
        return Ok(None);
    };
    match keyfob_expression::Decimal::parse(text.trim()) {
        Some(number) => Ok(Some(number)),
        None => Err(EvaluateError::Malformed {
            function,
            text: excerpt(&text),
        }),
    }
}
