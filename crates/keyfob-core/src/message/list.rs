//! Answers to queries.

use smol_str::SmolStr;

use crate::{json, name::SchemaUri, resource::Resource};

/// The answer to a query (RFC 7644 section 3.4.2, RFC 9865 section 2).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ListResponse {
    /// How many resources match, on whatever page.
    pub total_results: usize,
    /// The place of the first one here, counted from 1; none on a page that was asked for by cursor.
    pub start_index: Option<usize>,
    /// The cursor of the next page; none on the last page, and on a page that was asked for by index.
    pub next_cursor: Option<SmolStr>,
    /// The resources of this page.
    pub resources: Vec<Resource>,
}

impl ListResponse {
    /// A page that starts at `start_index` of `total_results` resources.
    #[must_use]
    pub fn new(total_results: usize, start_index: usize, resources: Vec<Resource>) -> Self {
        Self {
            total_results,
            start_index: Some(start_index),
            next_cursor: None,
            resources,
        }
    }

    /// Creates a page of `total_results` resources that was asked for by cursor.
    ///
    /// ```
    /// use keyfob_core::message::ListResponse;
    ///
    /// let page = ListResponse::by_cursor(0, None, Vec::new());
    /// assert!(!String::from_utf8(page.to_json())?.contains("startIndex"));
    /// # Ok::<(), std::string::FromUtf8Error>(())
    /// ```
    #[must_use]
    pub fn by_cursor(total_results: usize, next_cursor: Option<SmolStr>, resources: Vec<Resource>) -> Self {
        Self {
            total_results,
            start_index: None,
            next_cursor,
            resources,
        }
    }

    /// The message as JSON. `Resources` is there even when it is empty, since providers look for it.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.resources.len() * 1024);
        out.extend_from_slice(
            format!(
                "{{\"schemas\":[\"{}\"],\"totalResults\":{}",
                SchemaUri::LIST_RESPONSE,
                self.total_results,
            )
            .as_bytes(),
        );
        if let Some(start_index) = self.start_index {
            out.extend_from_slice(format!(",\"startIndex\":{start_index}").as_bytes());
        }
        out.extend_from_slice(format!(",\"itemsPerPage\":{}", self.resources.len()).as_bytes());
        if let Some(cursor) = &self.next_cursor {
            out.extend_from_slice(b",\"nextCursor\":");
            json::write_string(&mut out, cursor);
        }
        out.extend_from_slice(b",\"Resources\":[");
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
