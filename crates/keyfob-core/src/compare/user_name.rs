//! User names: how they are prepared (RFC 7644 section 5) and which are refused.

use std::borrow::Cow;

use precis_core::{
    Error,
    profile::{Profile, Rules},
};
use precis_profiles::UsernameCaseMapped;
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error as ThisError;

use super::compose;
use crate::error::{ErrorBody, ScimType, ToErrorBody};

/// The mappings of `UsernameCaseMapped` (RFC 8265 section 3.3.2) in their order, of a text that is composed. None of them
/// refuses anything.
pub(super) fn map(composed: &str) -> String {
    let profile = UsernameCaseMapped::new();
    let mapped = profile
        .width_mapping_rule(composed)
        .and_then(|text| profile.case_mapping_rule(text))
        .and_then(|text| profile.normalization_rule(text));
    mapped.map_or_else(|_| composed.to_owned(), Cow::into_owned)
}

/// Returns true if `UsernameCaseMapped` takes the text.
pub(super) fn is_prepared(text: &str) -> bool {
    prepare(text).is_ok()
}

/// The text is composed first. For canonically equivalent texts to have one key they have to be of one kind, and the
/// profile takes Hangul syllables but not the letters of which macOS composes them.
fn prepare(text: &str) -> Result<(), Error> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    UsernameCaseMapped::new().enforce(compose(text)).map(drop)
}

/// Why a text can't be a user name; maps to `invalidValue`.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("`{path}` {fault}")]
#[non_exhaustive]
pub struct UserNameError {
    /// The attribute.
    pub path: SmolStr,
    /// What is wrong with it.
    pub fault: Fault,
}

impl UserNameError {
    /// The attribute at this path has this fault.
    pub fn new(path: impl Into<SmolStr>, fault: Fault) -> Self {
        Self {
            path: path.into(),
            fault,
        }
    }
}

impl ToErrorBody for UserNameError {
    fn to_error_body(&self) -> ErrorBody {
        ErrorBody::bad_request(ScimType::InvalidValue, format_smolstr!("{self}"))
    }
}

/// What is wrong with a user name. Places count characters from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Fault {
    /// It holds a control character.
    #[error("holds the control character U+{:04X} at character {place}", u32::from(*.character))]
    Control {
        /// The character.
        character: char,
        /// Where.
        place: usize,
    },
    /// It holds a character that shows nothing (`Default_Ignorable_Code_Point`), such as a soft hyphen or a change of
    /// direction: two names that look alike would differ.
    #[error("holds the invisible character U+{:04X} at character {place}", u32::from(*.character))]
    Invisible {
        /// The character.
        character: char,
        /// Where.
        place: usize,
    },
    /// It is empty (RFC 7643 section 4.1.1).
    #[error("is empty")]
    Empty,
    /// It holds nothing but blanks.
    #[error("holds nothing but blanks, the first of them U+{:04X} at character 1", u32::from(*.character))]
    Blank {
        /// The first of them.
        character: char,
    },
    /// It begins with a blank.
    #[error("begins with the blank U+{:04X} at character 1", u32::from(*.character))]
    LeadingBlank {
        /// The blank.
        character: char,
    },
    /// It ends with a blank.
    #[error("ends with the blank U+{:04X} at character {place}", u32::from(*.character))]
    TrailingBlank {
        /// The blank.
        character: char,
        /// Where.
        place: usize,
    },
    /// It holds a character that PRECIS `UsernameCaseMapped` doesn't take; for the strict dialect alone.
    #[error(
        "holds U+{:04X} at character {place}, which PRECIS UsernameCaseMapped refuses (RFC 7644 section 5)",
        u32::from(*.character)
    )]
    Unprepared {
        /// The character.
        character: char,
        /// Where.
        place: usize,
    },
    /// Its directions are mixed so that PRECIS `UsernameCaseMapped` refuses it; for the strict dialect alone.
    #[error("mixes directions of writing as PRECIS UsernameCaseMapped refuses it (RFC 7644 section 5)")]
    Directions,
}

/// Checks that a text can be a user name: it is not empty, holds no control character, none that shows nothing, and neither begins nor
/// ends with a blank. With `strict`, that PRECIS `UsernameCaseMapped` takes it (RFC 8265 section 3.3).
///
/// # Errors
/// The first [`Fault`].
///
/// ```
/// use keyfob_core::compare::check_user_name;
///
/// assert!(check_user_name("Jane O'Brien", false).is_ok());
/// let fault = check_user_name("jane\u{200b}", false).unwrap_err();
/// assert_eq!(fault.to_string(), "holds the invisible character U+200B at character 5");
/// ```
pub fn check_user_name(text: &str, strict: bool) -> Result<(), Fault> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    if text.is_empty() {
        return Err(Fault::Empty);
    }
    for (place, character) in (1..).zip(text.chars()) {
        if character.is_control() {
            return Err(Fault::Control { character, place });
        }
        if is_ignorable(character) {
            return Err(Fault::Invisible { character, place });
        }
    }
    let blank = |character: Option<char>| character.filter(|character| character.is_whitespace());
    if let Some(character) = blank(text.chars().next()) {
        if text.chars().all(char::is_whitespace) {
            return Err(Fault::Blank { character });
        }
        return Err(Fault::LeadingBlank { character });
    }
    if let Some(character) = blank(text.chars().next_back()) {
        let place = text.chars().count();
        return Err(Fault::TrailingBlank { character, place });
    }
    if strict {
        check_prepared(text)?;
    }
    Ok(())
}

/// Returns true if a character shows nothing (`Default_Ignorable_Code_Point` of Unicode). The ranges have room for
/// characters to come, so that a new version of Unicode rarely adds to them; a test holds them equal to its data.
fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

fn check_prepared(text: &str) -> Result<(), Fault> {
    let Err(error) = prepare(text) else {
        return Ok(());
    };
    let place = match &error {
        Error::BadCodepoint(found) => found.position,
        _ => return Err(Fault::Directions),
    };
    // That is a place in the mapped text, of which every character stands for one of the composed text.
    let Some(character) = compose(text).chars().nth(place) else {
        return Err(Fault::Directions);
    };
    let sent = text.chars().position(|sent| sent == character);
    let place = sent.unwrap_or(place) + 1;
    Err(Fault::Unprepared { character, place })
}

#[cfg(test)]
mod tests {
    use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};

    use super::*;

    #[test]
    fn the_characters_that_show_nothing_are_those_of_unicode() {
        let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        for character in '\0'..=char::MAX {
            let expected = ignorable.contains(character);
            assert_eq!(
                is_ignorable(character),
                expected,
                "U+{:04X}",
                u32::from(character)
            );
        }
    }

    #[test]
    fn what_looks_like_another_name_is_refused_with_its_character_and_place() {
        for (text, strict, expected) in [
            ("bjensen@example.com", true, None),
            ("o'brien", true, None),
            ("jos\u{e9}", true, None),
            ("jose\u{301}", true, None),
            ("\u{ff42}jensen", true, None),
            ("\u{1100}\u{1161}", true, None),
            ("Jane Doe", false, None),
            ("\u{2019}", false, None),
            ("", false, Some("is empty")),
            (
                "nul\0@example.com",
                false,
                Some("holds the control character U+0000 at character 4"),
            ),
            (
                "a\nb",
                false,
                Some("holds the control character U+000A at character 2"),
            ),
            (
                "a\u{9f}",
                false,
                Some("holds the control character U+009F at character 2"),
            ),
            (
                "\u{e9}\u{200b}x",
                false,
                Some("holds the invisible character U+200B at character 2"),
            ),
            (
                "a\u{ad}b",
                false,
                Some("holds the invisible character U+00AD at character 2"),
            ),
            (
                "\u{202e}a",
                false,
                Some("holds the invisible character U+202E at character 1"),
            ),
            (
                "a\u{e0041}",
                false,
                Some("holds the invisible character U+E0041 at character 2"),
            ),
            (" a", false, Some("begins with the blank U+0020 at character 1")),
            (
                "a\u{3000}",
                false,
                Some("ends with the blank U+3000 at character 2"),
            ),
            (
                "  ",
                false,
                Some("holds nothing but blanks, the first of them U+0020 at character 1"),
            ),
            (
                "e\u{301}\u{2019}",
                true,
                Some(
                    "holds U+2019 at character 3, which PRECIS UsernameCaseMapped refuses (RFC 7644 section 5)",
                ),
            ),
            (
                "Jane Doe",
                true,
                Some(
                    "holds U+0020 at character 5, which PRECIS UsernameCaseMapped refuses (RFC 7644 section 5)",
                ),
            ),
            (
                "a\u{5d0}",
                true,
                Some(
                    "mixes directions of writing as PRECIS UsernameCaseMapped refuses it (RFC 7644 section 5)",
                ),
            ),
        ] {
            let found = check_user_name(text, strict).err().map(|fault| fault.to_string());
            assert_eq!(found.as_deref(), expected, "{text:?}");
        }
    }
}
