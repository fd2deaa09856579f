//! A look whether the store works.

use std::{sync::LazyLock, time::Instant};

use keyfob_core::{Registry, Resource, ResourceId, ResourceType, Schema, schema::ResourceTypeBuilder};
use keyfob_store::{
    Budget, Change, Commit, CommitError, CommitId, OnRefusal, ReadContext, Selection, Store, StoreError,
    StoreExt, TenantId,
};

use super::Engine;

/// The id of what a probe writes. No generated id equals it.
const PROBE: &str = "probe";

/// The type of what a probe writes, under the system tenant. It has a registry of its own, as it isn't an application's.
static TYPE: LazyLock<Option<ResourceType>> = LazyLock::new(|| {
    let schema = Schema::from_json(include_bytes!("../../schemas/probe.json")).ok()?;
    let definition = ResourceTypeBuilder::new("Probe", "/Probes", schema.id.clone()).internal();
    let registry = Registry::builder().resource_type(definition).schema(schema);
    registry.build().ok()?.resource_type("Probe").cloned()
});

impl<S: Store> Engine<S> {
    /// Reads from the store and writes to it, as a readiness check does. What is written is removed by the same commit; a store
    /// that doesn't keep the service's own types is only read.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// # use keyfob_core::Registry;
    /// # use keyfob_engine::Engine;
    /// # use keyfob_store_memory::MemoryStore;
    /// # pollster::block_on(async {
    /// let engine = Engine::new(MemoryStore::new(), Registry::rfc().clone());
    /// let deadline = Instant::now() + Duration::from_secs(2);
    /// assert!(engine.probe(deadline).await.is_ok());
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`StoreError`], also where the store is not done by the deadline, if it looks at deadlines.
    pub async fn probe(&self, deadline: Instant) -> Result<(), StoreError> {
        let kind = TYPE
            .as_ref()
            .ok_or_else(|| StoreError::internal("the schema of probes is malformed"))?;
        let id = ResourceId::new(PROBE);
        let budget = Budget {
            deadline: Some(deadline),
            ..Budget::UNLIMITED
        };
        let cx = ReadContext::new(TenantId::SYSTEM).with_budget(budget);
        if !self.store().capabilities().keeps(kind) {
            let kind = self.registry().resource_types().first();
            if let Some(kind) = kind {
                self.store()
                    .get_one(&cx, kind, &id, &Selection::document())
                    .await?;
            }
            return Ok(());
        }
        self.store()
            .get_one(&cx, kind, &id, &Selection::document())
            .await?;
        let document = Resource::new([kind.schema().id.clone()]);
        let changes = vec![
            Change::create(kind, id.clone(), document),
            Change::Delete {
                resource_type: kind.clone(),
                id,
                precondition: None,
                on_refusal: OnRefusal::Fail,
            },
        ];
        let commit_id = CommitId::new(self.next_commit_id());
        let mut commit = Commit::new(commit_id, TenantId::SYSTEM, self.now(), changes);
        commit.deadline = Some(deadline);
        match self.store().commit_one(commit).await {
            Ok(_) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::internal(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_probes_loads_and_is_kept_from_clients() {
        assert!(TYPE.as_ref().is_some_and(|kind| !kind.is_exposed()));
    }
}
