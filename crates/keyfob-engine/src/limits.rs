//! Limits of the cost of a request and of the size of a resource.

use std::time::{Duration, Instant};

use keyfob_core::{ErrorBody, Object, Resource, ScimType, ToErrorBody, Value};
use keyfob_store::{Budget, UniqueKey};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use crate::context::Context;

/// The limits of a service: of the work of one request (RFC 7644 section 7.7, OWASP API4:2023), and of what is kept.
///
/// The defaults are far beyond what providers send. A request beyond a limit is refused as a whole, with what to do instead.
///
/// ```
/// use keyfob_core::Registry;
/// use keyfob_engine::{Engine, Limits};
/// use keyfob_store_memory::MemoryStore;
///
/// let limits = Limits { document_bytes: 64 << 10, ..Limits::default() };
/// let engine = Engine::new(MemoryStore::new(), Registry::rfc().clone()).with_limits(limits);
/// assert_eq!(engine.limits().document_bytes, 65_536);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a service states those that it changes beside the defaults"
)]
pub struct Limits {
    /// The time for the work of one request, or of one operation of a bulk request; not for reading its body. 10 s.
    pub time: Duration,
    /// The time for the work of a bulk request. 60 s.
    pub bulk_time: Duration,
    /// The operations of a bulk request (`bulk.maxOperations`); more are answered 413. 2,000.
    pub bulk_operations: usize,
    /// The steps that one call of the store may take: resources and index entries that are looked at, and comparisons that
    /// a filter makes of each. 20,000,000.
    pub steps: u64,
    /// The bytes of documents that one call of the store may decode. 512 MiB.
    pub bytes: u64,
    /// The resources of a page (`filter.maxResults`, `pagination.maxPageSize`): a client that asks for more gets so many.
    /// 1,000.
    pub page: usize,
    /// The resources of a page where the client doesn't say (`pagination.defaultPageSize`). 100.
    pub default_page: usize,
    /// The time for which a cursor is valid (`pagination.cursorTimeout`), in whole seconds; an older one is `expiredCursor`.
    /// A day.
    pub cursor_time: Duration,
    /// The steps that applying a PATCH may take: operations times values times comparisons. 2,000,000.
    pub patch_steps: usize,
    /// The bytes of a page of a list, about; a page of one resource has no limit. 64 MiB.
    pub page_bytes: usize,
    /// The bytes of a resource without its relations, about. 1 MiB.
    pub document_bytes: usize,
    /// The bytes of one text. 256 KiB.
    pub text_bytes: usize,
    /// The bytes of a value that has to be unique. 1 KiB.
    pub unique_bytes: usize,
    /// The values of one attribute. 5,000.
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(10),
            bulk_time: Duration::from_secs(60),
            bulk_operations: 2_000,
            steps: 20_000_000,
            bytes: 512 << 20,
            page: 1_000,
            default_page: 100,
            cursor_time: Duration::from_secs(24 * 60 * 60),
            patch_steps: 2_000_000,
            page_bytes: 64 << 20,
            document_bytes: 1 << 20,
            text_bytes: 256 << 10,
            unique_bytes: 1 << 10,
            values: 5_000,
        }
    }
}

/// Why a resource is too large to be kept, or a page to be answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LimitError {
    /// The resource is too large; maps to 413.
    #[error("the resource would have more than {limit} bytes")]
    Document {
        /// The limit.
        limit: usize,
    },
    /// A text is too long; maps to `invalidValue`.
    #[error("a text of `{path}` has more than {limit} bytes")]
    Text {
        /// The attribute.
        path: SmolStr,
        /// The limit.
        limit: usize,
    },
    /// A value that has to be unique is too long; maps to `invalidValue`.
    #[error("`{path}` has more than {limit} bytes")]
    Unique {
        /// The attribute.
        path: SmolStr,
        /// The limit.
        limit: usize,
    },
    /// An attribute has too many values; maps to `invalidValue`.
    #[error("`{path}` has more than {limit} values")]
    Values {
        /// The attribute.
        path: SmolStr,
        /// The limit.
        limit: usize,
    },
    /// A page is too large; maps to `tooMany`.
    #[error(
        "the page would have more than {limit} bytes: ask for a smaller `count`, or for fewer `attributes`"
    )]
    Page {
        /// The limit.
        limit: usize,
    },
}

impl ToErrorBody for LimitError {
    fn to_error_body(&self) -> ErrorBody {
        let detail = format_smolstr!("{self}");
        match self {
            Self::Document { .. } => ErrorBody::new(413, detail),
            Self::Text { .. } | Self::Unique { .. } | Self::Values { .. } => {
                ErrorBody::bad_request(ScimType::InvalidValue, detail)
            }
            Self::Page { .. } => ErrorBody::bad_request(ScimType::TooMany, detail),
        }
    }
}

impl Limits {
    /// Returns a call with the budget of one request, or what is left of the call's own where that is less.
    pub(crate) fn begin(&self, cx: &Context, time: Duration) -> Context {
        let own = cx.reading().budget;
        let deadline = Instant::now().checked_add(time);
        let budget = Budget {
            steps: own.steps.min(self.steps),
            bytes: own.bytes.min(self.bytes),
            deadline: match (own.deadline, deadline) {
                (Some(own), Some(deadline)) => Some(own.min(deadline)),
                (own, deadline) => own.or(deadline),
            },
        };
        cx.clone().with_budget(budget)
    }

    /// Checks a document that is to be kept.
    ///
    /// # Complexity
    /// Linear in the document.
    pub(crate) fn check(&self, document: &Resource, unique: &[UniqueKey]) -> Result<(), LimitError> {
        let mut bytes = 0_usize;
        self.check_object(document.core(), None, &mut bytes)?;
        for (uri, object) in document.extensions() {
            self.check_object(object, Some(uri.as_str()), &mut bytes)?;
        }
        let limit = self.document_bytes;
        if bytes > limit {
            return Err(LimitError::Document { limit });
        }
        let limit = self.unique_bytes;
        match unique.iter().find(|key| key.value.as_str().len() > limit) {
            Some(key) => Err(LimitError::Unique {
                path: key.attribute.clone(),
                limit,
            }),
            None => Ok(()),
        }
    }

    fn check_object(&self, object: &Object, uri: Option<&str>, bytes: &mut usize) -> Result<(), LimitError> {
        for (name, value) in object.iter() {
            let path = || match uri {
                None => SmolStr::from(name.as_str()),
                Some(uri) => format_smolstr!("{uri}:{name}"),
            };
            let size = size_of(value);
            *bytes = bytes.saturating_add(name.as_str().len() + size);
            if value.as_elements().len() > self.values {
                let limit = self.values;
                return Err(LimitError::Values { path: path(), limit });
            }
            if size > self.text_bytes && longest_text(value) > self.text_bytes {
                let limit = self.text_bytes;
                return Err(LimitError::Text { path: path(), limit });
            }
        }
        Ok(())
    }

    /// Checks a page that is to be answered.
    pub(crate) fn check_page(&self, page: &[Resource]) -> Result<(), LimitError> {
        let mut bytes = 0_usize;
        let limit = self.page_bytes;
        for (number, resource) in page.iter().enumerate() {
            bytes = bytes.saturating_add(shown_size(resource));
            if number > 0 && bytes > limit {
                return Err(LimitError::Page { limit });
            }
        }
        Ok(())
    }
}

/// The bytes of a member as answers show it, about.
const MEMBER: usize = 160;

/// The bytes of a resource as answers show it, about.
fn shown_size(resource: &Resource) -> usize {
    let object = |object: &Object| {
        let members = object
            .iter()
            .map(|(name, value)| name.as_str().len() + size_of(value));
        members.fold(0_usize, usize::saturating_add)
    };
    let extensions = resource
        .extensions()
        .iter()
        .map(|(_, extension)| object(extension));
    let members = resource
        .relations()
        .iter()
        .map(|(_, members)| members.len().saturating_mul(MEMBER));
    extensions
        .chain(members)
        .fold(object(resource.core()), usize::saturating_add)
}

/// The bytes of a value as JSON, about.
fn size_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Integer(_) | Value::Decimal(_) => 12,
        Value::String(text) => text.len() + 3,
        Value::Array(values) => values.iter().map(size_of).fold(2, usize::saturating_add),
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| name.as_str().len() + 3 + size_of(value))
            .fold(2, usize::saturating_add),
    }
}

fn longest_text(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(longest_text).max().unwrap_or_default(),
        Value::Object(object) => object
            .iter()
            .map(|(_, value)| longest_text(value))
            .max()
            .unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Decimal(_) => 0,
    }
}
