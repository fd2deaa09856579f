//! From an object of the source to what has to be done to its resource.

use std::fmt;

use keyfob_core::{
    Resource, SmolStr, Value,
    message::{PatchOperation, PatchRequest},
    validate,
};
use keyfob_expression as expression;
use keyfob_expression::{Environment, Source};

use super::{
    ApplyError, ApplyErrorKind, Mapper,
    mapper::{IS_SOFT_DELETED, Purpose, REMOVED},
    target::Target,
    update::{Others, Update},
};

/// The change that the resource of an object needs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// It is created (POST).
    Create(Resource),
    /// It is changed (PATCH).
    Update(PatchRequest),
    /// It is changed so that it says that the object is gone (PATCH); counts against a
    /// [`DeletionThreshold`](super::DeletionThreshold).
    Disable(PatchRequest),
    /// It is deleted (DELETE); counts against a [`DeletionThreshold`](super::DeletionThreshold).
    Delete,
    /// Nothing: it is up to date.
    UpToDate,
    /// Nothing: the object is out of scope and has no resource.
    OutOfScope,
    /// Nothing: what would have to be done is none of the mapping's actions, or the mapping is not in use.
    NotAllowed,
    /// Nothing: the expression for this target leaves the object out of the flow (`IgnoreObjectFlow`).
    Skipped {
        /// The target path.
        target: SmolStr,
    },
}

/// The caller's knowledge of the target: which values are taken, and which resource stands for an object that a
/// reference points at.
///
/// Without any, no value is taken and references keep the ids of the source.
///
/// ```
/// use keyfob_core::Registry;
/// use keyfob_expression::{Environment, Options, SeededEntropy};
/// use keyfob_mapping::graph;
/// use keyfob_mapping::{Lookup, Mapper, ObjectMapping};
///
/// let group = Registry::rfc().resource_type("Group").ok_or("no Group")?;
/// let mapper = Mapper::compile(&ObjectMapping::entra_group(), group, &Options::default())?;
/// let source = graph::source_from_json(br#"{"id": "g", "displayName": "Guides", "members": [{"id": "a"}, {"id": "b"}]}"#)?;
/// let entropy = SeededEntropy::new(0);
/// let environment = Environment::new("2026-01-01T12:00:00Z".parse()?, &entropy);
///
/// // Only `a` has a resource yet.
/// let references = |_target: &str, id: &str| (id == "a").then(|| "2819c223".into());
/// let lookup = Lookup::new().with_references(&references);
/// let group = mapper.create_with(&source, &environment, &lookup)?;
/// let members = group.relation("members").ok_or("no members")?;
/// assert_eq!(members.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["2819c223"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct Lookup<'l> {
    taken: Option<&'l IsTaken<'l>>,
    references: Option<&'l References<'l>>,
}

/// True if a value of a target path is another resource's.
type IsTaken<'l> = dyn Fn(&str, &str) -> bool + 'l;

/// The id of the resource that stands for an object of the source, by the target path and the object's id.
type References<'l> = dyn Fn(&str, &str) -> Option<SmolStr> + 'l;

impl<'l> Lookup<'l> {
    /// Knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks `is_taken` with the target path and the value, for `SelectUniqueValue`.
    #[must_use]
    pub fn with_taken(self, is_taken: &'l IsTaken<'l>) -> Self {
        Self {
            taken: Some(is_taken),
            ..self
        }
    }

    /// Asks `references` with the target path and the id of an object of the source. A reference without a resource is
    /// left out.
    #[must_use]
    pub fn with_references(self, references: &'l References<'l>) -> Self {
        Self {
            references: Some(references),
            ..self
        }
    }

    pub(super) fn is_taken(&self, target: &str, value: &str) -> bool {
        self.taken.is_some_and(|is_taken| is_taken(target, value))
    }

    /// The value with the ids of resources in place of those of objects; nothing where a single reference has none.
    pub(super) fn resolve(&self, target: &Target, value: Value) -> Option<Value> {
        let Some(references) = self.references.filter(|_| target.refers()) else {
            return Some(value);
        };
        let resolve = |value: Value| match value {
            Value::String(id) => references(&target.path, &id).map(Value::from),
            Value::Object(mut object) => {
                let id = references(&target.path, object.get_str("value")?)?;
                object.insert("value", id);
                Some(Value::Object(object))
            }
            other => Some(other),
        };
        match value {
            Value::Array(values) => Some(values.into_iter().filter_map(resolve).collect::<Vec<_>>().into()),
            single => resolve(single),
        }
    }
}

impl fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup")
            .field("taken", &self.taken.is_some())
            .field("references", &self.references.is_some())
            .finish()
    }
}

impl Mapper {
    /// Returns what has to be done so that the object has the resource that the mapping wants it to have, when
    /// `existing` is the one that it has.
    ///
    /// An object out of scope is one with `IsSoftDeleted`, whatever the object says itself. Where no attribute of the
    /// target is computed from that one, its resource is deleted. The same is done for an object that is gone
    /// (`@removed`), of which nothing else is known; one that is gone for good (`"reason": "deleted"`) is deleted.
    ///
    /// # Errors
    /// [`ApplyError`] where the scoping filter can't decide, a value can't be computed, or one does not fit. Nothing is
    /// to be done to the resource then.
    pub fn apply(
        &self,
        source: &Source,
        existing: Option<&Resource>,
        environment: &Environment<'_>,
    ) -> Result<Change, ApplyError> {
        self.apply_with(source, existing, environment, &Lookup::new())
    }

    /// Does the same as [`apply`](Self::apply) with what the caller knows of the target.
    ///
    /// # Errors
    /// As [`apply`](Self::apply), and where all values of a `SelectUniqueValue` are taken.
    pub fn apply_with(
        &self,
        source: &Source,
        existing: Option<&Resource>,
        environment: &Environment<'_>,
        lookup: &Lookup<'_>,
    ) -> Result<Change, ApplyError> {
        if !self.enabled {
            return Ok(Change::NotAllowed);
        }
        match self.decide(source, existing, environment, lookup) {
            Err(ApplyError::Attribute {
                target,
                kind: ApplyErrorKind::Skipped,
            }) => Ok(Change::Skipped { target }),
            change => change,
        }
    }

    fn decide(
        &self,
        source: &Source,
        existing: Option<&Resource>,
        environment: &Environment<'_>,
        lookup: &Lookup<'_>,
    ) -> Result<Change, ApplyError> {
        let removed = source
            .get(REMOVED)
            .filter(|removed| **removed != expression::Value::Null);
        let in_scope = removed.is_none() && self.scope.contains(source)?;
        let Some(existing) = existing else {
            return Ok(match (in_scope, self.actions.create) {
                (false, _) => Change::OutOfScope,
                (true, false) => Change::NotAllowed,
                (true, true) => Change::Create(self.create_with(source, environment, lookup)?),
            });
        };
        if in_scope {
            return self.change(source, existing, environment, lookup, Rows::All);
        }
        let reason = removed.and_then(|removed| removed.member("reason"));
        let is_purged = reason.is_some_and(|reason| *reason == "deleted".into());
        if is_purged || !self.tells_deletion() {
            return Ok(if self.actions.delete {
                Change::Delete
            } else {
                Change::NotAllowed
            });
        }
        let mut deleted = source.clone();
        deleted.insert(IS_SOFT_DELETED, true);
        // Of an object that is gone nothing but its id is known: what follows from other attributes stays.
        let rows = if removed.is_some() {
            Rows::Deletion
        } else {
            Rows::All
        };
        self.change(&deleted, existing, environment, lookup, rows)
    }

    fn change(
        &self,
        source: &Source,
        existing: &Resource,
        environment: &Environment<'_>,
        lookup: &Lookup<'_>,
        rows: Rows,
    ) -> Result<Change, ApplyError> {
        let (operations, disables) = self.operations(source, existing, environment, lookup, rows)?;
        let allowed = if disables {
            self.actions.delete
        } else {
            self.actions.update
        };
        Ok(match (operations.is_empty(), allowed, disables) {
            (true, ..) => Change::UpToDate,
            (_, false, _) => Change::NotAllowed,
            (_, _, true) => Change::Disable(PatchRequest::new(operations)),
            (_, _, false) => Change::Update(PatchRequest::new(operations)),
        })
    }

    /// Makes the resource that an object without one is to have, whether the object is in scope or not.
    ///
    /// It holds what the mapping says and nothing more; whether that is all that the resource type requires is for
    /// [`validate::create`] to say.
    ///
    /// # Errors
    /// As [`apply`](Self::apply), and [`ApplyErrorKind::Skipped`] where an expression leaves the object out of the flow.
    pub fn create(&self, source: &Source, environment: &Environment<'_>) -> Result<Resource, ApplyError> {
        self.create_with(source, environment, &Lookup::new())
    }

    /// Does the same as [`create`](Self::create) with what the caller knows of the target.
    ///
    /// # Errors
    /// As [`create`](Self::create), and where all values of a `SelectUniqueValue` are taken.
    pub fn create_with(
        &self,
        source: &Source,
        environment: &Environment<'_>,
        lookup: &Lookup<'_>,
    ) -> Result<Resource, ApplyError> {
        let mut resource = Resource::default();
        // Several targets of the default mapping are in one element: it is looked for once.
        let mut slots: Vec<Option<usize>> = vec![None; self.slots];
        for row in &self.rows {
            let refuse = |kind| row.refuse(kind);
            let value = row
                .value(source, environment, Purpose::Create, lookup)
                .map_err(refuse)?;
            if let Some(value) = value {
                let slot = row.slot.and_then(|slot| slots.get_mut(slot));
                row.target.put(&mut resource, value, slot).map_err(refuse)?;
            }
        }
        validate::state_schemas(&mut resource, &self.resource_type);
        Ok(resource)
    }

    /// Makes the PATCH that brings a resource up to date, whether the object is in scope or not; without operations
    /// where it is. What the mapping doesn't name stays as it is.
    ///
    /// An attribute without a value is added, one with another value is replaced, and so is a sub-attribute of the
    /// value that a filter selects; where the filter selects none, a value is added that holds what the filter says.
    /// Members, and other values of a multi-valued attribute that is mapped as a whole, are added and removed one by
    /// one. Where the source holds changes of them (`members@delta`), those are made and no others. The request is one
    /// of the RFC's own, without any provider's habits.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    ///
    /// # Complexity
    /// Linear in the mapping and in the values that it names.
    pub fn update(
        &self,
        source: &Source,
        existing: &Resource,
        environment: &Environment<'_>,
    ) -> Result<PatchRequest, ApplyError> {
        let (operations, _) = self.operations(source, existing, environment, &Lookup::new(), Rows::All)?;
        Ok(PatchRequest::new(operations))
    }

    /// The operations, and whether one of them says that the object is gone.
    fn operations(
        &self,
        source: &Source,
        existing: &Resource,
        environment: &Environment<'_>,
        lookup: &Lookup<'_>,
        rows: Rows,
    ) -> Result<(Vec<PatchOperation>, bool), ApplyError> {
        let gone = source.get(IS_SOFT_DELETED).is_some_and(is_true);
        let mut update = Update::new(existing, &self.resource_type);
        let mut disables = false;
        let rows = self
            .rows
            .iter()
            .filter(|row| rows == Rows::All || row.tells_deletion);
        for row in rows {
            let refuse = |kind| row.refuse(kind);
            let value = row
                .value(source, environment, Purpose::Update(existing), lookup)
                .map_err(refuse)?;
            let removed = row.removed(source, lookup).map_err(refuse)?;
            if let Some(value) = value {
                let others = removed.map(Others::Without);
                let others = others.as_ref().unwrap_or(&row.others);
                let changes = update.set(&row.target, value, others).map_err(refuse)?;
                disables |= changes && gone && row.tells_deletion;
            }
        }
        Ok((update.finish(), disables))
    }
}

/// The attributes that an update looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    All,
    /// Those that say that an object is gone.
    Deletion,
}

fn is_true(value: &expression::Value) -> bool {
    match value.reveal() {
        expression::Value::Boolean(flag) => *flag,
        expression::Value::Text(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}
