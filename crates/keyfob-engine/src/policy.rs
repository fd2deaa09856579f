//! The protocol's own policies: what the RFC leaves to the service provider and the profile lays down.

mod active;

use keyfob_core::{Resource, ResourceType, SchemaUri, Value};
use keyfob_patch::Plan;
use smol_str::SmolStr;

pub use self::active::{ACTIVE, is_active, said_active};
pub(crate) use self::active::{show_active, with_active};
use crate::{
    context::{Actor, Context},
    rule::{Operation, Rejection, Review},
};

/// Reviews a change after the lifecycle and before the rules.
pub(crate) fn review(cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
    check_members(review)?;
    if is_user(review.resource_type)
        && matches!(
            review.operation,
            Operation::Create | Operation::Update | Operation::Reveal
        )
    {
        keep_active(review);
        if cx.actor() == Actor::Provider {
            check_required(review)?;
        }
    }
    Ok(())
}

/// Returns true if resources of the type are users.
#[must_use]
pub fn is_user(resource_type: &ResourceType) -> bool {
    resource_type.schema().id == SchemaUri::USER
}

/// Returns true if resources of the type are groups.
#[must_use]
pub fn is_group(resource_type: &ResourceType) -> bool {
    resource_type.schema().id == SchemaUri::GROUP
}

/// G-8: a group isn't put into itself. Longer cycles are nobody's to find in one request, and every read ends all the same.
fn check_members(review: &Review<'_>) -> Result<(), Rejection> {
    let mut joining = review.relations.iter().flat_map(|delta| &delta.add);
    if is_group(review.resource_type) && joining.any(|(id, _)| id == review.id) {
        return Err(Rejection::SelfMember);
    }
    Ok(())
}

/// A user's document always says whether it is active: as before where nobody says anything, and true at first.
fn keep_active(review: &mut Review<'_>) {
    let was_active = review.before().is_none_or(is_active);
    if let Some(document) = &mut review.document
        && said_active(document).is_none()
    {
        document.core_mut().insert(ACTIVE, was_active);
    }
}

/// A user who is deactivated and lacked something before, because an administrator took it away, is not checked for it:
/// the provider must still be able to shut out whom it can't complete.
fn check_required(review: &Review<'_>) -> Result<(), Rejection> {
    let Some(document) = &review.document else {
        return Ok(());
    };
    let lacks = |document: &Resource, path: &str| {
        value_at(document, path).is_none_or(|value| value.is_unassigned() || value.as_str() == Some(""))
    };
    let schema = &review.resource_type.schema().id;
    let mut required = review.profile.required_in(schema).iter();
    let lacked = |path: &str| review.before().is_some_and(|before| lacks(before, path));
    let missing = required.find(|path| lacks(document, path) && (is_active(document) || !lacked(path)));
    match missing {
        None => Ok(()),
        Some(path) => Err(Rejection::RequiredAttribute {
            path: SmolStr::new_static(path),
        }),
    }
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
