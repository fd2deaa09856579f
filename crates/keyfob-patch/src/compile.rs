//! From a request to the steps of a plan: everything that can be decided without a resource.

mod document;
mod relation;

use std::collections::HashSet;

use keyfob_core::{
    AttrName, AttrPathRef, AttrSet, Attribute, Dialect, MemberSet, Object, Quirk, Resource, ResourceType,
    Schema, SchemaUri, Value, json,
    message::{PatchOperation, PatchOperationKind as Kind, PatchRequest},
    schema::{Container, Mutability, RelationKind, ResolveError, Target},
    validate::{self, IgnoreRule, Ignored, Reader, ValidationError},
};
use keyfob_filter::{Filter, Limits, PatchPathRef};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    PatchError, PatchErrorKind, Plan,
    edit::{Change, Edit},
    members::{MembersChange, PlannedRelation},
    place::Place,
};

/// Something that needs the stored resource.
#[derive(Clone, Debug)]
pub(crate) struct Step<'t> {
    pub(crate) operation: usize,
    pub(crate) path: SmolStr,
    pub(crate) action: Action<'t>,
}

impl Step<'_> {
    /// Returns the steps of work that it takes: the values that it looks at, each as often as its filter compares, and those
    /// that it brings.
    pub(crate) fn cost(&self, stored: &Resource, draft: &Resource) -> usize {
        let values = |value: Option<&Value>| value.map_or(0, |value| value.as_elements().len());
        let members =
            |attribute: &Attribute| stored.relation(attribute.name.as_str()).map_or(0, MemberSet::len);
        let (looked_at, comparisons, brought) = match &self.action {
            Action::Change(place, change) => {
                let (comparisons, brought) = change.cost();
                (values(place.get(draft)), comparisons, brought)
            }
            Action::Expect { place, value, .. } => {
                let held = values(place.get(stored)) + members(place.attribute);
                (held, 1, values(Some(value)))
            }
            Action::Members(attribute, MembersChange::Selected(change)) => {
                (members(attribute), change.selected.comparisons(), 1)
            }
            // Members by id cost nothing of those that are there.
            Action::Members(_, MembersChange::Known(_)) => (0, 1, 1),
        };
        looked_at
            .saturating_mul(comparisons.max(1))
            .saturating_add(brought)
            .saturating_add(1)
    }
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

pub(crate) fn compile(
    request: PatchRequest,
    resource_type: &ResourceType,
    dialect: Dialect,
) -> Result<Plan<'_>, PatchError> {
    if request.operations.len() > Plan::MAX_OPERATIONS {
        return Err(PatchError::new(None, None, too_many_operations()));
    }
    let mut compiler = Compiler {
        resource_type,
        dialect,
        reader: Reader::new(dialect),
        operations: request.operations.len(),
        operation: 0,
        key: None,
        named: 0,
        ignored: Vec::new(),
        ignored_once: HashSet::new(),
        steps: Vec::new(),
        changed: Vec::new(),
        relations: Vec::new(),
        reads: AttrSet::new(),
        writes: AttrSet::new(),
    };
    for (index, operation) in request.operations.into_iter().enumerate() {
        let PatchOperation {
            kind, path, value, ..
        } = operation;
        compiler.operation = index;
        compiler.key = None;
        // In a value without path the unknown is ignored as in any body (RFC 7644 section 3.3).
        compiler.dialect = match path {
            None => dialect.with(Quirk::UnknownAttributes),
            Some(_) => dialect,
        };
        compiler.reader = Reader::new(compiler.dialect);
        compiler
            .operation(kind, path.as_ref(), value)
            .map_err(|kind| PatchError::new(Some(index), compiler.key.take().or(path), kind))?;
        let reader = std::mem::replace(&mut compiler.reader, Reader::new(dialect));
        for ignored in reader.into_ignored() {
            compiler
                .note(ignored)
                .map_err(|kind| PatchError::new(Some(index), None, kind))?;
        }
    }
    Ok(compiler.finish())
}

type Compiling<T = ()> = Result<T, PatchErrorKind>;

fn too_many_operations() -> PatchErrorKind {
    PatchErrorKind::TooManyOperations {
        limit: Plan::MAX_OPERATIONS,
    }
}

struct Compiler<'t> {
    resource_type: &'t ResourceType,
    /// What the operation at hand may depart in.
    dialect: Dialect,
    /// Reads its values.
    reader: Reader,
    /// How many operations there are.
    operations: usize,
    /// The operation at hand.
    operation: usize,
    /// The key at hand of its value, where that holds attributes.
    key: Option<SmolStr>,
    /// How many operations and attributes in values there were so far.
    named: usize,
    /// What operations named that is passed over.
    ignored: Vec<(usize, Ignored)>,
    /// The same, whatever the operation.
    ignored_once: HashSet<Ignored>,
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
    /// The operation's path, or a key of its value.
    text: &'p SmolStr,
    /// Whether it is a key of a value rather than the operation's path.
    is_key: bool,
}

impl<'t> Compiler<'t> {
    fn operation(&mut self, kind: Kind, path: Option<&SmolStr>, value: Option<Value>) -> Compiling {
        if kind != Kind::Remove && value.is_none() {
            return Err(PatchErrorKind::MissingValue {
                operation: kind.as_str(),
            });
        }
        let Some(text) = path else {
            return self.resource(kind, value);
        };
        self.count()?;
        if self.is_core_uri(text) {
            return self.resource(kind, value);
        }
        let path = PatchPathRef::parse_with(text, &Limits::default(), self.dialect)?;
        self.at(kind, &path, value, text, false)
    }

    /// Compiles an operation on the resource itself, whose value holds attributes.
    fn resource(&mut self, kind: Kind, value: Option<Value>) -> Compiling {
        if kind == Kind::Remove {
            return Err(PatchErrorKind::MissingPath);
        }
        for (key, value) in self.attributes(value)? {
            self.key = Some(key.as_str().into());
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
        let text = SmolStr::new(key.as_str());
        self.key = Some(text.clone());
        self.count()?;
        // Clients that model an extension as a resource of its own repeat `schemas` in it.
        let repeats_schemas = |schema: &&Schema| key.is("schemas") && schema.attribute("schemas").is_none();
        let schema = within
            .filter(|schema| !repeats_schemas(schema))
            .map(|schema| schema.id.as_str());
        if key.is_legal() {
            let path = PatchPathRef::new(AttrPathRef::new(schema, key.as_str(), None), None, None);
            return self.at(kind, &path, Some(value), &text, true);
        }
        if within.is_none() && key.as_str().contains(':') {
            if let Some(extension) = self.resource_type.extension(&SchemaUri::new(key.as_str())) {
                return self.extension(kind, &extension.schema, Some(value), &text);
            }
            if !self.names_registered(&text) {
                return self.unknown_schema(&text);
            }
        }
        let unknown = || ResolveError::UnknownAttribute {
            name: key.clone(),
            resource_type: self.resource_type.name().clone(),
            suggestion: None,
        };
        // As in the body of a POST: what leads nowhere is an unknown attribute, whatever its name.
        let path = schema.map(|schema| format_smolstr!("{schema}:{key}"));
        let path = path.as_deref().unwrap_or(key.as_str());
        let leads_somewhere = validate::leads_somewhere(path, self.resource_type, self.dialect);
        if !leads_somewhere && !self.names_registered(&text) {
            return self.unresolved(unknown(), &text);
        }
        if !self.dialect.allows(Quirk::PathKeys) {
            return Err(unknown().into());
        }
        let mut path = PatchPathRef::parse_with(&text, &Limits::default(), self.dialect)?;
        if path.attr.schema().is_none() {
            path.attr = path.attr.with_schema(schema);
        }
        self.at(kind, &path, Some(value), &text, true)
    }

    /// Returns true if a path or a key begins with the URI of a schema that the registry has.
    fn names_registered(&self, text: &str) -> bool {
        let head = text.split_once('[').map_or(text, |(head, _)| head);
        let Some((uri, rest)) = head.rsplit_once(':') else {
            return false;
        };
        let name = rest.split_once('.').map_or(rest, |(name, _)| name);
        let is_registered = |uri: &str| self.resource_type.is_registered(uri);
        is_registered(uri) || is_registered(&format_smolstr!("{uri}:{name}"))
    }

    /// Passes over a key of an extension that the registry doesn't have, where the dialect has it so.
    fn unknown_schema(&mut self, text: &SmolStr) -> Compiling {
        if !self.dialect.allows(Quirk::UnknownSchemas) {
            return Err(ValidationError::UnknownSchema {
                uri: SchemaUri::new(text.as_str()),
                resource_type: self.resource_type.name().clone(),
            }
            .into());
        }
        self.ignore(IgnoreRule::UnregisteredExtension, text)
    }

    /// Passes over a name that no schema has, where the dialect has it so.
    fn unresolved(&mut self, error: ResolveError, text: &SmolStr) -> Compiling {
        let (quirk, rule) = match error {
            ResolveError::UnknownSchema { .. } if !self.names_registered(text) => {
                (Quirk::UnknownSchemas, IgnoreRule::UnregisteredExtension)
            }
            ResolveError::UnknownAttribute { .. } | ResolveError::UnknownSubAttribute { .. } => {
                (Quirk::UnknownAttributes, IgnoreRule::UnknownAttribute)
            }
            _ => return Err(error.into()),
        };
        if !self.dialect.allows(quirk) {
            return Err(error.into());
        }
        self.ignore(rule, text)
    }

    fn ignore(&mut self, rule: IgnoreRule, text: &SmolStr) -> Compiling {
        self.note(Ignored::new(text.clone(), rule))
    }

    /// Notes what the operation at hand names and is passed over.
    fn note(&mut self, ignored: Ignored) -> Compiling {
        let limit = Reader::MAX_IGNORED;
        if !self.ignored_once.contains(&ignored) {
            if self.ignored_once.len() >= limit {
                return Err(ValidationError::TooManyIgnored { limit }.into());
            }
            self.ignored_once.insert(ignored.clone());
        }
        self.ignored.push((self.operation, ignored));
        Ok(())
    }

    /// Counts an operation, or an attribute in its value, before anything is done with it.
    fn count(&mut self) -> Compiling {
        self.named += 1;
        if self.named > Plan::MAX_OPERATIONS {
            return Err(too_many_operations());
        }
        Ok(())
    }

    /// Compiles an operation on what a path names.
    fn at(
        &mut self,
        kind: Kind,
        path: &PatchPathRef<'_>,
        value: Option<Value>,
        text: &SmolStr,
        is_key: bool,
    ) -> Compiling {
        let not_selectable = || PatchErrorKind::NotSelectable {
            attribute: format_smolstr!("{}", path.attr),
        };
        let resolved = match self.resource_type.resolve(path.attr, self.dialect) {
            Ok(Target::Attribute(resolved)) => resolved,
            Ok(Target::Extension(_)) if path.filter.is_some() => return Err(not_selectable()),
            Ok(Target::Extension(schema)) => return self.extension(kind, schema, value, text),
            Err(error) => return self.unresolved(error, text),
        };
        let attribute = resolved.attribute;
        if path.filter.is_some() && (!attribute.multi_valued || resolved.sub.is_some()) {
            return Err(not_selectable());
        }
        let sub = match path.sub {
            None => resolved.sub,
            Some(name) => match attribute.resolve_sub(name) {
                Ok(sub) => Some(sub),
                Err(error) => return self.unresolved(error, text),
            },
        };
        let spot = Spot {
            place: Place::new(resolved.container, attribute),
            sub,
            filter: path.filter.as_ref(),
            text,
            is_key,
        };
        self.attribute(kind, spot, value)
    }

    fn attribute(&mut self, kind: Kind, spot: Spot<'t, '_>, value: Option<Value>) -> Compiling {
        let Spot {
            place,
            sub,
            filter,
            text,
            ..
        } = spot;
        let value = match value {
            Some(value) if filter.is_none() && sub.is_none() => Some(self.unrepeated(place.attribute, value)),
            value => value,
        };
        let is_core = place.container == Container::Core;
        let relation = is_core
            .then(|| self.resource_type.relation(place.attribute.name.as_str()))
            .flatten();
        let read_only = |attribute: &Attribute| attribute.mutability == Mutability::ReadOnly;
        if read_only(place.attribute)
            || sub.is_some_and(read_only)
            || relation.is_some_and(|relation| relation.kind != RelationKind::Owned)
        {
            return self.read_only(kind, spot, value);
        }
        if let Some(relation) = relation {
            return self.relation(kind, relation, spot, value);
        }
        if is_core && place.attribute.name.is("schemas") {
            return self.schemas(kind, spot, value);
        }
        let change = match (filter, sub) {
            (Some(filter), _) => {
                let selected = filter.compile_for_elements(place.attribute, self.dialect)?;
                self.elements(kind, place.attribute, sub, Some(selected), value, text)?
            }
            (None, Some(_)) if place.attribute.multi_valued => {
                self.elements(kind, place.attribute, sub, None, value, text)?
            }
            (None, Some(sub)) => match self.edit(kind, sub, value, text)? {
                Edit::Assign(id)
                    if sub.name.is("value")
                        && validate::points_at_nothing(place.attribute, id.as_str(), self.dialect) =>
                {
                    Change::Attribute(self.edit(Kind::Remove, place.attribute, None, text)?)
                }
                edit => Change::SubAttribute(sub, edit),
            },
            (None, None) => Change::Attribute(self.edit(kind, place.attribute, value, text)?),
        };
        self.change(place, change, text)?;
        if let Some(sub) = sub {
            self.writes.insert(sub.id);
        }
        Ok(())
    }

    /// What a value holds that names the attribute of its path once more, where the dialect has it so.
    fn unrepeated(&self, attribute: &Attribute, value: Value) -> Value {
        let Value::Object(mut object) = value else {
            return value;
        };
        let name = attribute.name.as_str();
        if object.len() == 1
            && self.dialect.allows(Quirk::RepeatedPath)
            && attribute.sub_attribute(name).is_none()
            && let Some(inner) = object.remove(name)
        {
            return inner;
        }
        Value::Object(object)
    }

    /// Lets what is readOnly be repeated: as an attribute of a value always, since that modifies nothing; as the target
    /// of a path where the dialect says so.
    fn read_only(&mut self, kind: Kind, spot: Spot<'t, '_>, value: Option<Value>) -> Compiling {
        let is_allowed = spot.is_key || self.dialect.allows(Quirk::RepeatedReadOnly);
        match value {
            Some(value) if kind != Kind::Remove && spot.filter.is_none() && is_allowed => {
                self.reads.insert(spot.place.attribute.id);
                self.ignore(IgnoreRule::RepeatedReadOnly, spot.text)?;
                let action = Action::Expect {
                    place: spot.place,
                    sub: spot.sub,
                    value,
                };
                self.step(action, spot.text)
            }
            _ => Err(PatchErrorKind::ReadOnly {
                attribute: spot.text.clone(),
            }),
        }
    }

    /// What `schemas` holds follows from what the resource holds: naming what it may hold is fine and does nothing.
    fn schemas(&mut self, kind: Kind, spot: Spot<'t, '_>, value: Option<Value>) -> Compiling {
        let uris = match value {
            Some(value) if kind != Kind::Remove && spot.filter.is_none() => {
                self.reader.value(spot.place.attribute, value, spot.text)?
            }
            _ => {
                return Err(PatchErrorKind::Required {
                    attribute: spot.text.clone(),
                });
            }
        };
        if uris == Value::Null {
            return Err(PatchErrorKind::Required {
                attribute: spot.text.clone(),
            });
        }
        for uri in uris.as_elements().iter().filter_map(Value::as_str) {
            self.schema_uri(SchemaUri::new(uri), spot.text)?;
        }
        self.ignore(IgnoreRule::Derived, spot.text)
    }

    /// Refuses a value of `schemas` that is no URI of a schema, or that of a schema which the type can't have.
    fn schema_uri(&self, uri: SchemaUri, text: &SmolStr) -> Compiling {
        let resource_type = self.resource_type.name().clone();
        if uri == self.resource_type.schema().id || self.resource_type.extension(&uri).is_some() {
            return Ok(());
        }
        let error = if !uri.is_legal() {
            ValidationError::WrongType {
                path: text.clone(),
                expected: "URIs of schemas".into(),
                found: "this string".into(),
            }
        } else if self.resource_type.is_registered(uri.as_str()) {
            ValidationError::OtherSchema { uri, resource_type }
        } else if self.dialect.allows(Quirk::UnknownSchemas) {
            return Ok(());
        } else {
            ValidationError::UnknownSchema { uri, resource_type }
        };
        Err(error.into())
    }

    /// Compiles an operation on a whole extension.
    fn extension(
        &mut self,
        kind: Kind,
        schema: &'t Schema,
        value: Option<Value>,
        text: &SmolStr,
    ) -> Compiling {
        let uri = || SmolStr::new(schema.id.as_str());
        match value {
            Some(_) if kind == Kind::Remove => Err(PatchErrorKind::ValueOfRemove { attribute: uri() }),
            Some(value) if value != Value::Null => {
                for (key, value) in self.attributes(Some(value))? {
                    self.key(kind, &key, value, Some(schema))?;
                }
                Ok(())
            }
            _ => {
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
                        self.change(place, Change::Attribute(Edit::Assign(Value::Null)), text)?;
                    }
                }
                Ok(())
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

    fn change(&mut self, place: Place<'t>, change: Change<'t>, text: &SmolStr) -> Compiling {
        let id = place.attribute.id;
        if !self.writes.contains(id) {
            self.changed.push(place);
        }
        self.reads.insert(id);
        self.writes.insert(id);
        self.step(Action::Change(place, change), text)
    }

    fn step(&mut self, action: Action<'t>, text: &SmolStr) -> Compiling {
        let limit = Plan::MAX_CHANGES;
        if self.steps.is_empty() {
            // Most operations are one step, if not all of them are about relations.
            self.steps.reserve(self.operations.min(limit));
        }
        if self.steps.len() >= limit {
            return Err(PatchErrorKind::TooManyChanges { limit });
        }
        self.steps.push(Step {
            operation: self.operation,
            path: text.clone(),
            action,
        });
        Ok(())
    }

    fn finish(self) -> Plan<'t> {
        let (selected, known): (Vec<_>, Vec<_>) = self
            .relations
            .into_iter()
            .partition(|relation| relation.is_selected);
        Plan {
            resource_type: self.resource_type,
            steps: self.steps,
            changed: self.changed,
            deltas: known
                .into_iter()
                .map(|relation| relation.pending.into_delta(relation.attribute))
                .filter(|delta| !delta.is_empty())
                .collect(),
            selected,
            ignored: self.ignored,
            reads: self.reads,
            writes: self.writes,
            work: Plan::MAX_WORK,
        }
    }
}
