//! What a path names.

use keyfob_core::{Attribute, Dialect, Quirk, ResourceType};
use keyfob_filter::{Filter, Limits, PatchPath};

use super::{Fault, filter};

/// Instead of a fault: the path is fine and no schema has what it names.
pub(super) const UNKNOWN: Fault = "unknown";

pub(super) enum Target {
    /// The core schema: as without a path.
    Core,
    /// All of an extension.
    Extension(&'static str),
    Place(Place),
}

/// An attribute, perhaps a sub-attribute of it, perhaps of some values alone.
pub(super) struct Place {
    pub(super) uri: Option<&'static str>,
    pub(super) attribute: &'static Attribute,
    pub(super) sub: Option<&'static Attribute>,
    pub(super) filter: Option<Filter>,
}

impl Place {
    pub(super) fn leaf(&self) -> &'static Attribute {
        self.sub.unwrap_or(self.attribute)
    }
}

impl Target {
    pub(super) fn resolve(text: &str, kind: &'static ResourceType, dialect: Dialect) -> Result<Self, Fault> {
        let path = PatchPath::parse_with(text, &Limits::default(), dialect).map_err(|_| "invalidPath")?;
        let (name, sub) = (path.attr.name().as_str(), path.attr.sub().or(path.sub.as_ref()));
        let core = kind.schema().id.as_str();
        let extensions = || kind.extensions().iter().map(|extension| &*extension.schema);
        let in_extension = |uri: &str| extensions().find(|schema| schema.id.is(uri));
        let (uri, attribute, sub) = match path.attr.schema().map(keyfob_core::SchemaUri::as_str) {
            None => match kind.attribute(name) {
                Some(attribute) => (None, attribute, sub),
                None if dialect.allows(Quirk::UnqualifiedExtensions) => {
                    let found = extensions().find_map(|schema| Some((schema, schema.attribute(name)?)));
                    let (schema, attribute) = found.ok_or(UNKNOWN)?;
                    (Some(schema.id.as_str()), attribute, sub)
                }
                None => return Err(UNKNOWN),
            },
            Some(uri) if uri.eq_ignore_ascii_case(core) => (None, kind.attribute(name).ok_or(UNKNOWN)?, sub),
            Some(uri) => {
                let whole = format!("{uri}:{name}");
                match (in_extension(uri), in_extension(&whole), sub) {
                    (Some(schema), _, sub) => {
                        let attribute = schema.attribute(name).ok_or(UNKNOWN)?;
                        (Some(schema.id.as_str()), attribute, sub)
                    }
                    (None, Some(schema), None) => return Ok(Self::Extension(schema.id.as_str())),
                    (None, Some(schema), Some(sub)) if dialect.allows(Quirk::DottedUrn) => {
                        let attribute = schema.attribute(sub.as_str()).ok_or(UNKNOWN)?;
                        (Some(schema.id.as_str()), attribute, None)
                    }
                    (None, None, None)
                        if whole.eq_ignore_ascii_case(core) && dialect.allows(Quirk::NestedCore) =>
                    {
                        return Ok(Self::Core);
                    }
                    _ => return Err("invalidPath"),
                }
            }
        };
        let sub = match sub {
            None => None,
            Some(sub) => Some(attribute.sub_attribute(sub.as_str()).ok_or(UNKNOWN)?),
        };
        if let Some(selected) = &path.filter {
            if !attribute.multi_valued {
                return Err("invalidPath");
            }
            filter::check(selected, attribute, dialect)?;
        }
        let filter = path.filter;
        Ok(Self::Place(Place {
            uri,
            attribute,
            sub,
            filter,
        }))
    }
}
