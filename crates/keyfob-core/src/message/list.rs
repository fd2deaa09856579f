//! Answers to queries.

use crate::{json, name::SchemaUri, resource::Resource};

/// The answer to a query (RFC 7644 section 3.4.2).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ListResponse {
    /// How many resources match, on whatever page.
    pub total_results: usize,
    /// The place of the first one here, counted from 1.
    pub start_index: usize,
    /// The resources of this page.
    pub resources: Vec<Resource>,
}

impl ListResponse {
    /// A page that starts at `start_index` of `total_results` resources.
    #[must_use]
    pub fn new(total_results: usize, start_index: usize, resources: Vec<Resource>) -> Self {
        Self {
            total_results,
            start_index,
            resources,
        }
    }

    /// The message as JSON. `Resources` is there even when it is empty, since providers look for it.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.resources.len() * 1024);
        out.extend_from_slice(
            format!(
                "{{\"schemas\":[\"{}\"],\"totalResults\":{},\"startIndex\":{},\"itemsPerPage\":{},\"Resources\":[",
                SchemaUri::LIST_RESPONSE,
                self.total_results,
                self.start_index,
                self.resources.len(),
            )
            .as_bytes(),
        );
        for (index, resource) in self.resources.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            json::write_resource(&mut out, resource);
        }
        out.extend_from_slice(b"]}");
        out
    }
}
