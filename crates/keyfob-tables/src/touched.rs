//! What the application tells of rows that it wrote itself.

use keyfob_core::{CompareKey, ResourceId};
use keyfob_store::{Commit, CommitError, Labels, Listed, NewEvent, Outcome, StoreError, UniqueKey, When};

use crate::{
    error::Failure,
    row::{Cell, Key},
    session::{Found, Session},
    shape::{Kind, type_of},
    store::TableStore,
    tables::{Tables, Which},
    write::revision,
};

impl<T: Tables> TableStore<T> {
    /// Tells of rows that the application inserted, changed or deleted in a transaction, before it commits it: each is given
    /// its next version, and an event says `created` (the first time that the store hears of the row), `changed` or
    /// `deleted`.
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
        let registry = self.store.registry.clone();
        let resource_type = type_of(&registry, kind).map_err(StoreError::internal)?;
        let keys = self.keys(kind, &found);
        for key in &keys {
            if self.holder(resource_type, key, Some(found.id())).await?.is_some() {
                let attribute = key.attribute.clone();
                return Err(CommitError::UniquenessViolated {
                    change: number,
                    attribute,
                }
                .into());
            }
        }
        self.advance(&mut found, commit.at).await?;
        self.index(resource_type, &found).await?;
        if !found.is_hidden() && !keys.is_empty() {
            // What else it reserves is not of its columns.
            let attributes: Vec<&str> = keys.iter().map(|key| key.attribute.as_str()).collect();
            self.reserve_of(resource_type, found.id(), &keys, Some(&attributes))
                .await?;
        }
        let outcome = Outcome::Changed {
            revision: revision(&found),
            joined: Listed::new(),
            left: Listed::new(),
            unknown: Vec::new(),
        };
        let name = if is_new { "created" } else { "changed" };
        Ok((name, found.id().clone(), outcome, self.names(&found)))
    }

    /// The keys of the unique columns.
    fn keys(&self, kind: Kind, found: &Found) -> Vec<UniqueKey> {
        let cells = found
            .own
            .as_ref()
            .map(|(_, row)| row.cells.as_slice())
            .unwrap_or_default();
        let columns = self.store.layout(kind).columns.iter().zip(cells);
        let keys = columns.filter_map(|(placed, cell)| match cell {
            Cell::Text(text) if placed.column.is_unique => {
                let key = CompareKey::new(placed.collation, text);
                Some(UniqueKey::new(placed.path.to_string(), key))
            }
            _ => None,
        });
        keys.collect()
    }
}
