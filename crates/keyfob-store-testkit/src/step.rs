//! Changes that own what they are made of.

use keyfob_core::{CompareKey, DateTime, Member, Resource, ResourceId, Value, Version};
use keyfob_store::{Change, NewEvent, RelationDelta, UniqueKey};

use crate::fixture::{Kind, minute};

/// One change of a commit, made step by step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) action: Action,
    pub(crate) kind: Kind,
    pub(crate) id: ResourceId,
    pub(crate) document: Option<Resource>,
    pub(crate) relations: Vec<RelationDelta>,
    pub(crate) unique: Vec<UniqueKey>,
    pub(crate) version: Version,
    pub(crate) created: Option<DateTime>,
    pub(crate) precondition: Option<Version>,
    pub(crate) at: DateTime,
    pub(crate) event: NewEvent,
    pub(crate) of: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Update,
    Delete,
    Publish,
}

impl Step {
    fn new(action: Action, kind: Kind, id: &str) -> Self {
        let id = ResourceId::new(id);
        Self {
            action,
            kind,
            event: NewEvent::new("", kind.name(), id.clone(), minute(0)),
            id,
            document: None,
            relations: Vec::new(),
            unique: Vec::new(),
            version: Version::FIRST,
            created: None,
            precondition: None,
            at: minute(0),
            of: None,
        }
    }

    /// Creates a resource that is named like its id.
    pub(crate) fn create(kind: Kind, id: &str) -> Self {
        Self::new(Action::Create, kind, id).named(id)
    }

    /// Updates a resource, so far without changing anything.
    pub(crate) fn update(kind: Kind, id: &str) -> Self {
        Self::new(Action::Update, kind, id)
    }

    pub(crate) fn delete(kind: Kind, id: &str) -> Self {
        Self::new(Action::Delete, kind, id)
    }

    pub(crate) fn publish(name: &str, kind: Kind, id: &str) -> Self {
        let mut step = Self::new(Action::Publish, kind, id);
        step.event.name = name.into();
        step
    }

    /// With this document, and the keys that the engine derives from it.
    pub(crate) fn document(mut self, document: Resource) -> Self {
        self.unique = self.kind.keys(&document);
        self.document = Some(document);
        self
    }

    /// With a document that holds a name and nothing else.
    pub(crate) fn named(self, name: &str) -> Self {
        let document = self.kind.document(name);
        self.document(document)
    }

    /// With one more core attribute in its document.
    pub(crate) fn with(mut self, attribute: &str, value: impl Into<Value>) -> Self {
        if let Some(document) = &mut self.document {
            document.core_mut().insert(attribute, value);
        }
        self
    }

    /// With these keys instead of those that the engine would derive.
    pub(crate) fn keys(mut self, keys: &[(&str, &str)]) -> Self {
        self.unique = keys
            .iter()
            .map(|(attribute, value)| UniqueKey::new(*attribute, CompareKey::verbatim(*value)))
            .collect();
        self
    }

    /// With one more delta.
    pub(crate) fn delta(mut self, delta: RelationDelta) -> Self {
        self.relations.push(delta);
        self
    }

    /// Putting members into the usual relation of its type.
    pub(crate) fn add(self, ids: &[&str]) -> Self {
        let relation = self.kind.relation();
        self.delta(delta(relation, ids, &[]))
    }

    /// Taking members out of the usual relation of its type.
    pub(crate) fn remove(self, ids: &[&str]) -> Self {
        let relation = self.kind.relation();
        self.delta(delta(relation, &[], ids))
    }

    /// Leaving exactly these members in the usual relation of its type.
    pub(crate) fn members(self, ids: &[&str]) -> Self {
        let mut delta = delta(self.kind.relation(), ids, &[]);
        delta.clear = true;
        self.delta(delta)
    }

    /// Brought back at this version, first created this many minutes into the year.
    pub(crate) fn again(mut self, version: u64, created: i64) -> Self {
        self.version = Version::new(version);
        self.created = Some(minute(created));
        self
    }

    pub(crate) fn precondition(mut self, version: u64) -> Self {
        self.precondition = Some(Version::new(version));
        self
    }

    /// Made this many minutes into the year.
    pub(crate) fn at(mut self, minutes: i64) -> Self {
        self.at = minute(minutes);
        self.event.at = self.at;
        self
    }

    /// Telling of an earlier change of the commit.
    pub(crate) fn of(mut self, change: usize) -> Self {
        self.of = Some(change);
        self
    }

    pub(crate) fn as_change(&self) -> Change<'_> {
        let Self {
            id,
            relations,
            unique,
            precondition,
            at,
            ..
        } = self;
        let resource_type = self.kind.resource_type();
        match (self.action, &self.document) {
            (Action::Create, Some(document)) => Change::Create {
                resource_type,
                id,
                document,
                relations,
                unique,
                version: self.version,
                created: self.created.unwrap_or(*at),
                at: *at,
            },
            (Action::Create | Action::Update, document) => Change::Update {
                resource_type,
                id,
                document: document.as_ref(),
                relations,
                unique,
                precondition: *precondition,
                at: *at,
            },
            (Action::Delete, _) => Change::Delete {
                resource_type,
                id,
                precondition: *precondition,
                at: *at,
            },
            (Action::Publish, _) => Change::Publish {
                event: &self.event,
                of: self.of,
            },
        }
    }
}

/// A delta of members of whom only the ids are given.
pub(crate) fn delta(relation: &str, add: &[&str], remove: &[&str]) -> RelationDelta {
    let mut delta = RelationDelta::new(relation.into());
    delta.add = add
        .iter()
        .map(|id| (ResourceId::new(*id), Member::new()))
        .collect();
    delta.remove = remove.iter().map(|id| ResourceId::new(*id)).collect();
    delta
}
