//! What the profile and the organization lay down for users and groups, as rules of the engine's own.

mod active;
mod address;
mod group;
mod user;

use keyfob_core::{Resource, ResourceType, SchemaUri, Value};
use keyfob_patch::Plan;

pub(crate) use self::{
    active::{show_active, with_active},
    address::addresses,
};
use crate::{
    context::Context,
    rule::{Operation, Rejection, Review},
    state::ACTIVE,
};

/// Reviews a change before the application's rules do.
pub(crate) fn review(cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
    if is_user(review.resource_type) {
        user::review(cx, review)
    } else if is_group(review.resource_type) {
        group::review(cx, review)
    } else {
        Ok(())
    }
}

/// Whether resources of the type are users.
pub(crate) fn is_user(resource_type: &ResourceType) -> bool {
    resource_type.schema().id == SchemaUri::USER
}

fn is_group(resource_type: &ResourceType) -> bool {
    resource_type.schema().id == SchemaUri::GROUP
}

/// Takes out of a resource, before operations apply to it, what counts only where the request says it: whether a user
/// is active. Its review puts back what nobody has said.
pub(crate) fn leave_open(resource: &mut Resource, resource_type: &ResourceType) {
    if is_user(resource_type) {
        resource.core_mut().remove(ACTIVE);
    }
}

/// Takes out of a plan what unassigns whether a user is active: only a value says something, also where an operation
/// before it said the opposite.
pub(crate) fn without_silence<'t>(plan: Plan<'t>, resource_type: &ResourceType) -> Plan<'t> {
    match resource_type.attribute(ACTIVE) {
        Some(active) if is_user(resource_type) => plan.without_unassigning(active.id),
        _ => plan,
    }
}

/// A resource belongs to the provider that writes it, as long as they are linked.
fn tag(review: &mut Review<'_>) {
    if review.operation != Operation::Delete
        && review.document.is_some()
        && let Some(link) = &review.provisioning.link
    {
        review.state.set_managed_by(link);
    }
}

/// Whether the provider manages the resource as it is stored.
fn is_managed(review: &Review<'_>) -> bool {
    review
        .before
        .is_some_and(|before| review.provisioning.manages(&before.state))
}

/// The value of a core attribute, or of a sub-attribute after a dot.
fn value_at<'v>(document: &'v Resource, path: &str) -> Option<&'v Value> {
    let (name, sub) = path
        .split_once('.')
        .map_or((path, None), |(name, sub)| (name, Some(sub)));
    let value = document.core().get(name)?;
    match sub {
        None => Some(value),
        Some(sub) => value.as_object()?.get(sub),
    }
}
