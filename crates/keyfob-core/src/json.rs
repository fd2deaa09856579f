//! JSON straight into and out of values and resources.

mod bulk;
mod decode;
mod encode;
mod error;
mod list;
mod member;
mod patch;
mod resource;
mod typed;

pub(crate) use self::{
    bulk::{bulk_from_slice, members_from_str},
    encode::{write_resource, write_string},
    list::list_from_slice,
    patch::patch_from_slice,
};
pub use self::{
    decode::{object_from_slice, object_from_slice_within, value_from_slice},
    encode::{object_to_vec, value_to_vec},
    error::JsonError,
};

/// How many levels of objects and arrays a body may have. The deepest legal one, a PATCH of an extension's complex
/// multi-valued attribute, has nine.
pub const MAX_DEPTH: usize = 32;
