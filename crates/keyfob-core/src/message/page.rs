//! Lists as clients receive them.

use smol_str::SmolStr;

use super::{Deviation, Deviations, MessageError, reader::Reader};
use crate::{json, name::SchemaUri, resource::Resource, schema::ResourceType};

const RFC: &str = "RFC 7644 section 3.4.2";

/// A page of a list as a client receives it (RFC 7644 section 3.4.2, RFC 9865 section 2).
///
/// Unlike in a [`ListResponse`](super::ListResponse), which a server sends, every count is optional: a server that pages
/// by cursor may leave out `totalResults`, and others leave out what they should not.
///
/// ```
/// use keyfob_core::message::{Deviations, ListPage};
///
/// let mut deviations = Deviations::new();
/// let page = ListPage::from_json(
///     br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 2, "itemsPerPage": 1,
///          "nextCursor": "VZUTiyhEQJ94IR", "Resources": [{"id": "1", "userName": "bjensen"}]}"#,
///     None,
///     &mut deviations,
/// )?;
/// assert_eq!(page.total_results, Some(2));
/// assert_eq!(page.next_cursor.as_deref(), Some("VZUTiyhEQJ94IR"));
/// assert_eq!(page.resources.len(), 1);
/// assert!(deviations.is_empty());
/// # Ok::<(), keyfob_core::message::MessageError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ListPage {
    /// The number of resources that match, on whatever page.
    pub total_results: Option<u64>,
    /// The place of the first resource of this page, counted from 1.
    pub start_index: Option<u64>,
    /// The number of resources of this page, as the server states it.
    pub items_per_page: Option<u64>,
    /// The cursor of the next page.
    pub next_cursor: Option<SmolStr>,
    /// The cursor of the page before.
    pub previous_cursor: Option<SmolStr>,
    /// The resources of this page.
    pub resources: Vec<Resource>,
}

impl ListPage {
    /// Reads a list response whose resources are of the type; without one their relations stay among the core
    /// attributes.
    ///
    /// # Errors
    /// [`MessageError::Json`] when the text is not a JSON object, `Resources` not an array, or one of its elements not
    /// an object. Everything else that departs from the RFC is noted.
    ///
    /// # Complexity
    /// Linear in the text.
    pub fn from_json(
        text: &[u8],
        resource_type: Option<&ResourceType>,
        deviations: &mut Deviations,
    ) -> Result<Self, MessageError> {
        let mut sent = json::list_from_slice(text, resource_type)?;
        let mut reader = Reader::new(&mut sent.others, RFC, deviations);
        reader.schema(&SchemaUri::LIST_RESPONSE);
        let page = Self {
            total_results: reader.count("totalResults"),
            start_index: reader.count("startIndex"),
            items_per_page: reader.count("itemsPerPage"),
            next_cursor: reader.text("nextCursor").filter(|cursor| !cursor.is_empty()),
            previous_cursor: reader.text("previousCursor"),
            resources: sent.resources.unwrap_or_default(),
        };
        if page.total_results.is_none() && page.next_cursor.is_none() && page.previous_cursor.is_none() {
            deviations.note(Deviation::new("totalResults", "is missing", RFC));
        }
        Ok(page)
    }
}
