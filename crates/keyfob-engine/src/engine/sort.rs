//! Sorting (RFC 7644 section 3.4.2.3).

use std::str::FromStr;

use keyfob_core::{
    AttrPath, Attribute, CompareKey, DateTime, Dialect, ErrorBody, Resource, ResourceType, ScimType,
    ToErrorBody, Value,
    message::SortOrder,
    name::PathError,
    schema::{AttributeType, Container, Mutability, ResolveError, ResolvedAttribute, Returned, Target},
};
use keyfob_store::{
    SortKey, Stored,
    kit::{SortAttribute, SortValue},
};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use crate::policy;

/// The error when a query can't be sorted as it asks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SortError {
    /// `sortBy` is no attribute notation (RFC 7644 section 3.10); maps to `invalidValue`.
    #[error("`sortBy`: {0}")]
    Notation(PathError),
    /// No resource type of the query has the attribute; maps to `invalidValue`.
    #[error("`sortBy`: {0}")]
    Unknown(ResolveError),
    /// The attribute is complex and has no `value`; maps to `invalidValue`.
    #[error("`sortBy`: `{attribute}` is complex; name a sub-attribute of it{}", example(attribute, first.as_ref()))]
    Complex {
        /// The attribute.
        attribute: SmolStr,
        /// A sub-attribute that it has.
        first: Option<SmolStr>,
    },
    /// The values of the attribute have no order; maps to `invalidValue`.
    #[error("`sortBy`: the values of `{attribute}` have no order")]
    Unordered {
        /// The attribute.
        attribute: SmolStr,
    },
    /// The attribute is never returned, and an order would tell of its values; maps to 403 `sensitive`.
    #[error("`sortBy`: `{attribute}` is never returned, so nothing is sorted by it")]
    Sensitive {
        /// The attribute.
        attribute: SmolStr,
    },
    /// No index has the order, and more resources match than are sorted without one; maps to `tooMany`.
    #[error(
        "more than {limit} resources would have to be read for this order; make the filter narrower{}",
        alternatives(sortable)
    )]
    TooMany {
        /// The number of resources that are sorted without an index at most.
        limit: usize,
        /// The attributes by which the store sorts any number of them.
        sortable: Vec<SmolStr>,
    },
}

fn alternatives(sortable: &[SmolStr]) -> SmolStr {
    if sortable.is_empty() {
        return SmolStr::default();
    }
    format_smolstr!(", or sort by one of `{}`", sortable.join("`, `"))
}

fn example(attribute: &str, first: Option<&SmolStr>) -> SmolStr {
    first.map_or_else(SmolStr::default, |first| {
        format_smolstr!(", such as `{attribute}.{first}`")
    })
}

impl ToErrorBody for SortError {
    fn to_error_body(&self) -> ErrorBody {
        let detail = format_smolstr!("{self}");
        match self {
            Self::Sensitive { .. } => ErrorBody::new(403, detail).with_scim_type(ScimType::Sensitive),
            Self::TooMany { .. } => ErrorBody::bad_request(ScimType::TooMany, detail),
            Self::Notation(_) | Self::Unknown(_) | Self::Complex { .. } | Self::Unordered { .. } => {
                ErrorBody::bad_request(ScimType::InvalidValue, detail)
            }
        }
    }
}

/// The attribute by which the resources of one type are sorted.
#[derive(Clone, Debug)]
pub(super) enum SortBy<'t> {
    /// An attribute by which stores sort.
    Store(SortAttribute<'t>, AttrPath),
    /// Another attribute of the document.
    Document(ResolvedAttribute<'t>),
    /// `meta.resourceType`.
    ResourceType,
    /// `meta.location`.
    Location,
    /// Nothing: the type lacks the attribute, which is without value in all its resources (RFC 7644 section 3.4.2.1).
    Unassigned,
}

impl<'t> SortBy<'t> {
    /// Returns the attributes by which a store that sorts does so, of a type.
    pub(super) fn sortable(resource_type: &ResourceType) -> Vec<SmolStr> {
        let indexed = resource_type.index().attributes().iter();
        indexed
            .map(|attribute| format_smolstr!("{}", attribute.path()))
            .collect()
    }

    /// Resolves `sortBy` for each resource type of a query.
    ///
    /// # Errors
    /// [`SortError`]. It is an error that no type has the attribute, as it is in a filter: a client that misspells a name
    /// would take any order for the one that it asked for.
    pub(super) fn resolve(
        sort_by: &str,
        resource_types: &[&'t ResourceType],
        dialect: Dialect,
    ) -> Result<Vec<Self>, SortError> {
        let path = AttrPath::parse(sort_by.trim()).map_err(SortError::Notation)?;
        let mut unknown = None;
        let mut resolved = Vec::with_capacity(resource_types.len());
        for resource_type in resource_types {
            resolved.push(match resource_type.resolve(&path, dialect) {
                Ok(Target::Attribute(attribute)) => Self::attribute(resource_type, attribute)?,
                Ok(Target::Extension(schema)) => {
                    return Err(SortError::Unknown(ResolveError::Schema {
                        uri: schema.id.clone(),
                    }));
                }
                Err(error) => {
                    unknown.get_or_insert(error);
                    Self::Unassigned
                }
            });
        }
        let is_unknown = resolved.iter().all(|by| matches!(by, Self::Unassigned));
        match unknown {
            Some(error) if is_unknown => Err(SortError::Unknown(error)),
            _ => Ok(resolved),
        }
    }

    fn attribute(
        resource_type: &'t ResourceType,
        resolved: ResolvedAttribute<'t>,
    ) -> Result<Self, SortError> {
        let (attribute, sub) = (resolved.attribute, resolved.sub);
        let name = || format_smolstr!("{}", resolved.to_path());
        let is_secret = |attribute: &Attribute| {
            attribute.returned == Returned::Never || attribute.mutability == Mutability::WriteOnly
        };
        if is_secret(attribute) || sub.is_some_and(is_secret) {
            return Err(SortError::Sensitive { attribute: name() });
        }
        let is_core = resolved.container == Container::Core;
        // A relation is a set: none of its members comes first, and none is primary.
        if is_core && resource_type.relation(attribute.name.as_str()).is_some() {
            return Err(SortError::Unordered { attribute: name() });
        }
        if is_core && attribute.name.is("meta") {
            return match sub {
                Some(sub) if sub.name.is("resourceType") => Ok(Self::ResourceType),
                Some(sub) if sub.name.is("location") => Ok(Self::Location),
                // A tag says whether a state is another one, and not whether it is later.
                Some(sub) if sub.name.is("version") => Err(SortError::Unordered { attribute: name() }),
                Some(_) => {
                    let path = resolved.to_path();
                    let sorted = SortAttribute::of(resource_type, &path);
                    Ok(sorted.map_or(Self::Document(resolved), |sorted| Self::Store(sorted, path)))
                }
                None => Err(SortError::Complex {
                    attribute: name(),
                    first: Some("created".into()),
                }),
            };
        }
        let mut resolved = resolved;
        if sub.is_none() && attribute.is_complex() {
            // The value of an element is its sub-attribute `value` (RFC 7643 section 2.4).
            let value = attribute.default_sub_attribute();
            let value = value.filter(|value| !is_secret(value));
            resolved.sub = Some(value.ok_or_else(|| {
                SortError::Complex {
                    attribute: name(),
                    first: attribute
                        .sub_attributes
                        .first()
                        .map(|sub| sub.name.as_str().into()),
                }
            })?);
        }
        let path = resolved.to_path();
        Ok(match SortAttribute::of(resource_type, &path) {
            Some(sorted) => Self::Store(sorted, path),
            None => Self::Document(resolved),
        })
    }

    /// Returns the key by which a store sorts the type, if it can.
    pub(super) fn key(&self, order: SortOrder) -> Option<SortKey> {
        match self {
            Self::Store(_, path) => Some(SortKey {
                path: path.clone(),
                order,
            }),
            // Within a type the location is the id below the endpoint.
            Self::Location => Some(SortKey {
                path: AttrPath::attribute("id"),
                order,
            }),
            Self::Document(_) | Self::ResourceType | Self::Unassigned => None,
        }
    }

    /// Returns true if the order of the resources of the type is that of their creation, as nothing tells them apart.
    pub(super) fn is_constant(&self) -> bool {
        matches!(self, Self::ResourceType | Self::Unassigned)
    }

    /// Returns the value by which a resource is sorted; none where it has no value.
    pub(super) fn value(&self, resource_type: &ResourceType, stored: &mut Stored) -> Option<SortValue> {
        match self {
            Self::Store(sorted, _) => sorted.value(stored),
            Self::ResourceType => Some(SortValue::text(resource_type.name().clone())),
            Self::Location => {
                let id = stored.resource.id()?;
                Some(SortValue::text(format_smolstr!(
                    "{}/{id}",
                    resource_type.endpoint()
                )))
            }
            Self::Unassigned => None,
            Self::Document(resolved) => {
                // A client sorts by what it sees.
                policy::show_active(&mut stored.resource, resource_type);
                value_of(resolved, &stored.resource)
            }
        }
    }
}

/// Returns the value of an attribute: that of the primary element, or else of the first.
fn value_of(resolved: &ResolvedAttribute<'_>, resource: &Resource) -> Option<SortValue> {
    let object = match resolved.container {
        Container::Core => Some(resource.core()),
        Container::Extension(uri) => resource.extension(uri),
    };
    if resolved.container == Container::Core && resolved.attribute.name.is("schemas") {
        let first = resource.schemas().first()?;
        return key(resolved.attribute, &Value::from(first.as_str()));
    }
    let elements = object?.get(resolved.attribute.name.as_str())?.as_elements();
    let is_primary = |element: &&Value| {
        let primary = element.as_object().and_then(|object| object.get("primary"));
        primary.and_then(Value::as_bool) == Some(true)
    };
    let element = elements.iter().find(is_primary).or(elements.first())?;
    let value = match resolved.sub {
        None => element,
        Some(sub) => element.as_object()?.get(sub.name.as_str())?,
    };
    key(resolved.leaf(), value.as_elements().first()?)
}

/// Returns what a value is compared by: texts by their keys, numbers and instants by what they are.
fn key(attribute: &Attribute, value: &Value) -> Option<SortValue> {
    match (attribute.kind, value) {
        (AttributeType::Boolean, Value::Bool(flag)) => Some(SortValue::text(if *flag { "1" } else { "0" })),
        // As a store sorts them, since another type of the query may have them in its index.
        (AttributeType::Integer | AttributeType::Decimal, number) => {
            CompareKey::number(number).map(SortValue::text)
        }
        (AttributeType::DateTime, Value::String(text)) => {
            let instant = DateTime::from_str(text).ok()?;
            Some(SortValue::text(CompareKey::instant(instant)))
        }
        (AttributeType::String | AttributeType::Reference | AttributeType::Binary, Value::String(text)) => {
            Some(SortValue::text(CompareKey::of(attribute.collation(), text)))
        }
        _ => None,
    }
}
