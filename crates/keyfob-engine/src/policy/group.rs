//! Groups: who may change what.

use keyfob_core::validate::{IgnoreRule, Ignored};

use super::{is_managed, tag};
use crate::{
    context::{Actor, Context},
    ignored,
    profile::GroupExternalId,
    rule::{Rejection, Review},
};

pub(super) fn review(cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
    check_members(review)?;
    if cx.actor() != Actor::Provider {
        return if !is_managed(review) {
            Ok(())
        } else if cx.actor() == Actor::DirectoryAdmin {
            Err(Rejection::Forbidden)
        } else {
            Err(Rejection::ManagedByProvider {
                what: "a group that the provider manages, its members included,",
            })
        };
    }
    if !review.provisioning.synchronization.groups {
        return Err(Rejection::GroupsDisabled);
    }
    if review.profile.group_external_id == GroupExternalId::Ignore
        && let Some(document) = review.document_mut()
        && document.core().get("externalId").is_some()
    {
        document.core_mut().remove("externalId");
        ignored::tell(
            review.resource_type,
            &[Ignored::new("externalId", IgnoreRule::GroupExternalId)],
        );
    }
    tag(review);
    Ok(())
}

/// G-8: longer cycles are nobody's to find in one request, and every read ends all the same.
fn check_members(review: &Review<'_>) -> Result<(), Rejection> {
    let mut joining = review.relations.iter().flat_map(|delta| &delta.add);
    if joining.any(|(id, _)| id == review.id) {
        return Err(Rejection::SelfMember);
    }
    Ok(())
}
