//! The engine over the memory store.

#[cfg(test)]
mod capabilities;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod operations;
