//! Reading one resource whose relations are too large to be held whole.

use std::{fmt, sync::Arc};

use keyfob_core::{
    AttrName, AttrSet, MemberSet, Projection, Resource, ResourceId, ResourceType, Version,
    schema::{Relation, RelationKind},
};
use keyfob_store::{MemberPage, Selection, Store, StoreError};
use thiserror::Error;

use super::{Engine, EngineError, Found, Precondition, view::select_shown};
use crate::context::Context;

/// The number of members above which a relation is read page by page.
const WHOLE: usize = 10_000;

/// The number of members of a page: about 100 KB of an answer, and a millisecond of the store's work.
pub(super) const PAGE: usize = 1_000;

/// The number of attempts to read the first pages of the version that was read. A resource changes seldom within a millisecond.
const ATTEMPTS: usize = 3;

/// The result of a read whose relations may be too large to be held whole.
#[non_exhaustive]
pub struct FoundInPages<S> {
    /// The outcome of the read. A relation that is too large to be held whole has its first members alone.
    pub found: Found,
    /// The further members of those relations, in the order of the relations.
    pub pages: Vec<MemberPages<S>>,
}

/// The members of a relation of a resource, page by page, as a client asked to see them.
///
/// All pages are of one version of the resource. Nothing is held between two pages: neither a snapshot of the store, which would
/// keep a reader of it busy and its log growing as long as the slowest client reads, nor more than one page of members. So a page
/// of a resource that has changed is an [error](PageError::Changed).
pub struct MemberPages<S> {
    engine: Arc<Engine<S>>,
    cx: Context,
    resource_type: ResourceType,
    id: ResourceId,
    version: Version,
    relation: AttrName,
    projection: Projection,
    after: Option<ResourceId>,
    is_over: bool,
}

/// Why the next page of members can't be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PageError {
    /// The resource has been changed or deleted since the first page, so that its members are no longer those of one state.
    #[error("the resource was changed while its members were read")]
    Changed,
    /// The engine could not read it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl<S: Store> Engine<S> {
    /// Reads a resource as [`get_if`](Self::get_if) does, and of relations of more than 10,000 members their first page alone.
    ///
    /// A store that can't read [pages of members](keyfob_store::Capabilities::member_pages) reads all of them.
    ///
    /// # Errors
    /// As [`get_if`](Self::get_if).
    pub async fn get_in_pages(
        self: &Arc<Self>,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        precondition: &Precondition,
        projection: &Projection,
    ) -> Result<FoundInPages<S>, EngineError> {
        let relations = resource_type.relations();
        let owns = |relation: &Relation| relation.kind == RelationKind::Owned;
        if self.store().capabilities().member_pages && relations.iter().any(owns) {
            for _ in 0..ATTEMPTS {
                match self
                    .try_in_pages(cx, resource_type, id, precondition, projection)
                    .await
                {
                    Ok(Some(found)) => return Ok(found),
                    Ok(None) => break,
                    Err(PageError::Changed) => {}
                    Err(PageError::Engine(error)) => return Err(error),
                }
            }
        }
        let found = self
            .get_if(cx, resource_type, id, precondition, projection)
            .await?;
        Ok(FoundInPages {
            found,
            pages: Vec::new(),
        })
    }

    /// Reads the resource with the first pages of relations that are too large; none where another relation is too large, which
    /// can't be read in pages.
    async fn try_in_pages(
        self: &Arc<Self>,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        precondition: &Precondition,
        projection: &Projection,
    ) -> Result<Option<FoundInPages<S>>, PageError> {
        let (of_pages, cx) = (cx, &self.begin(cx));
        let precondition = &*self.condition(cx, precondition);
        if let Some(found) = self.unchanged(cx, resource_type, id, precondition).await? {
            return Ok(Some(FoundInPages {
                found,
                pages: Vec::new(),
            }));
        }
        let resolved = projection.resolve(resource_type);
        let mut wanted = resolved.wants();
        select_shown(&mut wanted, resource_type);
        let selection = Selection::of(wanted.clone()).with_relation_limit(WHOLE);
        let mut loaded = self.known(cx, resource_type, id, &selection).await?;
        let mut pages = Vec::new();
        let relations = resource_type.relations().iter();
        for relation in relations.filter(|relation| wanted.contains(relation.attribute.id)) {
            let name = &relation.attribute.name;
            // What is hidden is shown without relations.
            if loaded.is_hidden() || loaded.resource.relation(name.as_str()).is_some() {
                continue;
            }
            if relation.kind != RelationKind::Owned {
                return Ok(None);
            }
            let mut of_relation = MemberPages {
                engine: Arc::clone(self),
                cx: of_pages.clone(),
                resource_type: resource_type.clone(),
                id: id.clone(),
                version: loaded.version,
                relation: name.clone(),
                projection: projection.clone(),
                after: None,
                is_over: false,
            };
            let first = of_relation.read().await?;
            loaded.resource.set_relation(name, first.unwrap_or_default());
            pages.push(of_relation);
        }
        // Those that were read in pages were put behind the others.
        let place = |name: &AttrName| {
            let mut relations = resource_type.relations().iter();
            relations.position(|relation| relation.attribute.name == *name)
        };
        loaded
            .resource
            .relations_mut()
            .sort_by_key(|(name, _)| place(name));
        let found = self.show(cx, loaded, precondition, &resolved)?;
        Ok(Some(FoundInPages { found, pages }))
    }

    /// Reads [`PAGE`] live members of a relation of a resource after one of them, and fewer at the end, with the resource's
    /// version; none where the resource or that member is gone. A store without pages reads all of them at once.
    pub(super) async fn member_page(
        &self,
        cx: &Context,
        (resource_type, id): (&ResourceType, &ResourceId),
        relation: &AttrName,
        after: Option<ResourceId>,
    ) -> Result<Option<(Version, MemberSet)>, StoreError> {
        let known = resource_type.relation(relation.as_str());
        let attribute: AttrSet = known.iter().map(|relation| relation.attribute.id).collect();
        let mut selection = Selection::of(attribute);
        if self.store().capabilities().member_pages {
            selection = selection.with_page(MemberPage { after, count: PAGE });
        }
        let loaded = self.load(cx, resource_type, id, &selection).await?;
        Ok(loaded.and_then(|mut loaded| {
            let relations = std::mem::take(loaded.resource.relations_mut());
            let mut read = relations.into_iter().filter(|(name, _)| name == relation);
            read.next().map(|(_, page)| (loaded.version, page))
        }))
    }
}

impl<S: Store> MemberPages<S> {
    /// Returns the name of the relation.
    #[must_use]
    pub fn relation(&self) -> &AttrName {
        &self.relation
    }

    /// Reads the next page; none after the last one.
    ///
    /// Each page has the time and the work of one request, however long the client takes to read what it is sent.
    ///
    /// # Errors
    /// [`PageError`]. There is nothing after an error.
    pub async fn next(&mut self) -> Result<Option<MemberSet>, PageError> {
        let page = self.read().await.inspect_err(|_| self.is_over = true)?;
        let Some(page) = page else {
            return Ok(None);
        };
        let mut shown = Resource::default();
        shown.set_relation(&self.relation, page);
        self.engine
            .show_addresses(&self.cx, &mut shown, &self.resource_type);
        self.projection.resolve(&self.resource_type).apply(&mut shown);
        let mut relations = std::mem::take(shown.relations_mut()).into_iter();
        Ok(relations.next().map(|(_, members)| members))
    }

    /// Reads the next page as it is stored.
    async fn read(&mut self) -> Result<Option<MemberSet>, PageError> {
        if self.is_over {
            return Ok(None);
        }
        let cx = self.engine.begin(&self.cx);
        let after = self.after.take();
        let read = self
            .engine
            .member_page(&cx, (&self.resource_type, &self.id), &self.relation, after);
        let read = read.await.map_err(EngineError::from)?;
        let (_, page) = read
            .filter(|(version, _)| *version == self.version)
            .ok_or(PageError::Changed)?;
        self.is_over = page.len() < PAGE;
        self.after = page.iter().next_back().map(|(id, _)| id.clone());
        Ok((!page.is_empty()).then_some(page))
    }
}

impl<S> fmt::Debug for MemberPages<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberPages")
            .field("id", &self.id)
            .field("relation", &self.relation)
            .finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for FoundInPages<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoundInPages")
            .field("found", &self.found)
            .field("pages", &self.pages)
            .finish()
    }
}
