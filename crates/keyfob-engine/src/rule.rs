//! How an application or a sibling crate adds meaning to what providers send.

mod error;
mod review;

use std::sync::Arc;

pub(crate) use self::review::Further;
pub use self::{
    error::Rejection,
    review::{FurtherChange, Operation, Review},
};
use crate::context::Context;

/// Looks at every change before it is committed, and may refuse it or add to it.
///
/// A rule is pure and synchronous: it sees the resource before and after, once per request, after all of the request's
/// operations are applied. What it adds is part of the same commit, so either all of it happens or nothing.
///
/// ```
/// use keyfob_core::{ErrorBody, ScimType, Value};
/// use keyfob_engine::{Context, Rejection, Review, Rule};
///
/// /// Nobody is called root.
/// struct NoRoot;
///
/// impl Rule for NoRoot {
///     fn review(&self, _: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
///         let user_name = review.document().and_then(|document| document.core().get_str("userName"));
///         match user_name {
///             Some("root") => {
///                 let body = ErrorBody::bad_request(ScimType::InvalidValue, "`root` is not for users");
///                 Err(Rejection::other("`root` is not for users", body))
///             }
///             _ => Ok(()),
///         }
///     }
/// }
/// ```
pub trait Rule: Send + Sync + 'static {
    /// Looks at a change.
    ///
    /// The same change may be reviewed more than once, when another request comes between; only what the last review
    /// adds is committed.
    ///
    /// # Errors
    /// A [`Rejection`] refuses the request, and nothing is changed.
    fn review(&self, cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection>;
}

impl<T: Rule> Rule for Arc<T> {
    fn review(&self, cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
        (**self).review(cx, review)
    }
}
