#![doc = include_str!("../README.md")]

mod delta;

pub use self::delta::RelationDelta;
