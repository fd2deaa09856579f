//! keyfob-expression against what Microsoft documents of mapping expressions.

// Marked as tests, helpers included, for the lints that tests are free of.
#[cfg(test)]
mod domain;
#[cfg(test)]
mod evaluate;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod lints;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod syntax;
