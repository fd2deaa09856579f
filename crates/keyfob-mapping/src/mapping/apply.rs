//! From an object of the source to what has to be done to its resource.

use keyfob_core::{
    Resource, SmolStr,
    message::{PatchOperation, PatchRequest},
    validate,
};

use super::{
    ApplyError, ApplyErrorKind, Mapper,
    mapper::{IS_SOFT_DELETED, NOTHING, Purpose},
    update::Update,
};
use crate::{environment::Environment, source::Source, value::Value};

/// What has to be done to the resource of an object.
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

impl Mapper {
    /// What has to be done so that the object has the resource that the mapping wants it to have, when `existing` is
    /// the one that it has.
    ///
    /// An object out of scope is one with `IsSoftDeleted`, whatever the object says itself. Where no attribute of the
    /// target is computed from that one, its resource is deleted.
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
        match self.decide(source, existing, environment) {
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
    ) -> Result<Change, ApplyError> {
        if !self.enabled {
            return Ok(Change::NotAllowed);
        }
        let in_scope = self.scope.contains(source)?;
        let Some(existing) = existing else {
            return Ok(match (in_scope, self.actions.create) {
                (false, _) => Change::OutOfScope,
                (true, false) => Change::NotAllowed,
                (true, true) => Change::Create(self.create(source, environment)?),
            });
        };
        if in_scope {
            return self.change(source, existing, environment);
        }
        if !self.tells_deletion() {
            return Ok(if self.actions.delete {
                Change::Delete
            } else {
                Change::NotAllowed
            });
        }
        let mut deleted = source.clone();
        deleted.insert(IS_SOFT_DELETED, true);
        self.change(&deleted, existing, environment)
    }

    fn change(
        &self,
        source: &Source,
        existing: &Resource,
        environment: &Environment<'_>,
    ) -> Result<Change, ApplyError> {
        let (operations, disables) = self.operations(source, existing, environment)?;
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

    /// The resource that an object without one is to have, whether the object is in scope or not.
    ///
    /// It holds what the mapping says and nothing more; whether that is all that the resource type requires is for
    /// [`validate::create`] to say.
    ///
    /// # Errors
    /// As [`apply`](Self::apply), and [`ApplyErrorKind::Skipped`] where an expression leaves the object out of the flow.
    pub fn create(&self, source: &Source, environment: &Environment<'_>) -> Result<Resource, ApplyError> {
        self.create_unique(source, environment, &NOTHING)
    }

    /// As [`create`](Self::create), with the first value of each `SelectUniqueValue` of which `is_taken` does not hold:
    /// it is asked with the target path and the value.
    ///
    /// # Errors
    /// As [`create`](Self::create), and where all values are taken.
    pub fn create_unique(
        &self,
        source: &Source,
        environment: &Environment<'_>,
        is_taken: &dyn Fn(&str, &str) -> bool,
    ) -> Result<Resource, ApplyError> {
        let mut resource = Resource::default();
        for row in &self.rows {
            let refuse = |kind| row.refuse(kind);
            let value = row
                .value(source, environment, Purpose::Create, is_taken)
                .map_err(refuse)?;
            if let Some(value) = value {
                row.target.put(&mut resource, value).map_err(refuse)?;
            }
        }
        validate::state_schemas(&mut resource, &self.resource_type);
        Ok(resource)
    }

    /// The PATCH that brings a resource up to date, whether the object is in scope or not; without operations where it
    /// is. What the mapping doesn't name stays as it is.
    ///
    /// An attribute without a value is added, one with another value is replaced, and so is a sub-attribute of the
    /// value that a filter selects; where the filter selects none, a value is added that holds what the filter says.
    /// Members, and other values of a multi-valued attribute that is mapped as a whole, are added and removed one by
    /// one. The request is one of the RFC's own, without any provider's habits.
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
        let (operations, _) = self.operations(source, existing, environment)?;
        Ok(PatchRequest::new(operations))
    }

    /// The operations, and whether one of them says that the object is gone.
    fn operations(
        &self,
        source: &Source,
        existing: &Resource,
        environment: &Environment<'_>,
    ) -> Result<(Vec<PatchOperation>, bool), ApplyError> {
        let gone = source.get(IS_SOFT_DELETED).is_some_and(is_true);
        let mut update = Update::new(existing, &self.resource_type);
        let mut disables = false;
        for row in &self.rows {
            let refuse = |kind| row.refuse(kind);
            let value = row
                .value(source, environment, Purpose::Update(existing), &NOTHING)
                .map_err(refuse)?;
            if let Some(value) = value {
                let changes = update.set(&row.target, value, row.others).map_err(refuse)?;
                disables |= changes && gone && row.tells_deletion;
            }
        }
        Ok((update.finish(), disables))
    }
}

fn is_true(value: &Value) -> bool {
    match value.reveal() {
        Value::Boolean(flag) => *flag,
        Value::Text(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}
