//! `Replace`, which does five things.

use crate::{
    dotnet::text,
    evaluate::{Call, Evaluated, NULL},
};

/// How much more work a byte is that a pattern is searched in: it may be gone through many times.
const SEARCHED: usize = 256;

const SOURCE: usize = 0;
const FIND: usize = 1;
const PATTERN: usize = 2;
const GROUP: usize = 3;
const REPLACEMENT: usize = 4;
const PROPERTY: usize = 5;
const TEMPLATE: usize = 6;

/// What `Replace` does, which follows from the arguments that are given.
pub(super) enum Replacing {
    /// A text by another.
    Text,
    /// A text in the template by the source.
    InTemplate,
    /// What a pattern matches.
    Pattern,
    /// What a group of a pattern matches.
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
    if let Replacing::Pattern | Replacing::Group = replacing {
        call.charge_product(source.len(), SEARCHED)?;
    }
    match replacing {
        Replacing::Text => replaced(call, &source, &replacement()?),
        Replacing::InTemplate => replaced(call, &call.text(TEMPLATE)?.unwrap_or_default(), &source),
        Replacing::Pattern => {
            let replacement = replacement()?;
            call.with_pattern(PATTERN, |regex| {
                let replacement = regex.replacement(&replacement)?;
                Ok(call.made(regex.replace_all(&source, &replacement, call.room())?))
            })
        }
        Replacing::Group | Replacing::ByProperty => {
            let group = call.text(GROUP)?.unwrap_or_default();
            let replacement = replacement()?;
            call.with_pattern(PATTERN, |regex| {
                let group = regex.group(&group)?;
                Ok(call.made(regex.replace_group(&source, group, &replacement, call.room())?))
            })
        }
    }
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

/// What the group matches in the other attribute; nothing where it has no value or the pattern doesn't match.
fn by_property<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let Some(text) = call.text(PROPERTY)? else {
        return Ok(NULL);
    };
    let group = call.text(GROUP)?.unwrap_or_default();
    call.charge_product(text.len(), SEARCHED)?;
    call.with_pattern(PATTERN, |regex| {
        Ok(match regex.first_group(&text, regex.group(&group)?)? {
            None => Ok(NULL),
            Some(found) => call.made(found),
        })
    })
}
