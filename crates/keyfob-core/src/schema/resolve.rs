//! From a path as written to the attribute it means.

use smol_str::SmolStr;
use thiserror::Error;

use super::{Attribute, ResourceType, Schema};
use crate::{
    dialect::{Dialect, Quirk},
    name::{AttrName, AttrPath, AttrPathRef, SchemaUri, closest},
};

/// What a path means to a resource type.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a path names an extension or something in a schema"
)]
pub enum Target<'r> {
    /// A whole extension, named by its URI.
    Extension(&'r Schema),
    /// An attribute or a sub-attribute.
    Attribute(ResolvedAttribute<'r>),
}

/// An attribute that a path names, with the place where a resource keeps it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ResolvedAttribute<'r> {
    /// Where it stands.
    pub container: Container<'r>,
    /// The attribute.
    pub attribute: &'r Attribute,
    /// The sub-attribute, if the path names one.
    pub sub: Option<&'r Attribute>,
}

impl<'r> ResolvedAttribute<'r> {
    /// The sub-attribute, or else the attribute.
    #[must_use]
    pub fn leaf(&self) -> &'r Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// The path in the schema's spelling, with the URI for an extension's attribute.
    #[must_use]
    pub fn to_path(&self) -> AttrPath {
        let schema = match self.container {
            Container::Core => None,
            Container::Extension(uri) => Some(uri.clone()),
        };
        AttrPath::new(
            schema,
            self.attribute.name.clone(),
            self.sub.map(|sub| sub.name.clone()),
        )
    }
}

/// Where a resource keeps an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a resource has no other parts")]
pub enum Container<'r> {
    /// At the top: common and core attributes.
    Core,
    /// In the object of this extension.
    Extension(&'r SchemaUri),
}

/// Why a path names nothing in a resource type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// No schema of the resource type has this URI.
    #[error("`{uri}` is not a schema of `{resource_type}`")]
    UnknownSchema {
        /// The URI.
        uri: SchemaUri,
        /// The resource type's name.
        resource_type: SmolStr,
        /// A schema that was perhaps meant.
        suggestion: Option<SmolStr>,
    },
    /// No attribute has this name.
    #[error("`{resource_type}` has no attribute `{name}`")]
    UnknownAttribute {
        /// The name.
        name: AttrName,
        /// The resource type's name.
        resource_type: SmolStr,
        /// A name that was perhaps meant.
        suggestion: Option<SmolStr>,
    },
    /// The attribute has no sub-attribute of this name.
    #[error("`{attribute}` has no sub-attribute `{name}`")]
    UnknownSubAttribute {
        /// The attribute.
        attribute: AttrName,
        /// The name.
        name: AttrName,
        /// A name that was perhaps meant.
        suggestion: Option<SmolStr>,
    },
    /// The path names a whole schema where an attribute belongs.
    #[error("`{uri}` is a schema, not an attribute")]
    Schema {
        /// The schema's URI.
        uri: SchemaUri,
    },
}

impl ResolveError {
    /// What was perhaps meant.
    #[must_use]
    pub fn suggestion(&self) -> Option<&SmolStr> {
        match self {
            Self::UnknownSchema { suggestion, .. }
            | Self::UnknownAttribute { suggestion, .. }
            | Self::UnknownSubAttribute { suggestion, .. } => suggestion.as_ref(),
            Self::Schema { .. } => None,
        }
    }
}

impl ResourceType {
    /// Finds what a path names, in any case.
    ///
    /// Without a URI the name is a common or core attribute's, or, where the dialect has
    /// [`Quirk::UnqualifiedExtensions`], one that a single extension has. With the URI of the core schema or of an
    /// extension it is that schema's (RFC 7644 section 3.10). A path that is nothing but an extension's URI names the
    /// extension; with [`Quirk::DottedUrn`] a dot may follow the URI instead of a colon.
    ///
    /// # Errors
    /// [`ResolveError`], which a filter turns into `invalidFilter` and a PATCH into `invalidPath`.
    pub fn resolve<'p>(
        &self,
        path: impl Into<AttrPathRef<'p>>,
        dialect: Dialect,
    ) -> Result<Target<'_>, ResolveError> {
        let path = path.into();
        self.find(path, dialect)
            .ok_or_else(|| self.explain(path, dialect))
    }

    /// Finds what a path names, as [`resolve`](Self::resolve) does, for callers to whom it makes no difference why it
    /// names nothing: what was perhaps meant is not looked for.
    ///
    /// # Complexity
    /// Linear in the attributes of the schemas that the path may mean.
    pub fn find<'p>(&self, path: impl Into<AttrPathRef<'p>>, dialect: Dialect) -> Option<Target<'_>> {
        let path = path.into();
        let Some(uri) = path.schema() else {
            let (container, attribute) = self.find_bare(path.name(), dialect)?;
            return Target::within(container, attribute, path.sub());
        };
        if let Some((container, schema)) = self.schema_in(uri) {
            let attribute = self.in_schema(container, schema, path.name())?;
            return Target::within(container, attribute, path.sub());
        }
        match self.whole_schema(path)? {
            (Container::Extension(_), schema) if path.sub().is_none() => Some(Target::Extension(schema)),
            (container, schema) if dialect.allows(Quirk::DottedUrn) => {
                Target::within(container, self.in_schema(container, schema, path.sub()?)?, None)
            }
            _ => None,
        }
    }

    /// Says why a path names nothing.
    #[cold]
    fn explain(&self, path: AttrPathRef<'_>, dialect: Dialect) -> ResolveError {
        let in_container = |container, attribute: Option<&Attribute>, name: &str, sub: Option<&str>| {
            let unknown_sub = attribute
                .zip(sub)
                .and_then(|(attribute, sub)| attribute.resolve_sub(sub).err());
            unknown_sub.unwrap_or_else(|| self.unknown_attribute(name, container))
        };
        let Some(uri) = path.schema() else {
            let found = self.find_bare(path.name(), dialect);
            let attribute = found.map(|(_, attribute)| attribute);
            return in_container(Container::Core, attribute, path.name(), path.sub());
        };
        if let Some((container, schema)) = self.schema_in(uri) {
            let attribute = self.in_schema(container, schema, path.name());
            return in_container(container, attribute, path.name(), path.sub());
        }
        match (self.whole_schema(path), path.sub()) {
            (Some((_, schema)), None) => ResolveError::Schema {
                uri: schema.id.clone(),
            },
            (Some((container, _)), Some(name)) if dialect.allows(Quirk::DottedUrn) => {
                self.unknown_attribute(name, container)
            }
            _ => self.unknown_schema(uri),
        }
    }

    /// Finds the attribute that a path names by the RFC's own rules.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve); a whole extension is an error too.
    pub fn resolve_attribute(&self, path: &AttrPath) -> Result<ResolvedAttribute<'_>, ResolveError> {
        match self.resolve(path, Dialect::strict())? {
            Target::Attribute(attribute) => Ok(attribute),
            Target::Extension(schema) => Err(ResolveError::Schema {
                uri: schema.id.clone(),
            }),
        }
    }

    fn schema_in(&self, uri: &str) -> Option<(Container<'_>, &Schema)> {
        if self.schema.id.is(uri) {
            return Some((Container::Core, &self.schema));
        }
        let extension = self
            .extensions
            .iter()
            .find(|extension| extension.schema.id.is(uri))?;
        Some((Container::Extension(&extension.schema.id), &extension.schema))
    }

    /// The schema whose URI the path is as far as its name.
    fn whole_schema(&self, path: AttrPathRef<'_>) -> Option<(Container<'_>, &Schema)> {
        let uri = path.schema()?;
        self.schema_in(&smol_str::format_smolstr!("{uri}:{}", path.name()))
    }

    fn in_schema<'r>(
        &'r self,
        container: Container<'r>,
        schema: &'r Schema,
        name: &str,
    ) -> Option<&'r Attribute> {
        match container {
            Container::Core => self.attribute(name),
            Container::Extension(_) => schema.attribute(name),
        }
    }

    fn find_bare(&self, name: &str, dialect: Dialect) -> Option<(Container<'_>, &Attribute)> {
        if let Some(attribute) = self.attribute(name) {
            return Some((Container::Core, attribute));
        }
        if !dialect.allows(Quirk::UnqualifiedExtensions) {
            return None;
        }
        let (uri, attribute) = self.unqualified(name)?;
        Some((Container::Extension(uri), attribute))
    }

    /// The one extension that has an attribute of this name, which no core attribute has.
    pub(crate) fn unqualified(&self, name: &str) -> Option<(&SchemaUri, &Attribute)> {
        if self.attribute(name).is_some() {
            return None;
        }
        let mut found = self.extensions.iter().filter_map(|extension| {
            let attribute = extension.schema.attribute(name)?;
            Some((&extension.schema.id, attribute))
        });
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    #[cold]
    fn unknown_attribute(&self, name: &str, container: Container<'_>) -> ResolveError {
        let uri = match container {
            Container::Core => None,
            Container::Extension(uri) => Some(uri),
        };
        let candidates = self.attributes().filter(|(place, _)| *place == uri);
        ResolveError::UnknownAttribute {
            name: name.into(),
            resource_type: self.name().clone(),
            suggestion: closest(name, candidates.map(|(_, attribute)| attribute.name.as_str())),
        }
    }

    #[cold]
    fn unknown_schema(&self, uri: &str) -> ResolveError {
        let extensions = self
            .extensions
            .iter()
            .map(|extension| extension.schema.id.as_str());
        ResolveError::UnknownSchema {
            uri: uri.into(),
            resource_type: self.name().clone(),
            suggestion: closest(uri, extensions.chain([self.schema.id.as_str()])),
        }
    }
}

impl<'r> Target<'r> {
    /// An attribute, or its sub-attribute `sub` if it has that.
    fn within(container: Container<'r>, attribute: &'r Attribute, sub: Option<&str>) -> Option<Self> {
        let sub = match sub {
            None => None,
            Some(name) => Some(attribute.sub_attribute(name)?),
        };
        Some(Self::Attribute(ResolvedAttribute {
            container,
            attribute,
            sub,
        }))
    }
}

impl Attribute {
    /// Finds the sub-attribute `name`, in any case.
    ///
    /// # Errors
    /// [`ResolveError::UnknownSubAttribute`].
    pub fn resolve_sub(&self, name: &str) -> Result<&Attribute, ResolveError> {
        self.sub_attribute(name)
            .ok_or_else(|| ResolveError::UnknownSubAttribute {
                attribute: self.name.clone(),
                name: name.into(),
                suggestion: closest(name, self.sub_attributes.iter().map(|sub| sub.name.as_str())),
            })
    }
}
