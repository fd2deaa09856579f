//! The behaviours of .NET that mapping expressions show: casing, positions, diacritics, dates and regular expressions.
//!
//! The service that evaluates mapping expressions runs on .NET, and its documentation names .NET for formats, title case
//! and patterns. These functions know nothing of expressions: they take texts and instants, and give the same answer
//! wherever they run. None reads a clock, a zone or a locale.

pub mod casing;
pub mod date_time;
pub mod diacritics;
#[cfg(feature = "regex")]
pub mod regex;
pub mod text;
