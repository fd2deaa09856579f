//! Attribute names, compared without regard to case and kept as written.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::caseless::caseless;

/// The name of an attribute, or the key of any other member of a JSON object.
///
/// Equality and hashing ignore ASCII case (RFC 7643 section 2.1); the spelling is kept. The type deliberately
/// does not implement `Borrow<str>`, whose contract its hash would break.
///
/// ```
/// use keyfob_core::AttrName;
///
/// assert_eq!(AttrName::new("userName"), AttrName::new("USERNAME"));
/// assert_eq!(AttrName::new("UserName").as_str(), "UserName");
/// assert!(AttrName::new("$ref").is_legal());
/// assert!(!AttrName::new("name.givenName").is_legal());
/// ```
#[derive(Clone, Debug)]
pub struct AttrName(SmolStr);

caseless!(AttrName);

impl AttrName {
    /// The name with this spelling. Any text is taken, because bodies may hold any key; [`is_legal`](Self::is_legal)
    /// says whether it is an attribute name.
    #[must_use]
    pub fn new(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// Whether the text is an `ATTRNAME` (RFC 7643 section 2.1; the leading `$` of `$ref` by erratum 8924).
    #[must_use]
    pub fn is_legal(&self) -> bool {
        is_legal(&self.0)
    }
}

/// Whether `text` is an `ATTRNAME` of RFC 7643 section 2.1.
pub(super) fn is_legal(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'$')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'-' | b'_'))
}

impl From<Cow<'_, str>> for AttrName {
    fn from(text: Cow<'_, str>) -> Self {
        Self::new(text)
    }
}
