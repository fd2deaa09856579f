//! The store as an application sees it, on a real PostgreSQL.
//!
//! `KEYFOB_TEST_POSTGRES_URL` names a database in which the tests make schemas of their own; `.ci/postgres` starts one that is
//! gone afterwards. Without it the tests are skipped, and say so; with `KEYFOB_TEST_POSTGRES_REQUIRED` they fail.

#[cfg(test)]
mod condition;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod embed;
#[cfg(test)]
mod fault;
#[cfg(test)]
mod index;
#[cfg(test)]
mod open;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod support;
