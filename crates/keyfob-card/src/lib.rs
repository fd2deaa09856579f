#![doc = include_str!("../README.md")]

mod built_in;
mod card;
mod error;
mod format;
mod formats;
mod layout;
mod read;
mod table;
mod text;
mod word;

pub use self::{
    card::{ByteOrder, Card},
    error::{CardError, DecodeError, LayoutError, NumberError, RowError, TableError, WordError},
    format::{Certainty, Format},
    formats::{Formats, Strictness},
    layout::{Field, Layout, Meaning, Other, Parity, Positions},
    read::{Part, Reading, Submitted, Warning},
    text::{Hex, decimal},
    word::Word,
};
