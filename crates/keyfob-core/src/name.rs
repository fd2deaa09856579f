//! Names as RFC 7643 has them: attribute names, schema URIs, attribute paths.

mod attribute;
mod caseless;
mod path;
mod suggest;
mod uri;

pub use self::{
    attribute::AttrName,
    path::{AttrPath, AttrPathRef, PathError},
    suggest::{closest, synonym},
    uri::SchemaUri,
};
