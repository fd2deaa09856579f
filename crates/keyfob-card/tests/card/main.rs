//! The formats, against published cards, exhaustive damage and a slow reading of their description.
#![cfg(test)]

mod seeds;
mod vectors;
