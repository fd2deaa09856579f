//! Schemas and the characteristics of attributes.

use smol_str::SmolStr;

use super::{AttrId, Format};
use crate::name::{AttrName, SchemaUri};

/// A schema: a URI and the attributes it defines (RFC 7643 section 7).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Schema {
    /// Its URI.
    pub id: SchemaUri,
    /// Its name for people.
    pub name: SmolStr,
    /// What it is for.
    pub description: SmolStr,
    /// Its attributes in the order in which they were defined.
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// The attribute `name`, in any case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name.is(name))
    }
}

/// An attribute or a sub-attribute with its characteristics (RFC 7643 sections 2.2 and 7).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attribute {
    /// The registry's number for it.
    pub id: AttrId,
    /// Its name in the schema's spelling.
    pub name: AttrName,
    /// The type of its values.
    pub kind: AttributeType,
    /// Whether it takes many values.
    pub multi_valued: bool,
    /// What it is for.
    pub description: SmolStr,
    /// Whether a resource must have it.
    pub required: bool,
    /// Suggested values (`canonicalValues`); others are allowed.
    pub canonical_values: Vec<SmolStr>,
    /// Whether strings are compared exactly (`caseExact`).
    pub case_exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// When an answer holds it.
    pub returned: Returned,
    /// Whether two resources may share its value.
    pub uniqueness: Uniqueness,
    /// What a reference may point at: names of resource types, `external`, `uri`.
    pub reference_types: Vec<SmolStr>,
    /// Sub-attributes of a complex attribute.
    pub sub_attributes: Vec<Attribute>,
    /// The form of its strings beyond their type.
    pub(crate) format: Option<Format>,
}

impl Attribute {
    /// The sub-attribute `name`, in any case.
    #[must_use]
    pub fn sub_attribute(&self, name: &str) -> Option<&Attribute> {
        self.sub_attributes
            .iter()
            .find(|attribute| attribute.name.is(name))
    }

    /// Whether its values are complex.
    #[must_use]
    pub fn is_complex(&self) -> bool {
        self.kind == AttributeType::Complex
    }

    /// The sub-attribute to which a comparison or a bare value of this complex attribute goes: `value`
    /// (RFC 7643 section 2.4).
    #[must_use]
    pub fn default_sub_attribute(&self) -> Option<&Attribute> {
        self.sub_attribute("value")
    }

    /// Whether a value of this relation may point at resources of the type with this name, in any case.
    pub(crate) fn takes_members_of(&self, resource_type: &str) -> bool {
        let mut types = self.member_types().peekable();
        types.peek().is_none() || types.any(|name| name.eq_ignore_ascii_case(resource_type))
    }

    /// The names of the resource types that its values may point at, as `referenceTypes` of its sub-attribute `$ref` names
    /// them (RFC 7643 section 7); none where any may be.
    pub fn member_types(&self) -> impl Iterator<Item = &SmolStr> {
        let reference = self.sub_attribute("$ref");
        let types = reference.map(|reference| reference.reference_types.as_slice());
        let is_type = |name: &&SmolStr| !["external", "uri"].contains(&name.as_str());
        types.unwrap_or_default().iter().filter(is_type)
    }
}

/// The type of an attribute's values (RFC 7643 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 7643 section 2.3 is closed")]
pub enum AttributeType {
    /// Base64 text.
    Binary,
    /// `true` or `false`.
    Boolean,
    /// An object with sub-attributes.
    Complex,
    /// An `xsd:dateTime` text.
    DateTime,
    /// A number with a fraction.
    Decimal,
    /// A number without one.
    Integer,
    /// A URI.
    Reference,
    /// Text.
    String,
}

impl AttributeType {
    /// The keyword in a schema.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Boolean => "boolean",
            Self::Complex => "complex",
            Self::DateTime => "dateTime",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::Reference => "reference",
            Self::String => "string",
        }
    }

    pub(super) const ALL: [Self; 8] = [
        Self::Binary,
        Self::Boolean,
        Self::Complex,
        Self::DateTime,
        Self::Decimal,
        Self::Integer,
        Self::Reference,
        Self::String,
    ];
}

/// Who may change an attribute (RFC 7643 section 7, `mutability`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 7643 section 7 is closed")]
pub enum Mutability {
    /// A client sets it once, with the resource or later, and never again.
    Immutable,
    /// Only the service provider sets it.
    ReadOnly,
    /// A client reads and sets it.
    ReadWrite,
    /// A client sets it and nobody reads it.
    WriteOnly,
}

impl Mutability {
    /// The keyword in a schema.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Immutable => "immutable",
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::WriteOnly => "writeOnly",
        }
    }

    pub(super) const ALL: [Self; 4] = [Self::Immutable, Self::ReadOnly, Self::ReadWrite, Self::WriteOnly];
}

/// When an answer holds an attribute (RFC 7643 section 7, `returned`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 7643 section 7 is closed")]
pub enum Returned {
    /// In every answer.
    Always,
    /// Unless the client asks for other attributes or excludes it.
    Default,
    /// In none.
    Never,
    /// When the client asks for it, or sets it.
    Request,
}

impl Returned {
    /// The keyword in a schema.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Default => "default",
            Self::Never => "never",
            Self::Request => "request",
        }
    }

    pub(super) const ALL: [Self; 4] = [Self::Always, Self::Default, Self::Never, Self::Request];
}

/// Whether two resources may share a value (RFC 7643 section 7, `uniqueness`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 7643 section 7 is closed")]
pub enum Uniqueness {
    /// No two anywhere share it; a service provider enforces it as `server`.
    Global,
    /// They may.
    None,
    /// No two of one type and tenant share it.
    Server,
}

impl Uniqueness {
    /// The keyword in a schema.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::None => "none",
            Self::Server => "server",
        }
    }

    pub(super) const ALL: [Self; 3] = [Self::Global, Self::None, Self::Server];
}
