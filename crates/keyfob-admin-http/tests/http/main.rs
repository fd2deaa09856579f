//! The administration over HTTP.

// Marked as tests, helpers included, for the lints that tests are free of.
#[cfg(test)]
mod description;
#[cfg(test)]
mod routes;
