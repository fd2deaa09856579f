//! The service as an [`axum::Router`], to be nested beside an application's own routes.

use axum::{
    Router,
    extract::{OriginalUri, Request},
    routing::any,
};
use keyfob_engine::Store;
use smol_str::SmolStr;
use tower_service::Service;

use crate::service::{NestedAt, ScimService};

/// A router that answers everything under the path at which it is nested, whatever the application's state is.
///
/// Addresses in answers have that path; there is no need to set a
/// [`base_path`](crate::ScimServiceBuilder::base_path). Everything under the path is answered by SCIM, requests for
/// unknown endpoints included, so that clients only ever see SCIM's errors.
///
/// ```
/// # use std::sync::Arc;
/// # use keyfob_core::Registry;
/// # use keyfob_http::{BearerTokens, ScimService};
/// # use keyfob_provisioning::Provisioner;
/// # use keyfob_store_memory::MemoryStore;
/// use axum::{Router, routing::get};
///
/// # let provisioner = Provisioner::new(MemoryStore::new(), Registry::rfc().clone());
/// let engine = Arc::clone(provisioner.engine());
/// let tokens = BearerTokens::new(&engine, provisioner);
/// let scim = ScimService::new(engine, tokens);
/// let application: Router = Router::new()
///     .route("/", get(|| async { "my application" }))
///     .nest("/scim/v2", keyfob_http::axum::router(scim));
/// ```
pub fn router<S, T>(service: ScimService<S>) -> Router<T>
where
    S: Store,
    T: Clone + Send + Sync + 'static,
{
    let answer = any(move |OriginalUri(original): OriginalUri, mut request: Request| {
        let nested_at = original
            .path()
            .strip_suffix(request.uri().path())
            .filter(|path| !path.is_empty());
        if let Some(path) = nested_at.map(SmolStr::new) {
            request.extensions_mut().insert(NestedAt(path));
        }
        let mut service = service.clone();
        async move { service.call(request).await }
    });
    // Routes and no fallback: one router's fallback is lost when that router is nested twice.
    Router::new().route("/", answer.clone()).route("/{*path}", answer)
}
