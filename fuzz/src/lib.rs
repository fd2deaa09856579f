//! The properties that the fuzz targets hold keyfob to. Each panics on an input that breaks it.
//!
//! The modules are also compiled into the tests of the crates they are about, which run them on the seeds.

#[cfg(feature = "card")]
mod card;
#[cfg(feature = "filter")]
mod evaluation;
#[cfg(feature = "expression")]
mod expression;
#[cfg(feature = "filter")]
mod filter;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "patch")]
mod model;
#[cfg(feature = "mapping")]
mod objects;
#[cfg(feature = "okta")]
mod okta;
#[cfg(feature = "patch")]
mod patch;
#[cfg(feature = "core")]
mod resource;
#[cfg(feature = "mapping")]
mod synchronization;

#[cfg(feature = "card")]
pub use self::card::card_total;
#[cfg(feature = "filter")]
pub use self::evaluation::filter_vs_oracle;
#[cfg(feature = "expression")]
pub use self::expression::{expression_roundtrip, expression_total};
#[cfg(feature = "filter")]
pub use self::filter::{filter_roundtrip, filter_total, path_roundtrip};
#[cfg(feature = "http")]
pub use self::http::http_total;
#[cfg(feature = "patch")]
pub use self::model::{diff_applies, operations_are_independent, patch_vs_model};
#[cfg(feature = "mapping")]
pub use self::objects::objects_total;
#[cfg(feature = "okta")]
pub use self::okta::okta_expression_total;
#[cfg(feature = "patch")]
pub use self::patch::patch_apply_total;
#[cfg(feature = "core")]
pub use self::resource::resource_roundtrip;
#[cfg(feature = "mapping")]
pub use self::synchronization::mapping_import_total;
