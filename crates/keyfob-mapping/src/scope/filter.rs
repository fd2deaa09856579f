//! Scoping filters as data.

use keyfob_core::SmolStr;

use super::Operator;

/// A scoping filter: it takes the objects of which all clauses of some group hold, and all objects where
/// there is no group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopingFilter {
    /// The groups, one of which has to hold.
    pub groups: Vec<ClauseGroup>,
}

/// Clauses all of which have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClauseGroup {
    /// A name for people; perhaps empty.
    pub name: SmolStr,
    /// The clauses, at least one.
    pub clauses: Vec<Clause>,
}

/// A question to one attribute of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Clause {
    /// The attribute.
    pub attribute: SmolStr,
    /// The operator.
    pub operator: Operator,
    /// The comparands: one text, or none with a unary operator.
    pub values: Vec<SmolStr>,
}

impl ScopingFilter {
    /// The filter of these groups.
    #[must_use]
    pub fn new(groups: Vec<ClauseGroup>) -> Self {
        Self { groups }
    }

    /// Returns true if it leaves everything in scope.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

impl ClauseGroup {
    /// The group of these clauses.
    #[must_use]
    pub fn new(name: impl Into<SmolStr>, clauses: Vec<Clause>) -> Self {
        Self {
            name: name.into(),
            clauses,
        }
    }
}

impl Clause {
    /// A clause that compares the attribute with a text.
    #[must_use]
    pub fn new(attribute: impl Into<SmolStr>, operator: Operator, value: impl Into<SmolStr>) -> Self {
        Self {
            attribute: attribute.into(),
            operator,
            values: vec![value.into()],
        }
    }

    /// A clause of a unary operator.
    #[must_use]
    pub fn unary(attribute: impl Into<SmolStr>, operator: Operator) -> Self {
        Self {
            attribute: attribute.into(),
            operator,
            values: Vec::new(),
        }
    }
}
