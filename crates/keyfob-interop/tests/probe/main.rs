//! The probe against the sound server in each of its profiles, and against servers that each break one rule.
#![cfg(test)]

mod broken;
mod mutants;
mod server;
mod sound;
