//! The service provider's configuration as clients read it.

use smol_str::{SmolStr, format_smolstr};

use super::{Deviations, MessageError, reader::Reader};
use crate::{
    json,
    name::SchemaUri,
    value::{Object, Value},
};

/// What a server says that it supports (RFC 7643 section 5, RFC 9865 section 4, RFC 9967 section 4).
///
/// Each member is `None` where the server does not say, or says nothing that can be understood.
///
/// ```
/// use keyfob_core::message::{Deviations, ServiceProviderConfig};
///
/// let mut deviations = Deviations::new();
/// let config = ServiceProviderConfig::from_json(
///     br#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
///          "patch": {"supported": true}, "filter": {"supported": true, "maxResults": 200}}"#,
///     &mut deviations,
/// )?;
/// assert_eq!(config.patch, Some(true));
/// assert_eq!(config.max_results, Some(200));
/// assert_eq!(config.bulk, None);
/// # Ok::<(), keyfob_core::message::MessageError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceProviderConfig {
    /// If true, PATCH is supported.
    pub patch: Option<bool>,
    /// If true, bulk requests are supported.
    pub bulk: Option<bool>,
    /// The limits of bulk requests.
    pub bulk_limits: BulkLimits,
    /// If true, filters are supported.
    pub filter: Option<bool>,
    /// The number of resources that an answer holds at most (`filter.maxResults`).
    pub max_results: Option<u64>,
    /// If true, clients can change passwords.
    pub change_password: Option<bool>,
    /// If true, sorting is supported.
    pub sort: Option<bool>,
    /// If true, entity tags are supported.
    pub etag: Option<bool>,
    /// If true, lists can be paged by cursor.
    pub cursor_pagination: Option<bool>,
    /// If true, lists can be paged by index.
    pub index_pagination: Option<bool>,
    /// `cursor` or `index` (`pagination.defaultPaginationMethod`).
    pub default_pagination: Option<SmolStr>,
    /// The size of a page when a request names no `count`.
    pub default_page_size: Option<u64>,
    /// The size of the largest page.
    pub max_page_size: Option<u64>,
    /// The seconds for which a cursor is valid at least.
    pub cursor_timeout: Option<u64>,
    /// The way in which requests are answered before they are done: `none`, `long` or `request`
    /// (`securityEvents.asyncRequest`, RFC 9967 section 4).
    pub async_request: Option<SmolStr>,
    /// The URIs of the security events that the server sends (`securityEvents.eventUris`).
    pub event_uris: Vec<SmolStr>,
    /// The types of authentication, such as `oauthbearertoken`, in the server's order.
    pub authentication: Vec<SmolStr>,
}

/// The limits of bulk requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkLimits {
    /// The number of operations in a request (`maxOperations`).
    pub max_operations: Option<u64>,
    /// The size of a request in bytes (`maxPayloadSize`).
    pub max_payload_size: Option<u64>,
}

impl ServiceProviderConfig {
    /// Reads the answer of `/ServiceProviderConfig`.
    ///
    /// # Errors
    /// [`MessageError::Json`] when the text is not a JSON object. Everything else that departs from the RFC is noted.
    pub fn from_json(text: &[u8], deviations: &mut Deviations) -> Result<Self, MessageError> {
        Ok(Self::from_object(json::object_from_slice(text)?, deviations))
    }

    /// Reads a configuration out of a decoded body.
    #[must_use]
    pub fn from_object(mut message: Object, deviations: &mut Deviations) -> Self {
        let mut reader = Reader::new(&mut message, "RFC 7643 section 5", deviations);
        reader.schema(&SchemaUri::SERVICE_PROVIDER_CONFIG);
        let mut config = Self {
            patch: supported(&mut reader, "patch"),
            sort: supported(&mut reader, "sort"),
            etag: supported(&mut reader, "etag"),
            change_password: supported(&mut reader, "changePassword"),
            ..Self::default()
        };
        if let Some(mut bulk) = required(&mut reader, "bulk") {
            let mut bulk = reader.below("bulk".into(), &mut bulk);
            config.bulk = bulk.flag("supported");
            config.bulk_limits.max_operations = bulk.count("maxOperations");
            config.bulk_limits.max_payload_size = bulk.count("maxPayloadSize");
        }
        if let Some(mut filter) = required(&mut reader, "filter") {
            let mut filter = reader.below("filter".into(), &mut filter);
            config.filter = filter.flag("supported");
            config.max_results = filter.count("maxResults");
        }
        if let Some(mut pagination) = reader.object("pagination") {
            let mut pagination = reader.below("pagination".into(), &mut pagination);
            config.cursor_pagination = pagination.flag("cursor");
            config.index_pagination = pagination.flag("index");
            config.default_pagination = pagination.text("defaultPaginationMethod");
            config.default_page_size = pagination.count("defaultPageSize");
            config.max_page_size = pagination.count("maxPageSize");
            config.cursor_timeout = pagination.count("cursorTimeout");
        }
        if let Some(mut events) = reader.object("securityEvents") {
            let mut events = reader.below("securityEvents".into(), &mut events);
            config.async_request = events.text("asyncRequest");
            for (index, uri) in events.elements("eventUris").into_iter().enumerate() {
                match uri {
                    Value::String(uri) => config.event_uris.push(uri),
                    _ => events.note(&format_smolstr!("eventUris[{index}]"), "is not a string"),
                }
            }
        }
        for (index, scheme) in reader.elements("authenticationSchemes").into_iter().enumerate() {
            let path = format_smolstr!("authenticationSchemes[{index}]");
            match scheme {
                Value::Object(mut scheme) => {
                    let kind = reader.below(path, &mut scheme).text("type");
                    config.authentication.extend(kind);
                }
                _ => reader.note(&path, "is not an object"),
            }
        }
        config
    }
}

/// Reads a complex value that RFC 7643 section 5 requires.
fn required(reader: &mut Reader<'_>, member: &str) -> Option<Object> {
    let object = reader.object(member);
    if object.is_none() {
        reader.note(member, "is missing");
    }
    object
}

/// Reads `supported` of a feature.
fn supported(reader: &mut Reader<'_>, member: &str) -> Option<bool> {
    let mut feature = required(reader, member)?;
    reader.below(member.into(), &mut feature).flag("supported")
}
