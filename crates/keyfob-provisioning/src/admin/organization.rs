//! Organizations: the customers of the service.

use std::sync::Arc;

use keyfob_core::{Resource, ResourceId};
use keyfob_engine::{
    Context,
    engine::{change_of, event_of, unique_keys},
};
use keyfob_store::{
    Cause, Change, CommitError, Maintenance, MemberPolicy, OnRefusal, Query, Selection, Store, StoreError,
    StoreExt, Stored, TenantId,
};
use smol_str::SmolStr;

use super::{
    Admin, AdminError, Confirmed, demand_confirmation,
    erasure::{erasure_id, forget_erasure, note_erasure},
    link::{of_provisioning, prepared},
};
use crate::{deleted::equals, event, founding::Founding, provisioning::Provisioning, system, token::Token};

/// A customer of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Organization {
    /// The tenant of its resources.
    pub tenant: TenantId,
    /// What administrators call it.
    pub name: SmolStr,
    /// The [name](crate::Profile::name) of the profile with which it was made, and by whose rules everything in it came
    /// about.
    pub profile: SmolStr,
}

impl Organization {
    fn to_document(&self) -> Resource {
        let mut organization = Resource::new([system::organization().schema().id.clone()]);
        organization.core_mut().insert("name", self.name.clone());
        organization.core_mut().insert("profile", self.profile.clone());
        organization
    }
}

/// The end of an organization.
impl<S: Maintenance> Admin<'_, S> {
    /// Removes an organization with everything in it: its users, groups, events and tokens. Its name is free afterwards.
    ///
    /// No token opens the organization when this returns. What a request writes that was under way, and what is left where
    /// the store fails on the way, [`sweep_tenants`](Self::sweep_tenants) erases.
    ///
    /// # Errors
    /// [`AdminError::NoSuchOrganization`], [`AdminError::ConfirmationRequired`], [`AdminError::Store`].
    pub async fn delete_organization(
        &self,
        cx: &Context,
        tenant: &TenantId,
        confirmation: Option<Confirmed>,
    ) -> Result<(), AdminError> {
        self.organization_of(tenant).await?;
        demand_confirmation(confirmation)?;
        let system = Self::system_of(cx);
        // The rows of tokens that don't name their tenant are in the directory of the service.
        let directory = self
            .provisioner
            .provisioning(&cx.in_tenant(tenant.clone()))
            .await?
            .tokens
            .into_iter()
            .filter(|token| !token.names_tenant)
            .map(|token| Change::Delete {
                resource_type: system::token().clone(),
                id: token.id,
                precondition: None,
                on_refusal: OnRefusal::Skip(&[Cause::Missing]),
            });
        let id = ResourceId::new(tenant.as_str());
        let delete = Change::delete(system::organization(), id, None);
        let changes = [delete, note_erasure(tenant)].into_iter().chain(directory);
        let changes = changes.collect();
        let commit = self
            .provisioner
            .commit_of(&system, "deleteOrganization", changes, None);
        match self.provisioner.commit(&system, commit).await {
            Ok(_) => {}
            Err(CommitError::NotFound { .. }) => {
                return Err(AdminError::NoSuchOrganization(tenant.as_str().into()));
            }
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(other) => return Err(StoreError::internal(other).into()),
        }
        self.provisioner.store().erase(tenant).await?;
        Ok(())
    }
}

impl<S: Store> Admin<'_, S> {
    /// All organizations, in the order in which they were made.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub async fn organizations(&self) -> Result<Vec<Organization>, AdminError> {
        let query = Query::all();
        let page = self
            .provisioner
            .store()
            .query(&Self::system().reading(), system::organization(), &query)
            .await?;
        Ok(page.resources.iter().filter_map(organization_of).collect())
    }

    /// The organization with this name, in any case.
    ///
    /// # Errors
    /// [`AdminError::NoSuchOrganization`], [`AdminError::Store`].
    pub async fn organization(&self, name: &str) -> Result<Organization, AdminError> {
        let filter = equals(system::organization(), "name", name)?;
        let page = self
            .provisioner
            .store()
            .query(
                &Self::system().reading(),
                system::organization(),
                &Query::first(1).with_filter(filter),
            )
            .await?;
        let found = page.resources.first().and_then(organization_of);
        found.ok_or_else(|| AdminError::NoSuchOrganization(name.into()))
    }

    /// The organization whose resources are in this tenant.
    ///
    /// # Errors
    /// [`AdminError::NoSuchOrganization`], [`AdminError::Store`].
    pub async fn organization_of(&self, tenant: &TenantId) -> Result<Organization, AdminError> {
        let (system, id, selection) = (
            Self::system(),
            ResourceId::new(tenant.as_str()),
            Selection::document(),
        );
        let found = self
            .provisioner
            .store()
            .get_one(&system.reading(), system::organization(), &id, &selection)
            .await?;
        let organization = found.as_ref().and_then(organization_of);
        organization.ok_or_else(|| AdminError::NoSuchOrganization(tenant.as_str().into()))
    }

    /// Makes an organization that is linked to a provider, which opens it with `token`. It has no e-mail domains, so
    /// that users may have addresses in any, until it is given some.
    ///
    /// # Errors
    /// [`AdminError::NameTaken`], [`AdminError::NameMissing`], [`AdminError::TokenTaken`], [`AdminError::Store`].
    pub async fn create_organization(&self, name: &str, token: &Token) -> Result<Organization, AdminError> {
        self.make_organization(&Self::system(), name, Some(token)).await
    }

    /// Makes an organization that is not linked to a provider; its first domain links it.
    ///
    /// # Errors
    /// [`AdminError::NameTaken`], [`AdminError::NameMissing`], [`AdminError::Store`].
    pub async fn create_unlinked_organization(&self, name: &str) -> Result<Organization, AdminError> {
        self.make_organization(&Self::system(), name, None).await
    }

    /// Makes an organization that is not linked to a provider, on behalf of whoever acts in `cx`, whatever its tenant.
    ///
    /// # Errors
    /// [`AdminError::NameTaken`], [`AdminError::NameMissing`], [`AdminError::Store`].
    pub async fn found_organization(&self, cx: &Context, name: &str) -> Result<Organization, AdminError> {
        self.make_organization(&Self::system_of(cx), name, None).await
    }

    /// Gives an organization another name, on behalf of whoever acts in `cx`. Its tenant and its addresses stay.
    ///
    /// # Errors
    /// [`AdminError::NameTaken`], [`AdminError::NameMissing`], [`AdminError::NoSuchOrganization`],
    /// [`AdminError::Contention`], [`AdminError::Store`].
    pub async fn rename_organization(
        &self,
        cx: &Context,
        tenant: &TenantId,
        name: &str,
    ) -> Result<Organization, AdminError> {
        let name = name.trim();
        if name.is_empty() {
            return Err(AdminError::NameMissing);
        }
        let (system, id) = (Self::system_of(cx), ResourceId::new(tenant.as_str()));
        let organizations = system::organization();
        let selection = Selection::document();
        let stored = self
            .provisioner
            .store()
            .get_one(&system.reading(), organizations, &id, &selection)
            .await?;
        let missing = || AdminError::NoSuchOrganization(tenant.as_str().into());
        let stored = stored.ok_or_else(missing)?;
        let before = organization_of(&stored).ok_or_else(missing)?;
        if before.name == name {
            return Ok(before);
        }
        let after = Organization {
            name: name.into(),
            ..before
        };
        let document = after.to_document();
        let unique = unique_keys(organizations, &document, self.provisioner.engine().profile());
        let update = Change::Update {
            resource_type: organizations.clone(),
            id,
            document: Some(document.into()),
            state: None,
            visibility: None,
            relations: Arc::default(),
            members: MemberPolicy::default(),
            unique: Some(unique),
            precondition: Some(stored.version),
            on_refusal: OnRefusal::Fail,
        };
        let commit = self
            .provisioner
            .commit_of(&system, "renameOrganization", vec![update], None);
        match self.provisioner.commit(&system, commit).await {
            Ok(_) => Ok(after),
            Err(CommitError::UniquenessViolated { .. }) => Err(AdminError::NameTaken(name.into())),
            Err(CommitError::VersionMismatch { .. }) => Err(AdminError::Contention),
            Err(CommitError::NotFound { .. }) => Err(missing()),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(other) => Err(StoreError::internal(other).into()),
        }
    }

    async fn make_organization(
        &self,
        system: &Context,
        name: &str,
        token: Option<&Token>,
    ) -> Result<Organization, AdminError> {
        let name = name.trim();
        if name.is_empty() {
            return Err(AdminError::NameMissing);
        }
        match self.organization(name).await {
            Ok(_) => return Err(AdminError::NameTaken(name.into())),
            Err(AdminError::NoSuchOrganization(_)) => {}
            Err(error) => return Err(error),
        }
        // Before there is a tenant that would name it.
        if let Some(token) = token
            && self.organization_opened_by(&token.id()).await?.is_some()
        {
            return Err(AdminError::TokenTaken);
        }
        let id = self.provisioner.next_id();
        let tenant = TenantId::new(id.as_str());
        // The tenant first: nobody knows of it before the organization is there. What is tried and not done is the
        // organization alone.
        let founding = self.founding(&tenant, token);
        let founding = founding.filter(|_| system.rehearsal().is_none());
        let is_founded = founding.is_some();
        if let Some(founding) = founding {
            // Tenants and organizations are in two commits. One that is interrupted in between is found again by the row.
            self.commit_founding(system, vec![note_erasure(&tenant)]).await?;
            self.commit_founding(&system.in_tenant(tenant.clone()), founding)
                .await?;
        }
        let made = Organization {
            tenant: tenant.clone(),
            name: name.into(),
            profile: self.provisioner.profile().name().into(),
        };
        let organization = made.to_document();
        let create = Change::Create {
            resource_type: system::organization().clone(),
            id,
            unique: unique_keys(
                system::organization(),
                &organization,
                self.provisioner.engine().profile(),
            ),
            document: organization.into(),
            state: Arc::default(),
            relations: Arc::default(),
            members: MemberPolicy::default(),
            on_refusal: OnRefusal::Fail,
        };
        let opened = token.map(|token| create_token(token.id(), &tenant));
        let founded = is_founded.then(|| forget_erasure(erasure_id(&tenant)));
        let changes = [create].into_iter().chain(opened).chain(founded).collect();
        let commit = self
            .provisioner
            .commit_of(system, "createOrganization", changes, None);
        match self.provisioner.commit(system, commit).await {
            Ok(_) => Ok(made),
            Err(CommitError::UniquenessViolated { .. }) => Err(AdminError::NameTaken(name.into())),
            Err(CommitError::IdTaken { .. }) => Err(AdminError::TokenTaken),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(other) => Err(StoreError::internal(other).into()),
        }
    }

    /// Returns the changes that give a tenant what it has from the start: the link that a token opens, and what the modules
    /// add; none where it has nothing.
    fn founding(&self, tenant: &TenantId, token: Option<&Token>) -> Option<Vec<Change>> {
        let at = self.provisioner.now();
        let mut provisioning = Provisioning::default();
        let mut events = Vec::new();
        if let Some(token) = token {
            self.link_with(tenant, &mut provisioning, token, &[], at);
            events.push(of_provisioning(event::LINKED));
        }
        let mut founding = Founding::new(self.provisioner.profile(), provisioning.clone());
        for module in self.provisioner.modules() {
            module.founded(&mut founding);
        }
        if token.is_none() && founding.provisioning == provisioning && founding.further.is_empty() {
            return None;
        }
        events.extend(founding.further.iter().map(event_of));
        let further = founding.further.into_iter();
        let further = further.map(|change| change_of(change, OnRefusal::Fail));
        let mut prepared = prepared(&founding.provisioning, events);
        // Before the events, which are about the first change.
        prepared.changes.splice(1..1, further);
        Some(prepared.changes)
    }

    async fn commit_founding(&self, cx: &Context, changes: Vec<Change>) -> Result<(), AdminError> {
        let commit = self
            .provisioner
            .commit_of(cx, "createOrganization", changes, None);
        match self.provisioner.commit(cx, commit).await {
            Ok(_) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(other) => Err(StoreError::internal(other).into()),
        }
    }
}

fn organization_of(stored: &Stored) -> Option<Organization> {
    Some(Organization {
        tenant: TenantId::new(stored.resource.id()?.as_str()),
        name: stored.resource.core().get_str("name")?.into(),
        profile: stored
            .resource
            .core()
            .get_str("profile")
            .unwrap_or_default()
            .into(),
    })
}

/// Creates a change that stores where a token leads.
pub(super) fn create_token(id: ResourceId, tenant: &TenantId) -> Change {
    let mut opened = Resource::new([system::token().schema().id.clone()]);
    opened.core_mut().insert("organization", tenant.as_str());
    Change::create(system::token(), id, opened)
}
