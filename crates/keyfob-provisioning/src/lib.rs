#![doc = include_str!("../README.md")]

pub mod admin;
mod amend;
mod authenticate;
mod deleted;
pub mod event;
pub mod founding;
mod life;
mod lifecycle;
mod policy;
pub mod profile;
pub mod provisioner;
pub mod provisioning;
pub mod refusal;
pub mod request_log;
pub mod state;
mod system;
pub mod token;

pub use self::{
    admin::{
        Admin, AdminError, Confirmed, ExpiringToken, Organization, Seek, UserFilter, UserPage, UserView,
    },
    founding::{Founding, Module},
    life::StateError,
    profile::{Adopt, Deletion, GroupExternalId, Profile, Reprovision, TokenPolicy},
    provisioner::{Provisioner, ProvisionerBuilder},
    provisioning::{DomainError, EmailDomain, FirstLink, Provisioning, Synchronization, TokenInfo},
    refusal::Refusal,
    request_log::{LoggedRequest, RequestFacts, RequestLog, RequestPage, RequestQuery},
    state::{Origin, ProvisionedState, UserState},
    token::{Token, TokenError},
};
