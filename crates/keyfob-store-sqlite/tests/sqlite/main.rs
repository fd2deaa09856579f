//! The store as an application sees it.

#[cfg(test)]
mod commit;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod copy;
#[cfg(test)]
mod erase;
#[cfg(test)]
mod fault;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod group_commit;
#[cfg(test)]
mod hidden;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod lanes;
#[cfg(test)]
mod lookup;
#[cfg(test)]
mod maintenance;
#[cfg(test)]
mod migration;
#[cfg(test)]
mod open;
#[cfg(test)]
mod own;
#[cfg(test)]
mod page;
#[cfg(test)]
mod rekey;
#[cfg(test)]
mod removal;
#[cfg(test)]
mod support;
