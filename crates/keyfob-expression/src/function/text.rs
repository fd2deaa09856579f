//! Functions of text.

use std::borrow::Cow;

use smol_str::{SmolStr, SmolStrBuilder, format_smolstr};

use super::{
    Definition, Kind, optional,
    replace::{Replacing, replace},
    required,
};
use crate::{
    dotnet::{
        casing::{self, Culture},
        diacritics::{self, Reach},
        text::{self, Compare},
    },
    evaluate::{Call, EvaluateError, Evaluated, NULL},
    value::Value,
};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "Append",
        &[
            required("source", Kind::Text).each(),
            required("suffix", Kind::Text),
        ],
        Kind::Text,
        append,
    ),
    Definition::new(
        "Prepend",
        &[
            required("prefix", Kind::Text),
            required("source", Kind::Text).each(),
        ],
        Kind::Text,
        prepend,
    )
    .of_cloud_sync(),
    Definition::new(
        "Join",
        &[required("separator", Kind::Text), required("source", Kind::Any)],
        Kind::Text,
        join,
    )
    .repeating(1, 1),
    Definition::new(
        "Split",
        &[
            required("source", Kind::Text).each(),
            required("delimiter", Kind::Text),
        ],
        Kind::List,
        split,
    ),
    Definition::new(
        "Left",
        &[
            required("String", Kind::Text).each(),
            required("NumChars", Kind::Integer),
        ],
        Kind::Text,
        left,
    ),
    Definition::new(
        "Mid",
        &[
            required("source", Kind::Text).each(),
            required("start", Kind::Integer),
            required("length", Kind::Integer),
        ],
        Kind::Text,
        mid,
    ),
    Definition::new("Trim", &[required("source", Kind::Text).each()], Kind::Text, trim).of_cloud_sync(),
    Definition::new(
        "StripSpaces",
        &[required("source", Kind::Text).each()],
        Kind::Text,
        strip_spaces,
    ),
    Definition::new(
        "ToLower",
        &[
            required("source", Kind::Text).each(),
            optional("culture", Kind::Culture),
        ],
        Kind::Text,
        to_lower,
    ),
    Definition::new(
        "ToUpper",
        &[
            required("source", Kind::Text).each(),
            optional("culture", Kind::Culture),
        ],
        Kind::Text,
        to_upper,
    ),
    Definition::new(
        "PCase",
        &[
            required("source", Kind::Text).each(),
            optional("wordSeparators", Kind::Text),
        ],
        Kind::Text,
        p_case,
    ),
    Definition::new(
        "NormalizeDiacritics",
        &[required("source", Kind::Text).each()],
        Kind::Text,
        normalize_diacritics,
    ),
    Definition::new(
        "Word",
        &[
            required("String", Kind::Text).each(),
            required("WordNumber", Kind::Integer),
            required("Delimiters", Kind::Text),
        ],
        Kind::Text,
        word,
    ),
    Definition::new(
        "InStr",
        &[
            required("value1", Kind::Text).each(),
            required("value2", Kind::Text),
            optional("start", Kind::Integer),
            optional("compareType", Kind::CompareType),
        ],
        Kind::Integer,
        in_str,
    ),
    Definition::new(
        "DNComponent",
        &[
            required("dn", Kind::Text).each(),
            required("number", Kind::Integer),
        ],
        Kind::Text,
        dn_component,
    )
    .of_cloud_sync(),
    Definition::new(
        "Replace",
        &[
            required("source", Kind::Text).each(),
            optional("Find", Kind::Text),
            optional("RegularExpression", Kind::Pattern),
            optional("RegularExpressionGroupName", Kind::Text),
            optional("Replacement", Kind::Text),
            optional("ReplacementPropertyName", Kind::AttributeName),
            optional("Template", Kind::Text),
        ],
        Kind::Text,
        replace,
    )
    .accepting(
        |arguments| Replacing::of(arguments).is_some(),
        "`Find` with `Replacement` or `Template`, `RegularExpression` with `Replacement`, or `RegularExpression` with \
         `RegularExpressionGroupName` and `Replacement` or `ReplacementPropertyName`",
    ),
];

fn append<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let (Some(source), suffix) = (call.text(0)?, call.text(1)?) else {
        return Ok(NULL);
    };
    call.made(joined(&source, &suffix.unwrap_or_default()))
}

fn prepend<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let (prefix, Some(source)) = (call.text(0)?, call.text(1)?) else {
        return Ok(NULL);
    };
    call.made(joined(&prefix.unwrap_or_default(), &source))
}

fn joined(first: &str, second: &str) -> SmolStr {
    format_smolstr!("{first}{second}")
}

/// An argument without text contributes no separator either.
fn join<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let separator = call.text(0)?.unwrap_or_default();
    let mut text = SmolStrBuilder::new();
    let mut is_first = true;
    let mut push = |value: &Value| {
        let part = value.as_text();
        if part.is_empty() {
            return Ok(());
        }
        if !is_first {
            text.push_str(&separator);
        }
        is_first = false;
        text.push_str(&part);
        call.charge(separator.len() + part.len())
    };
    for place in 1..call.count() {
        match call.value(place)?.reveal() {
            Value::List(values) => values.iter().try_for_each(&mut push)?,
            single => push(single)?,
        }
    }
    Ok(Cow::Owned(Value::Text(text.finish())))
}

fn split<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let (Some(source), delimiter) = (call.text(0)?, call.text(1)?.unwrap_or_default()) else {
        return Ok(NULL);
    };
    if delimiter.is_empty() {
        return Err(call.empty_text(1));
    }
    let parts = source.split(delimiter.as_str()).map(|part| {
        call.charge(size_of::<Value>() + part.len())?;
        Ok(part.trim().into())
    });
    Ok(Cow::Owned(Value::List(parts.collect::<Result<_, _>>()?)))
}

fn left<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let source = call.text(0)?.unwrap_or_default();
    match call.integer(1)? {
        None => Ok(NULL),
        Some(count) => call.made(text::left(&source, count)),
    }
}

fn mid<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let source = call.text(0)?.unwrap_or_default();
    match (call.integer(1)?, call.integer(2)?) {
        (Some(start), Some(length)) => call.made(text::mid(&source, start, length)),
        _ => Ok(NULL),
    }
}

fn trim<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    match call.text(0)? {
        None => Ok(NULL),
        Some(source) => call.made(source.trim()),
    }
}

fn strip_spaces<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    match call.text(0)? {
        None => Ok(NULL),
        Some(source) => call.made(text::strip_spaces(&source)),
    }
}

fn to_lower<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    match call.text(0)? {
        None => Ok(NULL),
        Some(source) => call.made(casing::to_lower(&source, culture(call)?)),
    }
}

fn to_upper<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    match call.text(0)? {
        None => Ok(NULL),
        Some(source) => call.made(casing::to_upper(&source, culture(call)?)),
    }
}

fn culture(call: &Call<'_, '_>) -> Result<Culture, EvaluateError> {
    let name = call.text(1)?.unwrap_or_default();
    name.parse::<Culture>().map_err(|error| call.fail_at(1, error))
}

fn p_case<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let Some(source) = call.text(0)? else {
        return Ok(NULL);
    };
    match call.text(1)? {
        None => call.made(casing::to_title(&source)),
        Some(separators) => {
            call.charge_product(source.len(), separators.len())?;
            call.made(casing::to_title_between(&source, &separators))
        }
    }
}

fn normalize_diacritics<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let reach = if call.options().extended_diacritics {
        Reach::Extended
    } else {
        Reach::Table
    };
    match call.text(0)? {
        None => Ok(NULL),
        Some(source) => call.made(diacritics::normalize(&source, reach)),
    }
}

fn word<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let source = call.text(0)?.unwrap_or_default();
    let number = call.integer(1)?.unwrap_or_default();
    let delimiters = call.text(2)?.unwrap_or_default();
    call.charge_product(source.len(), delimiters.len())?;
    call.made(text::word(&source, number, &delimiters))
}

fn in_str<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let (Some(text), Some(sought)) = (call.text(0)?, call.text(1)?) else {
        return Ok(Cow::Owned(0.into()));
    };
    let start = call.integer(2)?.unwrap_or(1);
    let compare = match call.text(3)?.as_deref() {
        None | Some("" | "vbBinaryCompare") => Compare::Binary,
        Some("vbTextCompare") => Compare::Text,
        Some(other) => return Err(call.type_error(3, &other.into())),
    };
    if compare == Compare::Text {
        call.charge_product(text.len(), sought.len())?;
    }
    match text::position(&text, &sought, start, compare) {
        Ok(position) => Ok(Cow::Owned(position.into())),
        Err(error) => Err(call.fail_at(2, error)),
    }
}

/// The value of the component of a distinguished name that is so far from its left end, the first being 1.
fn dn_component<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let (Some(name), Some(number)) = (call.text(0)?, call.integer(1)?) else {
        return Ok(NULL);
    };
    let mut is_escaped = false;
    let mut components = name.split(|character| {
        let separates = character == ',' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        separates
    });
    let skipped = number
        .checked_sub(1)
        .and_then(|skipped| usize::try_from(skipped).ok());
    let component = skipped.and_then(|skipped| components.nth(skipped));
    match component.and_then(|component| component.split_once('=')) {
        None => Ok(NULL),
        Some((_, value)) => call.made(value.trim()),
    }
}
