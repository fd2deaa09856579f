//! Attribute paths: `[schema URI ":"] name ["." sub-attribute]`.

use std::{fmt, str::FromStr};

use smol_str::format_smolstr;
use thiserror::Error;

use super::{AttrName, SchemaUri, attribute::is_legal};
use crate::error::{ErrorBody, ScimType, ToErrorBody};

/// A path to an attribute or a sub-attribute (`attrPath` of RFC 7644 figure 1), as written.
///
/// What a path means is decided by a resource type: `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User`
/// reads as the attribute `User` of the schema `…:2.0` until a [`ResourceType`](crate::ResourceType) that knows
/// the extension resolves it. Two paths are equal when they are equal up to case.
///
/// ```
/// use keyfob_core::AttrPath;
///
/// let path: AttrPath = "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName".parse()?;
/// assert_eq!(path.schema().unwrap().as_str(), "urn:ietf:params:scim:schemas:core:2.0:User");
/// assert_eq!(path.name().as_str(), "name");
/// assert_eq!(path.sub().unwrap().as_str(), "familyName");
/// # Ok::<(), keyfob_core::PathError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttrPath {
    name: AttrName,
    /// What most paths lack, apart from the rest to keep those small: filters hold many.
    around: Option<Box<Around>>,
}

/// What stands before and after the name; not both `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Around {
    schema: Option<SchemaUri>,
    sub: Option<AttrName>,
}

impl AttrPath {
    /// A path of parts that are known to be legal names.
    #[must_use]
    pub fn new(schema: Option<SchemaUri>, name: AttrName, sub: Option<AttrName>) -> Self {
        let around = if schema.is_none() && sub.is_none() {
            None
        } else {
            Some(Box::new(Around { schema, sub }))
        };
        Self { name, around }
    }

    /// The path of the attribute `name` without a schema, for a name that is known to be legal. A name that comes from
    /// elsewhere is [parsed](Self::parse).
    #[must_use]
    pub fn attribute(name: impl Into<AttrName>) -> Self {
        Self {
            name: name.into(),
            around: None,
        }
    }

    /// The schema URI before the name.
    #[must_use]
    pub fn schema(&self) -> Option<&SchemaUri> {
        self.around.as_ref()?.schema.as_ref()
    }

    /// The attribute's name.
    #[must_use]
    pub fn name(&self) -> &AttrName {
        &self.name
    }

    /// The sub-attribute's name.
    #[must_use]
    pub fn sub(&self) -> Option<&AttrName> {
        self.around.as_ref()?.sub.as_ref()
    }

    /// The same attribute with another sub-attribute, or with none.
    #[must_use]
    pub fn with_sub(&self, sub: Option<AttrName>) -> Self {
        Self::new(self.schema().cloned(), self.name.clone(), sub)
    }

    /// Reads a path.
    ///
    /// # Errors
    /// As [`AttrPathRef::parse`].
    ///
    /// # Complexity
    /// Linear in the text.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        AttrPathRef::parse(text).map(AttrPathRef::to_path)
    }

    /// The path as it is borrowed.
    #[must_use]
    pub fn borrowed(&self) -> AttrPathRef<'_> {
        AttrPathRef {
            schema: self.schema().map(SchemaUri::as_str),
            name: self.name.as_str(),
            sub: self.sub().map(AttrName::as_str),
        }
    }
}

/// An [`AttrPath`] borrowed from the text in which it stands, for who resolves it at once.
#[derive(Clone, Copy, Debug)]
pub struct AttrPathRef<'p> {
    schema: Option<&'p str>,
    name: &'p str,
    sub: Option<&'p str>,
}

impl<'p> AttrPathRef<'p> {
    /// A path of parts that are known to be legal names.
    #[must_use]
    #[inline]
    pub fn new(schema: Option<&'p str>, name: &'p str, sub: Option<&'p str>) -> Self {
        Self { schema, name, sub }
    }

    /// The schema URI before the name.
    #[must_use]
    #[inline]
    pub fn schema(self) -> Option<&'p str> {
        self.schema
    }

    /// The attribute's name.
    #[must_use]
    #[inline]
    pub fn name(self) -> &'p str {
        self.name
    }

    /// The sub-attribute's name.
    #[must_use]
    #[inline]
    pub fn sub(self) -> Option<&'p str> {
        self.sub
    }

    /// Returns true if all parts are names, so that the path reads back from what it writes. A path that was
    /// [parsed](Self::parse) is made of names.
    #[must_use]
    pub fn is_legal(self) -> bool {
        self.schema.is_none_or(|schema| check_uri(schema).is_ok())
            && is_legal(self.name)
            && self.sub.is_none_or(is_legal)
    }

    /// The same attribute of a schema, or of none.
    #[must_use]
    #[inline]
    pub fn with_schema(self, schema: Option<&'p str>) -> Self {
        Self { schema, ..self }
    }

    /// The path on its own.
    #[must_use]
    pub fn to_path(self) -> AttrPath {
        AttrPath::new(
            self.schema.map(SchemaUri::new),
            self.name.into(),
            self.sub.map(AttrName::from),
        )
    }

    /// Reads a path.
    ///
    /// The last colon ends the schema URI, since URIs contain dots, digits and dashes and names contain no colon.
    ///
    /// # Errors
    /// [`PathError`], which maps to `invalidPath`, says at which byte the text stops being a path.
    ///
    /// # Complexity
    /// Linear in the text; allocates nothing.
    pub fn parse(text: &'p str) -> Result<Self, PathError> {
        // Most paths are one name, which takes one look at each byte.
        if is_legal(text) {
            return Ok(Self::new(None, text, None));
        }
        let (schema, rest, start) = match split_last(text, b':') {
            None => (None, text, 0),
            Some((schema, rest)) => (Some(schema), rest, schema.len() + 1),
        };
        if let Some(schema) = schema {
            check_uri(schema)?;
        }
        let (name, sub) = match split_first(rest, b'.') {
            None => (rest, None),
            Some((name, sub)) => (name, Some(sub)),
        };
        check_name(name, start)?;
        if let Some(sub) = sub {
            check_name(sub, start + name.len() + 1)?;
        }
        Ok(Self::new(schema, name, sub))
    }
}

impl<'p> From<&'p AttrPath> for AttrPathRef<'p> {
    fn from(path: &'p AttrPath) -> Self {
        path.borrowed()
    }
}

/// Why a text is not an attribute path, with the byte at which it stops being one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PathError {
    /// A name is missing: the text is empty or ends in `:` or `.`.
    #[error("an attribute name is missing")]
    MissingName {
        /// The byte offset at which the name is expected.
        offset: usize,
    },
    /// A character that a name can't hold.
    #[error("`{character}` can't stand in an attribute name")]
    IllegalCharacter {
        /// The character.
        character: char,
        /// Its byte offset.
        offset: usize,
    },
    /// A third level, as in `name.familyName.first`: SCIM has two (RFC 7643 section 2.3.8).
    #[error("an attribute path has at most one sub-attribute")]
    TooDeep {
        /// The byte offset of the second dot.
        offset: usize,
    },
}

impl PathError {
    /// The byte offset in the text at which the fault is.
    #[must_use]
    pub fn offset(&self) -> usize {
        match self {
            Self::MissingName { offset }
            | Self::IllegalCharacter { offset, .. }
            | Self::TooDeep { offset } => *offset,
        }
    }
}

impl ToErrorBody for PathError {
    fn to_error_body(&self) -> ErrorBody {
        ErrorBody::bad_request(ScimType::InvalidPath, format_smolstr!("{self}"))
    }
}

/// The text before and after the first occurrence of a character of ASCII. Names are a few bytes long, for which a
/// plain loop costs a fraction of a search for a pattern.
fn split_first(text: &str, separator: u8) -> Option<(&str, &str)> {
    let index = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..index)?, text.get(index + 1..)?))
}

/// The text before and after the last occurrence of a character of ASCII.
fn split_last(text: &str, separator: u8) -> Option<(&str, &str)> {
    let index = text.bytes().rposition(|byte| byte == separator)?;
    Some((text.get(..index)?, text.get(index + 1..)?))
}

fn check_name(name: &str, start: usize) -> Result<(), PathError> {
    if is_legal(name) {
        return Ok(());
    }
    let fault = name.char_indices().find(|&(index, character)| {
        let legal = character.is_ascii_alphabetic()
            || character == '$'
            || (index > 0 && (character.is_ascii_digit() || matches!(character, '-' | '_')));
        !legal
    });
    Err(match fault {
        None | Some((0, '.')) => PathError::MissingName { offset: start },
        Some((index, '.')) => PathError::TooDeep {
            offset: start + index,
        },
        Some((index, character)) => PathError::IllegalCharacter {
            character,
            offset: start + index,
        },
    })
}

fn check_uri(uri: &str) -> Result<(), PathError> {
    if uri.is_empty() {
        return Err(PathError::MissingName { offset: 0 });
    }
    let fault = uri
        .bytes()
        .position(|byte| !byte.is_ascii_graphic())
        .and_then(|offset| Some((offset, uri.get(offset..)?.chars().next()?)));
    match fault {
        None => Ok(()),
        Some((offset, character)) => Err(PathError::IllegalCharacter { character, offset }),
    }
}

impl FromStr for AttrPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.borrowed())
    }
}

/// Writes the path as it is read. One that was made of texts that are no names, as by
/// [`AttrPath::attribute`], is written in quotes, which no path begins with: it is refused wherever it is read,
/// and never taken for another one.
impl fmt::Display for AttrPathRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_legal() {
            let sub = self.sub.map(|sub| format!(".{sub}")).unwrap_or_default();
            let schema = self.schema.map(|schema| format!("{schema}:")).unwrap_or_default();
            return write!(f, "{:?}", format!("{schema}{}{sub}", self.name));
        }
        if let Some(schema) = self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(self.name)?;
        match self.sub {
            None => Ok(()),
            Some(sub) => write!(f, ".{sub}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_rfc_7644_print_as_written() {
        for text in [
            "userName",
            "name.familyName",
            "members.$ref",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ] {
            assert_eq!(AttrPath::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_path_says_where_it_stops_being_one() {
        for (text, error) in [
            ("", PathError::MissingName { offset: 0 }),
            ("name.", PathError::MissingName { offset: 5 }),
            (".familyName", PathError::MissingName { offset: 0 }),
            ("name..familyName", PathError::MissingName { offset: 5 }),
            (":userName", PathError::MissingName { offset: 0 }),
            ("urn:x:", PathError::MissingName { offset: 6 }),
            ("a.b.c", PathError::TooDeep { offset: 3 }),
            (
                "1a",
                PathError::IllegalCharacter {
                    character: '1',
                    offset: 0,
                },
            ),
            (
                "user name",
                PathError::IllegalCharacter {
                    character: ' ',
                    offset: 4,
                },
            ),
            (
                "größe",
                PathError::IllegalCharacter {
                    character: 'ö',
                    offset: 2,
                },
            ),
            (
                "urn:a b:c",
                PathError::IllegalCharacter {
                    character: ' ',
                    offset: 5,
                },
            ),
        ] {
            assert_eq!(AttrPath::parse(text), Err(error), "{text}");
        }
    }
}
