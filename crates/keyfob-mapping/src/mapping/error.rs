//! Why a mapping can't be used, and why it can't be applied to an object.

use std::{fmt, ops::Range};

use keyfob_core::{
    AttrName, SchemaUri,
    render::{Printable, with_suggestion},
    schema::ResolveError,
    validate::ValidationError,
};
use keyfob_expression::{EvaluateError, ExpressionError};
use keyfob_filter::{CompileError, ParseError};
use smol_str::SmolStr;
use thiserror::Error;

use super::ObjectMapping;
use crate::scope::ScopeError;

/// Why a mapping can't be used: everything that is wrong with it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MappingError {
    /// The faults, at least one, in the order of the mapping.
    pub faults: Vec<MappingFault>,
}

/// A fault of a mapping, and the attribute that it is in.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{}{kind}", place(.target.as_ref()))]
#[non_exhaustive]
pub struct MappingFault {
    /// The target path of the attribute mapping at fault; none where it is the mapping's scoping filter.
    pub target: Option<SmolStr>,
    /// The fault.
    pub kind: MappingFaultKind,
}

/// A fault of a mapping.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum MappingFaultKind {
    /// The target is no path.
    #[error(transparent)]
    Path(#[from] ParseError),
    /// The resource type has no such attribute. Where the service provider has it, its schema has to be told of it.
    #[error("{0}")]
    Unknown(#[from] ResolveError),
    /// The filter in the target path doesn't fit the attribute.
    #[error(transparent)]
    Filter(#[from] CompileError),
    /// The target is a whole extension.
    #[error("`{uri}` is a whole extension; an attribute of it is needed")]
    Extension {
        /// The extension.
        uri: SchemaUri,
    },
    /// Only the service provider sets the attribute.
    #[error("the attribute is readOnly: only the service provider sets it")]
    ReadOnly,
    /// A filter or a sub-attribute where only the whole can be mapped.
    #[error("members can be mapped as a whole only")]
    Relation,
    /// A sub-attribute of all values of a multi-valued attribute.
    #[error(
        "this is a sub-attribute of every value; a filter such as `[type eq \"work\"]` has to say of which"
    )]
    EveryValue,
    /// A filter for an attribute without complex values to filter.
    #[error("the attribute has no complex values that a filter could select")]
    NoElements,
    /// A filter that doesn't say what a new value would have to hold.
    #[error("only a filter of `eq` joined by `and` says what a new value has to hold")]
    NotEqualities,
    /// A filter without a sub-attribute after it, where there is no `value`, or one that there is not.
    #[error("the attribute has no sub-attribute `{name}`")]
    NoSubAttribute {
        /// The name.
        name: SmolStr,
    },
    /// The filter says already what the sub-attribute holds.
    #[error("the filter says already what `{name}` is")]
    Fixed {
        /// The sub-attribute.
        name: AttrName,
    },
    /// Two mappings of one attribute, or of an attribute and a part of it.
    #[error("`{other}` is mapped too, and both can't be")]
    Overlap {
        /// The other target.
        other: SmolStr,
    },
    /// The expression is none, or can't be evaluated for any object.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// The default does not fit the attribute.
    #[error("the default does not fit: {0}")]
    Default(ApplyErrorKind),
    /// The scoping filter can't be used.
    #[error("scoping filter: {0}")]
    Scope(#[from] ScopeError),
}

impl std::error::Error for MappingError {}

/// One fault a line.
impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl MappingFault {
    /// Returns what was perhaps meant.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        match &self.kind {
            MappingFaultKind::Unknown(error) => error.suggestion().map(SmolStr::as_str),
            MappingFaultKind::Filter(error) => error.suggestion(),
            MappingFaultKind::Path(error) => error.suggestion(),
            _ => None,
        }
    }

    /// The message with the target, the expression and a caret under its fault, what was perhaps meant and what to do. What
    /// the mapping holds is [escaped](Printable).
    ///
    /// ```
    /// use keyfob_core::Registry;
    /// use keyfob_expression::Options;
    /// use keyfob_mapping::{AttributeMapping, Mapper, ObjectMapping};
    ///
    /// let mut mapping = ObjectMapping::new("User", "User");
    /// mapping.attributes = vec![AttributeMapping::new("title", "UCase([jobTitle])")];
    /// let user = Registry::rfc().resource_type("User").ok_or("no User")?;
    /// let error = Mapper::compile(&mapping, user, &Options::default()).unwrap_err();
    /// assert_eq!(
    ///     error.faults[0].display_in(&mapping),
    ///     "`title`: `UCase` is not a function\n  UCase([jobTitle])\n  ^^^^^\ndid you mean `ToUpper`?"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn display_in(&self, mapping: &ObjectMapping) -> String {
        let place = Printable(place(self.target.as_ref()));
        let mut attributes = mapping.attributes.iter();
        let attribute = attributes.find(|attribute| Some(&attribute.target) == self.target.as_ref());
        let expression = attribute.and_then(|attribute| attribute.expression.as_deref());
        if let (MappingFaultKind::Expression(error), Some(text)) = (&self.kind, expression) {
            return format!("{place}{}", error.display_with(text));
        }
        let mut told = match (&self.kind, &self.target) {
            (MappingFaultKind::Path(error), Some(target)) => {
                return format!("{place}{}", error.display_with(target));
            }
            (MappingFaultKind::Default(_), _) => {
                let default = attribute.and_then(|attribute| attribute.default.as_deref());
                format!(
                    "{}: `{}`",
                    Printable(self),
                    Printable(default.unwrap_or_default())
                )
            }
            _ => Printable(self).to_string(),
        };
        told = with_suggestion(told, self.suggestion());
        if let Some(help) = self.help() {
            told.push_str(" (");
            told.push_str(help);
            told.push(')');
        }
        told
    }

    /// Where in the expression of the attribute mapping at fault the fault is; nothing where it is not in the expression.
    #[must_use]
    pub fn span_in(&self, expression: &str) -> Option<Range<usize>> {
        match &self.kind {
            MappingFaultKind::Expression(error) => error.span_in(expression),
            _ => None,
        }
    }

    /// Returns what to do about it, where there is more to say than the message does.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match &self.kind {
            MappingFaultKind::Unknown(_) => Some(
                "a custom attribute has to be added to the target's attribute definitions before it can be mapped",
            ),
            _ => None,
        }
    }
}

/// Why a mapping can't be applied to an object of the source.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The scoping filter can't decide.
    #[error("scoping filter: {0}")]
    Scope(#[from] ScopeError),
    /// An attribute can't be mapped.
    #[error("`{target}`: {kind}")]
    Attribute {
        /// The target path.
        target: SmolStr,
        /// The fault.
        kind: ApplyErrorKind,
    },
}

/// Why an attribute can't be mapped.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ApplyErrorKind {
    /// The expression has no value.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The value does not fit the attribute.
    #[error("{0}")]
    Invalid(#[from] ValidationError),
    /// The value is of another type than the attribute.
    #[error("{expected} is needed, which {found} is not")]
    WrongType {
        /// The description of what is needed.
        expected: &'static str,
        /// The description of the expression's value.
        found: &'static str,
    },
    /// The expression leaves the object out of the flow (`IgnoreObjectFlow`).
    #[error("the expression leaves the object out of the flow")]
    Skipped,
    /// Several values for a single-valued attribute.
    #[error("the attribute takes one value, not {found}")]
    ManyValues {
        /// The number that there is.
        found: usize,
    },
}

fn place(target: Option<&SmolStr>) -> String {
    target.map(|target| format!("`{target}`: ")).unwrap_or_default()
}
