//! Changes, made step by step.

use std::sync::Arc;

use keyfob_core::{CompareKey, DateTime, Member, Object, Resource, ResourceId, ResourceType, Value, Version};
use keyfob_store::{
    Cause, Change, Expected, MemberPolicy, NewEvent, OnRefusal, RelationDelta, UniqueKey, Visibility, When,
};

use crate::fixture::{Kind, minute};

/// One change of a commit, made step by step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) action: Action,
    pub(crate) kind: Kind,
    pub(crate) id: ResourceId,
    pub(crate) document: Option<Resource>,
    pub(crate) state: Option<Object>,
    pub(crate) visibility: Option<Visibility>,
    pub(crate) relations: Vec<RelationDelta>,
    pub(crate) members: MemberPolicy,
    pub(crate) unique: Option<Vec<UniqueKey>>,
    pub(crate) precondition: Option<Version>,
    pub(crate) on_refusal: OnRefusal,
    pub(crate) at: DateTime,
    pub(crate) event: NewEvent,
    pub(crate) when: When,
    pub(crate) expected: Expected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Update,
    Delete,
    Expect,
    Publish,
    Forget,
}

impl Step {
    fn new(action: Action, kind: Kind, id: &str) -> Self {
        let id = ResourceId::new(id);
        Self {
            action,
            kind,
            event: NewEvent::new("", kind.name(), id.clone()),
            id,
            document: None,
            state: None,
            visibility: None,
            relations: Vec::new(),
            members: MemberPolicy::default(),
            unique: None,
            precondition: None,
            on_refusal: OnRefusal::Fail,
            at: minute(0),
            when: When::Always,
            expected: Expected::Present,
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

    /// Hides a resource.
    pub(crate) fn hide(kind: Kind, id: &str) -> Self {
        Self::update(kind, id).seen(Visibility::Hidden)
    }

    /// Reveals a resource, with the keys that it reserves from then on.
    pub(crate) fn reveal(kind: Kind, id: &str) -> Self {
        let step = Self::update(kind, id).seen(Visibility::Live);
        let unique = kind.keys(&kind.document(id));
        Self {
            unique: Some(unique),
            ..step
        }
    }

    pub(crate) fn delete(kind: Kind, id: &str) -> Self {
        Self::new(Action::Delete, kind, id)
    }

    pub(crate) fn expect(kind: Kind, id: &str, expected: Expected) -> Self {
        Self {
            expected,
            ..Self::new(Action::Expect, kind, id)
        }
    }

    pub(crate) fn publish(name: &str, kind: Kind, id: &str) -> Self {
        let mut step = Self::new(Action::Publish, kind, id);
        step.event.name = name.into();
        step
    }

    pub(crate) fn forget(kind: Kind, id: &str) -> Self {
        Self::new(Action::Forget, kind, id)
    }

    /// With this document, and the keys that the engine derives from it.
    pub(crate) fn document(mut self, document: Resource) -> Self {
        self.unique = Some(self.kind.keys(&document));
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

    /// With this text in the state beside its document, and nothing else there.
    pub(crate) fn state(mut self, name: &str, value: impl Into<Value>) -> Self {
        let mut state = Object::new();
        state.insert(name, value);
        self.state = Some(state);
        self
    }

    /// Live or hidden from then on.
    pub(crate) fn seen(mut self, visibility: Visibility) -> Self {
        self.visibility = Some(visibility);
        self
    }

    /// With these keys instead of those that the engine would derive.
    pub(crate) fn keys(mut self, keys: &[(&str, &str)]) -> Self {
        let keys = keys
            .iter()
            .map(|(attribute, value)| UniqueKey::new(*attribute, CompareKey::verbatim(*value)));
        self.unique = Some(keys.collect());
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

    /// Leaving out members of which nothing is known.
    pub(crate) fn skip_unknown(mut self) -> Self {
        self.members.skip_unknown = true;
        self
    }

    /// Taking hidden members.
    pub(crate) fn accept_hidden(mut self) -> Self {
        self.members.accept_hidden = true;
        self
    }

    pub(crate) fn precondition(mut self, version: u64) -> Self {
        self.precondition = Some(Version::new(version));
        self
    }

    /// Skipped for these causes.
    pub(crate) fn or_skip(mut self, causes: &'static [Cause]) -> Self {
        self.on_refusal = OnRefusal::Skip(causes);
        self
    }

    /// Made this many minutes into the year. A commit is made at the latest time of its steps.
    pub(crate) fn at(mut self, minutes: i64) -> Self {
        self.at = minute(minutes);
        self
    }

    /// Published if an earlier change of the commit changed something.
    pub(crate) fn of(mut self, change: usize) -> Self {
        self.when = When::Changed(change);
        self
    }

    /// Published if an earlier change of the commit was skipped.
    pub(crate) fn unless(mut self, change: usize) -> Self {
        self.when = When::Skipped(change);
        self
    }

    /// Returns the change, with the type as the store under test knows it.
    pub(crate) fn to_change(&self, resource_type: &ResourceType) -> Change {
        let resource_type = resource_type.clone();
        let id = self.id.clone();
        let document = self.document.clone().map(Arc::new);
        let relations = self.relations.clone().into();
        match (self.action, document) {
            (Action::Create, Some(document)) => Change::Create {
                resource_type,
                id,
                document,
                state: Arc::new(self.state.clone().unwrap_or_default()),
                relations,
                members: self.members,
                unique: self.unique.clone().unwrap_or_default(),
                on_refusal: self.on_refusal,
            },
            (Action::Create | Action::Update, document) => Change::Update {
                resource_type,
                id,
                document,
                state: self.state.clone().map(Arc::new),
                visibility: self.visibility,
                relations,
                members: self.members,
                unique: self.unique.clone(),
                precondition: self.precondition,
                on_refusal: self.on_refusal,
            },
            (Action::Delete, _) => Change::Delete {
                resource_type,
                id,
                precondition: self.precondition,
                on_refusal: self.on_refusal,
            },
            (Action::Expect, _) => Change::Expect {
                resource_type,
                id,
                expected: self.expected,
            },
            (Action::Publish, _) => Change::Publish {
                event: Arc::new(self.event.clone()),
                when: self.when,
            },
            (Action::Forget, _) => Change::Forget { resource_type, id },
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
