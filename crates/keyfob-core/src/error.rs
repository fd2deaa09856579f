//! The error body, and the one mapping from causes to it.

use std::fmt;

use smol_str::{SmolStr, format_smolstr};

use crate::{name::SchemaUri, resource::Resource, value::Value};

/// Something that went wrong and can be told to a client.
pub trait ToErrorBody {
    /// What the client is told: status, `scimType` and a sentence, nothing else.
    fn to_error_body(&self) -> ErrorBody;
}

/// The keyword by which a client knows what was wrong (`scimType`, RFC 7644 section 3.12 and RFC 9865 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScimType {
    /// The cursor has expired.
    ExpiredCursor,
    /// `count` is not valid with a cursor.
    InvalidCount,
    /// The cursor is not one of ours.
    InvalidCursor,
    /// The filter is malformed, or names an attribute or operator that doesn't fit.
    InvalidFilter,
    /// The PATCH path is malformed or leads nowhere.
    InvalidPath,
    /// The message is malformed or of the wrong schema.
    InvalidSyntax,
    /// A value is missing or not of its attribute's type.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// The change touches a readOnly or immutable attribute.
    Mutability,
    /// The path names nothing that could be changed.
    NoTarget,
    /// The request would carry something sensitive in its address.
    Sensitive,
    /// The answer or the work would be too much.
    TooMany,
    /// A value that has to be unique is taken.
    Uniqueness,
}

impl ScimType {
    /// The keyword on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
            Self::InvalidCursor => "invalidCursor",
            Self::InvalidFilter => "invalidFilter",
            Self::InvalidPath => "invalidPath",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Mutability => "mutability",
            Self::NoTarget => "noTarget",
            Self::Sensitive => "sensitive",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
        }
    }
}

impl fmt::Display for ScimType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The body of an error answer (RFC 7644 section 3.12).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorBody {
    /// The HTTP status code.
    pub status: u16,
    /// The keyword, for errors that have one.
    pub scim_type: Option<ScimType>,
    /// A sentence for people.
    pub detail: SmolStr,
}

impl ErrorBody {
    /// The URI of the message.
    pub const SCHEMA: SchemaUri = SchemaUri::ERROR;

    /// An error with a status and a sentence.
    #[must_use]
    pub fn new(status: u16, detail: impl Into<SmolStr>) -> Self {
        Self {
            status,
            scim_type: None,
            detail: detail.into(),
        }
    }

    /// A refusal of the request (400) with its keyword.
    #[must_use]
    pub fn bad_request(scim_type: ScimType, detail: impl Into<SmolStr>) -> Self {
        Self {
            status: 400,
            scim_type: Some(scim_type),
            detail: detail.into(),
        }
    }

    /// The same error with a keyword.
    #[must_use]
    pub fn with_scim_type(self, scim_type: ScimType) -> Self {
        Self {
            scim_type: Some(scim_type),
            ..self
        }
    }

    /// The message as it goes over the wire; its `status` is a string there.
    #[must_use]
    pub fn to_resource(&self) -> Resource {
        let mut message = Resource::new([Self::SCHEMA]);
        let core = message.core_mut();
        core.insert("status", Value::String(format_smolstr!("{}", self.status)));
        if let Some(scim_type) = self.scim_type {
            core.insert("scimType", scim_type.as_str());
        }
        core.insert("detail", self.detail.clone());
        message
    }

    /// The message as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        self.to_resource().to_json()
    }
}

impl ToErrorBody for ErrorBody {
    fn to_error_body(&self) -> ErrorBody {
        self.clone()
    }
}
