//! What mappings, scoping filters and schemas do.

mod apply;
mod defaults;
mod graph;
mod lints;
mod native;
mod properties;
mod scope;
mod seeds;
mod support;
mod targets;
mod verkada;
