//! The engine over the memory store.

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod operations;
