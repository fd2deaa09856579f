//! The attributes of the target, found by their paths.

use keyfob_core::{
    AttrName, AttrPath, Attribute, Dialect, Object, Quirk, Resource, ResourceType, SchemaUri, Value,
    schema::{Container, Mutability, RelationKind, Returned, Target as Resolved, Uniqueness},
};
use keyfob_filter::{ElementPredicate, Filter, Limits, Literal, PatchPath};
use smol_str::{SmolStr, format_smolstr};

use super::{ApplyErrorKind, MappingFaultKind, coerce};

/// The dialect of target paths, which the service writes.
pub(crate) const fn dialect() -> Dialect {
    Dialect::strict()
        .with(Quirk::DottedUrn)
        .with(Quirk::BooleanStrings)
        .with(Quirk::UnqualifiedExtensions)
}

/// An attribute of the target and where resources keep it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Its canonical path.
    pub(super) path: SmolStr,
    pub(super) extension: Option<SchemaUri>,
    pub(super) attribute: Attribute,
    pub(super) is_relation: bool,
    pub(super) part: Part,
}

/// The part of an attribute.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// A sub-attribute of the only value.
    Sub(Box<Attribute>),
    /// A sub-attribute of the value that a filter selects.
    Element(Box<Element>),
}

/// A value of many that a filter selects.
#[derive(Clone, Debug)]
pub(super) struct Element {
    filter: Filter,
    pub(super) predicate: ElementPredicate,
    /// The values that a new value has to hold so that the filter selects it.
    pub(super) equalities: Vec<(AttrName, Value)>,
    pub(super) sub: Attribute,
}

impl Target {
    /// Finds the attribute that a path names.
    pub(crate) fn compile(text: &str, resource_type: &ResourceType) -> Result<Self, MappingFaultKind> {
        let path = PatchPath::parse_with(text, &Limits::default(), dialect())?;
        let found = match resource_type.resolve(&path.attr, dialect())? {
            Resolved::Attribute(found) => found,
            Resolved::Extension(schema) => {
                let uri = schema.id.clone();
                return Err(MappingFaultKind::Extension { uri });
            }
        };
        let relation = match found.container {
            Container::Core => resource_type.relation(found.attribute.name.as_str()),
            Container::Extension(_) => None,
        };
        let part = match path.filter {
            Some(filter) => {
                let element = Element::compile(filter, path.sub.as_ref(), found.attribute)?;
                Part::Element(Box::new(element))
            }
            None => match found.sub {
                None => Part::Whole,
                // `members.value` is what `members` means.
                Some(sub) if found.attribute.multi_valued && sub.name.is("value") => Part::Whole,
                Some(_) if found.attribute.multi_valued => return Err(MappingFaultKind::EveryValue),
                Some(sub) => Part::Sub(Box::new(sub.clone())),
            },
        };
        let target = Self {
            path: SmolStr::default(),
            extension: match found.container {
                Container::Core => None,
                Container::Extension(uri) => Some(uri.clone()),
            },
            attribute: found.attribute.clone(),
            is_relation: relation.is_some(),
            part,
        };
        let is_read_only = |attribute: &Attribute| attribute.mutability == Mutability::ReadOnly;
        if is_read_only(found.attribute)
            || is_read_only(target.leaf())
            || found.attribute.name.is("schemas")
            || relation.is_some_and(|relation| relation.kind != RelationKind::Owned)
        {
            return Err(MappingFaultKind::ReadOnly);
        }
        if target.is_relation && !matches!(target.part, Part::Whole) {
            return Err(MappingFaultKind::Relation);
        }
        let path = target.print();
        Ok(Self { path, ..target })
    }

    /// The attribute or sub-attribute that takes the value.
    pub(super) fn leaf(&self) -> &Attribute {
        match &self.part {
            Part::Whole => &self.attribute,
            Part::Sub(sub) => sub,
            Part::Element(element) => &element.sub,
        }
    }

    /// The path of the whole attribute.
    pub(super) fn attribute_path(&self) -> AttrPath {
        AttrPath::new(self.extension.clone(), self.attribute.name.clone(), None)
    }

    fn print(&self) -> SmolStr {
        let attribute = self.attribute_path();
        match &self.part {
            Part::Whole => format_smolstr!("{attribute}"),
            Part::Sub(sub) => format_smolstr!("{attribute}.{}", sub.name),
            Part::Element(element) => format_smolstr!(
                "{}",
                PatchPath::new(
                    attribute,
                    Some(element.filter.clone()),
                    Some(element.sub.name.clone())
                )
            ),
        }
    }

    pub(super) fn is_in_same_attribute(&self, other: &Self) -> bool {
        self.extension == other.extension && self.attribute.name == other.attribute.name
    }

    /// Returns true if two targets can't both be mapped: they are the same, or one holds the other.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.is_in_same_attribute(other)
            && match (&self.part, &other.part) {
                (Part::Whole, _) | (_, Part::Whole) => true,
                _ => self.path.eq_ignore_ascii_case(&other.path),
            }
    }

    /// Returns true if two resources can't have one value here: by the schema, and `externalId`, by which clients find
    /// their resources (RFC 7643 section 3.1).
    pub(super) fn is_unique(&self) -> bool {
        matches!(self.part, Part::Whole)
            && (self.attribute.uniqueness != Uniqueness::None
                || (self.extension.is_none() && self.attribute.name.is("externalId")))
    }

    /// Returns true if its values are the ids of other resources.
    pub(super) fn refers(&self) -> bool {
        let points = self.attribute.sub_attribute("$ref").is_some();
        self.is_relation
            || match &self.part {
                Part::Whole => points && self.attribute.is_complex(),
                Part::Sub(sub) => points && sub.name.is("value"),
                Part::Element(element) => points && element.sub.name.is("value"),
            }
    }

    /// Returns true if a resource that is read never holds it.
    pub(super) fn is_secret(&self) -> bool {
        let unreadable = |attribute: &Attribute| {
            attribute.mutability == Mutability::WriteOnly || attribute.returned == Returned::Never
        };
        unreadable(&self.attribute) || unreadable(self.leaf())
    }

    /// Returns true if this target and another are in values of one attribute that two filters select, and one value could be
    /// selected by both: the filters are not the same, and say nothing that excludes the other.
    pub(super) fn may_select_as(&self, other: &Self) -> bool {
        let (Part::Element(element), Part::Element(others)) = (&self.part, &other.part) else {
            return false;
        };
        let excludes = |name: &AttrName, value: &Value| {
            let mut equalities = others.equalities.iter();
            equalities.any(|(other, held)| other == name && held != value)
        };
        self.extension == other.extension
            && self.attribute.name == other.attribute.name
            && element.filter != others.filter
            && !element
                .equalities
                .iter()
                .any(|(name, value)| excludes(name, value))
    }

    /// The attribute's value in a resource; nothing for relations.
    pub(super) fn value_in<'r>(&self, resource: &'r Resource) -> Option<&'r Value> {
        let object = match &self.extension {
            None => resource.core(),
            Some(uri) => resource.extension(uri)?,
        };
        let value = object.get(self.attribute.name.as_str())?;
        Some(value).filter(|value| !value.is_unassigned())
    }

    /// Returns true if a resource holds a value here.
    pub(super) fn is_assigned_in(&self, resource: &Resource) -> bool {
        if self.is_relation {
            let members = resource.relation(self.attribute.name.as_str());
            return members.is_some_and(|members| !members.is_empty());
        }
        let Some(value) = self.value_in(resource) else {
            return false;
        };
        match &self.part {
            Part::Whole => true,
            Part::Sub(sub) => assigned(value, sub).is_some(),
            Part::Element(element) => value
                .as_elements()
                .iter()
                .any(|value| element.predicate.matches(value) && assigned(value, &element.sub).is_some()),
        }
    }

    /// The filter that finds resources that hold the value here; none where `eq` can't find it.
    pub(super) fn equals(&self, value: &Value) -> Option<Filter> {
        let literal = |value: &Value| {
            Some(match value {
                Value::Bool(flag) => Literal::from(*flag),
                Value::Integer(number) => Literal::from(*number),
                Value::Decimal(number) => Literal::Decimal(*number),
                Value::String(text) if !text.is_empty() => Literal::from(text.clone()),
                _ => return None,
            })
        };
        // A complex value that points at a resource is found by where it points.
        let comparand = value
            .as_object()
            .and_then(|object| object.get("value"))
            .unwrap_or(value);
        let comparand = literal(comparand)?;
        Some(match &self.part {
            Part::Whole => Filter::eq(self.attribute_path(), comparand),
            Part::Sub(sub) => {
                let (extension, name) = (self.extension.clone(), self.attribute.name.clone());
                Filter::eq(AttrPath::new(extension, name, Some(sub.name.clone())), comparand)
            }
            Part::Element(element) => {
                let sub = Filter::eq(AttrPath::attribute(element.sub.name.clone()), comparand);
                Filter::path(self.attribute_path(), element.filter.clone().and(sub))
            }
        })
    }

    /// Puts a value that fits the [leaf](Self::leaf) into a resource that is being made. `slot` is where the element that
    /// the filter selects was put before, by this target or another one with the same filter.
    pub(super) fn put(
        &self,
        resource: &mut Resource,
        value: Value,
        slot: Option<&mut Option<usize>>,
    ) -> Result<(), ApplyErrorKind> {
        let name = &self.attribute.name;
        if self.is_relation {
            resource.set_relation(name, coerce::members(value, &self.path)?);
            return Ok(());
        }
        if value.is_unassigned() {
            return Ok(());
        }
        let mut object = resource.attributes_mut(self.extension.as_ref());
        match &self.part {
            Part::Whole => {
                object.insert(name.clone(), value);
            }
            Part::Sub(sub) => {
                if object.get(name.as_str()).is_none() {
                    object.insert(name.clone(), Object::new());
                }
                let inner = object.get_mut(name.as_str()).and_then(Value::as_object_mut);
                if let Some(inner) = inner {
                    inner.insert(sub.name.clone(), value);
                }
            }
            Part::Element(element) => {
                if object.get(name.as_str()).is_none() {
                    object.insert(name.clone(), Vec::new());
                }
                if let Some(Value::Array(values)) = object.get_mut(name.as_str()) {
                    let known = slot.as_ref().and_then(|slot| **slot);
                    let put = element.put(values, value, known);
                    if let Some(slot) = slot {
                        *slot = Some(put);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Element {
    fn compile(
        filter: Filter,
        sub: Option<&AttrName>,
        attribute: &Attribute,
    ) -> Result<Self, MappingFaultKind> {
        if !(attribute.multi_valued && attribute.is_complex()) {
            return Err(MappingFaultKind::NoElements);
        }
        let predicate = filter.compile_for_elements(attribute, dialect())?;
        let equalities = predicate.equalities().ok_or(MappingFaultKind::NotEqualities)?;
        let name = sub.map_or("value", AttrName::as_str);
        let sub = attribute
            .sub_attribute(name)
            .ok_or_else(|| MappingFaultKind::NoSubAttribute { name: name.into() })?;
        if equalities.iter().any(|(fixed, _)| *fixed == sub.name) {
            let name = sub.name.clone();
            return Err(MappingFaultKind::Fixed { name });
        }
        Ok(Self {
            filter,
            predicate,
            equalities,
            sub: sub.clone(),
        })
    }

    /// Puts a value into the element that the filter selects, which is added where there is none, and gives its place;
    /// `known` is the place where it was put before.
    pub(super) fn put(&self, elements: &mut Vec<Value>, value: Value, known: Option<usize>) -> usize {
        let name = self.sub.name.clone();
        let selected = || {
            elements
                .iter()
                .position(|element| self.predicate.matches(element))
        };
        let place = known.or_else(selected).unwrap_or(elements.len());
        if let Some(object) = elements.get_mut(place).and_then(Value::as_object_mut) {
            object.insert(name, value);
            return place;
        }
        let mut object = Object::new();
        object.reserve(self.equalities.len() + 1);
        for (name, value) in &self.equalities {
            object.insert(name.clone(), value.clone());
        }
        object.insert(name, value);
        elements.push(object.into());
        place
    }

    /// Returns true if both select the same elements.
    pub(super) fn selects_as(&self, other: &Self) -> bool {
        self.filter == other.filter
    }
}

/// The value of a sub-attribute, if it has one.
pub(super) fn assigned<'v>(value: &'v Value, sub: &Attribute) -> Option<&'v Value> {
    let held = value.as_object()?.get(sub.name.as_str())?;
    Some(held).filter(|held| !held.is_unassigned())
}
