//! From what is stored to what a client sees.

use keyfob_core::{
    AttrSet, EntityTag, Projection, ResolvedProjection, Resource, ResourceType, schema::RelationKind,
};
use keyfob_store::{Selection, Store, StoreError};
use smol_str::{SmolStr, format_smolstr};

use super::{Engine, EngineError, Loaded, transact::Settled, write::Written};
use crate::{context::Context, feature::Feature, policy, profile::PatchAnswer};

/// Adds the inverse relations, which the entity tag of a resource depends on, to what is read of it. Returns true if the
/// type has any.
pub(super) fn select_shown(attributes: &mut AttrSet, resource_type: &ResourceType) -> bool {
    let mut shown = false;
    for relation in resource_type.relations() {
        if relation.kind != RelationKind::Owned {
            attributes.insert(relation.attribute.id);
            shown = true;
        }
    }
    shown
}

/// How many members of a relation are read in the transaction of a write, which everybody else waits for. An answer with
/// more is read from a snapshot.
const IN_TRANSACTION: usize = 1000;

/// What a write answers.
pub(super) struct AnswerPlan<'p> {
    projection: ResolvedProjection<'p>,
    answer: PatchAnswer,
    wanted: AttrSet,
    /// Whether the tag depends on inverse relations.
    shown: bool,
}

impl<'p> AnswerPlan<'p> {
    pub(super) fn new(
        resource_type: &'p ResourceType,
        projection: &'p Projection,
        answer: PatchAnswer,
    ) -> Self {
        let projection = projection.resolve(resource_type);
        let mut wanted = match answer {
            PatchAnswer::NoContent => AttrSet::default(),
            PatchAnswer::Body | PatchAnswer::BodyUpTo(_) => projection.wants(),
        };
        let shown = select_shown(&mut wanted, resource_type);
        Self {
            projection,
            answer,
            wanted,
            shown,
        }
    }

    /// Returns what is read in the transaction of the write; nothing where the commit itself says all.
    pub(super) fn in_transaction(&self) -> Option<Selection> {
        let says_all = self.answer == PatchAnswer::NoContent && !self.shown;
        let limit = self.limit().unwrap_or(usize::MAX).min(IN_TRANSACTION);
        (!says_all).then(|| Selection::of(self.wanted.clone()).with_relation_limit(limit))
    }

    /// Returns what is read from a snapshot.
    fn in_snapshot(&self) -> Selection {
        Selection {
            relation_limit: self.limit(),
            ..Selection::of(self.wanted.clone())
        }
    }

    /// Returns the number of members above which the answer has no body. What the tag depends on is read in any case.
    fn limit(&self) -> Option<usize> {
        match self.answer {
            PatchAnswer::BodyUpTo(members) if !self.shown => Some(members),
            _ => None,
        }
    }

    /// Returns true if all relations that the answer needs were read. A hidden resource is in none.
    fn is_whole(&self, loaded: &Loaded) -> bool {
        let relations = self.projection.resource_type().relations().iter();
        let mut needed = relations.filter(|relation| self.wanted.contains(relation.attribute.id));
        loaded.is_hidden()
            || needed.all(|relation| {
                loaded
                    .resource
                    .relation(relation.attribute.name.as_str())
                    .is_some()
            })
    }
}

impl<S: Store> Engine<S> {
    /// Returns the address of a resource.
    pub(crate) fn location(cx: &Context, resource_type: &ResourceType, id: &str) -> SmolStr {
        resource_type.address(cx.base_url(), id)
    }

    /// Answers a write: with the resource as its commit left it, under the tag of that state.
    ///
    /// A resource with more members than a transaction reads is read from a snapshot and answered under that snapshot's own
    /// tag: the client knows what it has been shown, so that it may replace it under `If-Match` (RFC 9110 section 13.1.1).
    pub(super) async fn written(
        &self,
        cx: &Context,
        plan: &AnswerPlan<'_>,
        settled: Settled,
    ) -> Result<Written, EngineError> {
        let resource_type = plan.projection.resource_type();
        let revision = settled.revision().cloned();
        let id = match (&revision, &settled.seen.subject) {
            (Some(revision), _) => revision.id.clone(),
            (None, Some(loaded)) => loaded.id.clone(),
            (None, None) => return Err(StoreError::internal("a write settled nothing").into()),
        };
        let location = Self::location(cx, resource_type, id.as_str());
        let bare = |tag| Written {
            id: id.clone(),
            tag,
            location: location.clone(),
            resource: None,
        };
        if let (Some(revision), None) = (&revision, plan.in_transaction()) {
            return Ok(bare(EntityTag::from(revision.version)));
        }
        let loaded = match settled.into_answer().map(Loaded::new) {
            Some(loaded)
                if plan.is_whole(&loaded) || plan.limit().is_some_and(|limit| limit <= IN_TRANSACTION) =>
            {
                Some(loaded)
            }
            _ => self.load(cx, resource_type, &id, &plan.in_snapshot()).await?,
        };
        match (loaded.and_then(|loaded| self.as_known(cx, loaded)), revision) {
            (Some(loaded), _) => {
                let tag = loaded.tag(resource_type);
                let has_body = plan.answer != PatchAnswer::NoContent && plan.is_whole(&loaded);
                let resource = has_body.then(|| self.view(cx, loaded.resource, tag, &plan.projection));
                Ok(Written {
                    resource,
                    ..bare(tag)
                })
            }
            // It was deleted since. The write happened all the same.
            (None, Some(revision)) => Ok(bare(EntityTag::from(revision.version))),
            (None, None) => Err(EngineError::not_found(resource_type, &id)),
        }
    }

    /// Returns the resource as the client asked to see it: with addresses, and without what it didn't ask for.
    pub(super) fn view(
        &self,
        cx: &Context,
        resource: Resource,
        tag: EntityTag,
        projection: &ResolvedProjection<'_>,
    ) -> Resource {
        let resource_type = projection.resource_type();
        let mut resource = resource;
        policy::show_active(&mut resource, resource_type);
        if let (Some(mut meta), Some(id)) = (resource.meta(), resource.id()) {
            meta.version = self.offers(cx, Feature::Etag).then(|| format_smolstr!("{tag}"));
            meta.location = Some(Self::location(cx, resource_type, id.as_str()));
            resource.set_meta(&meta);
        }
        self.show_addresses(cx, &mut resource, resource_type);
        // Last, as it may take out some of the addresses.
        projection.apply(&mut resource);
        resource
    }

    /// Adds the addresses of members.
    pub(super) fn show_addresses(&self, cx: &Context, resource: &mut Resource, resource_type: &ResourceType) {
        let addresses = cx.addresses(self.registry());
        for (name, members) in resource.relations_mut() {
            let Some(relation) = resource_type.relation(name.as_str()) else {
                continue;
            };
            for (id, member) in members.iter_mut() {
                member.reference = addresses.of_member(relation, id, member);
            }
        }
    }
}
