//! The types that most programs name: `use keyfob::prelude::*`.

pub use keyfob_core::{
    ExternalId, Object, Projection, Registry, Resource, ResourceId, ResourceType, SchemaUri, Value,
    message::{PatchRequest, SearchRequest},
};
pub use keyfob_engine::{
    Actor, AuthenticationError, AuthenticationScheme, Authenticator, Caller, Context, Engine, EngineError,
    FactSource, Facts, Precondition, Rejection, Review, Rule,
};
#[cfg(feature = "http")]
pub use keyfob_http::{BearerTokens, RequestAuthenticator, ScimService};
#[cfg(feature = "provisioning")]
pub use keyfob_provisioning::{Module, Profile, Provisioner, Token};
pub use keyfob_store::{Store, StoreError, TenantId};
#[cfg(feature = "memory")]
pub use keyfob_store_memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use keyfob_store_sqlite::SqliteStore;
