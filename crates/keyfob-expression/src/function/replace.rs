//! `Replace`, which does five things.

#[cfg(feature = "regex")]
use std::borrow::Cow;

#[cfg(feature = "regex")]
use smol_str::SmolStr;

#[cfg(feature = "regex")]
use crate::value::Value;
#[cfg(not(feature = "regex"))]
use crate::{EvaluateError, EvaluateErrorKind};
use crate::{
    dotnet::text,
    evaluate::{Call, Evaluated, NULL},
};

const SOURCE: usize = 0;
const FIND: usize = 1;
const PATTERN: usize = 2;
const GROUP: usize = 3;
const REPLACEMENT: usize = 4;
const PROPERTY: usize = 5;
const TEMPLATE: usize = 6;

/// The purpose of a call of `Replace`, which follows from the arguments that are given.
pub(super) enum Replacing {
    /// A text by another.
    Text,
    /// A text in the template by the source.
    InTemplate,
    /// The match of a pattern.
    Pattern,
    /// The match of a group of a pattern.
    Group,
    /// The source, where it has no value, by what a group matches in another attribute.
    ByProperty,
}

impl Replacing {
    pub(super) fn of(arguments: &[Option<u32>]) -> Option<Self> {
        let given = |place: usize| matches!(arguments.get(place), Some(Some(_)));
        Some(
            match [FIND, PATTERN, GROUP, REPLACEMENT, PROPERTY, TEMPLATE].map(given) {
                [true, false, false, true, false, false] => Self::Text,
                [true, false, false, false, false, true] => Self::InTemplate,
                [false, true, false, true, false, false] => Self::Pattern,
                [false, true, true, true, false, false] => Self::Group,
                [false, true, true, false, true, false] => Self::ByProperty,
                _ => return None,
            },
        )
    }
}

pub(super) fn replace<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let source = call.text(SOURCE)?;
    let replacing = Replacing::of(call.arguments());
    if let Some(Replacing::ByProperty) = replacing {
        return match source {
            Some(source) if !source.is_empty() => call.made(source),
            _ => by_property(call),
        };
    }
    let (Some(source), Some(replacing)) = (source, replacing) else {
        return Ok(NULL);
    };
    let replacement = || Ok(call.text(REPLACEMENT)?.unwrap_or_default());
    match replacing {
        Replacing::Text => replaced(call, &source, &replacement()?),
        Replacing::InTemplate => replaced(call, &call.text(TEMPLATE)?.unwrap_or_default(), &source),
        #[cfg(feature = "regex")]
        Replacing::Pattern => {
            let replacement = replacement()?;
            call.with_pattern(PATTERN, |regex, work| {
                let replacement = regex.replacement(&replacement);
                regex
                    .replace_all(&source, &replacement, work)
                    .map(|text| Ok(written(text)))
            })
        }
        #[cfg(feature = "regex")]
        Replacing::Group | Replacing::ByProperty => {
            let group = call.text(GROUP)?.unwrap_or_default();
            let replacement = replacement()?;
            call.with_pattern(PATTERN, |regex, work| {
                let group = regex.group(&group)?;
                regex
                    .replace_group(&source, group, &replacement, work)
                    .map(|text| Ok(written(text)))
            })
        }
        #[cfg(not(feature = "regex"))]
        Replacing::Pattern | Replacing::Group | Replacing::ByProperty => Err(no_regex(call)),
    }
}

/// The error of a pattern, which compiling the expression has refused already.
#[cfg(not(feature = "regex"))]
fn no_regex(call: &Call<'_, '_>) -> EvaluateError {
    let (function, parameter) = ("Replace".into(), "RegularExpression".into());
    call.fail_at(PATTERN, EvaluateErrorKind::NoRegex { function, parameter })
}

#[cfg(not(feature = "regex"))]
fn by_property<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    Err(no_regex(call))
}

/// The text with `replacement` wherever it holds what is sought.
fn replaced<'v>(call: &Call<'_, 'v>, text: &str, replacement: &str) -> Evaluated<'v> {
    let sought = call.text(FIND)?.unwrap_or_default();
    if sought.is_empty() {
        return Err(call.empty_text(FIND));
    }
    match text::replace(text, &sought, replacement, call.room()) {
        Ok(text) => call.made(text),
        Err(_) => Err(call.too_much_work()),
    }
}

/// Returns what the group matches in the other attribute; nothing where it has no value or the pattern doesn't match.
#[cfg(feature = "regex")]
fn by_property<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let Some(text) = call.text(PROPERTY)? else {
        return Ok(NULL);
    };
    let group = call.text(GROUP)?.unwrap_or_default();
    call.with_pattern(PATTERN, |regex, work| {
        let found = regex.first_group(&text, regex.group(&group)?, work)?;
        Ok(Ok(found.map_or(NULL, written)))
    })
}

/// A text whose work was counted while it was made.
#[cfg(feature = "regex")]
fn written<'v>(text: impl Into<SmolStr>) -> Cow<'v, Value> {
    Cow::Owned(Value::Text(text.into()))
}
