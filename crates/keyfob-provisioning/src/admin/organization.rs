//! Organizations: the customers of the service.

use std::sync::Arc;

use keyfob_core::{Resource, ResourceId};
use keyfob_engine::{
    Context,
    engine::{change_of, event_of, unique_keys},
};
use keyfob_store::{
    Change, CommitError, MemberPolicy, OnRefusal, Query, Selection, Store, StoreError, StoreExt, Stored,
    TenantId,
};
use smol_str::SmolStr;

use super::{
    Admin, AdminError,
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
        self.make_organization(name, Some(token)).await
    }

    /// Makes an organization that is not linked to a provider; its first domain links it.
    ///
    /// # Errors
    /// [`AdminError::NameTaken`], [`AdminError::NameMissing`], [`AdminError::Store`].
    pub async fn create_unlinked_organization(&self, name: &str) -> Result<Organization, AdminError> {
        self.make_organization(name, None).await
    }

    async fn make_organization(&self, name: &str, token: Option<&Token>) -> Result<Organization, AdminError> {
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
        // The tenant first: nobody knows of it before the organization is there.
        self.found(&tenant, token).await?;
        let mut organization = Resource::new([system::organization().schema().id.clone()]);
        organization.core_mut().insert("name", name);
        organization
            .core_mut()
            .insert("profile", self.provisioner.profile().name());
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
        let changes = [create].into_iter().chain(opened).collect();
        let system = Self::system();
        let commit = self
            .provisioner
            .commit_of(&system, "createOrganization", changes, None);
        match self.provisioner.store().commit_one(commit).await {
            Ok(_) => Ok(Organization {
                tenant,
                name: name.into(),
                profile: self.provisioner.profile().name().into(),
            }),
            Err(CommitError::UniquenessViolated { .. }) => Err(AdminError::NameTaken(name.into())),
            Err(CommitError::IdTaken { .. }) => Err(AdminError::TokenTaken),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(other) => Err(StoreError::internal(other).into()),
        }
    }

    /// Gives a tenant what it has from the start: the link that a token opens, and what the modules add.
    async fn found(&self, tenant: &TenantId, token: Option<&Token>) -> Result<(), AdminError> {
        let cx = Context::new(tenant.clone());
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
            return Ok(());
        }
        events.extend(founding.further.iter().map(event_of));
        let further = founding.further.into_iter();
        let further = further.map(|change| change_of(change, OnRefusal::Fail));
        let mut prepared = prepared(&founding.provisioning, events);
        // Before the events, which are about the first change.
        prepared.changes.splice(1..1, further);
        let commit = self
            .provisioner
            .commit_of(&cx, "createOrganization", prepared.changes, None);
        match self.provisioner.store().commit_one(commit).await {
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
