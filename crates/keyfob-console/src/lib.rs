#![doc = include_str!("../README.md")]

mod desk;
mod form;
mod handle;
mod page;
mod render;
mod sentence;
mod session;
mod text;

pub use self::handle::router;
