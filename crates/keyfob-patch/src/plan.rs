//! Plans: what a PATCH request does, compiled once and applied to any resource of its type.

use std::{borrow::Cow, collections::HashSet};

use keyfob_core::{
    Addresses, AttrId, AttrSet, Attribute, Dialect, MemberSet, Resource, ResourceId, ResourceType, SchemaUri,
    Value,
    message::PatchRequest,
    schema::{Container, Mutability},
    validate::{self, Ignored, ValidationError},
};
use smol_str::format_smolstr;

use crate::{
    PatchError, PatchErrorKind, RelationDelta,
    compile::{Action, Step, compile},
    edit::{Change, Edit, changes_immutable},
    members::{MembersChange, PlannedRelation},
    place::Place,
};

/// What a PATCH request does to a resource of a certain type (RFC 7644 section 3.5.2).
///
/// A plan holds no resource, so one serves for every attempt of a request. It keeps what it does to the document apart
/// from what it does to relations such as a group's `members`: the latter are [`RelationDelta`]s, known without the
/// members wherever they are named by their ids.
///
/// A service that stores members apart works in this order:
/// - [`is_relation_only`](Self::is_relation_only): it writes the [`deltas`](Self::deltas) and loads nothing;
/// - otherwise it loads the document, and those relations that [`reads`](Self::reads) names, calls
///   [`apply_to_document`](Self::apply_to_document) and writes the document, if it changed, with the deltas.
///
/// Who has the whole resource in memory calls [`apply`](Self::apply).
#[derive(Clone, Debug)]
pub struct Plan<'t> {
    pub(crate) resource_type: &'t ResourceType,
    /// What needs the document or the members, in order.
    pub(crate) steps: Vec<Step<'t>>,
    /// Attributes of the document that steps change, each once.
    pub(crate) changed: Vec<Place<'t>>,
    /// What is known without the members.
    pub(crate) deltas: Vec<RelationDelta>,
    /// Relations whose members have to be looked at.
    pub(crate) selected: Vec<PlannedRelation<'t>>,
    /// What operations named that is passed over.
    pub(crate) ignored: Vec<(usize, Ignored)>,
    pub(crate) reads: AttrSet,
    pub(crate) writes: AttrSet,
    /// The steps of work that applying it may take.
    pub(crate) work: usize,
}

/// Whether a resource is another one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// It is.
    Changed,
    /// It is not, so neither its version nor its `lastModified` change (RFC 7644 section 3.5.2.1).
    Unchanged,
}

/// What became of a document, and what is to become of its relations.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Patched<'p> {
    /// Whether the document changed; the deltas don't count.
    pub document: Applied,
    /// The changes of relations. One that is here may still find everything as it should be.
    pub deltas: Cow<'p, [RelationDelta]>,
}

impl<'t> Plan<'t> {
    /// How many changes of the document, and of members that a filter selects, a request may hold. Each may look at
    /// every value of an attribute, so that this and the size of the resource bound the cost of a request. Changes of
    /// a relation by id are not counted.
    pub const MAX_CHANGES: usize = 1_000;

    /// How many operations a request may hold, those on a relation by id and those that are passed over included. An
    /// attribute in a value without a path counts as an operation does.
    pub const MAX_OPERATIONS: usize = 10_000;

    /// The steps of work that applying a plan may take unless [`with_work`](Self::with_work) says otherwise. A step is one
    /// comparison of one value, or one value that is written: a change costs the values of its attribute times the
    /// comparisons of its filter.
    pub const MAX_WORK: usize = 2_000_000;

    /// Compiles a request for a resource type.
    ///
    /// Paths are parsed and resolved, values made canonical, and value filters checked against the schema, all by
    /// what the dialect allows.
    ///
    /// # Errors
    /// [`PatchError`] for everything that no resource could make right; its documentation names the `scimType`s.
    ///
    /// # Complexity
    /// Linear in the request.
    pub fn compile(
        request: PatchRequest,
        resource_type: &'t ResourceType,
        dialect: Dialect,
    ) -> Result<Self, PatchError> {
        compile(request, resource_type, dialect)
    }

    /// The same plan for members that are shown with these addresses, so that a path may select by `$ref`.
    #[must_use]
    pub fn with_addresses(mut self, addresses: &Addresses) -> Self {
        for step in &mut self.steps {
            if let Action::Members(_, MembersChange::Selected(change)) = &mut step.action {
                change.selected.set_addresses(addresses);
            }
        }
        self
    }

    /// The same plan without the steps that unassign an attribute, for one whose absence says nothing: what an operation
    /// before them assigned stays.
    #[must_use]
    pub fn without_unassigning(mut self, attribute: AttrId) -> Self {
        self.steps.retain(|step| {
            !matches!(
                &step.action,
                Action::Change(place, Change::Attribute(Edit::Assign(Value::Null)))
                    if place.attribute.id == attribute
            )
        });
        self
    }

    /// The same plan with another limit of the steps of work that applying it may take.
    #[must_use]
    pub fn with_work(self, steps: usize) -> Self {
        Self { work: steps, ..self }
    }

    /// Whether it does nothing but what [`deltas`](Self::deltas) say, so that neither the document nor the members
    /// are needed. A plan that does nothing at all is one of these.
    #[must_use]
    pub fn is_relation_only(&self) -> bool {
        self.steps.is_empty()
    }

    /// The attributes whose stored values it needs, those of the document that it changes included. A relation is among
    /// them only where its members have to be looked at, as for `members[display co "x"]`.
    #[must_use]
    pub fn reads(&self) -> &AttrSet {
        &self.reads
    }

    /// The attributes that it may change, and the sub-attributes that it names.
    #[must_use]
    pub fn writes(&self) -> &AttrSet {
        &self.writes
    }

    /// The changes of relations that need no members to be known, at most one for each relation.
    #[must_use]
    pub fn deltas(&self) -> &[RelationDelta] {
        &self.deltas
    }

    /// What the request names and the plan passes over, with the operation, counted from zero. A readOnly attribute is
    /// among it that the request repeats; where it differs from what is stored, applying the plan is refused.
    #[must_use]
    pub fn ignored(&self) -> &[(usize, Ignored)] {
        &self.ignored
    }

    /// Applies the plan to a whole resource: a relation that it doesn't carry has no members. All operations are
    /// applied or, on an error, none. The attributes that the plan changes are held against the schema, the others stay as
    /// they are.
    ///
    /// # Errors
    /// [`PatchError`] for what this resource doesn't allow: `noTarget`, `mutability`, `invalidValue`.
    ///
    /// # Complexity
    /// Linear in the plan and in the values of the attributes that it changes. Members of a relation are not copied, and
    /// looked at only when [`reads`](Self::reads) names it.
    pub fn apply(&self, resource: &mut Resource) -> Result<Applied, PatchError> {
        let patched = self.apply_to_document(resource)?;
        let mut changed = patched.document == Applied::Changed;
        for delta in &*patched.deltas {
            let relations = resource.relations_mut();
            if let Some((_, members)) = relations.iter_mut().find(|(name, _)| *name == delta.attribute) {
                changed |= delta.apply(members);
                continue;
            }
            let mut members = MemberSet::new();
            if delta.apply(&mut members) {
                relations.push((delta.attribute.clone(), members));
                changed = true;
            }
        }
        Ok(if changed {
            Applied::Changed
        } else {
            Applied::Unchanged
        })
    }

    /// Applies the plan to a document and says what it does to the relations, which are left as they are: those that
    /// [`reads`](Self::reads) names are looked at, the others need not be there. On an error the document is
    /// unchanged.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    ///
    /// # Complexity
    /// As [`apply`](Self::apply).
    pub fn apply_to_document(&self, resource: &mut Resource) -> Result<Patched<'_>, PatchError> {
        if self.is_relation_only() {
            return Ok(Patched {
                document: Applied::Unchanged,
                deltas: Cow::Borrowed(&self.deltas),
            });
        }
        let mut draft = self.draft(resource);
        let mut selected = self.selected.clone();
        let mut work = 0_usize;
        for step in &self.steps {
            let refuse = |kind| PatchError::new(Some(step.operation), Some(step.path.clone()), kind);
            work = work.saturating_add(step.cost(resource, &draft));
            if work > self.work {
                return Err(refuse(PatchErrorKind::TooMuchWork { limit: self.work }));
            }
            self.run(step, resource, &mut draft, &mut selected)
                .map_err(refuse)?;
        }
        let changed = self.check(resource, &mut draft)?;
        if changed {
            self.put(draft, resource);
        }
        let mut deltas = Cow::Borrowed(&*self.deltas);
        for relation in selected {
            let delta = relation.pending.into_delta(relation.attribute);
            if !delta.is_empty() {
                deltas.to_mut().push(delta);
            }
        }
        Ok(Patched {
            document: if changed {
                Applied::Changed
            } else {
                Applied::Unchanged
            },
            deltas,
        })
    }

    pub(crate) fn run(
        &self,
        step: &Step<'t>,
        stored: &Resource,
        draft: &mut Resource,
        selected: &mut [PlannedRelation<'t>],
    ) -> Result<(), PatchErrorKind> {
        match &step.action {
            Action::Change(place, change) => {
                let mut object = place.object(draft);
                change.apply(&mut object, *place)?;
                let after = object.get(place.attribute.name.as_str());
                if changes_immutable(place.attribute, place.get(stored), after) {
                    return Err(ValidationError::Immutable { path: place.path() }.into());
                }
                Ok(())
            }
            Action::Expect { place, sub, value } => {
                let is_relation = place.container == Container::Core
                    && self
                        .resource_type
                        .relation(place.attribute.name.as_str())
                        .is_some();
                let repeated = if is_relation {
                    repeats_members(stored.relation(place.attribute.name.as_str()), value)
                } else {
                    let held = place.get(stored);
                    repeats(
                        sub.map_or(held, |sub| held?.as_object()?.get(sub.name.as_str())),
                        value,
                    )
                };
                if repeated {
                    return Ok(());
                }
                let path = place.path();
                Err(PatchErrorKind::ReadOnly {
                    attribute: match sub {
                        None => path,
                        Some(sub) => format_smolstr!("{path}.{}", sub.name),
                    },
                })
            }
            Action::Members(attribute, change) => selected
                .iter_mut()
                .filter(|relation| relation.attribute.id == attribute.id)
                .try_for_each(|relation| relation.apply(change, stored)),
        }
    }

    /// The attributes that steps change, as far as the document has them; of an extension all that it has, since what it must
    /// hold depends on whether it is there.
    fn draft(&self, stored: &Resource) -> Resource {
        let mut draft = Resource::default();
        for place in &self.changed {
            match place.container {
                Container::Core => {
                    if let Some(value) = place.get(stored) {
                        draft
                            .core_mut()
                            .insert(place.attribute.name.clone(), value.clone());
                    }
                }
                Container::Extension(uri) => {
                    if let (Some(held), None) = (stored.extension(uri), draft.extension(uri)) {
                        draft.extensions_mut().push((uri.clone(), held.clone()));
                    }
                }
            }
        }
        draft
    }

    /// Checks what the steps made and returns true if it is anything else than before.
    fn check(&self, stored: &Resource, draft: &mut Resource) -> Result<bool, PatchError> {
        let refuse = |error: ValidationError| PatchError::new(None, None, error.into());
        let mut changed = false;
        for place in &self.changed {
            // What operations made of the elements may repeat another, which a body could not have (RFC 7643 section 2.4).
            if let Some(Value::Array(elements)) = place.object(draft).get_mut(place.attribute.name.as_str()) {
                validate::unite_repeated(place.attribute, elements);
            }
            let after = place.get(draft);
            if after == place.get(stored) {
                continue;
            }
            changed = true;
            if let Some(sub) = lacking(place.attribute, after) {
                let path = format_smolstr!("{}.{}", place.path(), sub.name);
                return Err(refuse(ValidationError::Missing { path }));
            }
            match place.container {
                Container::Core => validate::held(None, place.attribute, after),
                Container::Extension(uri) => self.check_extension(uri, draft),
            }
            .map_err(refuse)?;
        }
        Ok(changed)
    }

    /// Checks that an extension holds all that it must, or is not there where it needn't be.
    fn check_extension(&self, uri: &SchemaUri, draft: &Resource) -> Result<(), ValidationError> {
        let Some(extension) = self.resource_type.extension(uri) else {
            return Ok(());
        };
        match draft.extension(uri).filter(|held| !held.is_empty()) {
            Some(held) => extension.schema.attributes.iter().try_for_each(|attribute| {
                validate::held(Some(uri), attribute, held.get(attribute.name.as_str()))
            }),
            None if extension.required => Err(ValidationError::Missing {
                path: uri.as_str().into(),
            }),
            None => Ok(()),
        }
    }

    /// Puts the attributes of a draft in the place of those that the document has.
    fn put(&self, mut draft: Resource, resource: &mut Resource) {
        for (index, place) in self.changed.iter().enumerate() {
            let name = place.attribute.name.as_str();
            match place.container {
                Container::Core => match draft.core_mut().remove(name) {
                    Some(value) if !value.is_unassigned() => {
                        resource.core_mut().insert(place.attribute.name.clone(), value);
                    }
                    _ => {
                        resource.core_mut().remove(name);
                    }
                },
                Container::Extension(uri) => {
                    let earlier = self.changed.get(..index).unwrap_or_default();
                    if earlier.iter().all(|earlier| earlier.container != place.container) {
                        let object = std::mem::take(&mut *draft.extension_mut(uri));
                        *resource.extension_mut(uri) = object;
                    }
                }
            }
        }
        validate::state_schemas(resource, self.resource_type);
    }
}

/// Whether a client that sent `sent` for a readOnly attribute repeats what is stored. A complex value may leave
/// sub-attributes out, and have some that are not stored but made for each answer, such as `meta.location`.
fn repeats(stored: Option<&Value>, sent: &Value) -> bool {
    match (stored, sent) {
        (None, sent) => sent.is_unassigned(),
        (Some(Value::Object(stored)), Value::Object(sent)) => sent.iter().all(|(name, value)| {
            stored
                .get(name.as_str())
                .is_none_or(|stored| repeats(Some(stored), value))
        }),
        (Some(stored), sent) => stored == sent,
    }
}

/// Whether `sent` are the stored members and no others.
fn repeats_members(stored: Option<&MemberSet>, sent: &Value) -> bool {
    let id = |value: &Value| value.as_object()?.get_str("value").map(ResourceId::new);
    let Some(sent) = sent.as_elements().iter().map(id).collect::<Option<HashSet<_>>>() else {
        return false;
    };
    match stored {
        None => sent.is_empty(),
        Some(stored) => stored.len() == sent.len() && sent.iter().all(|id| stored.contains(id)),
    }
}

/// A required sub-attribute that a value lacks.
fn lacking<'t>(attribute: &'t Attribute, value: Option<&Value>) -> Option<&'t Attribute> {
    attribute
        .sub_attributes
        .iter()
        .filter(|sub| sub.required && sub.mutability != Mutability::ReadOnly)
        .find(|sub| {
            value
                .map(Value::as_elements)
                .unwrap_or_default()
                .iter()
                .filter_map(Value::as_object)
                .any(|object| object.get(sub.name.as_str()).is_none())
        })
}
