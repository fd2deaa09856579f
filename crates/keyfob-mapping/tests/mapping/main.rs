//! Mappings, scoping filters, schema files and vectors.

// Marked as tests, helpers included, for the lints that tests are free of.
#[cfg(test)]
mod apply;
#[cfg(test)]
mod defaults;
#[cfg(test)]
mod entra_vectors;
#[cfg(test)]
mod graph;
#[cfg(test)]
mod lints;
#[cfg(test)]
mod native;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod scope;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod support;
#[cfg(test)]
mod targets;
#[cfg(test)]
mod verkada;
