//! The invariants of the provisioning domain over random sequences of what providers and administrators do, against a
//! naive model, on the memory store and on SQLite.
//!
//! `KEYFOB_SEQUENCES` says how many sequences there are; nine of ten run on the memory store.

#[cfg(test)]
mod invariants;
#[cfg(test)]
mod model;
#[cfg(test)]
mod sequences;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod store;
#[cfg(test)]
mod world;
