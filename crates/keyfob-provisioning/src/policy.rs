//! The rules that the profile and the organization lay down for users and groups.

mod address;
mod group;
mod user;

use keyfob_engine::{Context, Operation, Rejection, Review, is_group, is_user};

pub(crate) use self::address::addresses;
use crate::{profile::Profile, provisioning::Provisioning, state::OwnState as _};

/// Reviews a change before the application's rules do.
pub(crate) fn review(profile: &Profile, cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
    if is_user(review.resource_type()) {
        user::review(profile, cx, review)
    } else if is_group(review.resource_type()) {
        group::review(profile, cx, review)
    } else {
        Ok(())
    }
}

/// A resource belongs to the provider that writes it, as long as they are linked.
fn tag(review: &mut Review<'_>) {
    let is_written = !matches!(review.operation(), Operation::Hide | Operation::Delete);
    if is_written
        && review.document().is_some()
        && let Some(link) = &Provisioning::among(review.facts()).link
    {
        review.state_mut().set_managed_by(link);
    }
}

/// Returns true if the provider manages the resource as it is stored.
fn is_managed(review: &Review<'_>) -> bool {
    let state = review.state_before();
    state.is_some_and(|state| Provisioning::among(review.facts()).manages(state))
}
