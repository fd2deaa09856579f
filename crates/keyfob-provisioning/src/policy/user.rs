//! Users: who may change what, invitations, and activation.

use keyfob_core::{
    AttrPath, Object, Resource, SchemaUri, Value,
    validate::{IgnoreRule, Ignored, state_schemas},
};
use keyfob_engine::{ACTIVE, Actor, Context, Operation, Rejection, Review, ignored, is_active, said_active};
use smol_str::format_smolstr;

use super::{address, is_managed, tag};
use crate::{
    event,
    life::{Act, Outcome, Party, Standing, StateError, outcome},
    profile::Profile,
    provisioning::Provisioning,
    refusal::Refusal,
    state::{Invitation, Origin, OwnState as _},
};

pub(super) fn review(profile: &Profile, cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
    if cx.actor() == Actor::DirectoryAdministrator && is_managed(review) {
        return Err(Refusal::Forbidden.into());
    }
    match review.operation() {
        Operation::Hide => {
            check_deletion(cx.actor(), review)?;
            if review.before().is_some_and(is_active) {
                review.publish(event::DEACTIVATED);
            }
            return Ok(());
        }
        Operation::Delete => return check_deletion(cx.actor(), review),
        Operation::Reveal => review.state_mut().set_deleted(None),
        _ => {}
    }
    check_external_id(review)?;
    if cx.actor() == Actor::Provider {
        keep_unsynchronized(review);
    }
    live(cx.actor(), review)?;
    if cx.actor() == Actor::Provider {
        address::check(review)?;
        if review.operation() == Operation::Create && profile.default_unit {
            join_default_unit(review)?;
        }
        tag(review);
    } else {
        check_phone_number(review)?;
    }
    invite(profile, cx.actor(), review);
    Ok(())
}

/// Lets attributes that the organization doesn't take from its provider be as they were.
fn keep_unsynchronized(review: &mut Review<'_>) {
    let unsynchronized: &[AttrPath] = &Provisioning::among(review.facts()).synchronization.ignored;
    let (resource_type, before) = (review.resource_type(), review.before());
    let Some(document) = review.document_mut().filter(|_| !unsynchronized.is_empty()) else {
        return;
    };
    let mut passed_over = Vec::new();
    for path in unsynchronized {
        let name = path.name().as_str();
        let changed = match path.schema().filter(|uri| **uri != resource_type.schema().id) {
            None => {
                let stored = before.and_then(|before| before.core().get(name));
                put(document.core_mut(), name, stored)
            }
            Some(uri) => {
                let stored = before.and_then(|before| before.extension(uri)?.get(name));
                let is_there = stored.is_some() || document.extension(uri).is_some();
                is_there && put(&mut document.extension_mut(uri), name, stored)
            }
        };
        if changed {
            passed_over.push(Ignored::new(
                format_smolstr!("{path}"),
                IgnoreRule::Unsynchronized,
            ));
        }
    }
    ignored::tell(resource_type, &passed_over);
    state_schemas(document, resource_type);
}

/// Lets the attribute be as it is stored, and says whether it was not.
fn put(object: &mut Object, name: &str, stored: Option<&Value>) -> bool {
    let changed = object.get(name) != stored;
    match stored {
        Some(stored) => {
            object.insert(name, stored.clone());
        }
        None => {
            object.remove(name);
        }
    }
    changed
}

/// The `externalId` of the Verkada extension names a user to applications: an empty one names nobody, and one has at
/// most so many characters.
const EXTERNAL_ID_LENGTH: usize = 256;

fn check_external_id(review: &mut Review<'_>) -> Result<(), Rejection> {
    let uri = SchemaUri::VERKADA_CORE_USER;
    let resource_type = review.resource_type();
    let Some(document) = review.document_mut() else {
        return Ok(());
    };
    let length = document
        .extension(&uri)
        .and_then(|extension| extension.get_str("externalId"))
        .map(|id| id.chars().count());
    match length {
        None | Some(1..=EXTERNAL_ID_LENGTH) => Ok(()),
        Some(0) => {
            document.extension_mut(&uri).remove("externalId");
            state_schemas(document, resource_type);
            Ok(())
        }
        Some(_) => Err(Rejection::TooLong {
            path: format_smolstr!("{uri}:externalId"),
            limit: EXTERNAL_ID_LENGTH,
        }),
    }
}

fn join_default_unit(review: &mut Review<'_>) -> Result<(), Refusal> {
    let unit = Provisioning::among(review.facts()).default_unit.clone();
    let unit = unit.ok_or(Refusal::NoDefaultUnit)?;
    review.state_mut().set_default_unit(unit);
    Ok(())
}

/// A user whom the provider manages and holds for active is its own to delete.
fn check_deletion(actor: Actor, review: &Review<'_>) -> Result<(), Rejection> {
    let Some((before, state)) = review.before().zip(review.state_before()) else {
        return Ok(());
    };
    match outcome(Standing::of(before, state), party_of(actor, review), Act::Delete) {
        Outcome::Refused(reason) => Err(refused(review, reason).into()),
        _ => Ok(()),
    }
}

/// P-1: the phone numbers of a user that the provider manages are its own to change.
fn check_phone_number(review: &Review<'_>) -> Result<(), Refusal> {
    let (Some(before), Some(document)) = (review.before(), review.document()) else {
        return Ok(());
    };
    let phones = |document: &Resource| document.core().get("phoneNumbers").cloned();
    if is_managed(review) && phones(before) != phones(document) {
        return Err(Refusal::PhoneLocked);
    }
    Ok(())
}

/// Moves the user through its life by what the request says of `active`: true, false, or nothing at all, which leaves
/// it as it is. The document says from then on whether it is active.
fn live(actor: Actor, review: &mut Review<'_>) -> Result<(), Refusal> {
    let Some(said) = review.document().map(said_active) else {
        return Ok(());
    };
    let active = match review.before().zip(review.state_before()) {
        None => {
            let active = said.unwrap_or(true);
            review
                .state_mut()
                .set_deactivated_by((!active).then(|| Origin::of(actor)));
            if !active {
                review.publish(event::DEACTIVATED);
            }
            active
        }
        Some((before, state)) => {
            let was_active = is_active(before);
            let act = act_of(actor, said, was_active);
            let is_revealed = review.operation() == Operation::Reveal;
            if let Some(document) = review.document_mut().filter(|_| act == Act::Change) {
                document.core_mut().insert(ACTIVE, was_active);
                // An administrator restores a user as it was, or without what somebody else has by now.
                if *document == *before || is_revealed {
                    return Ok(());
                }
            }
            let active = match outcome(Standing::of(before, state), party_of(actor, review), act) {
                Outcome::Refused(reason) => return Err(refused(review, reason)),
                Outcome::InUse => {
                    review.state_mut().set_deactivated_by(None);
                    true
                }
                Outcome::Deactivated(origin) => {
                    review.state_mut().set_deactivated_by(Some(origin));
                    false
                }
                _ => was_active,
            };
            match (was_active, active) {
                (true, false) => review.publish(event::DEACTIVATED),
                (false, true) => review.publish(event::REACTIVATED),
                _ => {}
            }
            active
        }
    };
    if let Some(document) = review.document_mut() {
        document.core_mut().insert(ACTIVE, active);
    }
    Ok(())
}

/// Returns the act of a request by its word on `active`.
///
/// The provider's word counts each time: said again, it takes over what an administrator decided. Who else repeats what
/// is so, as whoever puts back what was read, says nothing.
fn act_of(actor: Actor, said: Option<bool>, was_active: bool) -> Act {
    match said.filter(|said| actor == Actor::Provider || *said != was_active) {
        Some(true) => Act::Activate,
        Some(false) => Act::Deactivate,
        None => Act::Change,
    }
}

fn party_of(actor: Actor, review: &Review<'_>) -> Party {
    Party::of(actor, is_managed(review))
}

fn refused(review: &Review<'_>, reason: StateError) -> Refusal {
    Refusal::State {
        user: review.id().clone(),
        reason,
    }
}

/// Invites a user whom the provider creates, once: at once, or when it is active for the first time.
fn invite(profile: &Profile, actor: Actor, review: &mut Review<'_>) {
    let provisioning = Provisioning::among(review.facts());
    let invites = profile.invites && provisioning.send_invites;
    if invites
        && review.operation() == Operation::Create
        && actor == Actor::Provider
        && provisioning.is_linked()
    {
        review.state_mut().set_invitation(Some(Invitation::Due));
    }
    let active = review.document().is_some_and(is_active);
    if active && review.state().invitation() == Some(Invitation::Due) {
        review
            .state_mut()
            .set_invitation(invites.then_some(Invitation::Sent));
        if invites {
            review.publish(event::INVITE_REQUESTED);
        }
    }
}
