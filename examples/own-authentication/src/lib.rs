#![doc = include_str!("../README.md")]

pub mod access_tokens;
pub mod api_keys;

pub use self::{
    access_tokens::{AccessTokens, Claims, OwnDomain},
    api_keys::ApiKeys,
};
