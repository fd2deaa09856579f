//! Cutting the link to a provider.

use keyfob_core::{Dialect, ResourceId, ResourceType};
use keyfob_filter::Filter;
use keyfob_store::{Change, NewEvent, Query, Store, StoreError};

use super::{Admin, AdminError, Confirmed, demand_admin, demand_confirmation, link::of_provisioning};
use crate::{context::Context, engine::Engine, event, provisioning::Provisioning, rule::Rule};

impl<S: Store> Admin<'_, S> {
    /// Cuts the link to the provider: no token opens the organization any more, nothing is managed by the provider, and
    /// what the rules name goes. Users and groups stay as they are and can be changed by administrators from then on.
    ///
    /// All of it happens in one commit. To unlink what is not linked changes nothing.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::ConfirmationRequired`], [`AdminError::Store`].
    ///
    /// # Complexity
    /// Linear in what the rules name, whatever the number of users and groups: these are managed as long as the link is
    /// there over which they came.
    pub async fn unlink(&self, cx: &Context, confirmation: Option<Confirmed>) -> Result<(), AdminError> {
        demand_admin(cx)?;
        demand_confirmation(confirmation)?;
        for _ in 0..Engine::<S>::MAX_ATTEMPTS {
            let before = self.engine.provisioning(cx).await?;
            if !before.is_linked() {
                return Ok(());
            }
            let after = Provisioning {
                link: None,
                tokens: Vec::new(),
                ..before.clone()
            };
            let going = self.going(cx).await?;
            let mut changes = Vec::new();
            let mut events = Vec::new();
            for (resource_type, id) in going {
                let name = resource_type.name().clone();
                events.push(NewEvent::new(event::DELETED, name, id.clone()));
                changes.push(Change::delete(resource_type, id, None));
            }
            events.extend([event::UNLINKED, event::TOKEN_REVOKED].map(of_provisioning));
            match self.save(cx, "unlink", &after, changes, events).await {
                Err(AdminError::Contention) => {}
                outcome => {
                    if outcome.is_ok() {
                        self.forget_ended(&before, &after).await;
                    }
                    return outcome;
                }
            }
        }
        Err(AdminError::Contention)
    }

    /// What goes with the link.
    async fn going(&self, cx: &Context) -> Result<Vec<(&ResourceType, ResourceId)>, AdminError> {
        let mut going = Vec::new();
        for (name, filter) in self.engine.rules().flat_map(Rule::unlinked) {
            let resource_type = self.engine.registry().resource_type(name);
            let resource_type = resource_type
                .ok_or_else(|| StoreError::internal(format!("no resource type `{name}` is registered")))?;
            let filter = Filter::parse(filter).map_err(StoreError::internal)?;
            let filter = filter
                .compile(resource_type, Dialect::strict())
                .map_err(StoreError::internal)?;
            let query = Query::all().with_filter(filter);
            let page = self
                .engine
                .store()
                .query(&cx.reading(), resource_type, &query)
                .await?;
            let ids = page.resources.iter().filter_map(|stored| stored.resource.id());
            going.extend(ids.map(|id| (resource_type, id)));
        }
        Ok(going)
    }
}
