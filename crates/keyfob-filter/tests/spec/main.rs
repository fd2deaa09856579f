//! keyfob-filter against RFC 7644 sections 3.4.2.2 and 3.5.2 and what providers really send.

// Marked as tests, helpers included, for the lints that tests are free of.
#[cfg(test)]
mod cases;
#[cfg(test)]
mod compile;
#[cfg(test)]
mod elements;
#[cfg(test)]
mod evaluate;
#[cfg(test)]
#[path = "../../../../fuzz/src/evaluation.rs"]
#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
mod evaluation;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod sql;
#[cfg(test)]
mod support;
#[cfg(test)]
mod syntax;
#[cfg(test)]
mod translate;
