//! Schema URIs.

use smol_str::SmolStr;

use super::caseless::caseless;

/// The URI of a schema or of a protocol message, such as `urn:ietf:params:scim:schemas:core:2.0:User`.
///
/// Compared without regard to ASCII case, as providers spell URNs in any case (RFC 8141 section 3.1 has the
/// namespace parts caseless, and no registered schema differs from another by case alone); kept as written.
#[derive(Clone, Debug)]
pub struct SchemaUri(SmolStr);

caseless!(SchemaUri);

impl SchemaUri {
    /// The core User schema (RFC 7643 section 4.1).
    pub const USER: Self = Self(SmolStr::new_static("urn:ietf:params:scim:schemas:core:2.0:User"));
    /// The core Group schema (RFC 7643 section 4.2).
    pub const GROUP: Self = Self(SmolStr::new_static("urn:ietf:params:scim:schemas:core:2.0:Group"));
    /// The enterprise extension of User (RFC 7643 section 4.3).
    pub const ENTERPRISE_USER: Self = Self(SmolStr::new_static(
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    ));
    /// The service provider's configuration (RFC 7643 section 5).
    pub const SERVICE_PROVIDER_CONFIG: Self = Self(SmolStr::new_static(
        "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
    ));
    /// Resource types (RFC 7643 section 6).
    pub const RESOURCE_TYPE: Self = Self(SmolStr::new_static(
        "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
    ));
    /// Schemas (RFC 7643 section 7).
    pub const SCHEMA: Self = Self(SmolStr::new_static(
        "urn:ietf:params:scim:schemas:core:2.0:Schema",
    ));
    /// Verkada's card credentials of a user.
    pub const VERKADA_ACCESS_USER: Self = Self(SmolStr::new_static(
        "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User",
    ));
    /// Verkada's own external id of a user, distinct from the core `externalId`.
    pub const VERKADA_CORE_USER: Self = Self(SmolStr::new_static(
        "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User",
    ));
    /// The error message (RFC 7644 section 3.12).
    pub const ERROR: Self = Self(SmolStr::new_static("urn:ietf:params:scim:api:messages:2.0:Error"));
    /// The list message (RFC 7644 section 3.4.2).
    pub const LIST_RESPONSE: Self = Self(SmolStr::new_static(
        "urn:ietf:params:scim:api:messages:2.0:ListResponse",
    ));
    /// The search message (RFC 7644 section 3.4.3).
    pub const SEARCH_REQUEST: Self = Self(SmolStr::new_static(
        "urn:ietf:params:scim:api:messages:2.0:SearchRequest",
    ));
    /// The PATCH message (RFC 7644 section 3.5.2).
    pub const PATCH_OP: Self = Self(SmolStr::new_static(
        "urn:ietf:params:scim:api:messages:2.0:PatchOp",
    ));

    /// The bulk request (RFC 7644 section 3.7).
    pub const BULK_REQUEST: Self = Self(SmolStr::new_static(
        "urn:ietf:params:scim:api:messages:2.0:BulkRequest",
    ));
    /// The bulk response (RFC 7644 section 3.7).
    pub const BULK_RESPONSE: Self = Self(SmolStr::new_static(
        "urn:ietf:params:scim:api:messages:2.0:BulkResponse",
    ));

    /// The URI with this spelling.
    #[must_use]
    pub fn new(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// Whether the text can be the URI of a schema: it has a scheme and nothing but visible ASCII characters.
    #[must_use]
    pub fn is_legal(&self) -> bool {
        let visible = self.0.bytes().all(|byte| byte.is_ascii_graphic());
        visible
            && self
                .0
                .split_once(':')
                .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
    }
}
