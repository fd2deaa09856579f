//! From a request to the steps of a plan: everything that can be decided without a resource.

use keyfob_core::{
    AttrName, AttrPath, AttrSet, Attribute, Dialect, MemberSet, Object, Quirk, Resource, ResourceType,
    Schema, SchemaUri, Value, json,
    message::{PatchOperation, PatchOperationKind as Kind, PatchRequest},
    name::closest,
    schema::{Container, Mutability, Relation, RelationKind, ResolveError, Target},
    validate::{self, ValidationError},
};
use keyfob_filter::{ElementPredicate, Filter, Limits, PatchPath};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    PatchError, PatchErrorKind, RelationDelta,
    edit::{Change, Edit, ElementEdit, NoMatch},
    members::{MembersEdit, Pending, SelectedMembers},
    place::Place,
};

/// What a request compiles to.
pub(crate) struct Compiled<'t> {
    pub(crate) steps: Vec<Step<'t>>,
    pub(crate) changed: Vec<Place<'t>>,
    pub(crate) deltas: Vec<RelationDelta>,
    pub(crate) selected: Vec<PlannedRelation<'t>>,
    pub(crate) reads: AttrSet,
    pub(crate) writes: AttrSet,
}

/// Something that needs the stored resource.
#[derive(Clone, Debug)]
pub(crate) struct Step<'t> {
    pub(crate) operation: usize,
    pub(crate) path: Option<SmolStr>,
    pub(crate) action: Action<'t>,
}

#[derive(Clone, Debug)]
pub(crate) enum Action<'t> {
    /// Changes the document.
    Change(Place<'t>, Change<'t>),
    /// Refuses a readOnly attribute unless the value repeats what is stored.
    Expect {
        place: Place<'t>,
        sub: Option<&'t Attribute>,
        value: Value,
    },
    /// Changes a relation.
    Members(&'t Attribute, MembersChange),
}

#[derive(Clone, Debug)]
pub(crate) enum MembersChange {
    Known(MembersEdit),
    Selected(Box<SelectedMembers>),
}

/// A relation that the request changes.
#[derive(Clone, Debug)]
pub(crate) struct PlannedRelation<'t> {
    pub(crate) attribute: &'t Attribute,
    /// What is known without the members: all, or what comes before the first change that selects members.
    pub(crate) pending: Pending,
    /// Whether a change selects members, so that it and all later ones are steps.
    is_selected: bool,
}

impl PlannedRelation<'_> {
    pub(crate) fn apply(&mut self, change: &MembersChange, stored: &Resource) -> Result<(), PatchErrorKind> {
        match change {
            MembersChange::Known(edit) => {
                self.pending.apply(edit.clone());
                Ok(())
            }
            MembersChange::Selected(change) => {
                let members = stored.relation(self.attribute.name.as_str());
                self.pending.apply_selected(change, self.attribute, members)
            }
        }
    }
}

pub(crate) fn compile(
    request: PatchRequest,
    resource_type: &ResourceType,
    dialect: Dialect,
) -> Result<Compiled<'_>, PatchError> {
    let mut compiler = Compiler {
        resource_type,
        dialect,
        operation: 0,
        path: None,
        steps: Vec::with_capacity(request.operations.len()),
        changed: Vec::new(),
        relations: Vec::new(),
        reads: AttrSet::new(),
        writes: AttrSet::new(),
    };
    for (index, operation) in request.operations.into_iter().enumerate() {
        compiler.operation = index;
        compiler
            .operation(operation)
            .map_err(|kind| PatchError::new(Some(index), compiler.path.take(), kind))?;
    }
    Ok(compiler.finish())
}

type Compiling<T = ()> = Result<T, PatchErrorKind>;

struct Compiler<'t> {
    resource_type: &'t ResourceType,
    dialect: Dialect,
    /// The operation at hand.
    operation: usize,
    /// Its path, or the key at hand of its value.
    path: Option<SmolStr>,
    steps: Vec<Step<'t>>,
    changed: Vec<Place<'t>>,
    relations: Vec<PlannedRelation<'t>>,
    reads: AttrSet,
    writes: AttrSet,
}

/// What an operation is about.
#[derive(Clone, Copy)]
struct Spot<'t, 'p> {
    place: Place<'t>,
    sub: Option<&'t Attribute>,
    filter: Option<&'p Filter>,
    /// Whether it is a key of a value rather than the operation's path.
    is_key: bool,
}

impl<'t> Compiler<'t> {
    fn operation(&mut self, operation: PatchOperation) -> Compiling {
        let PatchOperation {
            kind, path, value, ..
        } = operation;
        self.path.clone_from(&path);
        if kind != Kind::Remove && value.is_none() {
            return Err(PatchErrorKind::MissingValue {
                operation: kind.as_str(),
            });
        }
        let Some(text) = path else {
            return self.resource(kind, value);
        };
        if self.is_core_uri(&text) {
            return self.resource(kind, value);
        }
        let path = PatchPath::parse_with(&text, &Limits::default(), self.dialect)?;
        self.at(kind, &path, value, &text, false)
    }

    /// Compiles an operation on the resource itself, whose value holds attributes.
    fn resource(&mut self, kind: Kind, value: Option<Value>) -> Compiling {
        if kind == Kind::Remove {
            return Err(PatchErrorKind::MissingPath);
        }
        for (key, value) in self.attributes(value)? {
            self.path = Some(key.as_str().into());
            if self.is_core_uri(key.as_str()) && matches!(value, Value::Object(_)) {
                for (key, value) in self.attributes(Some(value))? {
                    self.key(kind, &key, value, None)?;
                }
            } else {
                self.key(kind, &key, value, None)?;
            }
        }
        Ok(())
    }

    /// Whether the text is the core schema's URI and stands for the resource.
    fn is_core_uri(&self, text: &str) -> bool {
        self.dialect.allows(Quirk::NestedCore) && self.resource_type.schema().id.is(text)
    }

    /// Compiles one member of an object of attributes: of the resource, or of the extension `within`.
    fn key(&mut self, kind: Kind, key: &AttrName, value: Value, within: Option<&'t Schema>) -> Compiling {
        self.path = Some(key.as_str().into());
        let schema = within.map(|schema| schema.id.clone());
        if key.is_legal() {
            let path = PatchPath::new(AttrPath::new(schema, key.clone(), None), None, None);
            return match self.at(kind, &path, Some(value), key.as_str(), true) {
                // As in any body (RFC 7644 section 3.3).
                Err(PatchErrorKind::Resolve(_)) if self.dialect.allows(Quirk::UnknownSubAttributes) => Ok(()),
                other => other,
            };
        }
        let is_uri = within.is_none() && key.as_str().contains(':');
        if is_uri && let Some(extension) = self.resource_type.extension(&SchemaUri::new(key.as_str())) {
            return self.extension(kind, &extension.schema, Some(value));
        }
        if !self.dialect.allows(Quirk::PathKeys) {
            return Err(ResolveError::UnknownAttribute {
                name: key.clone(),
                resource_type: self.resource_type.name().clone(),
                suggestion: None,
            }
            .into());
        }
        let mut path = PatchPath::parse_with(key.as_str(), &Limits::default(), self.dialect)?;
        if path.attr.schema().is_none() {
            path.attr = AttrPath::new(schema, path.attr.name().clone(), path.attr.sub().cloned());
        }
        let is_body = matches!(value, Value::Object(_));
        match self.at(kind, &path, Some(value), key.as_str(), true) {
            // The body of an extension that this service doesn't have.
            Err(PatchErrorKind::Resolve(ResolveError::UnknownSchema { .. }))
                if is_uri && is_body && self.dialect.allows(Quirk::UnknownSchemas) =>
            {
                Ok(())
            }
            other => other,
        }
    }

    /// Compiles an operation on what a path names.
    fn at(
        &mut self,
        kind: Kind,
        path: &PatchPath,
        value: Option<Value>,
        text: &str,
        is_key: bool,
    ) -> Compiling {
        let not_selectable = || PatchErrorKind::NotSelectable {
            attribute: format_smolstr!("{}", path.attr),
        };
        let resolved = match self.resource_type.resolve(&path.attr, self.dialect)? {
            Target::Attribute(resolved) => resolved,
            Target::Extension(_) if path.filter.is_some() => return Err(not_selectable()),
            Target::Extension(schema) => return self.extension(kind, schema, value),
        };
        let attribute = resolved.attribute;
        if path.filter.is_some() && (!attribute.multi_valued || resolved.sub.is_some()) {
            return Err(not_selectable());
        }
        let sub = match &path.sub {
            None => resolved.sub,
            Some(name) => Some(sub_attribute(attribute, name)?),
        };
        let spot = Spot {
            place: Place::new(resolved.container, attribute),
            sub,
            filter: path.filter.as_ref(),
            is_key,
        };
        self.attribute(kind, spot, value, text)
    }

    fn attribute(&mut self, kind: Kind, spot: Spot<'t, '_>, value: Option<Value>, text: &str) -> Compiling {
        let Spot {
            place, sub, filter, ..
        } = spot;
        let is_core = place.container == Container::Core;
        let relation = is_core
            .then(|| self.resource_type.relation(place.attribute.name.as_str()))
            .flatten();
        let read_only = |attribute: &Attribute| attribute.mutability == Mutability::ReadOnly;
        if read_only(place.attribute)
            || sub.is_some_and(read_only)
            || relation.is_some_and(|relation| relation.kind != RelationKind::Owned)
        {
            return self.read_only(kind, spot, value, text);
        }
        if let Some(relation) = relation {
            return self.relation(kind, relation, spot, value, text);
        }
        if is_core && place.attribute.name.is("schemas") {
            return self.schemas(kind, spot, value, text);
        }
        let change = match (filter, sub) {
            (Some(filter), _) => {
                let selected = filter.compile_for_elements(place.attribute, self.dialect)?;
                self.elements(kind, place.attribute, sub, Some(selected), value, text)?
            }
            (None, Some(_)) if place.attribute.multi_valued => {
                self.elements(kind, place.attribute, sub, None, value, text)?
            }
            (None, Some(sub)) => Change::SubAttribute(sub, self.edit(kind, sub, value, text)?),
            (None, None) => Change::Attribute(self.edit(kind, place.attribute, value, text)?),
        };
        self.change(place, change);
        if let Some(sub) = sub {
            self.writes.insert(sub.id);
        }
        Ok(())
    }

    /// Lets what is readOnly be repeated: as an attribute of a value always, since that modifies nothing; as the target
    /// of a path where the dialect says so.
    fn read_only(&mut self, kind: Kind, spot: Spot<'t, '_>, value: Option<Value>, text: &str) -> Compiling {
        let is_allowed = spot.is_key || self.dialect.allows(Quirk::RepeatedReadOnly);
        match value {
            Some(value) if kind != Kind::Remove && spot.filter.is_none() && is_allowed => {
                self.reads.insert(spot.place.attribute.id);
                self.step(Action::Expect {
                    place: spot.place,
                    sub: spot.sub,
                    value,
                });
                Ok(())
            }
            _ => Err(PatchErrorKind::ReadOnly {
                attribute: text.into(),
            }),
        }
    }

    /// What `schemas` holds follows from what the resource holds: naming what it may hold is fine and does nothing.
    fn schemas(&mut self, kind: Kind, spot: Spot<'t, '_>, value: Option<Value>, text: &str) -> Compiling {
        let uris = match value {
            Some(value) if kind != Kind::Remove && spot.filter.is_none() => {
                validate::value(spot.place.attribute, value, self.dialect, text)?
            }
            _ => {
                return Err(PatchErrorKind::Required {
                    attribute: text.into(),
                });
            }
        };
        if self.dialect.allows(Quirk::UnknownSchemas) {
            return Ok(());
        }
        let unknown = uris
            .as_elements()
            .iter()
            .filter_map(Value::as_str)
            .map(SchemaUri::new)
            .find(|uri| {
                *uri != self.resource_type.schema().id && self.resource_type.extension(uri).is_none()
            });
        match unknown {
            None => Ok(()),
            Some(uri) => Err(ValidationError::UnknownSchema {
                uri,
                resource_type: self.resource_type.name().clone(),
            }
            .into()),
        }
    }

    /// Compiles an operation on a whole extension.
    fn extension(&mut self, kind: Kind, schema: &'t Schema, value: Option<Value>) -> Compiling {
        let uri = || SmolStr::new(schema.id.as_str());
        let value = value.filter(|value| *value != Value::Null);
        match value {
            Some(_) if kind == Kind::Remove => Err(PatchErrorKind::ValueOfRemove { attribute: uri() }),
            Some(value) => {
                for (key, value) in self.attributes(Some(value))? {
                    self.key(kind, &key, value, Some(schema))?;
                }
                Ok(())
            }
            None => {
                let is_required = |uri| {
                    self.resource_type
                        .extension(uri)
                        .is_some_and(|found| found.required)
                };
                if is_required(&schema.id) {
                    return Err(PatchErrorKind::Required { attribute: uri() });
                }
                for attribute in &schema.attributes {
                    if attribute.mutability != Mutability::ReadOnly {
                        let place = Place::new(Container::Extension(&schema.id), attribute);
                        self.change(place, Change::Attribute(Edit::Assign(Value::Null)));
                    }
                }
                Ok(())
            }
        }
    }

    /// The change of a single value, or of all values of a multi-valued attribute or sub-attribute.
    fn edit(&self, kind: Kind, attribute: &Attribute, value: Option<Value>, text: &str) -> Compiling<Edit> {
        let required = || PatchErrorKind::Required {
            attribute: text.into(),
        };
        let values = |value| match validate::value(attribute, value, self.dialect, text)? {
            Value::Array(values) => Ok::<_, PatchErrorKind>(values),
            _ => Ok(Vec::new()),
        };
        let value = value.unwrap_or(Value::Null);
        let edit = match kind {
            Kind::Remove if attribute.multi_valued && value != Value::Null => {
                if !self.dialect.allows(Quirk::RemoveByValue) {
                    return Err(PatchErrorKind::ValueOfRemove {
                        attribute: text.into(),
                    });
                }
                Edit::Discard(values(value)?)
            }
            Kind::Remove => Edit::Assign(Value::Null),
            Kind::Add if attribute.multi_valued => Edit::Extend(values(value)?),
            Kind::Add | Kind::Replace if attribute.is_complex() && !attribute.multi_valued => {
                match validate::changes(attribute, self.decoded(value), self.dialect, text)? {
                    Some(changes) => Edit::Merge(checked(attribute, changes, text)?),
                    None => Edit::Assign(Value::Null),
                }
            }
            Kind::Add | Kind::Replace => Edit::Assign(validate::value(attribute, value, self.dialect, text)?),
        };
        if edit.unassigns() && attribute.required {
            return Err(required());
        }
        Ok(edit)
    }

    /// The change of some or all values of a multi-valued attribute, or of a sub-attribute of them.
    fn elements(
        &self,
        kind: Kind,
        attribute: &'t Attribute,
        sub: Option<&'t Attribute>,
        selected: Option<ElementPredicate>,
        value: Option<Value>,
        text: &str,
    ) -> Compiling<Change<'t>> {
        let edit = match sub {
            Some(sub) => ElementEdit::SubAttribute(sub, self.edit(kind, sub, value, text)?),
            None if kind == Kind::Remove => ElementEdit::Remove,
            None if kind == Kind::Add && attribute.is_complex() => {
                let changes = validate::changes(attribute, value.unwrap_or(Value::Null), self.dialect, text)?;
                match changes {
                    Some(changes) => ElementEdit::Merge(checked(attribute, changes, text)?),
                    None => ElementEdit::Remove,
                }
            }
            None => match self.element(attribute, value.unwrap_or(Value::Null), text)? {
                Value::Null => ElementEdit::Remove,
                value => ElementEdit::Replace(value),
            },
        };
        let unassigns = match &edit {
            ElementEdit::Remove => true,
            ElementEdit::SubAttribute(_, edit) => kind == Kind::Remove || edit.unassigns(),
            ElementEdit::Replace(_) | ElementEdit::Merge(_) => false,
        };
        let otherwise = match &selected {
            None if unassigns => NoMatch::Ignore,
            None => NoMatch::Create(Object::new()),
            Some(_) if !self.dialect.allows(Quirk::CreateOnNoMatch) => NoMatch::Fail,
            Some(_) if unassigns => NoMatch::Ignore,
            Some(selected) => seed(attribute, selected).map_or(NoMatch::Fail, NoMatch::Create),
        };
        Ok(Change::Elements {
            selected,
            edit,
            otherwise,
        })
    }

    /// The canonical form of one value of a multi-valued attribute, which may come as an array of one.
    fn element(&self, attribute: &Attribute, value: Value, text: &str) -> Compiling<Value> {
        let single = match value {
            Value::Array(values) if self.dialect.allows(Quirk::SingleValues) && values.len() <= 1 => {
                values.into_iter().next().unwrap_or(Value::Null)
            }
            single => single,
        };
        Ok(validate::element(attribute, single, self.dialect, text)?)
    }

    fn relation(
        &mut self,
        kind: Kind,
        relation: &'t Relation,
        spot: Spot<'t, '_>,
        value: Option<Value>,
        text: &str,
    ) -> Compiling {
        let attribute = &relation.attribute;
        if spot.sub.is_some() {
            return Err(PatchErrorKind::MemberChanged {
                attribute: attribute.name.as_str().into(),
            });
        }
        self.writes.insert(attribute.id);
        let value = value.filter(|value| kind != Kind::Remove || *value != Value::Null);
        if let Some(filter) = spot.filter {
            let selected = filter.compile_for_elements(attribute, self.dialect)?;
            let change = match selected.member_ids() {
                Some(ids) if kind == Kind::Remove => MembersChange::Known(MembersEdit::Remove(ids)),
                _ => MembersChange::Selected(Box::new(
                    self.selected_members(kind, attribute, selected, value, text)?,
                )),
            };
            self.members(attribute, change);
            return Ok(());
        }
        let Some(value) = value else {
            self.members(attribute, MembersChange::Known(MembersEdit::Clear));
            return Ok(());
        };
        if kind == Kind::Remove && !self.dialect.allows(Quirk::RemoveByValue) {
            return Err(PatchErrorKind::ValueOfRemove {
                attribute: text.into(),
            });
        }
        let members = self.member_set(attribute, value, text)?;
        if kind == Kind::Remove {
            let ids = members.into_iter().map(|(id, _)| id).collect();
            self.members(attribute, MembersChange::Known(MembersEdit::Remove(ids)));
            return Ok(());
        }
        if kind == Kind::Replace {
            self.members(attribute, MembersChange::Known(MembersEdit::Clear));
        }
        self.members(attribute, MembersChange::Known(MembersEdit::Add(members)));
        Ok(())
    }

    fn selected_members(
        &self,
        kind: Kind,
        attribute: &Attribute,
        selected: ElementPredicate,
        value: Option<Value>,
        text: &str,
    ) -> Compiling<SelectedMembers> {
        let element = match value {
            Some(value) if kind != Kind::Remove => self.element(attribute, value, text)?,
            _ => Value::Null,
        };
        let Value::Object(element) = element else {
            return Ok(SelectedMembers {
                kind: Kind::Remove,
                selected,
                member: None,
                created: None,
            });
        };
        let one = |element: Object| {
            let members = self.member_set(attribute, vec![Value::Object(element)].into(), text)?;
            Ok::<_, PatchErrorKind>(members.into_iter().next())
        };
        let mut created = None;
        if self.dialect.allows(Quirk::CreateOnNoMatch)
            && let Some(mut seed) = seed(attribute, &selected)
        {
            for (name, value) in element.clone() {
                seed.insert(name, value);
            }
            created = if seed.get("value").is_some() {
                one(seed)?
            } else {
                None
            };
        }
        let member = if kind == Kind::Replace || element.get("value").is_some() {
            one(element)?
        } else {
            None
        };
        Ok(SelectedMembers {
            kind,
            selected,
            member,
            created,
        })
    }

    /// The members that a client sent, keyed.
    fn member_set(&self, attribute: &Attribute, value: Value, text: &str) -> Compiling<MemberSet> {
        let value = validate::value(attribute, value, self.dialect, text)?;
        let mut members = validate::members(value, text)?;
        for (_, member) in members.iter_mut() {
            // Where a member is served is the service provider's to say.
            member.reference = None;
        }
        Ok(members)
    }

    /// Notes a change of a relation: in its delta as long as that is known without the members.
    fn members(&mut self, attribute: &'t Attribute, change: MembersChange) {
        let known = self
            .relations
            .iter()
            .position(|relation| relation.attribute.id == attribute.id);
        let index = known.unwrap_or_else(|| {
            self.relations.push(PlannedRelation {
                attribute,
                pending: Pending::default(),
                is_selected: false,
            });
            self.relations.len() - 1
        });
        let Some(relation) = self.relations.get_mut(index) else {
            return;
        };
        match change {
            MembersChange::Known(edit) if !relation.is_selected => relation.pending.apply(edit),
            change => {
                relation.is_selected = true;
                self.reads.insert(attribute.id);
                self.step(Action::Members(attribute, change));
            }
        }
    }

    /// The attributes in a value.
    fn attributes(&self, value: Option<Value>) -> Compiling<Object> {
        match self.decoded(value.unwrap_or(Value::Null)) {
            Value::Object(object) => Ok(object),
            other => Err(PatchErrorKind::NotAttributes {
                found: other.type_name(),
            }),
        }
    }

    /// The object in a string that holds one, where the dialect says so; every other value as it is.
    fn decoded(&self, value: Value) -> Value {
        match &value {
            Value::String(text)
                if self.dialect.allows(Quirk::EncodedValue) && text.trim_start().starts_with('{') =>
            {
                json::object_from_slice(text.as_bytes()).map_or(value, Value::Object)
            }
            _ => value,
        }
    }

    fn change(&mut self, place: Place<'t>, change: Change<'t>) {
        let id = place.attribute.id;
        let is_known = self
            .changed
            .iter()
            .any(|known| known.attribute.id == id && known.container == place.container);
        if !is_known {
            self.changed.push(place);
        }
        self.reads.insert(id);
        self.writes.insert(id);
        self.step(Action::Change(place, change));
    }

    fn step(&mut self, action: Action<'t>) {
        self.steps.push(Step {
            operation: self.operation,
            path: self.path.clone(),
            action,
        });
    }

    fn finish(self) -> Compiled<'t> {
        let (selected, known): (Vec<_>, Vec<_>) = self
            .relations
            .into_iter()
            .partition(|relation| relation.is_selected);
        Compiled {
            steps: self.steps,
            changed: self.changed,
            deltas: known
                .into_iter()
                .map(|relation| relation.pending.into_delta(relation.attribute))
                .filter(|delta| !delta.is_empty())
                .collect(),
            selected,
            reads: self.reads,
            writes: self.writes,
        }
    }
}

fn sub_attribute<'t>(attribute: &'t Attribute, name: &AttrName) -> Result<&'t Attribute, ResolveError> {
    attribute
        .sub_attribute(name.as_str())
        .ok_or_else(|| ResolveError::UnknownSubAttribute {
            attribute: attribute.name.clone(),
            name: name.clone(),
            suggestion: closest(
                name.as_str(),
                attribute.sub_attributes.iter().map(|sub| sub.name.as_str()),
            ),
        })
}

/// The changes of a complex value, unless they take away what it must have.
fn checked(attribute: &Attribute, changes: Object, text: &str) -> Compiling<Object> {
    let lost = attribute
        .sub_attributes
        .iter()
        .find(|sub| sub.required && changes.get(sub.name.as_str()) == Some(&Value::Null));
    match lost {
        None => Ok(changes),
        Some(sub) => Err(PatchErrorKind::Required {
            attribute: format_smolstr!("{text}.{}", sub.name),
        }),
    }
}

/// What a value holds that is made to match the filter, where the filter says it and a client may set it.
fn seed(attribute: &Attribute, selected: &ElementPredicate) -> Option<Object> {
    let equalities = selected.equalities()?;
    if !attribute.is_complex() {
        return Some(Object::new());
    }
    let is_settable = equalities.iter().all(|(name, _)| {
        attribute
            .sub_attribute(name.as_str())
            .is_some_and(|sub| sub.mutability != Mutability::ReadOnly)
    });
    is_settable.then(|| equalities.into_iter().collect())
}
