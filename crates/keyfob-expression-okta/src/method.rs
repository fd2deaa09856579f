//! Methods of values, as the language of Okta Identity Engine has them: `user.profile.login.substringBefore("@")`.

use std::{fmt, ops::RangeInclusive};

use keyfob_core::render::excerpt;
use keyfob_expression::Value;
use smol_str::SmolStr;

use super::{
    convert,
    error::EvaluateError,
    evaluate::{Evaluation, type_error},
    function::Function,
    text, time,
};

/// A method of a value.
#[derive(Clone, Copy)]
pub(super) struct Method(&'static Row);

struct Row {
    name: &'static str,
    arguments: RangeInclusive<usize>,
    call: Call,
}

/// The code that evaluates a call.
enum Call {
    /// The function that does the same, whose first argument is the value.
    Same(Function),
    Own(fn(&mut Evaluation<'_>, &'static str, &Value, &[Value]) -> Result<Value, EvaluateError>),
}

const fn same(name: &'static str, arguments: RangeInclusive<usize>, function: Function) -> Row {
    Row {
        name,
        arguments,
        call: Call::Same(function),
    }
}

const fn own(
    name: &'static str,
    arguments: RangeInclusive<usize>,
    call: fn(&mut Evaluation<'_>, &'static str, &Value, &[Value]) -> Result<Value, EvaluateError>,
) -> Row {
    Row {
        name,
        arguments,
        call: Call::Own(call),
    }
}

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
const MINUTE: i64 = 60;

use Function as F;

static METHODS: &[Row] = &[
    same("toUpperCase", 0..=0, F::ToUpperCase),
    same("toLowerCase", 0..=0, F::ToLowerCase),
    own("substring", 1..=2, substring),
    same("replace", 2..=2, F::Replace),
    same("replaceFirst", 2..=2, F::ReplaceFirst),
    same("length", 0..=0, F::Len),
    same("removeSpaces", 0..=0, F::RemoveSpaces),
    same("substringBefore", 1..=1, F::SubstringBefore),
    same("substringAfter", 1..=1, F::SubstringAfter),
    same("startsWith", 1..=1, F::StartsWith),
    same("endsWith", 1..=1, F::EndsWith),
    own("split", 1..=1, split),
    own("contains", 1..=1, contains),
    same("size", 0..=0, F::ArraySize),
    same("isEmpty", 0..=0, F::ArrayIsEmpty),
    same("add", 1..=1, F::ArrayAdd),
    same("remove", 1..=1, F::ArrayRemove),
    same("get", 1..=1, F::ArrayGet),
    same("flatten", 0..=0, F::ArrayFlatten),
    same("toCsvString", 0..=0, F::ArrayToCsvString),
    same("toInteger", 0..=0, F::ToInt),
    same("toNumber", 0..=0, F::ToNum),
    own("parseCountryCode", 0..=0, parse_country_code),
    same("toAlpha2", 0..=0, F::ToAlpha2),
    same("toAlpha3", 0..=0, F::ToAlpha3),
    same("toNumeric", 0..=0, F::ToNumeric),
    same("toName", 0..=0, F::ToName),
    same("parseWindowsTime", 0..=0, F::FromWindowsToIso8601),
    own("parseUnixTime", 0..=0, |_, name, value, _| {
        time::from_unix_millis(name, value)
    }),
    own("parseStringTime", 0..=1, |run, name, value, arguments| {
        time::from_text(run.cx.now, name, value, arguments.first())
    }),
    same("toWindows", 0..=0, F::FromIso8601ToWindows),
    own("toUnix", 0..=0, |_, name, value, _| {
        time::to_unix_millis(name, value)
    }),
    own("toString", 0..=1, |_, name, value, arguments| {
        time::to_text(name, value, arguments.first())
    }),
    own("toZone", 1..=1, |_, name, value, arguments| {
        time::to_zone(name, value, arguments.first())
    }),
    own("plusDays", 1..=1, |_, name, value, arguments| {
        time::shift(name, value, arguments, DAY)
    }),
    own("plusHours", 1..=1, |_, name, value, arguments| {
        time::shift(name, value, arguments, HOUR)
    }),
    own("plusMinutes", 1..=1, |_, name, value, arguments| {
        time::shift(name, value, arguments, MINUTE)
    }),
    own("plusSeconds", 1..=1, |_, name, value, arguments| {
        time::shift(name, value, arguments, 1)
    }),
    own("minusDays", 1..=1, |_, name, value, arguments| {
        time::shift(name, value, arguments, -DAY)
    }),
    own("minusHours", 1..=1, |_, name, value, arguments| {
        time::shift(name, value, arguments, -HOUR)
    }),
    own("minusMinutes", 1..=1, |_, name, value, arguments| {
        time::shift(name, value, arguments, -MINUTE)
    }),
    own("minusSeconds", 1..=1, |_, name, value, arguments| {
        time::shift(name, value, arguments, -1)
    }),
    own("withinDays", 1..=1, |run, name, value, arguments| {
        time::within(run.cx.now, name, value, arguments, DAY)
    }),
    own("withinHours", 1..=1, |run, name, value, arguments| {
        time::within(run.cx.now, name, value, arguments, HOUR)
    }),
    own("withinMinutes", 1..=1, |run, name, value, arguments| {
        time::within(run.cx.now, name, value, arguments, MINUTE)
    }),
    own("withinSeconds", 1..=1, |run, name, value, arguments| {
        time::within(run.cx.now, name, value, arguments, 1)
    }),
];

impl Method {
    /// The method of this name, whose case counts.
    pub(super) fn named(name: &str) -> Option<Self> {
        METHODS.iter().find(|row| row.name == name).map(Self)
    }

    pub(super) fn name(self) -> &'static str {
        self.0.name
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        METHODS.iter().map(|row| row.name)
    }

    pub(super) fn takes(self, count: usize) -> bool {
        self.0.arguments.contains(&count)
    }

    /// Returns how many arguments the method takes, in words.
    pub(super) fn arity(self) -> SmolStr {
        match (*self.0.arguments.start(), *self.0.arguments.end()) {
            (0, 0) => "no arguments".into(),
            (1, 1) => "1 argument".into(),
            (least, most) if least == most => format!("{least} arguments").into(),
            (least, most) => format!("{least} to {most} arguments").into(),
        }
    }

    pub(super) fn call(
        self,
        run: &mut Evaluation<'_>,
        value: Value,
        arguments: Vec<Value>,
    ) -> Result<Value, EvaluateError> {
        match self.0.call {
            Call::Own(call) => call(run, self.0.name, &value, &arguments),
            Call::Same(function) => {
                let mut all = vec![value];
                all.extend(arguments);
                run.function(function, all)
            }
        }
    }
}

impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

/// The characters from one position up to another, or to the end.
fn substring(
    run: &mut Evaluation<'_>,
    name: &'static str,
    value: &Value,
    arguments: &[Value],
) -> Result<Value, EvaluateError> {
    let Some(input) = text::text(name, value)? else {
        return Ok(Value::Null);
    };
    let end = i64::try_from(input.encode_utf16().count())
        .map_err(|_| EvaluateError::OutOfRange { function: name })?;
    let (start, end) = match arguments {
        [start, end] => (start.clone(), end.clone()),
        [start, ..] => (start.clone(), Value::Integer(end)),
        [] => (Value::Integer(0), Value::Integer(end)),
    };
    run.function(Function::Substring, vec![value.clone(), start, end])
}

/// The parts of a text between separators, which are taken literally.
fn split(
    run: &mut Evaluation<'_>,
    name: &'static str,
    value: &Value,
    arguments: &[Value],
) -> Result<Value, EvaluateError> {
    let Some(input) = text::text(name, value)? else {
        return Ok(Value::Null);
    };
    let separator = text::required(name, arguments.first().unwrap_or(&Value::Null))?;
    if separator.is_empty() {
        let text = excerpt(&separator);
        return Err(EvaluateError::Malformed { function: name, text });
    }
    let count = input.matches(separator.as_str()).count() + 1;
    run.charge(
        input
            .len()
            .saturating_add(count.saturating_mul(size_of::<Value>())),
    )?;
    Ok(Value::List(
        input.split(separator.as_str()).map(Value::from).collect(),
    ))
}

/// Returns true if a text holds another, or an array a value.
fn contains(
    run: &mut Evaluation<'_>,
    name: &'static str,
    value: &Value,
    arguments: &[Value],
) -> Result<Value, EvaluateError> {
    let sought = arguments.first().cloned().unwrap_or(Value::Null);
    match value.reveal() {
        Value::Null => Ok(Value::Boolean(false)),
        Value::List(_) => run.function(Function::ArrayContains, vec![value.clone(), sought]),
        Value::Text(_) => run.function(Function::StringContains, vec![value.clone(), sought]),
        other => Err(type_error(name, "a text or an array", other)),
    }
}

/// The two letters of a country that is named or given by a code. What names no country becomes null.
fn parse_country_code(
    _: &mut Evaluation<'_>,
    name: &'static str,
    value: &Value,
    _: &[Value],
) -> Result<Value, EvaluateError> {
    Ok(match text::text(name, value)? {
        None => Value::Null,
        Some(text) => convert::alpha2(&text).map_or(Value::Null, Value::from),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_method_is_there_twice() {
        for row in METHODS {
            assert_eq!(
                METHODS.iter().filter(|other| other.name == row.name).count(),
                1,
                "{}",
                row.name
            );
        }
    }
}
