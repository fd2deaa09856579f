//! What the Okta Expression Language is held to: the documentation's examples, its patterns of dates and the wording of
//! errors.

#[cfg(test)]
mod errors;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod time;
#[cfg(test)]
mod vectors;
