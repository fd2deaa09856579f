#![doc = include_str!("../README.md")]

#[cfg(feature = "axum")]
pub mod axum;

mod access;
mod authenticate;
mod body;
mod conditional;
mod endpoint;
mod error;
mod openapi;
mod public_url;
mod query;
mod response;
mod route;
mod service;

pub use self::{
    authenticate::{
        BearerTokens, RequestAuthenticator, RequestAuthenticatorError, bearer_token, token_without_scheme,
    },
    public_url::{PublicUrl, PublicUrlError},
    service::{ScimService, ScimServiceBuilder},
};
