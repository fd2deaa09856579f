//! Writing many resources at once, some of them under the ids that they had elsewhere.

use keyfob_core::{
    Resource, ResourceId, ResourceType,
    validate::{Ignored, can_be_id},
};
use keyfob_store::{Store, StoreError};

use super::{Engine, EngineError, Precondition, batch::Operation};
use crate::context::Context;

/// The number of bytes that the id of an imported resource may have.
const ID_BYTES: usize = 256;

/// The keyword that no id may contain (RFC 7643 section 3.1).
const RESERVED: &str = "bulkId";

/// A resource that is written by an [import](Engine::import).
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "every caller says all of it")]
pub struct Incoming<'r> {
    /// The type of the resource.
    pub resource_type: &'r ResourceType,
    /// The body, as a client sends it. Its `id` and `meta` are passed over, as in every request.
    pub body: Resource,
    /// The resource that the body is written to.
    pub target: ImportTarget,
}

/// The resource that the body of an import is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a resource is new or it is not")]
pub enum ImportTarget {
    /// A new one, under an id that the engine generates.
    New,
    /// A new one, under this id.
    NewAs(ResourceId),
    /// The one with this id, which the body replaces.
    Existing(ResourceId),
}

/// The result of one write of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The id of the resource. It differs from that of [`ImportTarget::NewAs`] if the resource goes on from an earlier one, and
    /// in stores that assign ids themselves.
    pub id: ResourceId,
    /// The effect on the resource.
    pub effect: ImportEffect,
    /// The parts of the body that were passed over, each with the rule.
    pub ignored: Vec<Ignored>,
    /// The members that were left out because the tenant has no such resource, where the profile allows that.
    pub left_out: Vec<ResourceId>,
}

/// The effect of one write of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth effect")]
pub enum ImportEffect {
    /// The resource is new.
    Created,
    /// The resource was there and has changed.
    Changed,
    /// The resource was there in this state. Its version stays the same.
    Unchanged,
}

impl<S: Store> Engine<S> {
    /// Writes resources as a POST or a PUT of each would, and hands their commits over together, so that they share durable
    /// waits. The answer has one element for each resource, in order. A resource that is refused doesn't stop the others.
    ///
    /// The writes take effect in order, but each decides on what was there before the call: a body that depends on another
    /// one of the call, such as a group on its members, is refused at worst. Limits of time hold for the call as a whole.
    ///
    /// ```
    /// use keyfob_core::{Registry, Resource, ResourceId};
    /// use keyfob_engine::{Context, Engine, ImportEffect, ImportTarget, Incoming, TenantId};
    /// use keyfob_store_memory::MemoryStore;
    ///
    /// # pollster::block_on(async {
    /// let engine = Engine::new(MemoryStore::new(), Registry::rfc().clone());
    /// let cx = Context::new(TenantId::new("acme"));
    /// let user = engine.registry().resource_type("User").ok_or("no such type")?;
    /// let body = Resource::from_json(br#"{
    ///     "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen"
    /// }"#, user)?;
    /// let target = ImportTarget::NewAs(ResourceId::new("2819c223"));
    /// let incoming = Incoming { resource_type: user, body, target };
    /// for written in engine.import(&cx, vec![incoming]).await {
    ///     let written = written?;
    ///     assert_eq!((written.id.as_str(), written.effect), ("2819c223", ImportEffect::Created));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of [`create`](Self::create) and [`replace`](Self::replace), [`EngineError::IdTaken`] (409) and
    /// [`EngineError::InvalidId`] (`invalidValue`) for each resource.
    ///
    /// # Complexity
    /// The bodies of one call are in memory together: hand over some hundreds at a time.
    pub async fn import(
        &self,
        cx: &Context,
        incoming: Vec<Incoming<'_>>,
    ) -> Vec<Result<Imported, EngineError>> {
        let cx = &self.begin(cx);
        let replaced = incoming.iter().filter_map(|incoming| match &incoming.target {
            ImportTarget::Existing(id) => Some(id.clone()),
            ImportTarget::New | ImportTarget::NewAs(_) => None,
        });
        let (replaced, count) = (replaced.collect(), incoming.len());
        let outcomes = self
            .run_together(cx.tenant(), replaced, count, |batch| {
                let placed = incoming.into_iter().enumerate();
                let operations = placed.map(|(place, incoming)| {
                    let id = match &incoming.target {
                        ImportTarget::NewAs(id) => Some(id.clone()),
                        ImportTarget::New | ImportTarget::Existing(_) => None,
                    };
                    let cx = cx.clone().in_batch(batch.place(place, id));
                    Box::pin(async move { self.import_one(&cx, incoming).await }) as Operation<'_, _>
                });
                operations.collect()
            })
            .await;
        let outcomes = outcomes.into_iter();
        outcomes
            .map(|outcome| outcome.unwrap_or(Err(EngineError::Contention)))
            .collect()
    }

    async fn import_one(&self, cx: &Context, incoming: Incoming<'_>) -> Result<Imported, EngineError> {
        let Incoming {
            resource_type,
            body,
            target,
        } = incoming;
        let (settled, ignored, existing) = match target {
            ImportTarget::Existing(id) => {
                let precondition = &Precondition::None;
                let replaced = self.settle_replace(cx, resource_type, &id, body, precondition, None);
                let (settled, ignored) = replaced.await?;
                (settled, ignored, Some(id))
            }
            ImportTarget::NewAs(id) if !is_legal(id.as_str()) => {
                return Err(EngineError::InvalidId { id, limit: ID_BYTES });
            }
            ImportTarget::New | ImportTarget::NewAs(_) => {
                let (settled, ignored) = self.settle_create(cx, resource_type, body, None).await?;
                let predecessor = settled.seen.predecessor.as_ref();
                let predecessor = predecessor.map(|loaded| loaded.id.clone());
                (settled, ignored, predecessor)
            }
        };
        let effect = match (settled.is_change(), &existing) {
            (false, _) => ImportEffect::Unchanged,
            (true, None) => ImportEffect::Created,
            (true, Some(_)) => ImportEffect::Changed,
        };
        let id = settled.revision().map(|revision| revision.id.clone());
        let none = || StoreError::internal("an import has no id");
        Ok(Imported {
            id: id.or(existing).ok_or_else(none)?,
            effect,
            ignored,
            left_out: settled.seen.left_out().cloned().collect(),
        })
    }
}

fn is_legal(id: &str) -> bool {
    id.len() <= ID_BYTES && can_be_id(id) && !id.contains(RESERVED)
}
