//! The features that the protocol leaves to a service provider.

/// A feature that a service provider may offer (RFC 7643 section 5, RFC 9865 section 4).
///
/// One table says which of them there are: a request for one that is missing is refused by it, or the feature ignored
/// where the RFC has it so, and `/ServiceProviderConfig` is made of it.
///
/// ```
/// use keyfob_engine::Feature;
///
/// assert!(Feature::Filter.is_supported());
/// assert!(!Feature::Bulk.is_supported());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// Changing parts of a resource (`patch`).
    Patch,
    /// Several operations in one request (`bulk`).
    Bulk,
    /// Queries with a filter (`filter`).
    Filter,
    /// Setting a password (`changePassword`). A password in a body is accepted and dropped.
    ChangePassword,
    /// Lists in an order of the client's (`sort`). `sortBy` is ignored without it (RFC 7644 section 3.4.2.3).
    Sort,
    /// Versions of resources (`etag`).
    Etag,
    /// Pages by number (`pagination.index`).
    IndexPagination,
    /// Pages by cursor (`pagination.cursor`).
    CursorPagination,
}

impl Feature {
    /// Returns true if the engine offers it.
    #[must_use]
    pub const fn is_supported(self) -> bool {
        match self {
            Self::Patch | Self::Filter | Self::Etag | Self::IndexPagination => true,
            Self::Bulk | Self::ChangePassword | Self::Sort | Self::CursorPagination => false,
        }
    }
}
