//! What can be wrong with a JSON text.

use std::{fmt, str::Utf8Error};

use smol_str::SmolStr;
use thiserror::Error;

use crate::error::{ErrorBody, ScimType, ToErrorBody};

/// Why a text could not be decoded; maps to `invalidSyntax`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub struct JsonError {
    /// What is wrong.
    pub message: SmolStr,
    /// The line, counted from 1; 0 where there is no text, as in [`Resource::from_serde`](crate::Resource::from_serde).
    pub line: usize,
    /// The byte within the line.
    pub column: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.line {
            0 => Ok(()),
            line => write!(f, " at line {line} column {}", self.column),
        }
    }
}

impl JsonError {
    pub(super) fn invalid_utf8(text: &[u8], error: Utf8Error) -> Self {
        let valid = text.get(..error.valid_up_to()).unwrap_or_default();
        let line = valid.split(|byte| *byte == b'\n').next_back();
        Self {
            message: "invalid UTF-8".into(),
            line: valid.split(|byte| *byte == b'\n').count(),
            column: line.map_or(0, <[u8]>::len) + 1,
        }
    }
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let position = smol_str::format_smolstr!(" at line {line} column {column}");
        let message = text.strip_suffix(position.as_str()).unwrap_or(&text).into();
        Self {
            message,
            line,
            column,
        }
    }
}

impl ToErrorBody for JsonError {
    fn to_error_body(&self) -> ErrorBody {
        ErrorBody::bad_request(
            ScimType::InvalidSyntax,
            smol_str::format_smolstr!("the body is not a valid JSON message: {self}"),
        )
    }
}
