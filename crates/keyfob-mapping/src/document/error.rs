//! Faults of documents.

use keyfob_core::{json::JsonError, name::closest};
use smol_str::SmolStr;
use thiserror::Error;

/// Why a mapping, a scoping filter or a synchronization schema can't be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{kind}", place(.path))]
#[non_exhaustive]
pub struct ImportError {
    /// Where, as in `synchronizationRules[0].objectMappings[1].flowTypes`; empty for the document itself.
    pub path: SmolStr,
    /// The fault.
    pub kind: ImportErrorKind,
}

/// A fault of a document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImportErrorKind {
    /// The text is not JSON, or nests too deep.
    #[error("the document is not valid JSON: {0}")]
    Json(JsonError),
    /// Another document.
    #[error(
        "this is no mapping; give what Microsoft Graph answers for `…/synchronization/jobs/{{id}}/schema`, or an object with \
         `source`, `target` and `attributes`"
    )]
    NoMapping,
    /// A member is missing.
    #[error("this is missing")]
    Missing,
    /// A member is something else.
    #[error("{expected} is expected here")]
    Invalid {
        /// The description of what is expected.
        expected: &'static str,
    },
    /// A member that there is not.
    #[error("there is no such member")]
    Unknown {
        /// A member that was perhaps meant.
        suggestion: Option<SmolStr>,
    },
    /// Attribute definitions that make no schema.
    #[error("{message}")]
    Target {
        /// The fault in them.
        message: SmolStr,
    },
    /// A word that is none of those that may stand here.
    #[error("`{word}` is not known here")]
    Word {
        /// The word.
        word: SmolStr,
        /// One that was perhaps meant.
        suggestion: Option<SmolStr>,
    },
}

impl ImportError {
    pub(crate) fn new(path: impl Into<SmolStr>, kind: ImportErrorKind) -> Self {
        Self {
            path: path.into(),
            kind,
        }
    }

    /// That a word is none of those that are known.
    pub(crate) fn word<const N: usize>(path: impl Into<SmolStr>, word: &str, known: [&str; N]) -> Self {
        let suggestion = closest(word, known);
        let word = word.into();
        Self::new(path, ImportErrorKind::Word { word, suggestion })
    }

    /// Returns what was perhaps meant.
    #[must_use]
    pub fn suggestion(&self) -> Option<&SmolStr> {
        match &self.kind {
            ImportErrorKind::Unknown { suggestion } | ImportErrorKind::Word { suggestion, .. } => {
                suggestion.as_ref()
            }
            _ => None,
        }
    }
}

fn place(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!("`{path}`: ")
    }
}
