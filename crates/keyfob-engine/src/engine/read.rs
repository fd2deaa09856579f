//! Reading one resource.

use keyfob_core::{Projection, Resource, ResourceId, ResourceType};

use super::{Engine, EngineError};
use crate::{
    context::Context,
    store::{Selection, Store, Stored},
};

impl<S: Store> Engine<S> {
    /// Reads a resource (RFC 7644 section 3.4.1). Its version is in `meta.version`.
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
        let selection = Selection::of(projection.wants(resource_type));
        let stored = self.load(cx, resource_type, id, &selection).await?;
        Ok(self.view(cx, resource_type, stored, projection))
    }

    pub(super) async fn load(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Stored, EngineError> {
        let stored = self.store().get(cx, resource_type, id, selection).await?;
        stored.ok_or_else(|| EngineError::NotFound { resource_type: resource_type.name().clone(), id: id.clone() })
    }
}
