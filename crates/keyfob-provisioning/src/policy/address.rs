//! The domains that users' addresses may have.

use keyfob_core::{Resource, Value};
use keyfob_engine::{Review, is_active, is_user};
use smol_str::SmolStr;

use crate::{
    provisioning::{EmailDomain, Provisioning},
    refusal::Refusal,
};

/// Checks `userName`, where it is an address, and every e-mail address.
///
/// A user who is deactivated and keeps his addresses is not checked: an organization that has given a domain up must
/// still be able to shut out who came with it.
pub(super) fn check(review: &Review<'_>) -> Result<(), Refusal> {
    debug_assert!(is_user(review.resource_type()));
    let Some(document) = review.document() else {
        return Ok(());
    };
    let provisioning = Provisioning::among(review.facts());
    let kept = |before: &Resource| addresses(before).eq(addresses(document));
    let shut_out = !is_active(document) && review.before().is_some_and(kept);
    if !provisioning.restricted || shut_out {
        return Ok(());
    }
    for (path, address) in addresses(document) {
        match EmailDomain::of_address(address) {
            Ok(domain) if provisioning.domains.contains(&domain) => {}
            Ok(domain) => {
                return Err(Refusal::DomainNotAllowed {
                    path: SmolStr::new_static(path),
                    domain,
                });
            }
            Err(error) => {
                return Err(Refusal::DomainMissing {
                    path: SmolStr::new_static(path),
                    error,
                });
            }
        }
    }
    Ok(())
}

/// Everything of a user that is an e-mail address, with the attribute that holds it.
pub(crate) fn addresses(document: &Resource) -> impl Iterator<Item = (&'static str, &str)> {
    let core = document.core();
    let user_name = core.get_str("userName").filter(|name| name.contains('@'));
    let emails = core.get("emails").map(Value::as_elements).unwrap_or_default();
    let emails = emails
        .iter()
        .filter_map(|email| email.as_object()?.get_str("value"))
        .map(|address| ("emails.value", address));
    user_name.map(|name| ("userName", name)).into_iter().chain(emails)
}
