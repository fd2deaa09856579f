//! The `keyfob` command as scripts, providers and operators meet it: real processes, real sockets, real files.
#![cfg(test)]

mod admin;
mod card;
mod client;
mod credential;
mod definitions;
mod failover;
mod filter;
#[path = "../../../keyfob-http/tests/http/support/json.rs"]
mod json;
mod kill;
mod limited;
mod maintain;
mod map;
mod mapping;
mod okta;
mod operating;
mod patch;
mod peers;
mod postgres;
mod probe;
mod process;
mod provision;
mod remote;
mod serve;
mod servers;
mod simulate;
mod target;
#[cfg(all(unix, feature = "tls"))]
mod tls;
mod transcripts;
mod transfer;
mod webhooks;
