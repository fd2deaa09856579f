//! The order of resources and the places in it.

use std::cmp::Ordering;

use keyfob_core::{
    AttrPath, DateTime, ResourceId, ResourceType, message::SortOrder, schema::IndexedAttribute,
};
use smol_str::{SmolStr, format_smolstr};

use crate::{Cursor, Stored};

/// An attribute by which stores sort: `id`, `meta.created`, `meta.lastModified`, and every attribute of the type's
/// [index](ResourceType::index) of which a resource has at most one value.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every kind")]
pub enum SortAttribute<'t> {
    /// The id, by its bytes.
    Id,
    /// `meta.created`.
    Created,
    /// `meta.lastModified`.
    LastModified,
    /// An attribute of the index, by its compare key.
    Indexed(&'t IndexedAttribute),
}

impl<'t> SortAttribute<'t> {
    /// Returns the attribute with this path, unless stores can't sort by it.
    #[must_use]
    pub fn of(resource_type: &'t ResourceType, path: &AttrPath) -> Option<Self> {
        let is_common = path.schema().is_none_or(|uri| *uri == resource_type.schema().id);
        if is_common && path.name().is("id") && path.sub().is_none() {
            return Some(Self::Id);
        }
        if is_common && path.name().is("meta") {
            let sub = path.sub()?;
            return match () {
                () if sub.is("created") => Some(Self::Created),
                () if sub.is("lastModified") => Some(Self::LastModified),
                () => None,
            };
        }
        let path = resource_type.resolve_attribute(path).ok()?.to_path();
        let indexed = resource_type.index().attribute(&path)?;
        indexed.is_singular().then_some(Self::Indexed(indexed))
    }

    /// Returns the value by which a resource is sorted; none where it has no value.
    #[must_use]
    pub fn value(&self, stored: &Stored) -> Option<SortValue> {
        let time = |time: Option<DateTime>| time.map(SortValue::time);
        match self {
            Self::Id => Some(SortValue(stored.resource.id()?.as_str().into())),
            Self::Created => time(stored.resource.meta()?.created),
            Self::LastModified => time(stored.resource.meta()?.last_modified),
            Self::Indexed(indexed) => {
                let key = indexed.keys(&stored.resource).next();
                key.map(|key| SortValue(key.into()))
            }
        }
    }
}

/// What a resource is sorted by, compared by its bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortValue(SmolStr);

impl SortValue {
    /// Creates the value of a text that compares by its bytes, such as a compare key or an id.
    #[must_use]
    pub fn text(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// Creates the value of an instant.
    #[must_use]
    pub fn time(time: DateTime) -> Self {
        // All of them positive, so that digits compare as numbers do.
        let shifted = i128::from(time.unix_millis()) - i128::from(i64::MIN);
        Self(format_smolstr!("{shifted:020}"))
    }

    /// Returns the instant of which it is the value; none if it is that of something else.
    #[must_use]
    pub fn to_time(&self) -> Option<DateTime> {
        let shifted: i128 = self.0.parse().ok()?;
        let millis = i64::try_from(shifted.checked_add(i64::MIN.into())?).ok()?;
        Some(DateTime::from_unix_millis(millis))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A place in the order of resources: the value that a query sorts by, then the order of creation.
///
/// ```
/// use keyfob_core::{DateTime, ResourceId, message::SortOrder};
/// use keyfob_store::kit::{Place, SortValue};
///
/// let place = |value: Option<&str>, created, id: &str| Place {
///     value: value.map(SortValue::text),
///     created: DateTime::from_unix_millis(created),
///     id: ResourceId::new(id),
/// };
/// let ada = place(Some("ada"), 2, "7");
/// let nameless = place(None, 1, "3");
/// assert!(ada.compare(&nameless, SortOrder::Ascending).is_lt());
/// assert!(ada.compare(&nameless, SortOrder::Descending).is_gt());
/// assert_eq!(Place::from_cursor(&ada.to_cursor()), Some(ada));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a place has no further parts")]
pub struct Place {
    /// The value that the query sorts by: none where it doesn't sort or the resource has none.
    pub value: Option<SortValue>,
    /// When the resource was created.
    pub created: DateTime,
    /// The id.
    pub id: ResourceId,
}

impl Place {
    /// Returns the place of a resource in the order of a query.
    #[must_use]
    pub fn of(stored: &Stored, sort: Option<SortAttribute<'_>>) -> Self {
        let created = stored.resource.meta().and_then(|meta| meta.created);
        Self {
            value: sort.and_then(|sort| sort.value(stored)),
            created: created.unwrap_or(DateTime::from_unix_millis(0)),
            id: stored.resource.id().unwrap_or_else(|| ResourceId::new("")),
        }
    }

    /// Compares two places (RFC 7644 section 3.4.2.3): values in the query's order, absent values as the largest, and
    /// equal values by creation in any order.
    #[must_use]
    pub fn compare(&self, other: &Self, order: SortOrder) -> Ordering {
        let by_value = match (&self.value, &other.value) {
            (Some(left), Some(right)) => left.cmp(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        let by_value = match order {
            SortOrder::Descending => by_value.reverse(),
            SortOrder::Ascending => by_value,
        };
        let by_creation = || {
            let (left, right) = (self.created.unix_millis(), other.created.unix_millis());
            left.cmp(&right)
                .then_with(|| self.id.as_str().as_bytes().cmp(other.id.as_str().as_bytes()))
        };
        by_value.then_with(by_creation)
    }

    /// Returns the place as a store's cursor.
    #[must_use]
    pub fn to_cursor(&self) -> Cursor {
        let id = self.id.as_str().as_bytes();
        let mut bytes = Vec::with_capacity(id.len() + 16);
        bytes.extend(self.created.unix_millis().to_be_bytes());
        bytes.extend(u32::try_from(id.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(id);
        if let Some(value) = &self.value {
            bytes.push(b'=');
            bytes.extend(value.as_str().as_bytes());
        }
        Cursor::new(bytes)
    }

    /// Reads a place from a store's cursor; none if it holds something else.
    #[must_use]
    pub fn from_cursor(cursor: &Cursor) -> Option<Self> {
        let (created, rest) = cursor.as_bytes().split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (id, rest) = rest.split_at_checked(length)?;
        let value = match rest {
            [] => None,
            [b'=', value @ ..] => Some(SortValue::text(std::str::from_utf8(value).ok()?)),
            _ => return None,
        };
        Some(Self {
            value,
            created: DateTime::from_unix_millis(i64::from_be_bytes(*created)),
            id: ResourceId::new(std::str::from_utf8(id).ok()?),
        })
    }
}
