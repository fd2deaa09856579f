#![doc = include_str!("../README.md")]

pub mod prelude;

#[cfg(feature = "access")]
pub use keyfob_access as access;
#[cfg(feature = "client")]
pub use keyfob_client as client;
pub use keyfob_core as core;
pub use keyfob_engine as engine;
#[cfg(feature = "mapping")]
pub use keyfob_expression as expression;
#[cfg(feature = "okta")]
pub use keyfob_expression_okta as expression_okta;
pub use keyfob_filter as filter;
#[cfg(feature = "http")]
pub use keyfob_http as http;
#[cfg(feature = "interop")]
pub use keyfob_interop as interop;
#[cfg(feature = "mapping")]
pub use keyfob_mapping as mapping;
pub use keyfob_patch as patch;
#[cfg(feature = "provisioning")]
pub use keyfob_provisioning as provisioning;
pub use keyfob_store as store;
#[cfg(feature = "memory")]
pub use keyfob_store_memory as store_memory;
#[cfg(feature = "postgres")]
pub use keyfob_store_postgres as store_postgres;
#[cfg(feature = "sqlite")]
pub use keyfob_store_sqlite as store_sqlite;
#[cfg(feature = "sync")]
pub use keyfob_sync as sync;
#[cfg(any(feature = "tables-sqlite", feature = "tables-postgres"))]
pub use keyfob_tables as tables;
#[cfg(feature = "webhook")]
pub use keyfob_webhook as webhook;

/// Creates the service of a provisioner, which takes the tokens of its organizations.
///
/// [`ScimService::builder`](keyfob_http::ScimService::builder) sets more.
#[cfg(all(feature = "http", feature = "provisioning"))]
#[must_use]
pub fn service<S: keyfob_store::Store>(
    provisioner: &keyfob_provisioning::Provisioner<S>,
) -> keyfob_http::ScimService<S> {
    let engine = std::sync::Arc::clone(provisioner.engine());
    let tokens = keyfob_http::BearerTokens::new(&engine, provisioner.clone());
    keyfob_http::ScimService::new(engine, tokens)
}

/// Creates a router of a provisioner's service, to be nested beside an application's own routes.
#[cfg(all(feature = "axum", feature = "provisioning"))]
pub fn router<S, T>(provisioner: &keyfob_provisioning::Provisioner<S>) -> axum::Router<T>
where
    S: keyfob_store::Store,
    T: Clone + Send + Sync + 'static,
{
    keyfob_http::axum::router(service(provisioner))
}

/// The example of the repository's README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
