//! keyfob-core against RFC 7643, RFC 7644 and what providers really send.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod custom;
#[cfg(test)]
mod json;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod projection;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod relations;
#[cfg(test)]
mod resolve;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod support;
#[cfg(test)]
mod typed;
#[cfg(test)]
mod validate;
#[cfg(test)]
mod views;
