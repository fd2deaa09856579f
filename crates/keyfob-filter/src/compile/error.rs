//! What can be wrong with a filter that is well formed.

use std::{fmt, ops::Range};

use keyfob_core::{
    AttrName, AttrPath, ErrorBody, ScimType, ToErrorBody,
    render::{Rendered, with_suggestion},
    schema::{AttributeType, ResolveError},
};
use thiserror::Error;

use crate::{ast::CompareOp, parse};

/// Why a filter does not fit a resource type or an attribute.
///
/// ```
/// use keyfob_core::{Dialect, Registry};
/// use keyfob_filter::Filter;
///
/// let text = r#"title pr and userNam eq "bjensen""#;
/// let user = Registry::rfc().resource_type("User").unwrap();
/// let error = Filter::parse(text)?.compile(user, Dialect::strict()).unwrap_err();
/// assert_eq!(error.to_string(), "`User` has no attribute `userNam`");
/// assert_eq!(error.suggestion(), Some("userName"));
/// assert_eq!(error.span_in(text), Some(13..20));
/// # Ok::<(), keyfob_filter::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", .inner.kind)]
pub struct CompileError {
    inner: Box<Inner>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    kind: CompileErrorKind,
    path: AttrPath,
    index: usize,
}

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CompileErrorKind {
    /// A path names nothing.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A path in a value filter is no sub-attribute of the attribute before the bracket.
    #[error("`{path}` is not a sub-attribute of `{attribute}`")]
    NotInElement {
        /// The attribute before the bracket.
        attribute: AttrName,
        /// The path.
        path: AttrPath,
    },
    /// The attribute before a value filter is neither multi-valued nor complex.
    #[error("`{path}` has no values that could be filtered")]
    NoElements {
        /// The path before the bracket.
        path: AttrPath,
    },
    /// A value filter within a value filter.
    #[error("a value filter can't hold another one")]
    NestedValuePath,
    /// A complex attribute without `value` is compared as a whole.
    #[error("`{attribute}` is complex; compare one of its sub-attributes")]
    Complex {
        /// The attribute.
        attribute: AttrName,
    },
    /// The operator does not apply to the attribute's type (RFC 7644 table 3).
    #[error("`{op}` does not apply to `{attribute}`, which is of type {}", kind.as_str())]
    Operator {
        /// The operator.
        op: CompareOp,
        /// The attribute, as written.
        attribute: AttrPath,
        /// Its type.
        kind: AttributeType,
    },
    /// `null` is compared with other than `eq` and `ne`.
    #[error("`{op}` does not apply to null")]
    NullOperator {
        /// The operator.
        op: CompareOp,
    },
    /// The literal is not of the attribute's type.
    #[error("`{attribute}` is of type {} and can't be compared with {literal}", kind.as_str())]
    Value {
        /// The attribute, as written.
        attribute: AttrPath,
        /// Its type.
        kind: AttributeType,
        /// The literal's type.
        literal: &'static str,
    },
    /// The literal is not a date and time.
    #[error("`{attribute}` is compared with a date and time such as \"2008-01-23T04:56:22Z\"")]
    NotDateTime {
        /// The attribute, as written.
        attribute: AttrPath,
    },
    /// The attribute is `returned: never`, so that no filter may tell its value either.
    #[error("`{path}` can't be filtered by")]
    Sensitive {
        /// The attribute.
        path: AttrPath,
    },
}

impl CompileError {
    pub(super) fn new(kind: CompileErrorKind, path: &AttrPath, index: usize) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                path: path.clone(),
                index,
            }),
        }
    }

    /// What does not fit.
    #[must_use]
    pub fn kind(&self) -> &CompileErrorKind {
        &self.inner.kind
    }

    /// The path, as written, of the comparison that does not fit.
    #[must_use]
    pub fn path(&self) -> &AttrPath {
        &self.inner.path
    }

    /// What was perhaps meant.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        match &self.inner.kind {
            CompileErrorKind::Resolve(error) => error.suggestion().map(smol_str::SmolStr::as_str),
            _ => None,
        }
    }

    /// Where the path stands in the text that the filter was read from; nothing when it was made otherwise.
    #[must_use]
    pub fn span_in(&self, text: &str) -> Option<Range<usize>> {
        parse::locate(text, self.inner.index)
    }

    /// The message with the text that the filter was read from and a caret under the path.
    #[must_use]
    pub fn display_with<'e>(&'e self, text: &'e str) -> impl fmt::Display + 'e {
        Rendered {
            suggestion: self.suggestion(),
            ..Rendered::new(self, text, self.span_in(text))
        }
    }
}

impl ToErrorBody for CompileError {
    /// 400 with `invalidFilter`; 403 with `sensitive` for an attribute that is `returned: never`.
    fn to_error_body(&self) -> ErrorBody {
        if let CompileErrorKind::Sensitive { .. } = self.inner.kind {
            return ErrorBody::new(403, self.to_string()).with_scim_type(ScimType::Sensitive);
        }
        ErrorBody::bad_request(
            ScimType::InvalidFilter,
            with_suggestion(self.to_string(), self.suggestion()),
        )
    }
}
