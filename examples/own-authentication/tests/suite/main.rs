//! Callers that the application knows by itself, over HTTP.

// Marked as tests, helpers included, for the lints that tests are free of.
#[cfg(test)]
mod access_tokens;
#[cfg(test)]
mod api_keys;
#[cfg(test)]
mod support;
