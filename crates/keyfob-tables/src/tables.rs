//! The trait that an application implements.

use std::future::Future;

use keyfob_store::TenantId;

use crate::{
    error::TableError,
    row::{Cell, Key, Row},
    shape::{Kind, Shape},
    transaction::{Access, Transaction},
};

/// An application's own tables of users and groups.
///
/// The application reads and writes its rows; what else SCIM needs (ids, versions, unique keys, events, the service's own
/// resources) stands in side tables of the same database, which [`TableStore`](crate::TableStore) reads and writes in the
/// same transaction.
///
/// The module of a driver, such as `sqlite`, has a whole implementation.
///
/// Every method sees the rows of one tenant alone. Rows that are deleted softly are rows too, with
/// [`Row::hidden`] set.
pub trait Tables: Send + Sync + 'static {
    /// The application's transaction, rolled back when it is dropped.
    type Transaction: Transaction;

    /// Returns which columns there are.
    fn shape(&self) -> &Shape;

    /// Begins a transaction.
    ///
    /// One that reads sees one snapshot. One that writes holds back others that write the same rows.
    fn begin(&self, access: Access) -> impl Future<Output = Result<Self::Transaction, TableError>> + Send;

    /// Reads rows.
    ///
    /// In a transaction that writes, [locked](Which::Locked) rows stay so until its end, in databases in which several
    /// transactions write at once.
    fn rows(
        &self,
        tx: &mut Self::Transaction,
        of: Scope<'_>,
        which: Which<'_>,
    ) -> impl Future<Output = Result<Vec<Row>, TableError>> + Send;

    /// Inserts a row with these values, in the order of the table's columns, and returns it as the database has it, or none
    /// where the database inserts none.
    fn insert(
        &self,
        tx: &mut Self::Transaction,
        of: Scope<'_>,
        cells: &[Cell],
    ) -> impl Future<Output = Result<Option<Row>, TableError>> + Send;

    /// Gives a row these values and returns it as the database has it, or none where there is no such row.
    fn update(
        &self,
        tx: &mut Self::Transaction,
        of: Scope<'_>,
        key: &Key,
        cells: &[Cell],
    ) -> impl Future<Output = Result<Option<Row>, TableError>> + Send;

    /// Removes a row with its memberships.
    fn delete(
        &self,
        tx: &mut Self::Transaction,
        of: Scope<'_>,
        key: &Key,
    ) -> impl Future<Output = Result<(), TableError>> + Send;

    /// Deletes a row softly, or takes that back. Its memberships stay.
    ///
    /// Called where resources [are hidden](crate::Hiding). Without an own method the mark in the side tables is all that
    /// there is.
    fn hide(
        &self,
        _tx: &mut Self::Transaction,
        _of: Scope<'_>,
        _key: &Key,
        _hidden: bool,
    ) -> impl Future<Output = Result<(), TableError>> + Send {
        async { Ok(()) }
    }

    /// Reads memberships, in any order: at most `limit` of all together.
    ///
    /// A page of groups is asked for at once, so that one statement that takes a list of keys
    /// (`= ANY($1)`, `IN (SELECT value FROM json_each(?1))`) makes one round trip of a page.
    fn members(
        &self,
        tx: &mut Self::Transaction,
        tenant: &TenantId,
        of: Members<'_>,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<Membership>, TableError>> + Send;

    /// Puts a user into a group or takes it out, and returns true if that changes anything.
    fn set_member(
        &self,
        tx: &mut Self::Transaction,
        tenant: &TenantId,
        membership: &Membership,
        is_member: bool,
    ) -> impl Future<Output = Result<bool, TableError>> + Send;
}

/// The rows of one table that belong to one tenant.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an application looks at both")]
pub struct Scope<'t> {
    /// The tenant.
    pub tenant: &'t TenantId,
    /// The table.
    pub kind: Kind,
}

/// Which rows are read.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "an application handles all of them")]
pub enum Which<'w> {
    /// Those with these keys, in any order: at most 500 of them. Keys without a row are passed over.
    Keys(&'w [Key]),
    /// The same, and the application doesn't change them before the transaction ends (`FOR NO KEY UPDATE`). The store asks
    /// so for what it is about to write, and for nothing else.
    Locked(&'w [Key]),
    /// Those whose value in an indexed or unique column equals a text, but for case where the attribute is not
    /// `caseExact`. More rows do no harm: the store compares them all.
    Equal {
        /// The name of the column.
        column: &'w str,
        /// The text, in lower case where case is of no account.
        text: &'w str,
    },
    /// At most `limit` rows in the order of their keys.
    All {
        /// The key after which they begin.
        after: Option<&'w Key>,
        /// The number of rows at most.
        limit: i64,
    },
}

/// Which memberships are read.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "an application handles both")]
pub enum Members<'m> {
    /// Those of groups: at most 500 of them.
    OfGroups(&'m [Key]),
    /// Those of users: at most 500 of them.
    OfUsers(&'m [Key]),
}

/// A user in a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an edge has two ends")]
pub struct Membership {
    /// The key of the group.
    pub group: Key,
    /// The key of the user.
    pub user: Key,
}
