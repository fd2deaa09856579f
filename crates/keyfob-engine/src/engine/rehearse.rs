//! The check of a commit that is not made.

use std::sync::Arc;

use keyfob_store::{
    Change, Commit, CommitError, Committed, Query, Selection, Store, StoreError, StoreExt, Total,
};

use super::Engine;
use crate::{context::Context, rehearsal::Rehearsal};

impl<S: Store> Engine<S> {
    /// Applies a commit of a call: at once, or with the other operations of the call's batch. The commit of a call that is
    /// [rehearsing](Context::rehearsing) is noted and not applied.
    ///
    /// # Errors
    /// [`CommitError`]. A rehearsal ends with [`StoreError::Refused`] once the commit is noted; before that it looks for
    /// the refusals of a store that can be seen without writing: taken ids, taken unique values and resources that are
    /// gone.
    pub async fn commit(
        &self,
        cx: &Context,
        commit: impl Into<Arc<Commit>> + Send,
    ) -> Result<Committed, CommitError> {
        let commit = commit.into();
        match (cx.rehearsal(), cx.batch()) {
            (Some(rehearsal), _) => self.rehearse(cx, commit, rehearsal).await,
            (None, Some(place)) => place.commit(commit).await,
            (None, None) => self.store().commit_one(commit).await,
        }
    }

    async fn rehearse(
        &self,
        cx: &Context,
        commit: Arc<Commit>,
        rehearsal: &Rehearsal,
    ) -> Result<Committed, CommitError> {
        let reading = cx.reading();
        let reading = keyfob_store::ReadContext {
            tenant: commit.tenant.clone(),
            ..reading
        };
        let selection = Selection::document();
        for (number, change) in commit.changes.iter().enumerate() {
            // What may be skipped is not in the way of the commit.
            if change.on_refusal() != keyfob_store::OnRefusal::Fail {
                continue;
            }
            let (unique, is_new) = match change {
                Change::Create { unique, .. } => (unique.as_slice(), true),
                Change::Update {
                    unique: Some(unique), ..
                } => (unique.as_slice(), false),
                Change::Update { .. } | Change::Delete { .. } => (&[][..], false),
                Change::Expect { .. } | Change::Publish { .. } | Change::Forget { .. } => continue,
            };
            let Some((resource_type, id)) = change.subject() else {
                continue;
            };
            let found = self
                .store()
                .get_one(&reading, resource_type, id, &selection)
                .await?;
            let is_made_before = commit
                .changes
                .iter()
                .take(number)
                .any(|earlier| matches!(earlier, Change::Create { id: made, .. } if made == id));
            match found {
                Some(_) if is_new => return Err(CommitError::IdTaken { change: number }),
                None if !is_new && !is_made_before => return Err(CommitError::NotFound { change: number }),
                _ => {}
            }
            for key in unique {
                let query = Query::reserving(key.clone()).with_total(Total::Unknown);
                let holders = self.store().query(&reading, resource_type, &query).await?;
                let is_other = |holder: &keyfob_store::Stored| holder.resource.id().as_ref() != Some(id);
                if holders.resources.iter().any(is_other) {
                    return Err(CommitError::UniquenessViolated {
                        change: number,
                        attribute: key.attribute.clone(),
                    });
                }
            }
        }
        rehearsal.note(commit);
        Err(StoreError::Refused("the call is a rehearsal".into()).into())
    }
}
