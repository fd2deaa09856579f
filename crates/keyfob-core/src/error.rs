//! The error body, and the one mapping from causes to it.

use std::fmt;

use smol_str::{SmolStr, format_smolstr};

use crate::{
    json,
    message::{Deviations, MessageError, Reader},
    name::SchemaUri,
    resource::Resource,
    value::{Object, Value},
};

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
    const ALL: [Self; 13] = [
        Self::ExpiredCursor,
        Self::InvalidCount,
        Self::InvalidCursor,
        Self::InvalidFilter,
        Self::InvalidPath,
        Self::InvalidSyntax,
        Self::InvalidValue,
        Self::InvalidVers,
        Self::Mutability,
        Self::NoTarget,
        Self::Sensitive,
        Self::TooMany,
        Self::Uniqueness,
    ];

    /// Returns what a keyword stands for, in any case.
    #[must_use]
    pub fn named(keyword: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|scim_type| scim_type.as_str().eq_ignore_ascii_case(keyword))
    }

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
    /// The HTTP status code; 0 in an error that was received without one.
    pub status: u16,
    /// The keyword, for errors that have one.
    pub scim_type: Option<ScimType>,
    /// A sentence for people.
    pub detail: SmolStr,
}

impl ErrorBody {
    /// The URI of the message.
    pub const SCHEMA: SchemaUri = SchemaUri::ERROR;

    /// The number of bytes of a detail at most: a sentence may repeat a name of the request, which may be of any length.
    pub const MAX_DETAIL: usize = 1_000;

    /// An error with a status and a sentence, which is cut off where it is longer than [`MAX_DETAIL`](Self::MAX_DETAIL).
    ///
    /// ```
    /// use keyfob_core::ErrorBody;
    ///
    /// let error = ErrorBody::new(400, "a".repeat(20_000));
    /// assert!(error.detail.len() <= ErrorBody::MAX_DETAIL && error.detail.ends_with('…'));
    /// ```
    #[must_use]
    pub fn new(status: u16, detail: impl Into<SmolStr>) -> Self {
        Self {
            status,
            scim_type: None,
            detail: bounded(detail.into()),
        }
    }

    /// A refusal of the request (400) with its keyword.
    #[must_use]
    pub fn bad_request(scim_type: ScimType, detail: impl Into<SmolStr>) -> Self {
        Self {
            scim_type: Some(scim_type),
            ..Self::new(400, detail)
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

    /// Reads the error that a server answered with.
    ///
    /// A `scimType` that RFC 7644 section 3.12 doesn't list is noted and left out; `detail` is empty where it is missing.
    ///
    /// # Errors
    /// [`MessageError`] when the text is not a JSON object, or is neither stated to be an error nor has a `status`:
    /// then it is somebody else's message.
    pub fn from_json(text: &[u8], deviations: &mut Deviations) -> Result<Self, MessageError> {
        Self::from_object(json::object_from_slice(text)?, deviations)
    }

    /// Reads an error out of a decoded body, such as the `response` of a bulk operation.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_object(mut message: Object, deviations: &mut Deviations) -> Result<Self, MessageError> {
        let stated = message.get("schemas").map(Value::as_elements).unwrap_or_default();
        let is_stated = stated
            .iter()
            .filter_map(Value::as_str)
            .any(|uri| Self::SCHEMA.is(uri));
        let mut reader = Reader::new(&mut message, "RFC 7644 section 3.12", deviations);
        if !is_stated {
            reader.schema(&Self::SCHEMA);
        }
        let status = reader
            .text("status")
            .and_then(|status| status.trim().parse().ok());
        if status.is_none() {
            if !is_stated {
                return Err(MessageError::Schema {
                    expected: Self::SCHEMA,
                });
            }
            reader.note("status", "is not a status code");
        }
        let scim_type = reader.text("scimType").filter(|keyword| !keyword.is_empty());
        let known = scim_type.as_deref().and_then(ScimType::named);
        if scim_type.is_some() && known.is_none() {
            reader.note("scimType", "is not a keyword of table 9");
        }
        Ok(Self {
            status: status.unwrap_or_default(),
            scim_type: known,
            detail: reader.text("detail").unwrap_or_default(),
        })
    }

    /// The message as it goes over the wire; its `status` is a string there.
    #[must_use]
    pub fn to_resource(&self) -> Resource {
        let mut message = Resource::new([Self::SCHEMA]);
        self.write(message.core_mut());
        message
    }

    /// Returns the message as an object, as the answer to a bulk request holds it.
    #[must_use]
    pub fn to_object(&self) -> Object {
        let mut message = Object::new();
        message.insert("schemas", vec![Value::from(Self::SCHEMA.as_str())]);
        self.write(&mut message);
        message
    }

    fn write(&self, message: &mut Object) {
        message.insert("status", Value::String(format_smolstr!("{}", self.status)));
        if let Some(scim_type) = self.scim_type {
            message.insert("scimType", scim_type.as_str());
        }
        message.insert("detail", self.detail.clone());
    }

    /// The message as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        self.to_resource().to_json()
    }
}

fn bounded(detail: SmolStr) -> SmolStr {
    if detail.len() <= ErrorBody::MAX_DETAIL {
        return detail;
    }
    let room = ErrorBody::MAX_DETAIL - '…'.len_utf8();
    let ends = detail.char_indices().map(|(end, _)| end);
    let end = ends.take_while(|end| *end <= room).last().unwrap_or_default();
    format_smolstr!("{}…", detail.get(..end).unwrap_or_default())
}

impl ToErrorBody for ErrorBody {
    fn to_error_body(&self) -> ErrorBody {
        self.clone()
    }
}
