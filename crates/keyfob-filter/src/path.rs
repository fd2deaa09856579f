//! Paths of PATCH operations.

use std::fmt;

use keyfob_core::{AttrName, AttrPath, AttrPathRef, Dialect};

use crate::{
    ast::Filter,
    limits::Limits,
    parse::{self, ParseError},
};

/// What a PATCH operation is about (`PATH` of RFC 7644 figure 7): an attribute, or those of its values that a filter
/// selects, and perhaps a sub-attribute of them.
///
/// `name.familyName` is an [`attr`](Self::attr) with a sub-attribute and nothing else; [`sub`](Self::sub) is what
/// follows a filter, as in `addresses[type eq "work"].locality`.
///
/// ```
/// use keyfob_filter::PatchPath;
///
/// let path = PatchPath::parse(r#"addresses[type eq "work"].locality"#)?;
/// assert_eq!(path.attr.name().as_str(), "addresses");
/// assert_eq!(path.filter.unwrap().to_string(), r#"type eq "work""#);
/// assert_eq!(path.sub.unwrap().as_str(), "locality");
/// # Ok::<(), keyfob_filter::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PatchPath {
    /// The attribute.
    pub attr: AttrPath,
    /// Which of its values are meant; all without it.
    pub filter: Option<Filter>,
    /// The sub-attribute of the values that the filter selects.
    pub sub: Option<AttrName>,
}

impl PatchPath {
    /// The path of these parts; a `sub` goes with a `filter`.
    #[must_use]
    pub fn new(attr: AttrPath, filter: Option<Filter>, sub: Option<AttrName>) -> Self {
        Self { attr, filter, sub }
    }

    /// Reads a path by the RFC's grammar alone, within the default limits.
    ///
    /// # Errors
    /// [`ParseError`], which maps to `invalidPath`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_with(text, &Limits::default(), Dialect::strict())
    }

    /// Reads a path within these limits and with what the dialect allows in its filter.
    ///
    /// # Errors
    /// [`ParseError`], which maps to `invalidPath`.
    ///
    /// # Complexity
    /// Linear in the text; the stack is bounded by the limit of depth.
    pub fn parse_with(text: &str, limits: &Limits, dialect: Dialect) -> Result<Self, ParseError> {
        PatchPathRef::parse_with(text, limits, dialect).map(PatchPathRef::into_path)
    }
}

/// A [`PatchPath`] whose names are borrowed from the text in which it stands, for who resolves them at once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PatchPathRef<'p> {
    /// The attribute.
    pub attr: AttrPathRef<'p>,
    /// Which of its values are meant; all without it.
    pub filter: Option<Filter>,
    /// The sub-attribute of the values that the filter selects.
    pub sub: Option<&'p str>,
}

impl<'p> PatchPathRef<'p> {
    /// The path of these parts; a `sub` goes with a `filter`.
    #[must_use]
    #[inline]
    pub fn new(attr: AttrPathRef<'p>, filter: Option<Filter>, sub: Option<&'p str>) -> Self {
        Self { attr, filter, sub }
    }

    /// Reads a path as [`PatchPath::parse_with`] does.
    ///
    /// # Errors
    /// [`ParseError`], which maps to `invalidPath`.
    ///
    /// # Complexity
    /// As [`PatchPath::parse_with`]; only the filter is allocated.
    #[inline]
    pub fn parse_with(text: &'p str, limits: &Limits, dialect: Dialect) -> Result<Self, ParseError> {
        parse::path(text, limits, dialect)
    }

    /// The path on its own.
    #[must_use]
    pub fn into_path(self) -> PatchPath {
        PatchPath::new(self.attr.to_path(), self.filter, self.sub.map(AttrName::from))
    }
}

impl fmt::Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.attr)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        match &self.sub {
            None => Ok(()),
            Some(sub) if sub.is_legal() => write!(f, ".{sub}"),
            // It is refused wherever it is read.
            Some(sub) => write!(f, ".{:?}", sub.as_str()),
        }
    }
}
