//! Names as RFC 7643 has them: attribute names, schema URIs, attribute paths, and the one way to fold case.

mod attribute;
mod caseless;
mod fold;
mod path;
mod suggest;
mod uri;

pub use self::{
    attribute::AttrName,
    fold::{fold, fold_chars, folds_to},
    path::{AttrPath, AttrPathRef, PathError},
    suggest::{closest, synonym},
    uri::SchemaUri,
};
