//! What the language is held to: the documentation's examples, the wording of errors, and properties of all
//! expressions.

mod errors;
mod properties;
mod time;
mod vectors;
