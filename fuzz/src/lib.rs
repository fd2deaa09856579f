//! The properties that the fuzz targets hold keyfob to. Each panics on an input that breaks it.
//!
//! The modules are also compiled into the tests of the crates they are about, which run them on the seeds.

mod card;
mod evaluation;
mod expression;
mod filter;
mod http;
mod model;
mod objects;
mod okta;
mod patch;
mod resource;
mod synchronization;

pub use self::{
    card::card_total,
    evaluation::filter_vs_oracle,
    expression::{expression_roundtrip, expression_total},
    filter::{filter_roundtrip, filter_total, path_roundtrip},
    http::http_total,
    model::{diff_applies, operations_are_independent, patch_vs_model},
    objects::objects_total,
    okta::okta_expression_total,
    patch::patch_apply_total,
    resource::resource_roundtrip,
    synchronization::mapping_import_total,
};
