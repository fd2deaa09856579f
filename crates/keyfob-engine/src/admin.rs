//! What the service's owner does: organizations and the tokens that open them.

use keyfob_core::{Resource, ResourceId, Version};
use smol_str::SmolStr;
use thiserror::Error;

use crate::{
    context::{Context, TenantId},
    engine::{Engine, unique_keys},
    store::{Change, CommitError, Query, Selection, Store, StoreError},
    system,
    token::Token,
};

/// The owner's side of an [`Engine`].
#[derive(Debug)]
pub struct Admin<'e, S> {
    engine: &'e Engine<S>,
}

/// A customer of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Organization {
    /// The tenant of its resources.
    pub tenant: TenantId,
    /// What administrators call it.
    pub name: SmolStr,
}

/// Why an administrator's action did nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdminError {
    /// Another organization has the name.
    #[error("there is an organization `{0}` already")]
    NameTaken(SmolStr),
    /// An organization has no name.
    #[error("an organization needs a name")]
    NameMissing,
    /// The token opens an organization already.
    #[error("the token is in use")]
    TokenTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<'e, S: Store> Admin<'e, S> {
    pub(crate) fn new(engine: &'e Engine<S>) -> Self {
        Self { engine }
    }

    /// All organizations, in the order in which they were made.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub async fn organizations(&self) -> Result<Vec<Organization>, AdminError> {
        let selection = Selection::document();
        let query = Query::new(&selection, usize::MAX);
        let page = self
            .engine
            .store()
            .query(&Self::system(), system::organization(), &query)
            .await?;
        let organizations = page.resources.iter().filter_map(|stored| {
            let tenant = TenantId::new(stored.resource.id()?.as_str());
            let name = stored.resource.core().get_str("name").unwrap_or_default().into();
            Some(Organization { tenant, name })
        });
        Ok(organizations.collect())
    }

    /// Makes an organization that `token` opens, both in one commit.
    ///
    /// # Errors
    /// [`AdminError::NameTaken`], [`AdminError::NameMissing`], [`AdminError::TokenTaken`], [`AdminError::Store`].
    pub async fn create_organization(&self, name: &str, token: &Token) -> Result<Organization, AdminError> {
        let name = name.trim();
        if name.is_empty() {
            return Err(AdminError::NameMissing);
        }
        let at = self.engine.clock().now();
        let id = self.engine.ids().next_id(at);
        let mut organization = Resource::new([system::organization().schema().id.clone()]);
        organization.core_mut().insert("name", name);
        let unique = unique_keys(system::organization(), &organization, self.engine.profile());
        let mut opened = Resource::new([system::token().schema().id.clone()]);
        opened.core_mut().insert("organization", id.as_str());
        let token_id: ResourceId = token.id();
        let changes = [
            Change::Create {
                resource_type: system::organization(),
                id: &id,
                document: &organization,
                relations: &[],
                unique: &unique,
                version: Version::FIRST,
                created: at,
                at,
            },
            Change::Create {
                resource_type: system::token(),
                id: &token_id,
                document: &opened,
                relations: &[],
                unique: &[],
                version: Version::FIRST,
                created: at,
                at,
            },
        ];
        match self.engine.store().commit(&Self::system(), &changes).await {
            Ok(_) => Ok(Organization {
                tenant: TenantId::new(id.as_str()),
                name: name.into(),
            }),
            Err(CommitError::UniquenessViolated { .. }) => Err(AdminError::NameTaken(name.into())),
            Err(CommitError::IdTaken { .. }) => Err(AdminError::TokenTaken),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(other) => Err(StoreError::internal(other).into()),
        }
    }

    fn system() -> Context {
        Context::new(TenantId::SYSTEM)
    }
}
