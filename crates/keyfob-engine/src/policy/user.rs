//! Users: who may change what, invitations, and activation.

use keyfob_core::{
    AttrPath, Object, Resource, ResourceType, SchemaUri, Value,
    validate::{IgnoreRule, Ignored, state_schemas},
};
use smol_str::{SmolStr, format_smolstr};

use super::{address, is_managed, tag, value_at};
use crate::{
    context::{Actor, Context},
    event, ignored,
    rule::{Operation, Rejection, Review},
    state::{Origin, is_active},
};

pub(super) fn review(cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
    if review.operation == Operation::Delete {
        return check_deletion(cx.actor(), review);
    }
    check_external_id(review)?;
    match cx.actor() {
        Actor::Provider => {
            keep_unsynchronized(review);
            check_required(review)?;
            address::check(review)?;
            if review.operation == Operation::Create && review.profile.default_unit {
                join_default_unit(review)?;
            }
            tag(review);
        }
        actor => check_administration(actor, review)?,
    }
    activate(cx, review);
    invite(cx, review);
    Ok(())
}

/// Lets attributes that the organization doesn't take from its provider be as they were.
fn keep_unsynchronized(review: &mut Review<'_>) {
    let unsynchronized: &[AttrPath] = &review.provisioning.synchronization.ignored;
    let Some(document) = review.document.as_mut().filter(|_| !unsynchronized.is_empty()) else {
        return;
    };
    let before = review.before.map(|record| &record.document);
    let mut passed_over = Vec::new();
    for path in unsynchronized {
        let name = path.name().as_str();
        let changed = match path
            .schema()
            .filter(|uri| **uri != review.resource_type.schema().id)
        {
            None => {
                let stored = before.and_then(|before| before.core().get(name));
                put(document.core_mut(), name, stored)
            }
            Some(uri) => {
                let stored = before.and_then(|before| before.extension(uri)?.get(name));
                let is_there = stored.is_some() || document.extension(uri).is_some();
                is_there && put(document.extension_mut(uri), name, stored)
            }
        };
        if changed {
            passed_over.push(Ignored::new(
                format_smolstr!("{path}"),
                IgnoreRule::Unsynchronized,
            ));
        }
    }
    ignored::tell(review.resource_type, &passed_over);
    tidy(document, review.resource_type);
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

/// The `externalId` of the Verkada extension names a user to applications: an empty one names nobody, and one has at
/// most so many characters.
const EXTERNAL_ID_LENGTH: usize = 256;

fn check_external_id(review: &mut Review<'_>) -> Result<(), Rejection> {
    let uri = SchemaUri::VERKADA_CORE_USER;
    let Some(document) = &mut review.document else {
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
            tidy(document, review.resource_type);
            Ok(())
        }
        Some(_) => Err(Rejection::TooLong {
            path: format_smolstr!("{uri}:externalId"),
            limit: EXTERNAL_ID_LENGTH,
        }),
    }
}

/// Takes out extensions that hold nothing any more.
fn tidy(document: &mut Resource, resource_type: &ResourceType) {
    document.extensions_mut().retain(|(_, object)| !object.is_empty());
    state_schemas(document, resource_type);
}

fn join_default_unit(review: &mut Review<'_>) -> Result<(), Rejection> {
    let unit = review
        .provisioning
        .default_unit
        .clone()
        .ok_or(Rejection::NoDefaultUnit)?;
    review.state.set_default_unit(unit);
    Ok(())
}

/// A user whom the provider manages and holds for active is its own to delete.
fn check_deletion(actor: Actor, review: &Review<'_>) -> Result<(), Rejection> {
    match actor {
        _ if actor == Actor::Provider || !is_managed(review) => Ok(()),
        Actor::DirectoryAdmin => Err(Rejection::Forbidden),
        _ if review.before().is_some_and(is_active) => Err(Rejection::ManagedByProvider {
            what: "whether an active user is deleted",
        }),
        _ => Ok(()),
    }
}

/// What anybody but the provider may not do to a user.
fn check_administration(actor: Actor, review: &Review<'_>) -> Result<(), Rejection> {
    let (Some(before), Some(document)) = (review.before, &review.document) else {
        return Ok(());
    };
    let is_managed = is_managed(review);
    if is_managed {
        if actor == Actor::DirectoryAdmin {
            return Err(Rejection::Forbidden);
        }
        let phones = |document: &Resource| document.core().get("phoneNumbers").cloned();
        if phones(&before.document) != phones(document) {
            return Err(Rejection::PhoneLocked);
        }
    }
    if is_active(&before.document) || *document == before.document {
        return Ok(());
    }
    if !is_active(document) {
        return Err(Rejection::Deactivated);
    }
    if is_managed && before.state.deactivated_by() != Some(Origin::Administrator) {
        return Err(Rejection::ManagedByProvider {
            what: "whether a user that the provider deactivated is active",
        });
    }
    Ok(())
}

/// Keeps record of who deactivated a user, and tells of it.
fn activate(cx: &Context, review: &mut Review<'_>) {
    let Some(active) = review.document.as_ref().map(is_active) else {
        return;
    };
    let was_active = review.before().is_none_or(is_active);
    if active {
        review.state.set_deactivated_by(None);
    } else if was_active {
        review.state.set_deactivated_by(Some(Origin::of(cx.actor())));
        // Who never came doesn't come any more; he isn't invited again.
        review.state.set_invited(false);
    } else if cx.actor() == Actor::Provider {
        // The provider says again that the user is not active: from now on it is the one that decides.
        review.state.set_deactivated_by(Some(Origin::Provider));
    }
    match (was_active, active) {
        (true, false) => review.publish(event::DEACTIVATED),
        (false, true) => review.publish(event::REACTIVATED),
        _ => {}
    }
}

/// Invites a user whom the provider creates, once.
fn invite(cx: &Context, review: &mut Review<'_>) {
    let invited = review.operation == Operation::Create
        && cx.actor() == Actor::Provider
        && review.profile.invites
        && review.provisioning.is_linked()
        && review.provisioning.send_invites
        && review.document.as_ref().is_some_and(is_active);
    if invited {
        review.state.set_invited(true);
        review.publish(event::INVITE_REQUESTED);
    }
}
