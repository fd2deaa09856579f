//! The formats, against published cards, exhaustive damage and a slow reading of their description.
#![cfg(test)]

mod layouts;
mod names;
mod notation;
mod reading;
mod seeds;
mod tables;
mod vectors;
