//! A commit with all that can be worked out of it before a store takes its turn.

use std::sync::Arc;

use keyfob_core::{Object, Resource, ResourceType, json, schema::RelationKind};
use smol_str::SmolStr;

use crate::{
    Change, Commit, Labels, OnRefusal, UniqueKey,
    kit::{self, IndexEntry},
};

/// A commit that is ready to be applied: what its changes write follows from them alone, so that it is encoded before the
/// store's writer or its connection is asked for.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a store must write every part")]
pub struct Prepared {
    /// The commit.
    pub commit: Arc<Commit>,
    /// The contents that the changes write, one for each.
    pub contents: Vec<Content>,
}

/// The content that a change writes.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a store must write every part")]
pub struct Content {
    /// The new document.
    pub document: Option<Document>,
    /// The new state, as JSON: none within where there is no state any more.
    pub state: Option<Option<Vec<u8>>>,
    /// The unique keys that the resource reserves from then on.
    pub unique: Option<Vec<UniqueKey>>,
    /// True if the commit may go on without the change.
    pub may_be_skipped: bool,
}

/// A document with all that follows from it.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a store must write every part")]
pub struct Document {
    /// The type of the resource.
    pub resource_type: ResourceType,
    /// The document as JSON, without what stores keep elsewhere: id, metadata and relations.
    pub json: Vec<u8>,
    /// The name that inverse relations show of the resource; none where it owns no relation.
    pub display_name: Option<SmolStr>,
    /// The names by which events call the resource.
    pub labels: Labels,
    /// The entries in the index.
    pub entries: Vec<IndexEntry>,
}

impl Prepared {
    /// Works out what the changes of a commit write.
    ///
    /// # Complexity
    /// Linear in the documents.
    #[must_use]
    pub fn new(commit: &Arc<Commit>) -> Self {
        Self {
            commit: Arc::clone(commit),
            contents: commit.changes.iter().map(Content::of).collect(),
        }
    }

    /// Returns true if the commit removes what may be personal.
    #[must_use]
    pub fn erases(&self) -> bool {
        let erases = |change: &Change| matches!(change, Change::Delete { .. } | Change::Forget { .. });
        self.commit.changes.iter().any(erases)
    }
}

impl Content {
    fn of(change: &Change) -> Self {
        let content = match change {
            Change::Create {
                resource_type,
                document,
                state,
                unique,
                ..
            } => Self {
                document: Some(Document::of(resource_type, document)),
                state: Some(encode_state(state)),
                unique: Some(unique.clone()),
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
                    .map(|document| Document::of(resource_type, document)),
                state: state.as_ref().map(|state| encode_state(state)),
                unique: unique.clone(),
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
    fn of(resource_type: &ResourceType, document: &Resource) -> Self {
        let mut relations = resource_type.relations().iter();
        let owns = relations.any(|relation| relation.kind == RelationKind::Owned);
        let display_name = document.core().get_str("displayName").filter(|_| owns);
        Self {
            resource_type: resource_type.clone(),
            json: document.to_document_json(),
            display_name: display_name.map(SmolStr::new),
            labels: kit::labels(document),
            entries: IndexEntry::of(resource_type, document),
        }
    }
}

fn encode_state(state: &Object) -> Option<Vec<u8>> {
    (!state.is_empty()).then(|| json::object_to_vec(state))
}
