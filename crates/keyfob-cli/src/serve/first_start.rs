//! The first start of a server on a store, and all later ones with what the first was given.

use std::collections::BTreeSet;

use keyfob_engine::{Actor, Context};
use keyfob_provisioning::{AdminError, EmailDomain, FirstLink, Organization, Token};

use super::services::Provisioners;
use crate::{Unusable, profile::NamedProfile};

/// The environment variable with the token of the first start.
pub(super) const BOOTSTRAP_TOKEN: &str = "KEYFOB_BOOTSTRAP_TOKEN";

/// The name of the organization that the first start creates.
const NAME: &str = "default";

/// The values that a start is given for the first organization of its store.
///
/// The organization remembers its profile and the values of its first link. A later start with the same values, or
/// without them, changes nothing, whatever has become of the token and the domains since. One with other values is
/// refused: it would not have the effect that whoever gives them expects.
pub(super) struct FirstStart {
    pub(super) profile: Option<NamedProfile>,
    pub(super) token: Option<Token>,
    pub(super) domains: Vec<EmailDomain>,
}

impl FirstStart {
    /// The profile of the organization that is created where there is none.
    pub(super) fn profile(&self) -> NamedProfile {
        self.profile.unwrap_or(NamedProfile::Interop)
    }

    /// Creates the first organization where there is none and links it where it never was. Returns the token if it has
    /// to be shown.
    pub(super) async fn perform(self, provisioners: &Provisioners) -> Result<Option<Token>, Unusable> {
        let organization = self.organization(provisioners).await?;
        let profile = NamedProfile::of(&organization)?;
        if let Some(asked) = self.profile.filter(|asked| *asked != profile) {
            return Err(Unusable::new(format!(
                "the organization `{}` has the profile `{}` and not `{}`: an organization has one for good; leave \
                 `--profile` out, or create an organization of the other profile with `keyfob admin org create`",
                organization.name,
                profile.name(),
                asked.name(),
            )));
        }
        let provisioner = provisioners.of(profile);
        let cx = Context::new(organization.tenant.clone()).acting_as(Actor::Administrator);
        let is_chosen = self.token.is_some();
        let token = match self.token {
            Some(token) => token,
            None => Token::generate_for(cx.tenant())?,
        };
        if provisioner.admin().link_first(&cx, &token, &self.domains).await? {
            return Ok((!is_chosen).then_some(token));
        }
        let first = provisioner.provisioning(&cx).await?.first_link;
        // `link_first` refuses only an organization that has it.
        let first = first.ok_or_else(|| Unusable::new("the first link of the organization is lost"))?;
        if is_chosen && !first.is_of(&token) {
            return Err(Unusable::new(format!(
                "{BOOTSTRAP_TOKEN} is not the token with which the organization `{}` was first linked: leave it as it \
                 was, or unset it and get a new token with `keyfob admin token refresh`",
                organization.name,
            )));
        }
        check_domains(&self.domains, &first, &organization)?;
        Ok(None)
    }

    /// The oldest organization. It is created where there is none.
    async fn organization(&self, provisioners: &Provisioners) -> Result<Organization, Unusable> {
        let provisioner = provisioners.of(self.profile());
        let oldest =
            async || Ok::<_, Unusable>(provisioner.admin().organizations().await?.into_iter().next());
        if let Some(organization) = oldest().await? {
            return Ok(organization);
        }
        match provisioner.admin().create_unlinked_organization(NAME).await {
            // Another server starts at the same time.
            Err(AdminError::NameTaken(_)) => {
                let organization = oldest().await?;
                organization.ok_or_else(|| Unusable::new("the store has no organization"))
            }
            outcome => Ok(outcome?),
        }
    }
}

fn check_domains(
    given: &[EmailDomain],
    first: &FirstLink,
    organization: &Organization,
) -> Result<(), Unusable> {
    let set = |domains: &[EmailDomain]| domains.iter().cloned().collect::<BTreeSet<_>>();
    if given.is_empty() || set(given) == set(&first.domains) {
        return Ok(());
    }
    let domains: Vec<_> = first.domains.iter().map(|domain| format!("`{domain}`")).collect();
    let domains = if domains.is_empty() {
        "no domain".to_owned()
    } else {
        domains.join(", ")
    };
    Err(Unusable::new(format!(
        "the organization `{}` was first linked with {domains}: give the same with `--domain`, or none, and change the \
         domains with `keyfob admin domain add` and `remove`",
        organization.name,
    )))
}
