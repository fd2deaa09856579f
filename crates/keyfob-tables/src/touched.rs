//! What the application tells of rows that it wrote itself.

use keyfob_core::ResourceId;
use keyfob_store::{Commit, CommitError, Labels, Listed, NewEvent, Outcome, StoreError, TenantId, When};

use crate::{
    error::Failure,
    row::Key,
    session::Session,
    shape::Kind,
    store::TableStore,
    tables::{Tables, Which},
    write::revision,
};

impl<T: Tables> TableStore<T> {
    /// Waits for the commits of a tenant that are under way, and keeps others waiting until the transaction ends.
    ///
    /// It comes first in a transaction of the application's in which [`touched`](Self::touched) or
    /// [`commit_within`](Self::commit_within) come later. The store takes its turn before it locks rows; a transaction that
    /// locks a row and takes its turn then waits for a commit that waits for the row.
    ///
    /// # Errors
    /// [`StoreError`]. The transaction can then only be rolled back.
    pub async fn take_turn(&self, tx: &mut T::Transaction, tenant: &TenantId) -> Result<(), StoreError> {
        let mut session = self.session(tx, tenant, keyfob_store::Budget::UNLIMITED);
        Ok(session.take_turn().await?)
    }

    /// Tells of rows that the application inserted, changed or deleted in a transaction, before it commits it: each is given
    /// its next version, and an event says `created` (the first time that the store hears of the row), `changed` or
    /// `deleted`.
    ///
    /// The application [takes its turn](Self::take_turn) before it writes the first of them.
    ///
    /// The rows are there at once without this; it is for those who follow the events, and for groups whose memberships
    /// changed. The commit says who did it, when and for which request, and has no changes.
    ///
    /// # Errors
    /// [`CommitError::UniquenessViolated`] where the value of a unique column is another resource's, and other
    /// [`CommitError`]s. The transaction can then only be rolled back.
    pub async fn touched(
        &self,
        tx: &mut T::Transaction,
        commit: &Commit,
        rows: &[(Kind, Key)],
    ) -> Result<(), CommitError> {
        let mut session = self.session(tx, &commit.tenant, keyfob_store::Budget::UNLIMITED);
        Ok(session.touched(commit, rows).await?)
    }
}

impl<T: Tables> Session<'_, T> {
    async fn touched(&mut self, commit: &Commit, rows: &[(Kind, Key)]) -> Result<(), Failure> {
        self.begin(commit).await?;
        for (number, (kind, key)) in rows.iter().enumerate() {
            let (name, id, outcome, labels) = self.touch(commit, number, *kind, key).await?;
            let event = NewEvent::new(name, kind.name(), id);
            let number = u32::try_from(number).map_err(StoreError::internal)?;
            let about = (&event, When::Changed(0));
            self.publish(commit, number, about, &[outcome], labels).await?;
        }
        Ok(())
    }

    async fn touch(
        &mut self,
        commit: &Commit,
        number: usize,
        kind: Kind,
        key: &Key,
    ) -> Result<(&'static str, ResourceId, Outcome, Labels), Failure> {
        let rows = self.rows(kind, Which::Keys(std::slice::from_ref(key))).await?;
        let Some(mut found) = self.found(kind, rows).await?.pop() else {
            let id = self.left_over_id(kind, key).await?;
            self.remove_left_over_of(kind, key).await?;
            return Ok(("deleted", id, Outcome::Deleted, Labels::default()));
        };
        let is_new = found.side.version == 0;
        if let Some(attribute) = self.take_over(&mut found).await? {
            return Err(CommitError::UniquenessViolated {
                change: number,
                attribute,
            }
            .into());
        }
        self.advance(&mut found, commit.at).await?;
        let outcome = Outcome::Changed {
            revision: revision(&found),
            joined: Listed::new(),
            left: Listed::new(),
            unknown: Vec::new(),
        };
        let name = if is_new { "created" } else { "changed" };
        Ok((name, found.id().clone(), outcome, self.names(&found)))
    }
}
