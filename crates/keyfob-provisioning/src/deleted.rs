//! Look-ups of users by name, live and deleted ones: a deleted user that can be brought back is a hidden resource.

use keyfob_core::{AttrPath, Dialect, ResourceType};
use keyfob_engine::{Context, Loaded};
use keyfob_filter::{CompareOp, Filter, Literal, Predicate};
use keyfob_store::{Query, Store, StoreError, Total, Visibility};

use crate::{provisioner::Provisioner, state::OwnState as _};

/// The attribute without whose value no user comes back.
pub(crate) const USER_NAME: &str = "userName";

impl<S: Store> Provisioner<S> {
    /// Reads the deleted users of a name, in the order in which they were deleted.
    pub(crate) async fn deleted_users_named(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        user_name: &str,
    ) -> Result<Vec<Loaded>, StoreError> {
        let query = Query::all()
            .with_filter(equals(resource_type, USER_NAME, user_name)?)
            .with_visibility(Visibility::Hidden);
        let mut named = self.loaded(cx, resource_type, &query).await?;
        named.sort_by_key(|loaded| loaded.state.deleted_at());
        Ok(named)
    }

    /// Finds the one live resource of which an attribute has a value.
    pub(crate) async fn first_where(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        path: &str,
        value: &str,
    ) -> Result<Option<Loaded>, StoreError> {
        let query = Query::first(1)
            .with_filter(equals(resource_type, path, value)?)
            .with_total(Total::Unknown);
        Ok(self.loaded(cx, resource_type, &query).await?.into_iter().next())
    }

    /// Reads all live or all hidden resources of a type at once.
    pub(crate) async fn read_all(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        visibility: Visibility,
    ) -> Result<Vec<Loaded>, StoreError> {
        let query = Query::all().with_visibility(visibility);
        self.loaded(cx, resource_type, &query).await
    }

    async fn loaded(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Vec<Loaded>, StoreError> {
        let page = self.store().query(&cx.reading(), resource_type, query).await?;
        Ok(page.resources.into_iter().map(Loaded::new).collect())
    }
}

/// Returns the condition that an attribute has a value.
pub(crate) fn equals(resource_type: &ResourceType, path: &str, value: &str) -> Result<Predicate, StoreError> {
    let path = AttrPath::parse(path).map_err(StoreError::internal)?;
    let filter = Filter::Compare(path, CompareOp::Eq, Literal::String(value.into()));
    filter
        .compile(resource_type, Dialect::strict())
        .map_err(StoreError::internal)
}
