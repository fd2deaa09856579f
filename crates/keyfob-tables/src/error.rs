//! Failures of tables.

use std::error::Error as StdError;

use keyfob_core::{SmolStr, schema::RegistryError};
use keyfob_store::{CommitError, StoreError};
use thiserror::Error;

type Source = Box<dyn StdError + Send + Sync>;

/// The error when the application's tables can't be read or written.
///
/// The errors of the drivers convert into it by `?`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// A unique constraint of the application refuses a value: the name of the constraint, or of its columns. Maps to
    /// 409 `uniqueness` where a column of the [table](crate::Table) is named in it, and to 400 otherwise. Clients never see
    /// the name.
    #[error("the unique constraint `{0}` doesn't hold")]
    Taken(String),
    /// A column that may not be null has no value: the name of the column. Maps to 400 `invalidValue`, with the path of its
    /// attribute.
    #[error("the column `{0}` has no value and may not be null")]
    Required(String),
    /// A value has no place in its column. Maps to 400 `invalidValue`, with the path of its attribute.
    #[error("the value of column {cell} {reason}")]
    Unfit {
        /// The number of the column in the order of the [table](crate::Table), from 0 on.
        cell: usize,
        /// The rest of a sentence about the value, as in `is longer than 40 characters`. Clients see it.
        reason: String,
    },
    /// Something else of the application refuses the change, such as a trigger: why, in words for clients. Maps to 400
    /// `invalidValue`, with this text.
    #[error("{0}")]
    Refused(String),
    /// The transaction collided with another and was rolled back. The store tries it again.
    #[error("the transaction collided with another")]
    Conflict(#[source] Source),
    /// The database can't be reached or is busy. Maps to 503.
    #[error("the database is unavailable")]
    Unavailable(#[source] Source),
    /// The connection broke while a transaction was committed. Maps to 503.
    #[error("it is not known whether the transaction was committed")]
    OutcomeUnknown(#[source] Source),
    /// Anything else, such as a column that is missing. Maps to 500.
    #[error("the database failed")]
    Failed(#[source] Source),
}

impl TableError {
    /// Creates the error of a failure that the client can do nothing about.
    pub fn failed(source: impl Into<Source>) -> Self {
        Self::Failed(source.into())
    }

    /// Creates the error of a database that can't be reached.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable(source.into())
    }
}

impl From<TableError> for StoreError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Taken(_) => {
                Self::Refused("a value that has to be unique in the application is another row's".into())
            }
            TableError::Refused(text) => Self::Refused(text.into()),
            // Whoever knows of which attribute it is has said so before.
            error @ (TableError::Required(_) | TableError::Unfit { .. }) => Self::internal(error),
            TableError::Conflict(source) | TableError::Unavailable(source) => Self::Unavailable(source),
            TableError::OutcomeUnknown(source) => Self::OutcomeUnknown(source),
            TableError::Failed(source) => Self::Internal(source),
        }
    }
}

/// The error when a store can't be opened on tables.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The shape doesn't fit the registry.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The tables can't be read, or the side tables can't be created.
    #[error("the tables can't be used")]
    Tables(#[from] TableError),
    /// The side tables are of a later release.
    #[error("the side tables are of format {found}, and this release knows formats up to {known}")]
    Format {
        /// The format of the side tables.
        found: i64,
        /// The latest format that this release knows.
        known: i64,
    },
}

/// The error when the columns of a shape don't fit the schemas.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// The path of a column names no attribute.
    #[error("the column `{column}`: `{path}` is no attribute of a {kind}")]
    UnknownAttribute {
        /// The column.
        column: SmolStr,
        /// The path.
        path: SmolStr,
        /// The name of the resource type.
        kind: &'static str,
    },
    /// The path of a column names an attribute that has no single simple value.
    #[error("the column `{column}`: `{path}` is {found}, and a column holds one simple value")]
    UnfitAttribute {
        /// The column.
        column: SmolStr,
        /// The path.
        path: SmolStr,
        /// The kind of the attribute.
        found: &'static str,
    },
    /// Two columns of a table have the same name or path.
    #[error("the column `{column}` or its path `{path}` is declared twice")]
    Duplicate {
        /// The column.
        column: SmolStr,
        /// The path.
        path: SmolStr,
    },
    /// A column has a name by which a row says something else.
    #[error(
        "a column can't be declared as `{column}`, which is what a row says of itself: give it another name by AS"
    )]
    ReservedColumn {
        /// The column.
        column: SmolStr,
    },
    /// A required attribute has no column.
    #[error("`{path}` of a {kind} is required and has no column")]
    Missing {
        /// The path.
        path: SmolStr,
        /// The name of the resource type.
        kind: &'static str,
    },
    /// The registry has no such type.
    #[error("the registry has no resource type `{kind}`")]
    UnknownType {
        /// The name of the resource type.
        kind: &'static str,
    },
    /// Groups of the registry may have groups as members.
    #[error("groups of own tables are flat: build the registry by `Shape::registry` or `Shape::trim`")]
    NestedGroups,
    /// The schemas don't make a registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Why a commit was not applied.
pub(crate) enum Failure {
    Refused(CommitError),
    Table(TableError),
}

impl Failure {
    /// Returns true if it may go well the next time.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Table(TableError::Conflict(_)))
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<TableError> for Failure {
    fn from(error: TableError) -> Self {
        Self::Table(error)
    }
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error,
            Failure::Table(error) => StoreError::from(error).into(),
        }
    }
}
