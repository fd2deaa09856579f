#![doc = include_str!("../README.md")]

#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "metrics")]
pub mod metrics;

mod access;
mod admission;
mod answer;
mod authenticate;
mod body;
mod conditional;
mod edge;
mod endpoint;
mod error;
#[cfg(feature = "events")]
mod events;
#[cfg(feature = "gzip")]
mod gzip;
mod notes;
mod openapi;
#[cfg(feature = "events")]
mod place;
mod public_url;
mod query;
mod request_id;
mod response;
mod route;
mod sample;
mod service;
mod stream;

pub use self::{
    admission::{Admission, Busy, Permit},
    answer::{AnswerBody, AnswerCut},
    authenticate::{
        BearerTokens, RequestAuthenticator, RequestAuthenticatorError, bearer_token, token_without_scheme,
    },
    body::BodyError,
    public_url::{PublicUrl, PublicUrlError},
    service::{ScimService, ScimServiceBuilder},
    stream::{Runtime, Work},
};
