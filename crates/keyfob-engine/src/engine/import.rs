//! Writing many resources at once, some of them under the ids that they had elsewhere.

use std::collections::HashMap;

use keyfob_core::{
    AttrName, Member, MemberSet, Resource, ResourceId, ResourceType,
    schema::RelationKind,
    validate::{Ignored, Reader, can_be_id},
};
use keyfob_patch::RelationDelta;
use keyfob_store::{Store, StoreError};

use super::{Engine, EngineError, Precondition, batch::Operation, pages::PAGE};
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
    /// The number of members that one commit of an [import](Self::import) puts into a resource or takes out at most. SQLite writes
    /// as many in some 50 ms.
    pub const MEMBERS_AT_ONCE: usize = 5_000;

    /// Writes resources as a POST or a PUT of each would, and hands their commits over together, so that they share durable
    /// waits. The answer has one element for each resource, in order. A resource that is refused doesn't stop the others.
    ///
    /// The writes take effect in order, but each decides on what was there before the call: a body that depends on another
    /// one of the call, such as a group on its members, is refused at worst. Limits of time hold for the call as a whole.
    ///
    /// A relation of more than [`MEMBERS_AT_ONCE`](Self::MEMBERS_AT_ONCE) members is written after its resource, in commits of at
    /// most so many members, so that nobody else waits long for the store. Where one of them is refused, the resource stays
    /// with the members that it has by then ([`EngineError::Partly`]). The same call again goes on from there: it writes what
    /// differs.
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
    /// Those of [`create`](Self::create) and [`replace`](Self::replace), [`EngineError::IdTaken`] (409),
    /// [`EngineError::InvalidId`] (`invalidValue`) and [`EngineError::Partly`] for each resource.
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
        let (body, large, passed_over) = self.without_large(body, resource_type)?;
        let apart: Vec<AttrName> = large.iter().map(|(name, _)| name.clone()).collect();
        let (settled, ignored, existing) = match target {
            ImportTarget::Existing(id) => {
                let precondition = &Precondition::None;
                let body = (body, apart.as_slice());
                let replaced = self.settle_replace(cx, resource_type, &id, body, precondition, None);
                let (settled, ignored) = replaced.await?;
                (settled, ignored, Some(id))
            }
            ImportTarget::NewAs(id) if !is_legal(id.as_str()) => {
                return Err(EngineError::InvalidId { id, limit: ID_BYTES });
            }
            ImportTarget::New | ImportTarget::NewAs(_) => {
                let (settled, ignored) = self.settle_create(cx, resource_type, body, None, &apart).await?;
                let predecessor = settled.seen.predecessor.as_ref();
                let predecessor = predecessor.map(|loaded| loaded.id.clone());
                (settled, ignored, predecessor)
            }
        };
        let id = settled.revision().map(|revision| revision.id.clone());
        let none = || StoreError::internal("an import has no id");
        let id = id.or_else(|| existing.clone()).ok_or_else(none)?;
        let mut slices = Slices {
            left_out: settled.seen.left_out().cloned().collect(),
            ..Slices::default()
        };
        for (relation, members) in large {
            let of = (resource_type, &id);
            let written = self.write_in_slices(cx, of, &relation, members, &mut slices);
            written.await.map_err(|error| EngineError::Partly {
                written: slices.written,
                error: error.into(),
            })?;
        }
        let effect = match (settled.is_change() || slices.is_change, &existing) {
            (false, _) => ImportEffect::Unchanged,
            (true, None) => ImportEffect::Created,
            (true, Some(_)) => ImportEffect::Changed,
        };
        Ok(Imported {
            id,
            effect,
            ignored: passed_over.into_iter().chain(ignored).collect(),
            left_out: slices.left_out,
        })
    }

    /// Takes the relations out of a body that are written in slices, and says what is passed over of a body that has any.
    #[expect(clippy::type_complexity, reason = "it is taken apart where it is called")]
    fn without_large(
        &self,
        body: Resource,
        resource_type: &ResourceType,
    ) -> Result<(Resource, Vec<(AttrName, MemberSet)>, Vec<Ignored>), EngineError> {
        let mut body = body;
        let is_large = |members: &MemberSet| members.len() > Self::MEMBERS_AT_ONCE;
        if !body.relations_mut().iter().any(|(_, members)| is_large(members)) {
            return Ok((body, Vec::new(), Vec::new()));
        }
        let mut reader = Reader::new(self.profile().dialect);
        let mut canonical = reader.create(body, resource_type)?;
        let mut large = Vec::new();
        for (name, members) in std::mem::take(canonical.relations_mut()) {
            let relation = resource_type.relation(name.as_str());
            // A resource that has to have members isn't there without.
            let may_follow = relation
                .is_some_and(|relation| relation.kind == RelationKind::Owned && !relation.attribute.required);
            if may_follow && is_large(&members) {
                large.push((name, members));
            } else {
                canonical.set_relation(&name, members);
            }
        }
        Ok((canonical, large, reader.ignored().to_vec()))
    }

    /// Makes these the members of a relation, by commits of bounded size.
    async fn write_in_slices(
        &self,
        cx: &Context,
        (resource_type, id): (&ResourceType, &ResourceId),
        relation: &AttrName,
        members: MemberSet,
        slices: &mut Slices,
    ) -> Result<(), EngineError> {
        let mut missing: HashMap<ResourceId, Member> = HashMap::new();
        let mut order = Vec::with_capacity(members.len());
        for (id, member) in members {
            order.push(id.clone());
            missing.insert(id, member);
        }
        let mut surplus = Vec::new();
        let mut after = None;
        loop {
            let page = self.member_page(cx, (resource_type, id), relation, after);
            // Somebody else has taken out the member after which it goes on, or the resource.
            let (_, page) = page.await?.ok_or(EngineError::Contention)?;
            for (id, _) in page.iter() {
                if missing.remove(id).is_none() {
                    surplus.push(id.clone());
                }
            }
            after = page.iter().next_back().map(|(id, _)| id.clone());
            if page.len() < PAGE || !self.store().capabilities().member_pages {
                break;
            }
        }
        slices.written += order.len() - missing.len();
        for slice in surplus.chunks(Self::MEMBERS_AT_ONCE) {
            let mut delta = RelationDelta::new(relation.clone());
            delta.remove = slice.to_vec();
            self.write_slice(cx, (resource_type, id), delta, slices).await?;
        }
        order.retain(|id| missing.contains_key(id));
        for slice in order.chunks(Self::MEMBERS_AT_ONCE) {
            let mut delta = RelationDelta::new(relation.clone());
            let named = slice.iter().filter_map(|id| missing.remove_entry(id));
            delta.add = named.collect();
            let left_out = slices.left_out.len();
            self.write_slice(cx, (resource_type, id), delta, slices).await?;
            slices.written += slice.len() - (slices.left_out.len() - left_out).min(slice.len());
        }
        Ok(())
    }

    async fn write_slice(
        &self,
        cx: &Context,
        (resource_type, id): (&ResourceType, &ResourceId),
        delta: RelationDelta,
        slices: &mut Slices,
    ) -> Result<(), EngineError> {
        let deltas = [delta].into();
        let settled = self
            .settle_relations(cx, resource_type, id, &deltas, &Precondition::None, None)
            .await?;
        slices.is_change |= settled.is_change();
        slices.left_out.extend(settled.seen.left_out().cloned());
        Ok(())
    }
}

/// What the commits came to that wrote the members of a resource.
#[derive(Default)]
struct Slices {
    is_change: bool,
    /// The number of members that were there or were put in.
    written: usize,
    left_out: Vec<ResourceId>,
}

fn is_legal(id: &str) -> bool {
    id.len() <= ID_BYTES && can_be_id(id) && !id.contains(RESERVED)
}
