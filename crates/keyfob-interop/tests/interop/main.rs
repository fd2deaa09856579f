//! Scenarios against keyfob, and against servers that break it.
#![cfg(test)]

mod faults;
mod own;
mod reports;
mod server;
mod transcripts;
mod variants;
