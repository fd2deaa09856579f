//! The features that the protocol leaves to a service provider.

use keyfob_store::Store;

use crate::engine::Engine;

/// A feature that a service provider may offer (RFC 7643 section 5, RFC 9865 section 4).
///
/// One table says which of them there are: a request for one that is missing is refused by it, or the feature ignored
/// where the RFC has it so, and `/ServiceProviderConfig` is made of it.
///
/// ```
/// use keyfob_engine::Feature;
///
/// assert!(Feature::Filter.is_supported());
/// assert!(!Feature::ChangePassword.is_supported());
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
    /// Lists in an order of the client's (`sort`).
    Sort,
    /// Versions of resources (`etag`).
    Etag,
    /// Pages by number (`pagination.index`).
    IndexPagination,
    /// Pages by cursor (`pagination.cursor`), over a store that has cursors and keeps the secret that seals them.
    CursorPagination,
}

impl Feature {
    /// Returns true if the engine offers it, over a store that can do all that it needs.
    #[must_use]
    pub const fn is_supported(self) -> bool {
        match self {
            Self::Patch
            | Self::Bulk
            | Self::Filter
            | Self::Sort
            | Self::Etag
            | Self::IndexPagination
            | Self::CursorPagination => true,
            Self::ChangePassword => false,
        }
    }
}

impl<S: Store> Engine<S> {
    /// Returns true if the engine offers a feature over its store.
    ///
    /// Sorting needs nothing of a store: what it can't sort, the engine sorts up to a bound.
    #[must_use]
    pub fn supports(&self, feature: Feature) -> bool {
        feature.is_supported()
            && match feature {
                Feature::CursorPagination => self.has_cursors(),
                _ => true,
            }
    }
}
