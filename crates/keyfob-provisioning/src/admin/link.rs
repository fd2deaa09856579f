//! The link to a provider: e-mail domains, tokens, invitations and what is synchronized.

use std::sync::Arc;

use keyfob_core::{AttrPath, DateTime, ResourceId, schema::Target};
use keyfob_engine::{Context, Decision, EngineError, Prepared, Reads, Seen, Subject};
use keyfob_store::{
    Change, CommitError, NewEvent, Selection, Store, StoreError, StoreExt, TenantId, Visibility,
};
use smol_str::SmolStr;

use super::{Admin, AdminError, Confirmed, demand_admin, demand_confirmation, organization::create_token};
use crate::{
    event, policy,
    profile::TokenPolicy,
    provisioning::{DAY, EmailDomain, FirstLink, Provisioning, Synchronization, TokenInfo},
    system,
    token::Token,
};

/// The name of the token that comes with the link.
const FIRST_TOKEN: &str = "default";

impl<S: Store> Admin<'_, S> {
    /// Lets users have addresses in a domain. The first domain links the organization to a provider; the token by which
    /// the provider opens it is returned, this once.
    ///
    /// # Errors
    /// [`AdminError::Domain`], [`AdminError::Forbidden`], [`AdminError::Store`].
    pub async fn add_domain(&self, cx: &Context, domain: &str) -> Result<Option<Token>, AdminError> {
        self.add_domains(cx, &[domain.parse()?]).await
    }

    /// Lets users have addresses in several domains, all or none. What [`add_domain`](Self::add_domain) says of the first
    /// domain holds of the first ones.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::Store`].
    pub async fn add_domains(
        &self,
        cx: &Context,
        domains: &[EmailDomain],
    ) -> Result<Option<Token>, AdminError> {
        demand_admin(cx)?;
        let token = Token::generate_for(cx.tenant())?;
        let issued = self
            .edit(
                cx,
                "addDomain",
                &[event::PROVISIONING_CHANGED],
                |provisioning, at| {
                    if domains.is_empty() {
                        return Ok((None, Vec::new()));
                    }
                    for domain in domains {
                        if !provisioning.domains.contains(domain) {
                            provisioning.domains.push(domain.clone());
                        }
                    }
                    provisioning.restricted = true;
                    if provisioning.is_linked() {
                        return Ok((None, Vec::new()));
                    }
                    self.link_with(cx.tenant(), provisioning, &token, domains, at);
                    Ok((Some(&token), vec![event::LINKED, event::TOKEN_ISSUED]))
                },
            )
            .await?
            .issued;
        Ok(issued.then_some(token))
    }

    /// Links the organization to a provider without asking for a domain: users may have addresses in the domains that there
    /// are, or in any where none was ever added. Returns the token by which the provider opens the organization, this once, or
    /// none where the organization is linked already.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::Store`].
    pub async fn enable(&self, cx: &Context) -> Result<Option<Token>, AdminError> {
        demand_admin(cx)?;
        let token = Token::generate_for(cx.tenant())?;
        let issued = self
            .edit(cx, "enable", &[event::LINKED], |provisioning, at| {
                if provisioning.is_linked() {
                    return Ok((None, Vec::new()));
                }
                let domains = provisioning.domains.clone();
                self.link_with(cx.tenant(), provisioning, &token, &domains, at);
                Ok((Some(&token), vec![event::TOKEN_ISSUED]))
            })
            .await?
            .issued;
        Ok(issued.then_some(token))
    }

    /// Counts the users with an address in a domain.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    ///
    /// # Complexity
    /// Linear in the users of the organization.
    pub async fn users_in_domain(&self, cx: &Context, domain: &EmailDomain) -> Result<usize, AdminError> {
        self.users_of_domain(cx, domain).await
    }

    /// Links an organization to a provider that opens it with `token`. Users' addresses have to be in `domains`, or may
    /// be in any where there are none.
    ///
    /// Returns false, and changes nothing, if the organization was ever linked before:
    /// [`Provisioning::first_link`] says with which values.
    ///
    /// # Errors
    /// [`AdminError::TokenTaken`], [`AdminError::Forbidden`], [`AdminError::Store`].
    pub async fn link_first(
        &self,
        cx: &Context,
        token: &Token,
        domains: &[EmailDomain],
    ) -> Result<bool, AdminError> {
        demand_admin(cx)?;
        let before = self.provisioner.provisioning(cx).await?;
        if before.tokens.iter().any(|present| present.id == token.id()) {
            // The row that leads here may have been lost with the connection to a store that had done the rest.
            self.register(cx, token).await?;
        }
        self.edit_from(&before, cx, "link", &[event::LINKED], |provisioning, at| {
            if provisioning.first_link.is_some() {
                return Ok((None, Vec::new()));
            }
            provisioning.domains = domains.to_vec();
            provisioning.restricted = !domains.is_empty();
            self.link_with(cx.tenant(), provisioning, token, domains, at);
            Ok((Some(token), vec![event::TOKEN_ISSUED]))
        })
        .await
        .map(|edited| edited.issued)
    }

    /// Links an organization that isn't linked.
    pub(super) fn link_with(
        &self,
        tenant: &TenantId,
        provisioning: &mut Provisioning,
        token: &Token,
        domains: &[EmailDomain],
        at: DateTime,
    ) {
        provisioning.link = Some(self.provisioner.next_id().as_str().into());
        provisioning.tokens = vec![TokenInfo::new(
            tenant,
            token,
            FIRST_TOKEN,
            at,
            self.expiry(None, at),
        )];
        provisioning
            .first_link
            .get_or_insert_with(|| FirstLink::new(token, domains));
    }

    /// Takes a domain back. As long as users have addresses in it, it takes `force`; they stay as they are, and the
    /// provider can do nothing more to them than to deactivate them.
    ///
    /// # Errors
    /// [`AdminError::NoSuchDomain`], [`AdminError::DomainInUse`], [`AdminError::Domain`], [`AdminError::Forbidden`],
    /// [`AdminError::Store`].
    pub async fn remove_domain(&self, cx: &Context, domain: &str, force: bool) -> Result<(), AdminError> {
        demand_admin(cx)?;
        let domain: EmailDomain = domain.parse()?;
        let users = self.users_of_domain(cx, &domain).await?;
        if users > 0 && !force {
            return Err(AdminError::DomainInUse { domain, users });
        }
        self.edit(
            cx,
            "removeDomain",
            &[event::PROVISIONING_CHANGED],
            |provisioning, _| {
                let place = provisioning.domains.iter().position(|present| *present == domain);
                let place = place.ok_or_else(|| AdminError::NoSuchDomain(domain.clone()))?;
                provisioning.domains.remove(place);
                Ok((None, Vec::new()))
            },
        )
        .await?;
        Ok(())
    }

    /// Replaces a token: the old one opens nothing any more when this returns, and the new one is shown this once.
    /// Where the organization has several, `name` says which.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::ConfirmationRequired`], [`AdminError::NotEnabled`],
    /// [`AdminError::NoSuchToken`], [`AdminError::AmbiguousToken`], [`AdminError::Store`].
    pub async fn refresh_token(
        &self,
        cx: &Context,
        name: Option<&str>,
        confirmation: Option<Confirmed>,
    ) -> Result<Token, AdminError> {
        demand_admin(cx)?;
        let token = Token::generate_for(cx.tenant())?;
        // That it isn't enabled is said before a confirmation is asked for.
        if !self.provisioner.provisioning(cx).await?.is_linked() {
            return Err(AdminError::NotEnabled);
        }
        demand_confirmation(confirmation)?;
        self.edit(cx, "refreshToken", &[event::TOKEN_REVOKED], |provisioning, at| {
            if !provisioning.is_linked() {
                return Err(AdminError::NotEnabled);
            }
            let info = |name: SmolStr| TokenInfo::new(cx.tenant(), &token, name, at, self.expiry(None, at));
            match (name, provisioning.tokens.as_mut_slice()) {
                (None, []) => provisioning.tokens.push(info(FIRST_TOKEN.into())),
                (None, [only]) => *only = info(only.name.clone()),
                (None, _) => return Err(AdminError::AmbiguousToken),
                (Some(name), tokens) => {
                    let found = tokens.iter_mut().find(|token| token.name == name);
                    let found = found.ok_or_else(|| AdminError::NoSuchToken(name.into()))?;
                    *found = info(found.name.clone());
                }
            }
            Ok((Some(&token), vec![event::TOKEN_ISSUED]))
        })
        .await?;
        Ok(token)
    }

    /// Makes another token, valid until `expires` or as long as the profile says. It is shown this once.
    ///
    /// # Errors
    /// [`AdminError::OneToken`] where the profile allows no more than one, [`AdminError::TokenNameTaken`],
    /// [`AdminError::NotEnabled`], [`AdminError::Forbidden`], [`AdminError::Store`].
    pub async fn issue_token(
        &self,
        cx: &Context,
        name: &str,
        expires: Option<DateTime>,
    ) -> Result<Token, AdminError> {
        demand_admin(cx)?;
        if self.provisioner.profile().tokens == TokenPolicy::One {
            return Err(AdminError::OneToken);
        }
        let token = Token::generate_for(cx.tenant())?;
        self.edit(
            cx,
            "issueToken",
            &[event::PROVISIONING_CHANGED],
            |provisioning, at| {
                if !provisioning.is_linked() {
                    return Err(AdminError::NotEnabled);
                }
                if provisioning.tokens.iter().any(|token| token.name == name) {
                    return Err(AdminError::TokenNameTaken(name.into()));
                }
                let info = TokenInfo::new(cx.tenant(), &token, name, at, self.expiry(expires, at));
                provisioning.tokens.push(info);
                Ok((Some(&token), vec![event::TOKEN_ISSUED]))
            },
        )
        .await?;
        Ok(token)
    }

    /// Takes a token back: it opens nothing any more when this returns.
    ///
    /// # Errors
    /// [`AdminError::NoSuchToken`], [`AdminError::ConfirmationRequired`], [`AdminError::Forbidden`],
    /// [`AdminError::Store`].
    pub async fn revoke_token(
        &self,
        cx: &Context,
        name: &str,
        confirmation: Option<Confirmed>,
    ) -> Result<(), AdminError> {
        demand_admin(cx)?;
        demand_confirmation(confirmation)?;
        self.edit(cx, "revokeToken", &[event::TOKEN_REVOKED], |provisioning, _| {
            let place = provisioning.tokens.iter().position(|token| token.name == name);
            let place = place.ok_or_else(|| AdminError::NoSuchToken(name.into()))?;
            provisioning.tokens.remove(place);
            Ok((None, Vec::new()))
        })
        .await?;
        Ok(())
    }

    /// Says whether users whom the provider creates are invited.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::Store`].
    pub async fn set_invites(&self, cx: &Context, send: bool) -> Result<(), AdminError> {
        demand_admin(cx)?;
        self.edit(
            cx,
            "setInvites",
            &[event::PROVISIONING_CHANGED],
            |provisioning, _| {
                provisioning.send_invites = send;
                Ok((None, Vec::new()))
            },
        )
        .await?;
        Ok(())
    }

    /// Says what of the provider's data is taken over from now on. What is stored stays as it is.
    ///
    /// # Errors
    /// [`AdminError::RequiredAttribute`] for one that every user must have, [`AdminError::UnknownAttribute`],
    /// [`AdminError::Forbidden`], [`AdminError::Store`].
    pub async fn set_synchronization(
        &self,
        cx: &Context,
        synchronization: &Synchronization,
    ) -> Result<(), AdminError> {
        demand_admin(cx)?;
        for path in &synchronization.ignored {
            self.check_ignorable(path)?;
        }
        // However often and in whatever order they are named.
        let mut synchronization = synchronization.clone();
        let ignored = &mut synchronization.ignored;
        ignored.sort_by_cached_key(|path| path.to_string().to_ascii_lowercase());
        ignored.dedup();
        self.edit(
            cx,
            "setSynchronization",
            &[event::PROVISIONING_CHANGED],
            |provisioning, _| {
                provisioning.synchronization = synchronization.clone();
                Ok((None, Vec::new()))
            },
        )
        .await?;
        Ok(())
    }

    /// Names the unit that created users join.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::Store`].
    pub async fn set_default_unit(&self, cx: &Context, unit: Option<&str>) -> Result<(), AdminError> {
        demand_admin(cx)?;
        self.edit(
            cx,
            "setDefaultUnit",
            &[event::PROVISIONING_CHANGED],
            |provisioning, _| {
                provisioning.default_unit = unit.map(Into::into);
                Ok((None, Vec::new()))
            },
        )
        .await?;
        Ok(())
    }

    fn check_ignorable(&self, path: &AttrPath) -> Result<(), AdminError> {
        let users = self.user_type()?;
        let unknown = || AdminError::UnknownAttribute(path.to_string().into());
        let resolved = users.resolve_attribute(path).map_err(|_| unknown())?;
        if resolved.sub.is_some()
            || matches!(
                users.resolve(path, self.provisioner.engine().profile().dialect),
                Ok(Target::Extension(_))
            )
        {
            return Err(unknown());
        }
        let name = resolved.attribute.name.as_str();
        let of_profile = |required: &&str| required.split('.').next() == Some(name);
        if resolved.attribute.required
            || name.eq_ignore_ascii_case("active")
            || (path.schema().is_none()
                && self
                    .provisioner
                    .engine()
                    .profile()
                    .required
                    .iter()
                    .any(of_profile))
        {
            return Err(AdminError::RequiredAttribute(name.into()));
        }
        Ok(())
    }

    /// Until when a token is valid that is made now.
    pub(super) fn expiry(&self, asked: Option<DateTime>, at: DateTime) -> Option<DateTime> {
        let TokenPolicy::Many { days } = self.provisioner.profile().tokens else {
            return asked;
        };
        let usual = days.map(|days| DateTime::from_unix_millis(at.unix_millis() + i64::from(days) * DAY));
        asked.or(usual)
    }

    async fn users_of_domain(&self, cx: &Context, domain: &EmailDomain) -> Result<usize, AdminError> {
        let page = self
            .provisioner
            .read_all(cx, self.user_type()?, Visibility::Live)
            .await?;
        let in_domain = |address: &str| EmailDomain::of_address(address).is_ok_and(|of| of == *domain);
        let users = page
            .iter()
            .filter(|loaded| policy::addresses(&loaded.resource).any(|(_, address)| in_domain(address)));
        Ok(users.count())
    }

    /// Changes how the organization is provisioned, under a verb that events show. `change` returns a token that is valid from
    /// then on and the events that there are beside `events`; it is called again where somebody else is faster.
    ///
    /// A token that is refused, or opens the organization no more, leaves no row.
    pub(super) async fn edit<'t>(
        &self,
        cx: &Context,
        verb: &'static str,
        events: &[&'static str],
        change: impl FnMut(
            &mut Provisioning,
            DateTime,
        ) -> Result<(Option<&'t Token>, Vec<&'static str>), AdminError>
        + Send,
    ) -> Result<Edited, AdminError> {
        let before = self.provisioner.provisioning(cx).await?;
        self.edit_from(&before, cx, verb, events, change).await
    }

    /// As [`edit`](Self::edit), where it was read before how the organization is provisioned.
    async fn edit_from<'t>(
        &self,
        before: &Provisioning,
        cx: &Context,
        verb: &'static str,
        events: &[&'static str],
        mut change: impl FnMut(
            &mut Provisioning,
            DateTime,
        ) -> Result<(Option<&'t Token>, Vec<&'static str>), AdminError>
        + Send,
    ) -> Result<Edited, AdminError> {
        let (token, _) = change(&mut before.clone(), self.provisioner.now())?;
        // Tokens and organizations are in two tenants, so in two commits. Neither opens anything alone: a token
        // leads to the organization before the organization lets it in, and leads there until it is shut out.
        if let Some(token) = token {
            self.register(cx, token).await?;
        }
        let edited = self.commit_edit(cx, verb, events, token, change).await;
        // Where the store failed it isn't known whether the token opens the organization, and a row leads nobody in alone.
        let is_refused = match &edited {
            Ok(edited) => !edited.issued,
            Err(AdminError::Store(_) | AdminError::Engine(EngineError::Store(_))) => false,
            Err(_) => true,
        };
        if let Some(token) = token.filter(|_| is_refused) {
            self.forget_unused(cx, token).await;
        }
        edited
    }

    /// Commits an edit. `registered` is the token of which the directory knows.
    async fn commit_edit<'t>(
        &self,
        cx: &Context,
        verb: &'static str,
        events: &[&'static str],
        registered: Option<&Token>,
        mut change: impl FnMut(
            &mut Provisioning,
            DateTime,
        ) -> Result<(Option<&'t Token>, Vec<&'static str>), AdminError>
        + Send,
    ) -> Result<Edited, AdminError> {
        let id = system::provisioning_id();
        let reads = Reads {
            resource_type: system::provisioning(),
            subject: Subject::Existing(&id),
            selection: Selection::document(),
        };
        let mut edited = Ok((Edited::default(), None));
        let decide = |seen: &Seen| {
            let before = seen.subject.as_ref().map(Provisioning::of).unwrap_or_default();
            let mut after = before.clone();
            let (token, more) = match change(&mut after, self.provisioner.now()) {
                Ok(changed) => changed,
                Err(error) => {
                    edited = Err(error);
                    return Ok(Decision::Nothing);
                }
            };
            if after == before {
                edited = Ok((Edited::default(), None));
                return Ok(Decision::Nothing);
            }
            if token.is_some_and(|token| registered.is_none() && !token.names(cx.tenant())) {
                // Somebody else has cut the link meanwhile, so that a token is needed that nobody has registered.
                edited = Err(AdminError::Contention);
                return Ok(Decision::Nothing);
            }
            let names = events.iter().copied().chain(more);
            let prepared = prepared(&after, names.map(of_provisioning).collect());
            let done = Edited {
                is_changed: true,
                issued: token.is_some(),
            };
            edited = Ok((done, Some((before, after))));
            Ok(prepared.into())
        };
        // The subject is what the facts would say, and isn't read twice.
        let known = cx.clone().with_fact(Arc::new(Provisioning::default()));
        self.provisioner
            .transact(&known, verb, &reads, None, decide)
            .await?;
        let (edited, ended) = edited?;
        if let Some((before, after)) = ended {
            self.forget_ended(&before, &after).await;
        }
        Ok(edited)
    }

    /// Stores where a token leads, unless it leads there already: an earlier start of the service may have been killed
    /// after this step.
    async fn register(&self, cx: &Context, token: &Token) -> Result<(), AdminError> {
        if token.names(cx.tenant()) {
            return Ok(());
        }
        let create = create_token(token.id(), cx.tenant());
        let system = Self::system_of(cx);
        let commit = self
            .provisioner
            .commit_of(&system, "registerToken", vec![create], None);
        match self.provisioner.commit(&system, commit).await {
            Ok(_) => Ok(()),
            Err(CommitError::IdTaken { .. }) => match self.organization_opened_by(&token.id()).await? {
                Some(tenant) if tenant == *cx.tenant() => Ok(()),
                _ => Err(AdminError::TokenTaken),
            },
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(other) => Err(StoreError::internal(other).into()),
        }
    }

    /// The tenant to which the token with this id leads.
    pub(super) async fn organization_opened_by(
        &self,
        id: &ResourceId,
    ) -> Result<Option<TenantId>, AdminError> {
        let (system, selection) = (Self::system(), Selection::document());
        let store = self.provisioner.store();
        let found = store
            .get_one(&system.reading(), system::token(), id, &selection)
            .await?;
        let organization = found
            .as_ref()
            .and_then(|stored| stored.resource.core().get_str("organization"));
        Ok(organization.map(TenantId::new))
    }

    /// Removes the rows of the tokens that opened an organization before a change and don't after it.
    pub(super) async fn forget_ended(&self, before: &Provisioning, after: &Provisioning) {
        let is_valid = |id: &ResourceId| after.tokens.iter().any(|token| token.id == *id);
        let ended = before.tokens.iter().filter(|token| !is_valid(&token.id));
        for token in ended.filter(|token| !token.names_tenant) {
            self.forget(&token.id).await;
        }
    }

    /// Removes the row of a token that was refused, unless the organization has it: another start of the service
    /// may have been given the same token, and was faster.
    async fn forget_unused(&self, cx: &Context, token: &Token) {
        if token.names(cx.tenant()) || cx.rehearsal().is_some() {
            return;
        }
        let id = token.id();
        let Ok(provisioning) = self.provisioner.provisioning(cx).await else {
            return;
        };
        if !provisioning.tokens.iter().any(|present| present.id == id) {
            self.forget(&id).await;
        }
    }

    /// Removes the row of a token that opens nothing any more.
    async fn forget(&self, id: &ResourceId) {
        let delete = Change::delete(system::token(), id.clone(), None);
        let system = Self::system();
        let commit = self
            .provisioner
            .commit_of(&system, "forgetToken", vec![delete], None);
        // What was asked for is done, and a row that stays opens nothing: no organization names it.
        self.provisioner.store().commit_one(commit).await.ok();
    }
}

/// The outcome of an edit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Edited {
    /// Whether anything changed.
    pub(super) is_changed: bool,
    /// Whether a token opens the organization from then on.
    pub(super) issued: bool,
}

/// Prepares the commit that stores how an organization is provisioned, unless somebody else has changed it since it was read.
pub(super) fn prepared(provisioning: &Provisioning, events: Vec<NewEvent>) -> Prepared {
    let (resource_type, id) = (system::provisioning(), system::provisioning_id());
    let document = provisioning.to_document();
    let main = match provisioning.version {
        None => Change::create(resource_type, id, document),
        Some(version) => Change::replace(resource_type, id, document, Some(version)),
    };
    let mut changes = vec![main];
    changes.extend(events.into_iter().map(|event| Change::publish(event, 0)));
    Prepared::new(changes)
}

/// Returns an event that is about how the organization is provisioned.
pub(super) fn of_provisioning(name: &'static str) -> NewEvent {
    let kind = system::provisioning().name().clone();
    NewEvent::new(name, kind, system::provisioning_id())
}

#[cfg(test)]
mod tests;
