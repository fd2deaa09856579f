//! Resources as a server holds them.

use http::header;
use keyfob_core::{
    Projection, Resource, ResourceId, ResourceType, SmolStr, Value,
    message::{Deviation, Deviations},
    validate,
};

use crate::{answer::Answer, confirm, discover::unreadable, error::Error, session::Session};

/// The length of the longest id, in bytes. Lists keep the ids that they have seen.
const MAX_ID: usize = 2_048;

/// A resource that the server holds, as it was when it answered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stored<V = Resource> {
    /// The server's id.
    pub id: ResourceId,
    /// The version (`ETag`, or `meta.version`), if the server gives one.
    pub version: Option<SmolStr>,
    /// The resource.
    pub resource: V,
}

/// What a look-up found.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there are no further numbers")]
pub enum Found<V = Resource> {
    /// No resource matches.
    None,
    /// One resource matches.
    One(Stored<V>),
    /// Several resources match: the first of them.
    Many(Vec<ResourceId>),
}

impl<V> Found<V> {
    /// Returns the resource if exactly one matches.
    #[must_use]
    pub fn one(self) -> Option<Stored<V>> {
        match self {
            Self::One(stored) => Some(stored),
            _ => None,
        }
    }

    /// Returns true if no resource matches.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// The answer to a PATCH that was carried out.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 7644 section 3.5.2 is closed")]
pub enum Patched<V = Resource> {
    /// The server returned the resource (200).
    Body(Stored<V>),
    /// The server returned nothing (204).
    NoContent {
        /// The version after the change, if the server gives one.
        version: Option<SmolStr>,
    },
}

impl<V> Patched<V> {
    /// Returns the resource, if the server returned it.
    #[must_use]
    pub fn body(self) -> Option<Stored<V>> {
        match self {
            Self::Body(stored) => Some(stored),
            Self::NoContent { .. } => None,
        }
    }

    /// Returns the version after the change, if the server gives one.
    #[must_use]
    pub fn version(&self) -> Option<&SmolStr> {
        match self {
            Self::Body(stored) => stored.version.as_ref(),
            Self::NoContent { version } => version.as_ref(),
        }
    }
}

impl Stored<Resource> {
    /// Returns true if the resource holds everything that was sent, as a creation whose answer is lost is confirmed. What
    /// the server may set itself, never shows or does not know is no part of the comparison, and neither are members.
    #[must_use]
    pub fn holds(&self, sent: &Resource, resource_type: &ResourceType) -> bool {
        confirm::holds(&self.resource, sent, resource_type, false)
    }

    /// Takes a resource that was read out of an answer.
    ///
    /// # Errors
    /// [`Error::Decode`] for a resource without an id, and for one whose id is so long that no address could hold it.
    pub(crate) fn of(resource: Resource, version: Option<SmolStr>) -> Result<Self, Error> {
        let id = resource.id().filter(|id| !id.as_str().is_empty());
        let id = id.ok_or_else(|| Error::Decode("a resource has no `id`".into()))?;
        if id.as_str().len() > MAX_ID {
            return Err(Error::Decode(
                "the `id` of a resource is longer than 2,048 bytes".into(),
            ));
        }
        let version = version.or_else(|| {
            let meta = resource.core().get("meta").and_then(Value::as_object)?;
            meta.get_str("version").map(SmolStr::new)
        });
        Ok(Self {
            id,
            version,
            resource,
        })
    }

    /// Reads the resource out of an answer.
    pub(crate) fn read(
        session: &Session,
        answer: &Answer,
        resource_type: &ResourceType,
        deviations: &mut Deviations,
    ) -> Result<Self, Error> {
        let resource = Resource::from_json(&answer.body, resource_type).map_err(unreadable)?;
        check(session, &resource, resource_type, deviations);
        Self::of(resource, answer.version())
    }

    pub(crate) fn typed<V: From<Resource>>(self) -> Stored<V> {
        Stored {
            id: self.id,
            version: self.version,
            resource: self.resource.into(),
        }
    }
}

/// Notes what departs from the RFC in a resource: all that is cheap to see, and for a strict client whatever its schema
/// says.
pub(crate) fn check(
    session: &Session,
    resource: &Resource,
    resource_type: &ResourceType,
    deviations: &mut Deviations,
) {
    if !resource.schemas().contains(&resource_type.schema().id) {
        let rule = format!("does not name `{}`", resource_type.schema().id.as_str());
        deviations.note(Deviation::new("schemas", rule, "RFC 7643 section 3"));
    } else if session.shared.strict
        && session.options.projection == Projection::all()
        && let Err(error) = validate::response(resource, resource_type)
    {
        deviations.note(Deviation::new(
            "",
            format!("breaks its schema: {error}"),
            "RFC 7643 section 2",
        ));
    }
}

impl Answer {
    /// Returns the version in `ETag`.
    pub(crate) fn version(&self) -> Option<SmolStr> {
        self.header(header::ETAG).map(SmolStr::new)
    }
}
