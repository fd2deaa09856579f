//! Views of complex values.

use std::fmt;

use smol_str::SmolStr;

use super::field::Field;
use crate::value::Object;

view! {
    /// The parts of a person's name (`name`, RFC 7643 section 4.1.1).
    #[derive(Default)]
    Name in Object {
        /// The whole name as it is displayed.
        formatted: Option<SmolStr> = "formatted",
        /// The family name, or last name.
        family_name: Option<SmolStr> = "familyName",
        /// The given name, or first name.
        given_name: Option<SmolStr> = "givenName",
        /// The middle names.
        middle_name: Option<SmolStr> = "middleName",
        /// What goes before, such as `Ms.`.
        honorific_prefix: Option<SmolStr> = "honorificPrefix",
        /// What goes after, such as `III`.
        honorific_suffix: Option<SmolStr> = "honorificSuffix",
    }
}

impl Name {
    /// A name of a given and a family name.
    #[must_use]
    pub fn new(given_name: impl Into<SmolStr>, family_name: impl Into<SmolStr>) -> Self {
        Self {
            given_name: Some(given_name.into()),
            family_name: Some(family_name.into()),
            ..Self::default()
        }
    }
}

view! {
    /// One value of a multi-valued attribute with the default sub-attributes (RFC 7643 section 2.4), such as an e-mail
    /// address.
    #[derive(Default)]
    MultiValue in Object {
        /// The value itself.
        value: Option<SmolStr> = "value",
        /// A text for people.
        display: Option<SmolStr> = "display",
        /// What the value is used for (`type`), such as `work` or `home`.
        kind: Option<SmolStr> = "type",
        /// Whether it is the preferred one; not more than one value of an attribute is.
        primary: Option<bool> = "primary",
        /// Where the resource is served that the value points at (`$ref`).
        reference: Option<SmolStr> = "$ref",
    }
}

impl MultiValue {
    /// A value of which nothing further is said.
    #[must_use]
    pub fn new(value: impl Into<SmolStr>) -> Self {
        Self {
            value: Some(value.into()),
            ..Self::default()
        }
    }

    /// The value with this `type`.
    #[must_use]
    pub fn with_kind(self, kind: impl Into<SmolStr>) -> Self {
        Self {
            kind: Some(kind.into()),
            ..self
        }
    }

    /// The value as the preferred one.
    #[must_use]
    pub fn with_primary(self) -> Self {
        Self {
            primary: Some(true),
            ..self
        }
    }
}

view! {
    /// A postal address (`addresses`, RFC 7643 section 4.1.2).
    #[derive(Default)]
    Address in Object {
        /// The whole address as for a label; may span lines.
        formatted: Option<SmolStr> = "formatted",
        /// Street, house number, box or flat; may span lines.
        street_address: Option<SmolStr> = "streetAddress",
        /// The city or town.
        locality: Option<SmolStr> = "locality",
        /// The state or region.
        region: Option<SmolStr> = "region",
        /// The postal code.
        postal_code: Option<SmolStr> = "postalCode",
        /// The country, as an ISO 3166-1 alpha-2 code.
        country: Option<SmolStr> = "country",
        /// What the address is used for (`type`), such as `work` or `home`.
        kind: Option<SmolStr> = "type",
        /// Whether it is the preferred one; not more than one address is.
        primary: Option<bool> = "primary",
    }
}

impl Address {
    /// An address of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// A password in clear, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(SmolStr);

impl Password {
    /// The password with this text.
    #[must_use]
    pub fn new(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }
}

/// The password in clear.
impl AsRef<str> for Password {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
