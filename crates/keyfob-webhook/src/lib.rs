#![doc = include_str!("../README.md")]

mod dead_letter;
mod deliverer;
mod directory;
mod error;
pub mod event;
mod gather;
mod message;
mod policy;
mod progress;
mod run;
mod secret;
mod system;
mod target;
mod webhook;
mod webhooks;

pub use self::{
    dead_letter::{DeadLetter, DeadLetterPage},
    deliverer::Deliverer,
    error::WebhookError,
    policy::Policy,
    secret::{Secret, SecretError, VerifyError},
    webhook::{Paused, SecretInfo, Status, Webhook},
    webhooks::Webhooks,
};
