//! Reading one resource.

use keyfob_core::{AttrSet, EntityTag, Projection, ResolvedProjection, Resource, ResourceId, ResourceType};
use keyfob_store::{Selection, Store};
use smol_str::SmolStr;

use super::{Engine, EngineError, Loaded, Precondition, view::select_shown};
use crate::context::Context;

/// The result of a conditional read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// The entity tag of the resource.
    pub tag: EntityTag,
    /// Its address.
    pub location: SmolStr,
    /// The resource as the client asked to see it, unless the client has this state of it.
    pub resource: Option<Resource>,
}

impl<S: Store> Engine<S> {
    /// Reads a resource (RFC 7644 section 3.4.1). Its entity tag is in `meta.version`.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], also for the id of another tenant's resource or of another type's.
    pub async fn get(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        projection: &Projection,
    ) -> Result<Resource, EngineError> {
        let found = self
            .get_if(cx, resource_type, id, &Precondition::None, projection)
            .await?;
        found
            .resource
            .ok_or_else(|| EngineError::not_found(resource_type, id))
    }

    /// Reads a resource with its entity tag, unless the client has it already (`If-None-Match`, RFC 7644 section 3.14).
    ///
    /// # Errors
    /// [`EngineError::NotFound`], as [`get`](Self::get), and [`EngineError::PreconditionFailed`] where `If-Match`
    /// doesn't name the version.
    ///
    /// # Complexity
    /// The members of a resource that the client has are not read.
    pub async fn get_if(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        precondition: &Precondition,
        projection: &Projection,
    ) -> Result<Found, EngineError> {
        let cx = &self.begin(cx);
        let precondition = &*self.condition(cx, precondition);
        if let Some(found) = self.unchanged(cx, resource_type, id, precondition).await? {
            return Ok(found);
        }
        let projection = projection.resolve(resource_type);
        let mut wanted = projection.wants();
        select_shown(&mut wanted, resource_type);
        let loaded = self.known(cx, resource_type, id, &Selection::of(wanted)).await?;
        self.show(cx, loaded, precondition, &projection)
    }

    /// Returns a resource without itself if the client has this state of it.
    pub(super) async fn unchanged(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        precondition: &Precondition,
    ) -> Result<Option<Found>, EngineError> {
        if !precondition.names_known() {
            return Ok(None);
        }
        let mut shown = AttrSet::default();
        select_shown(&mut shown, resource_type);
        let loaded = self.known(cx, resource_type, id, &Selection::of(shown)).await?;
        let tag = loaded.tag(resource_type);
        // RFC 9110 section 13.2.2: If-Match comes first.
        precondition.check_match(tag)?;
        Ok(precondition.is_known(tag).then(|| Found {
            tag,
            location: Self::location(cx, resource_type, id.as_str()),
            resource: None,
        }))
    }

    /// Shows a resource as the client asked to see it.
    pub(super) fn show(
        &self,
        cx: &Context,
        loaded: Loaded,
        precondition: &Precondition,
        projection: &ResolvedProjection<'_>,
    ) -> Result<Found, EngineError> {
        let resource_type = projection.resource_type();
        let tag = loaded.tag(resource_type);
        precondition.check_match(tag)?;
        Ok(Found {
            tag,
            location: Self::location(cx, resource_type, loaded.id.as_str()),
            resource: Some(self.view(cx, loaded.resource, tag, projection)),
        })
    }

    /// Checks that a client may see something under an id, for a request whose body is going to be refused: a
    /// resource that is gone is 404 whatever the body says.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], as [`get`](Self::get).
    pub async fn check_exists(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<(), EngineError> {
        self.known(cx, resource_type, id, &Selection::document()).await?;
        Ok(())
    }

    /// Reads the resource under an id as the caller knows it.
    pub(super) async fn known(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Loaded, EngineError> {
        let loaded = self.load(cx, resource_type, id, selection).await?;
        loaded
            .and_then(|loaded| self.as_known(cx, loaded))
            .ok_or_else(|| EngineError::not_found(resource_type, id))
    }
}
