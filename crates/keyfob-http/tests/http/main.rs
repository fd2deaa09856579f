//! The service as its clients see it, in-process, over the memory store and over SQLite files.

// Marked as tests, helpers included, for the lints that tests are free of.
#[cfg(test)]
mod active;
#[cfg(test)]
mod authentication;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod cursors;
#[cfg(test)]
mod discovery;
#[cfg(test)]
mod domain;
#[cfg(test)]
mod events;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod features;
#[cfg(test)]
mod filters;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod gzip;
#[cfg(test)]
mod hostile_receivers;
#[cfg(test)]
mod large_groups;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod load;
#[cfg(test)]
mod log;
#[cfg(test)]
mod nesting;
#[cfg(test)]
mod never_5xx;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod projections;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod rfc_7643;
#[cfg(test)]
mod rfc_7644;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod sequences;
#[cfg(test)]
mod sorting;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tags;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod transcripts;
#[cfg(test)]
mod versions;
