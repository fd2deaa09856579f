//! Groups: who may change what.

use keyfob_core::validate::{IgnoreRule, Ignored};
use keyfob_engine::{Actor, Context, Rejection, Review, ignored};

use super::{is_managed, tag};
use crate::{
    profile::{GroupExternalId, Profile},
    provisioning::Provisioning,
    refusal::Refusal,
};

pub(super) fn review(profile: &Profile, cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
    if cx.actor() != Actor::Provider {
        return if !is_managed(review) {
            Ok(())
        } else if cx.actor() == Actor::DirectoryAdministrator {
            Err(Refusal::Forbidden.into())
        } else {
            Err(Rejection::from(Refusal::ManagedByProvider {
                what: "a group that the provider manages, its members included,",
            }))
        };
    }
    if !Provisioning::among(review.facts()).synchronization.groups {
        return Err(Refusal::GroupsDisabled.into());
    }
    if profile.group_external_id == GroupExternalId::Ignore
        && let Some(document) = review.document_mut()
        && document.core().get("externalId").is_some()
    {
        document.core_mut().remove("externalId");
        ignored::tell(
            review.resource_type(),
            &[Ignored::new("externalId", IgnoreRule::GroupExternalId)],
        );
    }
    tag(review);
    Ok(())
}
