//! Cutting the link to a provider.

use keyfob_core::{Dialect, ResourceType};
use keyfob_engine::{Context, event};
use keyfob_filter::Filter;
use keyfob_store::{Cause, Change, CommitError, NewEvent, OnRefusal, Query, Store, StoreError, Stored};

use super::{Admin, AdminError, Confirmed, demand_admin, demand_confirmation};
use crate::{event as product, provisioning::Provisioning};

impl<S: Store> Admin<'_, S> {
    /// Cuts the link to the provider: no token opens the organization any more, nothing is managed by the provider, and
    /// what the rules name is nothing without the link. Users and groups stay as they are and can be changed by
    /// administrators from then on.
    ///
    /// All of it happens in one commit; what the rules name is [swept](Self::sweep) afterwards. To unlink what is not linked
    /// changes nothing.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::ConfirmationRequired`], [`AdminError::Store`].
    ///
    /// # Complexity
    /// The commit is independent of what the organization has; sweeping is linear in what the rules name.
    pub async fn unlink(&self, cx: &Context, confirmation: Option<Confirmed>) -> Result<(), AdminError> {
        demand_admin(cx)?;
        demand_confirmation(confirmation)?;
        let is_cut = self
            .edit(
                cx,
                "unlink",
                &[product::UNLINKED, product::TOKEN_REVOKED],
                |provisioning, _| {
                    if provisioning.is_linked() {
                        *provisioning = Provisioning {
                            link: None,
                            tokens: Vec::new(),
                            ..provisioning.clone()
                        };
                    }
                    Ok((None, Vec::new()))
                },
            )
            .await?
            .is_changed;
        // The link is cut. What is left of it is nothing to anybody, and the next sweep finds it.
        if is_cut && let Err(error) = self.sweep(cx).await {
            tracing::warn!(%error, "what went with a link is still stored");
        }
        Ok(())
    }

    /// Removes what came over links that exist no more, as the rules name it, and returns how much that was.
    ///
    /// # Errors
    /// [`AdminError::Store`]; what was removed until then is removed.
    ///
    /// # Complexity
    /// Linear in what the rules name, in commits of at most 100 changes.
    pub async fn sweep(&self, cx: &Context) -> Result<usize, AdminError> {
        let mut swept = 0;
        for (name, filter) in self
            .provisioner
            .modules()
            .iter()
            .flat_map(|module| module.unlinked())
        {
            let resource_type = self.provisioner.registry().resource_type(name);
            let resource_type = resource_type
                .ok_or_else(|| StoreError::internal(format!("no resource type `{name}` is registered")))?;
            let filter = Filter::parse(filter).map_err(StoreError::internal)?;
            let filter = filter
                .compile(resource_type, Dialect::strict())
                .map_err(StoreError::internal)?;
            let page = self
                .provisioner
                .store()
                .query(&cx.reading(), resource_type, &Query::all().with_filter(filter))
                .await?;
            let link = self.provisioner.provisioning(cx).await?.link;
            let is_over = |stored: &&Stored| link.is_none() || !is_of(stored, link.as_deref());
            let over: Vec<&Stored> = page.resources.iter().filter(is_over).collect();
            for batch in over.chunks(BATCH) {
                swept += batch.len();
                self.remove(cx, resource_type, batch).await?;
            }
        }
        Ok(swept)
    }

    async fn remove(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        batch: &[&Stored],
    ) -> Result<(), AdminError> {
        let ids = batch.iter().filter_map(|stored| stored.resource.id());
        let mut changes = Vec::new();
        let mut events = Vec::new();
        for (number, id) in ids.enumerate() {
            let event = NewEvent::new(event::DELETED, resource_type.name().clone(), id.clone());
            events.push(Change::publish(event, number));
            changes.push(Change::Delete {
                resource_type: resource_type.clone(),
                id,
                precondition: None,
                // Another sweep may be faster.
                on_refusal: OnRefusal::Skip(&[Cause::Missing]),
            });
        }
        changes.append(&mut events);
        let commit = self.provisioner.commit_of(cx, "sweep", changes, None);
        match self.provisioner.commit(cx, commit).await {
            Ok(_) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(other) => Err(StoreError::internal(other).into()),
        }
    }
}

/// How many resources a sweep removes in one commit.
const BATCH: usize = 100;

/// Returns true if a resource came over this link. One that doesn't say over which was stored by the first edition, which
/// removed it together with its link.
fn is_of(stored: &Stored, link: Option<&str>) -> bool {
    let named = stored.resource.core().get_str("link");
    named.is_none() || named == link
}
