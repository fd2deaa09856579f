//! A commit with all that can be worked out of it before it goes to the writer's thread.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use keyfob_core::{Object, Resource, ResourceType, json, schema::RelationKind};
use keyfob_store::{Change, Commit, Labels, OnRefusal, UniqueKey, kit};
use smol_str::SmolStr;

use super::entry::Entry;

/// A commit that is ready to be applied.
pub(crate) struct Prepared {
    pub(super) commit: Arc<Commit>,
    /// What the changes write, one for each.
    pub(super) contents: Vec<Content>,
}

impl Prepared {
    pub(crate) fn new(commit: &Arc<Commit>) -> Self {
        Self {
            commit: Arc::clone(commit),
            contents: commit.changes.iter().map(Content::new).collect(),
        }
    }

    /// Returns true if the commit waited for longer than it may.
    pub(crate) fn is_late(&self) -> bool {
        let deadline = self.commit.deadline;
        deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Returns true if the commit removes what may be personal.
    pub(crate) fn erases(&self) -> bool {
        let erases = |change: &Change| matches!(change, Change::Delete { .. } | Change::Forget { .. });
        self.commit.changes.iter().any(erases)
    }
}

/// What a change writes.
#[derive(Default)]
pub(super) struct Content {
    pub(super) document: Option<Document>,
    pub(super) state: Option<State>,
    pub(super) unique: Option<BTreeSet<Entry>>,
    /// Whether the commit may go on without the change.
    pub(super) may_be_skipped: bool,
}

/// What follows from a document.
pub(super) struct Document {
    pub(super) json: Vec<u8>,
    /// Of resources that own a relation.
    pub(super) display_name: Option<SmolStr>,
    pub(super) labels: Labels,
    pub(super) indexed: BTreeSet<Entry>,
}

/// State as JSON, unless there is none.
pub(super) struct State(pub(super) Option<Vec<u8>>);

impl Content {
    fn new(change: &Change) -> Self {
        let content = match change {
            Change::Create {
                resource_type,
                document,
                state,
                unique,
                ..
            } => Self {
                document: Some(Document::new(resource_type, document)),
                state: Some(State::new(state)),
                unique: Some(entries(unique)),
                may_be_skipped: false,
            },
            Change::Update {
                resource_type,
                document,
                state,
                unique,
                ..
            } => Self {
                document: document
                    .as_ref()
                    .map(|document| Document::new(resource_type, document)),
                state: state.as_ref().map(|state| State::new(state)),
                unique: unique.as_ref().map(|unique| entries(unique)),
                may_be_skipped: false,
            },
            Change::Delete { .. }
            | Change::Expect { .. }
            | Change::Publish { .. }
            | Change::Forget { .. } => Self::default(),
        };
        Self {
            may_be_skipped: change.on_refusal() != OnRefusal::Fail,
            ..content
        }
    }
}

impl Document {
    fn new(resource_type: &ResourceType, document: &Resource) -> Self {
        let owns = resource_type
            .relations()
            .iter()
            .any(|relation| relation.kind == RelationKind::Owned);
        let display_name = document.core().get_str("displayName").filter(|_| owns);
        Self {
            json: encode(document),
            display_name: display_name.map(SmolStr::new),
            labels: kit::labels(document),
            indexed: Entry::of_document(resource_type, document),
        }
    }
}

impl State {
    fn new(state: &Object) -> Self {
        Self((!state.is_empty()).then(|| json::object_to_vec(state)))
    }
}

fn entries(unique: &[UniqueKey]) -> BTreeSet<Entry> {
    unique.iter().map(Entry::of_key).collect()
}

/// The document without what is kept elsewhere.
fn encode(document: &Resource) -> Vec<u8> {
    let mut bare = Resource::new(document.schemas().iter().cloned());
    bare.core_mut().clone_from(document.core());
    bare.core_mut()
        .retain(|name, _| !name.is("id") && !name.is("meta"));
    bare.extensions_mut().extend_from_slice(document.extensions());
    bare.to_json()
}
