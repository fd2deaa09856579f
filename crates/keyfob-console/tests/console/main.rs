//! The console as a browser without scripts sees it.

// Marked as tests, helpers included, for the lints that tests are free of.
#[cfg(test)]
mod visits;
