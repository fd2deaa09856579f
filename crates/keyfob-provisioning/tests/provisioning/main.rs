//! The product over the memory store.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod amend;
#[cfg(test)]
mod deletion;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod links;
#[cfg(test)]
mod meanwhile;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod states;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod unlink;
