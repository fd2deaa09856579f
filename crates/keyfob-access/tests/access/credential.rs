//! Card credentials over an engine, in memory and in SQLite.

mod fixture;
mod formats;
mod life;
mod model;
mod orders;
mod texts;
