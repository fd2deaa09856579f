//! The engine over the memory store, and over SQLite where that is another thing.

#[cfg(test)]
mod capabilities;
#[cfg(test)]
mod contention;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod import;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod stream;
