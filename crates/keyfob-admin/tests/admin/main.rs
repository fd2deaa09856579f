//! The administration over the store in memory.

// Marked as tests, helpers included, for the lints that tests are free of.
#[cfg(test)]
mod dangers;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod guides;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod setup_links;
#[cfg(test)]
mod table;
#[cfg(test)]
mod webhooks;
