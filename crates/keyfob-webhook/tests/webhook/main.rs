//! Webhooks: what administrators do, what receivers get, and what happens when anything fails.

// Marked as tests, helpers included, for the lints that tests are free of.
#[cfg(test)]
mod administration;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod sockets;
