//! Attribute names, compared without regard to case and kept as written.

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
};

use smol_str::SmolStr;

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

impl AttrName {
    /// The name with this spelling. Any text is taken, because bodies may hold any key; [`is_legal`](Self::is_legal)
    /// says whether it is an attribute name.
    #[must_use]
    pub fn new(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name equals `text` up to ASCII case.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text)
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

impl PartialEq for AttrName {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for AttrName {}

impl Hash for AttrName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_caseless(&self.0, state);
    }
}

impl fmt::Display for AttrName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Cow<'_, str>> for AttrName {
    fn from(text: Cow<'_, str>) -> Self {
        Self::new(text)
    }
}

impl From<&str> for AttrName {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// Hashes `text` such that texts equal up to ASCII case hash alike.
pub(super) fn hash_caseless<H: Hasher>(text: &str, state: &mut H) {
    for byte in text.bytes() {
        state.write_u8(byte.to_ascii_lowercase());
    }
    state.write_u8(0xff);
}
