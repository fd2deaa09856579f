//! The store.

use std::{fmt, sync::Arc, time::Instant};

use keyfob_core::{Clock, DateTime, Registry, ResourceId, ResourceType, SystemClock};
use keyfob_store::{
    Budget, Capabilities, Commit, CommitError, CommitId, Committed, Exhausted, Page, Query, ReadContext,
    Selection, Store, StoreError, Stored, TenantId, Types,
};

use crate::{
    error::{Failure, OpenError, TableError},
    layout::Layout,
    schema,
    session::Session,
    shape::{Hiding, Kind},
    tables::{Scope, Tables, Which},
    transaction::{Access, Transaction},
};

/// The number of attempts at something that collides with others.
pub(crate) const ATTEMPTS: usize = 8;

/// The number of looks for side tables that another process may be making.
const OPENINGS: usize = 3;

/// A [`Store`] on an application's own tables of users and groups.
///
/// Rows of the application are resources, whoever wrote them. What else a resource has, and all resources of other types,
/// stand in side tables of the same database. Both are written in one transaction of the application's.
///
/// # Rows that the application writes
/// The store needs not be told. A row that it has never written has an id that follows from its key, and every change of
/// its columns changes its entity tag, so that `If-Match` of a client that read the old row fails. Nobody else hears of
/// it: events are published for [`touched`](Self::touched) rows alone. The memberships of a group are not in its tag
/// unless they are written by the store or told of.
///
/// # Complexity
/// - Resources by their ids, by an indexed attribute, and groups by their members: independent of what is stored.
/// - Any other query: linear in the resources of the type.
/// - A commit: independent of what is stored and of the size of a group whose membership changes. Commits of one tenant
///   take turns.
pub struct TableStore<T> {
    pub(crate) tables: T,
    layouts: [Layout; 2],
    pub(crate) installed: DateTime,
    pub(crate) capabilities: Capabilities,
    pub(crate) registry: Registry,
}

/// Runs a method of a session in a transaction of its own, again where it collides with others.
macro_rules! within {
    ($store:expr, $access:expr, $tenant:expr, |$session:ident| $work:expr) => {{
        let budget = keyfob_store::Budget::UNLIMITED;
        within!($store, $access, $tenant, budget, |$session| $work)
    }};
    ($store:expr, $access:expr, $tenant:expr, $budget:expr, |$session:ident| $work:expr) => {{
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut tx = match $store.begin($access, $budget.deadline).await {
                Err(error) => break Err(error.into()),
                Ok(tx) => tx,
            };
            let result = {
                let mut $session = $store.session(&mut tx, $tenant, $budget);
                $work.await
            };
            match result {
                Err(failure) if failure.is_conflict() && attempts < $crate::store::ATTEMPTS => {}
                result => break $store.end(tx, $access, result).await,
            }
        }
    }};
}
pub(crate) use within;

impl<T: Tables> TableStore<T> {
    /// Opens the store: makes the side tables where they are missing, and asks for a row of each table, so that a column
    /// that is missing is found now. Where the side tables are there, the right to read and write them is enough.
    ///
    /// The registry is the one that the engine serves, from [`Shape::registry`](crate::Shape::registry) or
    /// [`Shape::trim`](crate::Shape::trim).
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(tables: T, registry: &Registry) -> Result<Self, OpenError> {
        let shape = tables.shape();
        let layouts = shape.layouts(registry)?;
        let capabilities = Capabilities {
            durable: true,
            hiding: shape.hiding(Kind::User) != Hiding::Never,
            sorting: true,
            cursors: true,
            // The application may change memberships without a word, and then the version of the group stays.
            member_pages: false,
            nested_groups: false,
            unknown_extensions: shape.overflow,
            ids: shape.ids,
            types: Types::All,
        };
        let prefix = tables.shape().prefix.clone();
        let mut attempts = 0;
        let (mut tx, installed) = loop {
            attempts += 1;
            let mut tx = tables.begin(Access::Write).await?;
            match schema::migrate(&mut tx, &prefix, SystemClock::new().now()).await {
                Ok(installed) => break (tx, installed),
                // Of two processes that make the same tables at once the second fails, in one of several ways, when the
                // first is done. By then the tables are there.
                Err(OpenError::Tables(_)) if attempts < OPENINGS => {}
                Err(error) => return Err(error),
            }
        };
        for kind in Kind::ALL {
            let of = Scope {
                tenant: &TenantId::SYSTEM,
                kind,
            };
            let which = Which::All {
                after: None,
                limit: 1,
            };
            for row in tables.rows(&mut tx, of, which).await? {
                shape.table(kind).check(kind, &row)?;
            }
        }
        tx.commit().await?;
        Ok(Self {
            tables,
            layouts,
            installed,
            capabilities,
            registry: registry.clone(),
        })
    }

    /// Returns the statements that make the side tables, to be run by the application's own migrations.
    pub fn statements(tables: &T) -> String {
        schema::statements(T::Transaction::DIALECT, &tables.shape().prefix)
    }

    /// Returns the application's tables.
    pub fn tables(&self) -> &T {
        &self.tables
    }

    /// Returns the id of a row that the application inserted, and of every row where ids
    /// [follow from keys](crate::Shape::with_ids_of_keys).
    pub(crate) fn id_of(&self, kind: Kind, key: &str) -> ResourceId {
        ResourceId::new(format!("{}{key}", self.tables.shape().id_prefix(kind)))
    }

    pub(crate) fn layout(&self, kind: Kind) -> &Layout {
        let [users, groups] = &self.layouts;
        match kind {
            Kind::User => users,
            Kind::Group => groups,
        }
    }

    pub(crate) fn hides(&self) -> bool {
        self.capabilities.hiding
    }

    /// Puts the names of the side tables into a statement.
    pub(crate) fn statement(&self, statement: &str) -> String {
        statement.replace('@', &self.tables.shape().prefix)
    }

    pub(crate) fn session<'s>(
        &'s self,
        tx: &'s mut T::Transaction,
        tenant: &TenantId,
        budget: Budget,
    ) -> Session<'s, T> {
        Session {
            store: self,
            tx,
            tenant: tenant.clone(),
            meter: budget.meter(),
        }
    }

    pub(crate) async fn begin(
        &self,
        access: Access,
        deadline: Option<Instant>,
    ) -> Result<T::Transaction, TableError> {
        let mut tx = self.tables.begin(access).await?;
        if let Some(deadline) = deadline {
            tx.end_by(deadline).await?;
        }
        Ok(tx)
    }

    /// Ends a transaction: commits it if it writes and nothing failed.
    pub(crate) async fn end<R>(
        &self,
        tx: T::Transaction,
        access: Access,
        result: Result<R, Failure>,
    ) -> Result<R, StoreError> {
        let result = result.map_err(|failure| match CommitError::from(failure) {
            CommitError::Store(error) => error,
            other => StoreError::internal(other),
        })?;
        if access == Access::Write {
            tx.commit().await?;
        }
        Ok(result)
    }

    /// Applies a commit within a transaction of the application's.
    ///
    /// What it does happens when the application commits, with whatever else it does in the transaction, and not if the
    /// application rolls it back. The outcomes hold in the first case alone. The application
    /// [takes its turn](Self::take_turn) before it writes rows of its own.
    ///
    /// # Errors
    /// [`CommitError`]. The transaction can then only be rolled back.
    pub async fn commit_within(
        &self,
        tx: &mut T::Transaction,
        commit: &Commit,
    ) -> Result<Committed, CommitError> {
        Ok(self.apply(tx, commit).await?)
    }

    async fn apply(&self, tx: &mut T::Transaction, commit: &Commit) -> Result<Committed, Failure> {
        let mut session = self.session(tx, &commit.tenant, Budget::UNLIMITED);
        session.apply(commit).await
    }

    /// Applies a commit in a transaction of its own, again where it collides with others.
    async fn commit_one(&self, commit: &Commit) -> Result<Committed, CommitError> {
        let mut attempts = 0;
        loop {
            if commit.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(StoreError::from(Exhausted::Time).into());
            }
            attempts += 1;
            // Without a pause: commits of a tenant take turns, and what collides with the application has waited for it
            // until the database ended that.
            match self.attempt(commit).await {
                Err(failure) if failure.is_conflict() && attempts < ATTEMPTS => {}
                result => return Ok(result?),
            }
        }
    }

    async fn attempt(&self, commit: &Commit) -> Result<Committed, Failure> {
        let mut tx = self.begin(Access::Write, commit.deadline).await?;
        // An error drops the transaction, and that takes back what was done.
        let committed = self.apply(&mut tx, commit).await?;
        tx.commit().await?;
        Ok(committed)
    }
}

impl<T: Tables> Store for TableStore<T> {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        within!(self, Access::Read, &cx.tenant, cx.budget, |session| {
            session.get(resource_type, ids, selection)
        })
    }

    async fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        within!(self, Access::Read, &cx.tenant, cx.budget, |session| {
            session.query(resource_type, query)
        })
    }

    async fn commit(&self, commits: &[Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        let mut results = Vec::with_capacity(commits.len());
        for commit in commits {
            results.push(self.commit_one(commit).await);
        }
        results
    }

    async fn committed(&self, tenant: &TenantId, commit: &CommitId) -> Result<bool, StoreError> {
        let mut tx = self.tables.begin(Access::Write).await?;
        let known = self
            .session(&mut tx, tenant, Budget::UNLIMITED)
            .committed(commit)
            .await;
        // There is nothing to keep.
        self.end(tx, Access::Read, known).await
    }
}

impl<T: Tables> Session<'_, T> {
    async fn committed(&mut self, commit: &CommitId) -> Result<bool, Failure> {
        // Of a connection that broke the database may still be at the end of the transaction. It has the turn until then.
        self.take_turn().await?;
        let values = [self.tenant(), commit.as_str().into()];
        let statement = "SELECT id FROM @commits WHERE tenant = ?1 AND id = ?2";
        Ok(!self.select(statement, &values).await?.is_empty())
    }
}

impl<T> fmt::Debug for TableStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableStore").finish_non_exhaustive()
    }
}
