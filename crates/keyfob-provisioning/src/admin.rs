//! The actions of the service's owner and of organizations' administrators.

mod erasure;
mod error;
mod expiry;
mod link;
mod organization;
mod page;
mod refused;
mod retention;
mod unlink;
mod user;

use keyfob_core::ResourceType;
use keyfob_engine::{Actor, Context};
use keyfob_store::{Event, FeedError, Feeds, Position, Store, TenantId};

pub(crate) use self::refused::RefusedTokens;
pub use self::{
    error::AdminError,
    expiry::ExpiringToken,
    organization::Organization,
    page::{Seek, UserFilter, UserPage},
    user::UserView,
};
use crate::provisioner::Provisioner;

/// The administrators' side of a [`Provisioner`].
///
/// The owner of the service makes [`organizations`](Self::organizations). Everything else is done for one organization,
/// by an administrator of it: in a [`Context`] of the organization's tenant that is
/// [acting as](Context::acting_as) one.
#[derive(Debug)]
pub struct Admin<'e, S> {
    provisioner: &'e Provisioner<S>,
}

impl<S: Feeds> Admin<'_, S> {
    /// Reads at most `limit` of the organization's events after a position, in the order in which they were published.
    ///
    /// # Errors
    /// [`FeedError::Gone`] where events after the position were removed, [`FeedError::Store`].
    pub async fn events(&self, cx: &Context, after: Position, limit: usize) -> Result<Vec<Event>, FeedError> {
        self.provisioner
            .store()
            .read_feed(cx.tenant(), after, limit)
            .await
    }
}

/// What an administrator says who was told that an action can't be undone, and wants it all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is no more to say than yes")]
pub struct Confirmed;

impl<'e, S: Store> Admin<'e, S> {
    pub(crate) fn new(provisioner: &'e Provisioner<S>) -> Self {
        Self { provisioner }
    }

    pub(crate) fn system() -> Context {
        Context::new(TenantId::SYSTEM)
    }

    /// Returns the service's own context, for what is done on behalf of whoever acts in another.
    pub(crate) fn system_of(cx: &Context) -> Context {
        cx.in_tenant(TenantId::SYSTEM)
    }

    fn user_type(&self) -> Result<&'e ResourceType, AdminError> {
        self.provisioner.user_type().ok_or(AdminError::NoUsers)
    }
}

/// Only an administrator of the whole organization may do what follows.
fn demand_admin(cx: &Context) -> Result<(), AdminError> {
    match cx.actor() {
        Actor::Administrator => Ok(()),
        _ => Err(AdminError::Forbidden),
    }
}

/// What can't be undone is done only by those who say that they know it.
fn demand_confirmation(confirmation: Option<Confirmed>) -> Result<(), AdminError> {
    confirmation.map(|_| ()).ok_or(AdminError::ConfirmationRequired)
}
