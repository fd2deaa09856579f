//! The features that the protocol leaves to a service provider.

use std::{fmt, str::FromStr};

use keyfob_core::{ErrorBody, ScimType};
use keyfob_store::Store;
use thiserror::Error;

use crate::{context::Context, engine::Engine};

/// A feature that a service provider may offer (RFC 7643 section 5, RFC 9865 section 4, RFC 9967 section 4).
///
/// One table says which of them a call has, [`Engine::offers`]: `/ServiceProviderConfig` is made of it, and requests for any
/// other are refused by it.
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
    /// Changing parts of a resource (`patch`). Without it a PATCH is answered 501 (RFC 7644 section 3.12), in a bulk request
    /// too.
    Patch,
    /// Several operations in one request (`bulk`). Without it `/Bulk` answers 501.
    Bulk,
    /// Queries with a filter (`filter`). Without it they are answered 400 `invalidFilter`; filters in the paths of a PATCH are
    /// part of `patch`.
    Filter,
    /// Setting a password (`changePassword`). A password in a body is accepted and dropped.
    ChangePassword,
    /// Lists in an order of the client's (`sort`). Without it a query with `sortBy` is answered 501: a list in another order
    /// would pass for one in this.
    Sort,
    /// Versions of resources (`etag`). Without it no answer has one, and as none was given out, none matches in `If-Match`
    /// (412) or in `If-None-Match`, where `*` means what it does otherwise (RFC 9110 section 13.1).
    Etag,
    /// Pages by number (`pagination.index`). Without it a list is read by cursor, whose first page is that of a query which
    /// names none (RFC 9865 section 2.3), and a `startIndex` beyond 1 is answered 400 `invalidValue`. Where there are no
    /// cursors, there are these pages.
    IndexPagination,
    /// Pages by cursor (`pagination.cursor`), over a store that has cursors and keeps the secret that seals them. Without it a
    /// `cursor` is answered 400 `invalidCursor`.
    CursorPagination,
    /// Events of changes that clients poll (`securityEvents`), where the service in front has them. Without it `/Events` is no
    /// endpoint (404), and a request is done before it is answered whatever it prefers.
    SecurityEvents,
}

/// The error when a text names no feature.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("there is no such feature; the features are {}", Feature::ALL.map(Feature::name).join(", "))]
#[non_exhaustive]
pub struct UnknownFeature;

/// Writes the [name](Feature::name).
impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads a [name](Feature::name), in any case.
///
/// ```
/// use keyfob_engine::Feature;
///
/// assert_eq!("securityevents".parse(), Ok(Feature::SecurityEvents));
/// assert!("events".parse::<Feature>().is_err());
/// ```
impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(text: &str) -> Result<Self, UnknownFeature> {
        let mut all = Self::ALL.into_iter();
        all.find(|feature| feature.name().eq_ignore_ascii_case(text))
            .ok_or(UnknownFeature)
    }
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Patch,
        Self::Bulk,
        Self::Filter,
        Self::ChangePassword,
        Self::Sort,
        Self::Etag,
        Self::IndexPagination,
        Self::CursorPagination,
        Self::SecurityEvents,
    ];

    /// Returns the attribute of `/ServiceProviderConfig` that tells of the feature.
    ///
    /// ```
    /// use keyfob_engine::Feature;
    ///
    /// assert_eq!(Feature::CursorPagination.name(), "pagination.cursor");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Bulk => "bulk",
            Self::Filter => "filter",
            Self::ChangePassword => "changePassword",
            Self::Sort => "sort",
            Self::Etag => "etag",
            Self::IndexPagination => "pagination.index",
            Self::CursorPagination => "pagination.cursor",
            Self::SecurityEvents => "securityEvents",
        }
    }

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
            | Self::CursorPagination
            | Self::SecurityEvents => true,
            Self::ChangePassword => false,
        }
    }

    const fn bit(self) -> u16 {
        match self {
            Self::Patch => 1,
            Self::Bulk => 1 << 1,
            Self::Filter => 1 << 2,
            Self::ChangePassword => 1 << 3,
            Self::Sort => 1 << 4,
            Self::Etag => 1 << 5,
            Self::IndexPagination => 1 << 6,
            Self::CursorPagination => 1 << 7,
            Self::SecurityEvents => 1 << 8,
        }
    }

    /// Returns what a client is told whose request needs the feature, without which it has to do.
    pub(crate) const fn refusal(self) -> &'static str {
        match self {
            Self::Patch => "PATCH is not supported: a resource is changed by PUT, as a whole",
            Self::Bulk => "bulk requests are not supported",
            Self::Filter => "filters are not supported",
            Self::ChangePassword => "passwords can't be changed",
            Self::Sort => "`sortBy` is not supported",
            Self::Etag => "versions are not supported",
            Self::IndexPagination => {
                "pages are asked for by `cursor`, which is empty for the first; a `startIndex` is not supported"
            }
            Self::CursorPagination => {
                "pages are asked for by `startIndex` and `count`; a `cursor` is not supported"
            }
            Self::SecurityEvents => "there is no such endpoint",
        }
    }

    /// Returns the answer to a request that needs the feature, where it isn't offered.
    pub(crate) fn to_error_body(self) -> ErrorBody {
        let scim_type = match self {
            Self::Filter => ScimType::InvalidFilter,
            // Answering the first page instead would pass it off as another one (RFC 9865 section 2).
            Self::CursorPagination => ScimType::InvalidCursor,
            Self::IndexPagination => ScimType::InvalidValue,
            Self::SecurityEvents => return ErrorBody::new(404, self.refusal()),
            Self::Patch | Self::Bulk | Self::ChangePassword | Self::Sort | Self::Etag => {
                return ErrorBody::new(501, self.refusal());
            }
        };
        ErrorBody::bad_request(scim_type, self.refusal())
    }
}

/// Features that a call has to do without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing(u16);

impl Missing {
    pub(crate) const fn with(self, feature: Feature) -> Self {
        Self(self.0 | feature.bit())
    }

    const fn contains(self, feature: Feature) -> bool {
        self.0 & feature.bit() != 0
    }
}

impl<S: Store> Engine<S> {
    /// Returns true if the engine has a feature over its store.
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

    /// Returns true if a call may use a feature: the engine has it, and the service in front hasn't
    /// [left it out](Context::without).
    ///
    /// ```
    /// use keyfob_core::Registry;
    /// use keyfob_engine::{Context, Engine, Feature, TenantId};
    /// use keyfob_store_memory::MemoryStore;
    ///
    /// let engine = Engine::new(MemoryStore::new(), Registry::rfc().clone());
    /// let cx = Context::new(TenantId::new("acme")).without(Feature::Sort);
    /// assert!(engine.offers(&cx, Feature::Filter) && !engine.offers(&cx, Feature::Sort));
    /// ```
    #[must_use]
    pub fn offers(&self, cx: &Context, feature: Feature) -> bool {
        let is_there = |feature| self.supports(feature) && !cx.missing().contains(feature);
        is_there(feature) || (feature == Feature::IndexPagination && !is_there(Feature::CursorPagination))
    }
}
