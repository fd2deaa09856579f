//! The client against the keyfob server, over sockets and in process, and against servers that misbehave.

// Marked as tests, helpers included, for the lints that tests are free of.
#[cfg(test)]
mod answers;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod discovery;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod paging;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod retries;
#[cfg(test)]
mod scenario;
#[cfg(test)]
mod script;
#[cfg(test)]
mod server;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod total;
