//! Administrators, and their roles.

use keyfob_core::ResourceId;
use keyfob_engine::{Actor, Context, TenantId};
use smol_str::SmolStr;

use crate::problem::Problem;

/// Somebody who administers, as whoever let them in knows them.
///
/// [`AdminTokens`](crate::Administration::authenticate) make one of a bearer token. An application with sessions of its own makes one of
/// a session:
///
/// ```
/// use keyfob_admin::{Administrator, Grant, Role, Scope};
/// use keyfob_engine::TenantId;
///
/// let ada = Administrator::new("ada@example.com", "session 17")
///     .with_grant(Grant::new(Role::Administrator, Scope::Organization(TenantId::new("acme"))));
/// assert!(ada.roles_in(&TenantId::new("umbrella")).next().is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Administrator {
    /// The identity, which events carry: the name of a token, or an application's own name of a person.
    pub id: SmolStr,
    /// The credential that let them in, which events carry too. It is no secret.
    pub credential: SmolStr,
    /// The roles that they hold, each with its scope.
    pub grants: Vec<Grant>,
    /// The token that let them in, if one of the administration did.
    pub(crate) token: Option<ResourceId>,
}

impl Administrator {
    /// Creates an administrator who may do nothing yet.
    #[must_use]
    pub fn new(id: impl Into<SmolStr>, credential: impl Into<SmolStr>) -> Self {
        Self {
            id: id.into(),
            credential: credential.into(),
            grants: Vec::new(),
            token: None,
        }
    }

    /// Returns the same administrator with a further grant.
    #[must_use]
    pub fn with_grant(mut self, grant: Grant) -> Self {
        self.grants.push(grant);
        self
    }

    /// Returns the roles in an organization.
    pub fn roles_in<'a>(&'a self, tenant: &'a TenantId) -> impl Iterator<Item = Role> + 'a {
        let covers = move |grant: &&Grant| match &grant.scope {
            Scope::Service => true,
            Scope::Organization(of) => of == tenant,
        };
        self.grants.iter().filter(covers).map(|grant| grant.role)
    }

    /// Returns the roles for what is no organization's.
    pub fn roles_in_service(&self) -> impl Iterator<Item = Role> + '_ {
        let grants = self.grants.iter();
        grants
            .filter(|grant| grant.scope == Scope::Service)
            .map(|grant| grant.role)
    }

    /// Returns true if nothing personal is to be shown in full: to whoever only audits.
    pub(crate) fn is_shown_masks(&self, tenant: &TenantId) -> bool {
        self.roles_in(tenant).all(|role| role == Role::Auditor)
    }

    /// Returns the context of what the administrator does in an organization.
    pub(crate) fn context(&self, tenant: &TenantId, permission: Permission) -> Context {
        let roles = self.roles_in(tenant).filter(|role| role.may(permission));
        let actor = roles.map(Role::actor).next().unwrap_or(Actor::User);
        Context::new(tenant.clone())
            .acting_as(actor)
            .with_identity(self.id.clone(), self.credential.clone())
    }
}

/// A role and the part of the service in which it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// The part of the service.
    pub scope: Scope,
}

impl Grant {
    /// Creates a grant.
    #[must_use]
    pub fn new(role: Role, scope: Scope) -> Self {
        Self { role, scope }
    }
}

/// A part of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever checks a grant has to know every scope"
)]
pub enum Scope {
    /// All organizations, and the service itself.
    Service,
    /// One organization.
    Organization(TenantId),
}

/// The role of an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Creates and removes organizations, and names their administrators.
    Operator,
    /// Administers an organization.
    Administrator,
    /// Administers one directory of an organization, and has no say in what belongs to the whole of it
    /// ([`Directory::Global`](keyfob_access::Directory::Global)): there it reads.
    DirectoryAdministrator,
    /// Reads, and sees neither phone numbers nor card numbers.
    Auditor,
    /// An application: reads users and events, has webhooks, and tells that an invitation was accepted.
    Application,
    /// Sets a provider up, as whoever has a set-up link does: sees how the organization is provisioned, the guide and when requests
    /// came, and makes the provider's token. It sees nobody.
    SetUp,
}

/// The permission that an operation demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Permission {
    /// To know who one is, and which organizations one may see.
    Known,
    /// To create, rename and remove organizations.
    Service,
    /// To see what an organization is.
    Overview,
    /// To name administrators.
    Administrators,
    /// To read what an organization has decided, and who may open what.
    Read,
    /// To read users and events.
    People,
    /// To read what administrators did.
    Audit,
    /// To tell that invitations were accepted.
    Invitations,
    /// To see how a provider is set up.
    Link,
    /// To link a provider and to make its token.
    LinkToken,
    /// To see webhooks, and what became of their deliveries.
    Deliveries,
    /// To create and change webhooks.
    Webhooks,
    /// To change an organization.
    Administration,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 6] = [
        Self::Operator,
        Self::Administrator,
        Self::DirectoryAdministrator,
        Self::Auditor,
        Self::Application,
        Self::SetUp,
    ];

    /// Returns the role's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Administrator => "administrator",
            Self::DirectoryAdministrator => "directoryAdministrator",
            Self::Auditor => "auditor",
            Self::Application => "application",
            Self::SetUp => "setUp",
        }
    }

    /// Returns the role of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Returns true if the role has a permission, within the scope in which it is held.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        use Permission::{
            Administrators, Audit, Deliveries, Invitations, Known, Link, LinkToken, Overview, People, Read,
            Service, Webhooks,
        };
        match self {
            Self::Operator => matches!(permission, Known | Service | Overview | Administrators),
            Self::Administrator => permission != Service,
            Self::DirectoryAdministrator => {
                matches!(permission, Known | Overview | Read | Link | People | Deliveries)
            }
            Self::Auditor => matches!(
                permission,
                Known | Overview | Read | Link | People | Audit | Deliveries
            ),
            Self::Application => {
                matches!(permission, Known | People | Invitations | Deliveries | Webhooks)
            }
            Self::SetUp => matches!(permission, Known | Overview | Link | LinkToken),
        }
    }

    fn actor(self) -> Actor {
        match self {
            Self::Operator | Self::Administrator | Self::SetUp => Actor::Administrator,
            Self::DirectoryAdministrator => Actor::DirectoryAdministrator,
            Self::Auditor => Actor::User,
            Self::Application => Actor::Application,
        }
    }

    /// Returns why a role without a permission is refused.
    pub(crate) fn refusal(roles: &[Self]) -> Problem {
        match roles {
            [Self::Auditor] => Problem::new("readOnly", 403, "an auditor reads and changes nothing"),
            [Self::DirectoryAdministrator] => Problem::new(
                "directoryOnly",
                403,
                "this belongs to the directory Global, and an administrator of a directory reads it",
            ),
            _ => Problem::new("forbidden", 403, "the role doesn't allow this"),
        }
    }
}
