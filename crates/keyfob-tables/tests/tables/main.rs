//! A store on an application's own tables.
#![cfg(test)]

mod common;
mod conformance;
mod own_rows;
mod pages;
mod refusals;
mod world;
