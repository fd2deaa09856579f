//! Which attributes an answer holds (RFC 7644 section 3.9, RFC 7643 section 7 `returned`).

use crate::{
    dialect::Dialect,
    name::{AttrPath, PathError},
    resource::{MemberSet, Resource},
    schema::{AttrSet, Attribute, Container, ResourceType, Returned, Target},
    value::{Object, Value},
};

/// What a client asked an answer to hold: everything by default, certain attributes, or all but certain ones.
///
/// Whatever it asks, attributes that are `returned: always` are there, and those that are `returned: never` are not.
/// Names that the resource type doesn't have are passed over.
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

impl Projection {
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

    /// Reads the comma-separated query parameters. Where both are given `attributes` counts, since what it names is
    /// what the client needs.
    ///
    /// # Errors
    /// [`PathError`] for a name that is none; maps to `invalidPath`.
    pub fn parse(attributes: Option<&str>, excluded: Option<&str>) -> Result<Self, PathError> {
        let paths = |text: &str| {
            text.split(',')
                .map(str::trim)
                .filter(|path| !path.is_empty())
                .map(AttrPath::parse)
                .collect::<Result<_, _>>()
        };
        Ok(match (attributes, excluded) {
            (Some(text), _) if !text.trim().is_empty() => Self::only(paths(text)?),
            (_, Some(text)) if !text.trim().is_empty() => Self::except(paths(text)?),
            _ => Self::all(),
        })
    }

    /// Takes everything out of `resource` that the answer doesn't hold.
    ///
    /// # Complexity
    /// Linear in the document times the named attributes. A relation's members are looked at only where some of their
    /// sub-attributes are to go.
    pub fn apply(&self, resource: &mut Resource, resource_type: &ResourceType) {
        let named = self.resolve(resource_type);
        resource
            .core_mut()
            .retain(|name, value| match resource_type.attribute(name.as_str()) {
                Some(attribute) => self.keep(Container::Core, attribute, value, &named),
                None => false,
            });
        resource
            .relations_mut()
            .retain_mut(|(name, members)| match resource_type.relation(name.as_str()) {
                Some(relation) => self.keep_members(&relation.attribute, members, &named),
                None => false,
            });
        resource.extensions_mut().retain_mut(|(uri, object)| {
            let Some(extension) = resource_type.extension(uri) else {
                return false;
            };
            let uri = &extension.schema.id;
            object.retain(|name, value| match extension.schema.attribute(name.as_str()) {
                Some(attribute) => self.keep(Container::Extension(uri), attribute, value, &named),
                None => false,
            });
            !object.is_empty()
        });
    }

    /// The attributes of which an answer may hold something, so that a store need not read the others.
    #[must_use]
    pub fn wants(&self, resource_type: &ResourceType) -> AttrSet {
        let named = self.resolve(resource_type);
        resource_type
            .attributes()
            .filter(|(uri, attribute)| {
                self.holds(
                    uri.map_or(Container::Core, Container::Extension),
                    attribute,
                    &named,
                )
            })
            .map(|(_, attribute)| attribute.id)
            .collect()
    }

    fn resolve<'r>(&self, resource_type: &'r ResourceType) -> Vec<Target<'r>> {
        let (Mode::Only(paths) | Mode::Except(paths)) = &self.mode else {
            return Vec::new();
        };
        paths
            .iter()
            .filter_map(|path| resource_type.resolve(path, Dialect::interop()).ok())
            .collect()
    }

    /// Whether an answer holds the attribute or a part of it.
    fn holds(&self, container: Container<'_>, attribute: &Attribute, named: &[Target<'_>]) -> bool {
        let is_named = |whole: bool| {
            named.iter().any(|target| match target {
                Target::Extension(schema) => container == Container::Extension(&schema.id),
                Target::Attribute(resolved) => {
                    resolved.attribute.id == attribute.id && (!whole || resolved.sub.is_none())
                }
            })
        };
        match attribute.returned {
            Returned::Always => true,
            Returned::Never => false,
            Returned::Request => matches!(self.mode, Mode::Only(_)) && is_named(false),
            Returned::Default => match self.mode {
                Mode::Default => true,
                Mode::Only(_) => is_named(false),
                Mode::Except(_) => !is_named(true),
            },
        }
    }

    /// Whether the answer holds the attribute; takes the sub-attributes out of it that the answer doesn't hold.
    fn keep(
        &self,
        container: Container<'_>,
        attribute: &Attribute,
        value: &mut Value,
        named: &[Target<'_>],
    ) -> bool {
        if !self.holds(container, attribute, named) {
            return false;
        }
        if attribute.sub_attributes.is_empty() {
            return true;
        }
        let prune = |object: &mut Object| {
            object.retain(|name, _| {
                let sub = attribute.sub_attribute(name.as_str());
                sub.is_some_and(|sub| self.holds_sub(container, attribute, sub, named))
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
    fn keep_members(&self, attribute: &Attribute, members: &mut MemberSet, named: &[Target<'_>]) -> bool {
        if !self.holds(Container::Core, attribute, named) {
            return false;
        }
        let holds = |name: &str| {
            let sub = attribute.sub_attribute(name);
            sub.is_some_and(|sub| self.holds_sub(Container::Core, attribute, sub, named))
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

    /// Whether an answer that holds a part of the attribute holds this sub-attribute.
    fn holds_sub(
        &self,
        container: Container<'_>,
        attribute: &Attribute,
        sub: &Attribute,
        named: &[Target<'_>],
    ) -> bool {
        let mut some = false;
        let mut whole = false;
        let mut this = false;
        for target in named {
            match target {
                Target::Extension(schema) => whole |= container == Container::Extension(&schema.id),
                Target::Attribute(resolved) if resolved.attribute.id == attribute.id => {
                    some = true;
                    whole |= resolved.sub.is_none();
                    this |= resolved.sub.is_some_and(|named| named.id == sub.id);
                }
                Target::Attribute(_) => {}
            }
        }
        match sub.returned {
            Returned::Always => true,
            Returned::Never => false,
            Returned::Request => matches!(self.mode, Mode::Only(_)) && this,
            Returned::Default => match self.mode {
                Mode::Only(_) if some => whole || this,
                Mode::Except(_) => !this,
                _ => true,
            },
        }
    }
}
