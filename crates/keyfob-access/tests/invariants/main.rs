//! The invariants of the provisioning domain over random sequences of what providers and administrators do, against a
//! naive model, on the memory store and on SQLite.
//!
//! Each check names the number of its invariant, 1 to 15, or of the requirement that it follows. Those of languages and
//! cards are proved beside them: 16 and 17 in `keyfob-filter/tests/spec/properties.rs`, 18 in
//! `keyfob-expression/tests/entra/properties.rs`, 19 and 20 in `keyfob-card/tests/card/layouts.rs`.
//!
//! `KEYFOB_SEQUENCES` says how many sequences there are. Of ten, seven run under the profile of Verkada Command and two under
//! that of `AccessIQ`, on the memory store, and one under either on SQLite. Those of Verkada's are about cards and doors, those
//! of `AccessIQ`'s about units and roles; each does a little of the other's.

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
