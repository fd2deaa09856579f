//! Credentials, access groups, levels, doors, units and roles over an engine, in memory and in SQLite.

#[cfg(test)]
mod clocks;
#[cfg(test)]
mod credential;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod levels;
#[cfg(test)]
mod model;
#[cfg(test)]
mod provenance;
#[cfg(test)]
mod store;
#[cfg(test)]
mod units;
