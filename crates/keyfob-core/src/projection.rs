//! Which attributes an answer holds (RFC 7644 section 3.9, RFC 7643 section 7 `returned`).

use std::collections::HashSet;

use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use crate::{
    dialect::{Dialect, Quirk},
    error::{ErrorBody, ScimType, ToErrorBody},
    name::{AttrPath, PathError},
    render::excerpt,
    resource::{MemberSet, Resource},
    schema::{AttrSet, Attribute, ResourceType, Returned, Target},
    value::{Object, Value},
};

/// The attributes that a client asks an answer to hold: those of the default, certain ones, or all but certain ones.
///
/// Whatever it asks, attributes that are `returned: always` are there, and those that are `returned: never` are not.
/// Names that the resource type doesn't have are passed over.
///
/// ```
/// use keyfob_core::{Dialect, Projection, Registry, Resource};
///
/// let user = Registry::rfc().resource_type("User").unwrap();
/// let text = br#"{"id": "1", "userName": "bjensen", "title": "Guide"}"#;
/// let mut resource = Resource::from_json(text, user)?;
///
/// let projection = Projection::parse(Some("userName,nobody.knows"), None, Dialect::strict())?;
/// projection.resolve(user).apply(&mut resource);
/// assert_eq!(resource.to_json(), br#"{"id":"1","userName":"bjensen"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Projection {
    mode: Mode,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Mode {
    #[default]
    Default,
    Only(Vec<AttrPath>),
    Except(Vec<AttrPath>),
}

/// The error when the names in `attributes` or `excludedAttributes` can't be taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// A text is no attribute name; maps to `invalidValue`.
    #[error("`{text}` is not an attribute: {error}")]
    Name {
        /// The text, shortened where it is long.
        text: SmolStr,
        /// The fault.
        error: PathError,
    },
    /// There are more different names than [`Projection::MAX_NAMES`]; maps to `tooMany`.
    #[error(
        "`attributes` and `excludedAttributes` take at most {} different names",
        Projection::MAX_NAMES
    )]
    TooMany,
    /// Both lists are given, which RFC 7644 section 3.9 rules out; maps to `invalidValue`.
    #[error("`attributes` and `excludedAttributes` can't be given together")]
    Both,
}

impl ToErrorBody for ProjectionError {
    fn to_error_body(&self) -> ErrorBody {
        let scim_type = match self {
            Self::Name { .. } | Self::Both => ScimType::InvalidValue,
            Self::TooMany => ScimType::TooMany,
        };
        ErrorBody::bad_request(scim_type, format_smolstr!("{self}"))
    }
}

impl Projection {
    /// The number of different names that a request may list: several times the attributes of the largest type.
    pub const MAX_NAMES: usize = 500;

    /// The attributes that are returned by default.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// These attributes (`attributes`).
    #[must_use]
    pub fn only(paths: Vec<AttrPath>) -> Self {
        Self {
            mode: Mode::Only(paths),
        }
    }

    /// All but these attributes (`excludedAttributes`).
    #[must_use]
    pub fn except(paths: Vec<AttrPath>) -> Self {
        Self {
            mode: Mode::Except(paths),
        }
    }

    /// Returns the names of `attributes`, if the projection is made of them.
    #[must_use]
    pub fn attributes(&self) -> Option<&[AttrPath]> {
        match &self.mode {
            Mode::Only(paths) => Some(paths),
            _ => None,
        }
    }

    /// Returns the names of `excludedAttributes`, if the projection is made of them.
    #[must_use]
    pub fn excluded_attributes(&self) -> Option<&[AttrPath]> {
        match &self.mode {
            Mode::Except(paths) => Some(paths),
            _ => None,
        }
    }

    /// Reads the comma-separated query parameters.
    ///
    /// # Errors
    /// As [`of_names`](Self::of_names).
    pub fn parse(
        attributes: Option<&str>,
        excluded: Option<&str>,
        dialect: Dialect,
    ) -> Result<Self, ProjectionError> {
        let attributes = attributes.unwrap_or_default().split(',');
        let excluded = excluded.unwrap_or_default().split(',');
        Self::of_names(attributes, excluded, dialect)
    }

    /// Reads the names of both lists. Empty names are passed over, and a list without names counts as not given.
    ///
    /// Where both are given `attributes` counts, since it names what the client needs; a dialect without
    /// [`Quirk::BothAttributeLists`] refuses it.
    ///
    /// # Errors
    /// [`ProjectionError`]: `invalidValue` for a text that is no name, `tooMany` for more than
    /// [`MAX_NAMES`](Self::MAX_NAMES) different names.
    ///
    /// # Complexity
    /// Linear in the names up to the first that is one too many.
    pub fn of_names<'n>(
        attributes: impl IntoIterator<Item = &'n str>,
        excluded: impl IntoIterator<Item = &'n str>,
        dialect: Dialect,
    ) -> Result<Self, ProjectionError> {
        let only = distinct(attributes)?;
        let except = distinct(excluded)?;
        match (only.is_empty(), except.is_empty()) {
            (false, false) if !dialect.allows(Quirk::BothAttributeLists) => Err(ProjectionError::Both),
            (false, _) => Ok(Self::only(only)),
            (true, false) => Ok(Self::except(except)),
            (true, true) => Ok(Self::all()),
        }
    }

    /// Finds out once what the names mean to a resource type; names that mean nothing are dropped.
    ///
    /// # Complexity
    /// Linear in the names. What is done with the result no longer depends on their number.
    #[must_use]
    pub fn resolve<'r>(&self, resource_type: &'r ResourceType) -> ResolvedProjection<'r> {
        let mut resolved = ResolvedProjection {
            resource_type,
            list: List::Default,
            whole: AttrSet::new(),
            some: AttrSet::new(),
        };
        let paths = match &self.mode {
            Mode::Default => return resolved,
            Mode::Only(paths) => {
                resolved.list = List::Only;
                paths
            }
            Mode::Except(paths) => {
                resolved.list = List::Except;
                paths
            }
        };
        for path in paths {
            match resource_type.find(path, Dialect::interop()) {
                None => {}
                Some(Target::Extension(schema)) => {
                    for attribute in &schema.attributes {
                        resolved.whole.insert(attribute.id);
                        resolved.some.insert(attribute.id);
                    }
                }
                Some(Target::Attribute(named)) => {
                    resolved.some.insert(named.attribute.id);
                    resolved.whole.insert(named.leaf().id);
                }
            }
        }
        resolved
    }
}

/// The different names among these.
fn distinct<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Vec<AttrPath>, ProjectionError> {
    let mut seen = HashSet::new();
    let mut paths = Vec::new();
    for name in names {
        let name = name.trim();
        if name.is_empty() {
            continue;
        }
        let path = AttrPath::parse(name).map_err(|error| ProjectionError::Name {
            text: excerpt(name),
            error,
        })?;
        if seen.contains(&path) {
            continue;
        }
        if paths.len() == Projection::MAX_NAMES {
            return Err(ProjectionError::TooMany);
        }
        seen.insert(path.clone());
        paths.push(path);
    }
    Ok(paths)
}

/// A [`Projection`] with what its names mean to one resource type.
#[derive(Clone, Debug)]
pub struct ResolvedProjection<'r> {
    resource_type: &'r ResourceType,
    list: List,
    /// The attributes and sub-attributes that are named themselves, or by the extension that they are of.
    whole: AttrSet,
    /// The attributes that are named, or of which a sub-attribute is.
    some: AttrSet,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum List {
    Default,
    Only,
    Except,
}

impl<'r> ResolvedProjection<'r> {
    /// The resource type for which the names were resolved.
    #[must_use]
    pub fn resource_type(&self) -> &'r ResourceType {
        self.resource_type
    }

    /// Takes everything out of `resource` that the answer doesn't hold.
    ///
    /// # Complexity
    /// Linear in the document. A relation's members are looked at only where some of their sub-attributes are to go.
    pub fn apply(&self, resource: &mut Resource) {
        let resource_type = self.resource_type;
        resource
            .core_mut()
            .retain(|name, value| match resource_type.attribute(name.as_str()) {
                Some(attribute) => self.retain(attribute, value),
                None => false,
            });
        resource
            .relations_mut()
            .retain_mut(|(name, members)| match resource_type.relation(name.as_str()) {
                Some(relation) => self.retain_members(&relation.attribute, members),
                None => false,
            });
        resource.extensions_mut().retain_mut(|(uri, object)| {
            let Some(extension) = resource_type.extension(uri) else {
                return false;
            };
            object.retain(|name, value| match extension.schema.attribute(name.as_str()) {
                Some(attribute) => self.retain(attribute, value),
                None => false,
            });
            !object.is_empty()
        });
    }

    /// The attributes of which an answer may hold something, so that a store need not read the others.
    #[must_use]
    pub fn wants(&self) -> AttrSet {
        self.resource_type
            .attributes()
            .filter(|(_, attribute)| self.holds(attribute))
            .map(|(_, attribute)| attribute.id)
            .collect()
    }

    /// Returns true if an answer holds the attribute or some of it.
    fn holds(&self, attribute: &Attribute) -> bool {
        match (attribute.returned, self.list) {
            (Returned::Always, _) | (Returned::Default, List::Default) => true,
            (Returned::Never, _) | (Returned::Request, List::Default | List::Except) => false,
            (Returned::Default | Returned::Request, List::Only) => self.some.contains(attribute.id),
            (Returned::Default, List::Except) => !self.whole.contains(attribute.id),
        }
    }

    /// Whether the answer holds the attribute; takes the sub-attributes out of it that the answer doesn't hold.
    fn retain(&self, attribute: &Attribute, value: &mut Value) -> bool {
        if !self.holds(attribute) {
            return false;
        }
        if attribute.sub_attributes.is_empty() {
            return true;
        }
        let prune = |object: &mut Object| {
            object.retain(|name, _| {
                let sub = attribute.sub_attribute(name.as_str());
                sub.is_some_and(|sub| self.holds_sub(attribute, sub))
            });
            !object.is_empty()
        };
        match value {
            Value::Object(object) => prune(object),
            Value::Array(values) => {
                values.retain_mut(|value| value.as_object_mut().is_none_or(prune));
                !values.is_empty()
            }
            _ => true,
        }
    }

    /// Whether the answer holds the relation; takes the sub-attributes out of its members that the answer doesn't
    /// hold. Their ids stay, since they are what a relation is made of.
    fn retain_members(&self, attribute: &Attribute, members: &mut MemberSet) -> bool {
        if !self.holds(attribute) {
            return false;
        }
        let holds = |name: &str| {
            let sub = attribute.sub_attribute(name);
            sub.is_some_and(|sub| self.holds_sub(attribute, sub))
        };
        if attribute
            .sub_attributes
            .iter()
            .all(|sub| holds(sub.name.as_str()))
        {
            return true;
        }
        let (kind, display, reference) = (holds("type"), holds("display"), holds("$ref"));
        for (_, member) in members.iter_mut() {
            member.kind = member.kind.take().filter(|_| kind);
            member.display = member.display.take().filter(|_| display);
            member.reference = member.reference.take().filter(|_| reference);
            if let Some(other) = &mut member.other {
                other.retain(|name, _| holds(name.as_str()));
            }
        }
        true
    }

    /// Returns true if an answer that holds some of the attribute holds this sub-attribute.
    fn holds_sub(&self, attribute: &Attribute, sub: &Attribute) -> bool {
        let is_named = self.whole.contains(sub.id);
        match (sub.returned, self.list) {
            (Returned::Always, _) | (Returned::Default, List::Default) => true,
            (Returned::Never, _) | (Returned::Request, List::Default | List::Except) => false,
            (Returned::Request, List::Only) => is_named,
            // An attribute that is always returned comes whole unless some of it is named.
            (Returned::Default, List::Only) => {
                !self.some.contains(attribute.id) || self.whole.contains(attribute.id) || is_named
            }
            (Returned::Default, List::Except) => !is_named,
        }
    }
}
