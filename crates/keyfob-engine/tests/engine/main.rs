//! The engine over the memory store.

#[cfg(test)]
mod capabilities;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod operations;
