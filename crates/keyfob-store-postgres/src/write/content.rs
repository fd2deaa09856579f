//! A commit with all that can be worked out of it before it takes a connection.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use keyfob_core::{Object, Resource, ResourceType, json, schema::RelationKind};
use keyfob_store::{Change, Commit, Labels, OnRefusal, UniqueKey, kit};
use smol_str::SmolStr;

use crate::{read::generation, sql::index_key};

/// A commit that is ready to be applied.
pub(crate) struct Prepared {
    pub(super) commit: Arc<Commit>,
    /// The contents that the changes write, one for each.
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
}

/// The content that a change writes.
#[derive(Default)]
pub(super) struct Content {
    pub(super) document: Option<Arc<Document>>,
    pub(super) state: Option<State>,
    pub(super) unique: Option<BTreeSet<Reserved>>,
    /// Whether the commit may go on without the change.
    pub(super) may_be_skipped: bool,
}

/// A document with all that follows from it.
pub(super) struct Document {
    pub(super) json: String,
    /// Of resources that own a relation.
    pub(super) display_name: Option<SmolStr>,
    pub(super) labels: Labels,
    /// Attribute and key of each entry in the index, and whether resources are sorted by it.
    pub(super) indexed: BTreeMap<(SmolStr, String), bool>,
    pub(super) generation: i64,
}

/// State as JSON, unless there is none.
pub(super) type State = Option<Arc<str>>;

/// A unique key as its table has it: attribute and key.
pub(super) type Reserved = (SmolStr, String);

/// An entry of the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// The attribute's path in lower case.
    pub(crate) attribute: SmolStr,
    pub(crate) hidden: bool,
    /// The key as it is stored.
    pub(crate) key: String,
    pub(crate) created: i64,
    /// Whether resources are sorted by it. One that has several values where it should have one is sorted by the first.
    pub(crate) sorts: bool,
}

impl Entry {
    /// The entries of a document.
    pub(crate) fn of_document(
        resource_type: &ResourceType,
        document: &Resource,
        hidden: bool,
        created: i64,
    ) -> BTreeSet<Self> {
        Self::of_indexed(&indexed(resource_type, document), hidden, created)
    }

    pub(super) fn of_indexed(
        indexed: &BTreeMap<(SmolStr, String), bool>,
        hidden: bool,
        created: i64,
    ) -> BTreeSet<Self> {
        let entries = indexed.iter().map(|((attribute, key), sorts)| Self {
            attribute: attribute.clone(),
            hidden,
            key: key.clone(),
            created,
            sorts: *sorts,
        });
        entries.collect()
    }
}

/// Everything by which a document is found.
fn indexed(resource_type: &ResourceType, document: &Resource) -> BTreeMap<(SmolStr, String), bool> {
    let mut entries = BTreeMap::new();
    for indexed in resource_type.index().attributes() {
        for (place, key) in indexed.keys(document).enumerate() {
            let sorts = place == 0 || !indexed.is_singular();
            let entry = (indexed.key().clone(), index_key(key.as_str()).into_owned());
            entries.entry(entry).or_insert(sorts);
        }
    }
    entries
}

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
                state: Some(encode_state(state)),
                unique: Some(reserved(unique)),
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
                state: state.as_ref().map(|state| encode_state(state)),
                unique: unique.as_ref().map(|unique| reserved(unique)),
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
    fn new(resource_type: &ResourceType, document: &Resource) -> Arc<Self> {
        let owns = resource_type
            .relations()
            .iter()
            .any(|relation| relation.kind == RelationKind::Owned);
        let display_name = document.core().get_str("displayName").filter(|_| owns);
        Arc::new(Self {
            json: encode(document),
            display_name: display_name.map(SmolStr::new),
            labels: kit::labels(document),
            indexed: indexed(resource_type, document),
            generation: generation(resource_type),
        })
    }
}

fn encode_state(state: &Object) -> State {
    (!state.is_empty()).then(|| text(json::object_to_vec(state)).into())
}

pub(super) fn reserved(unique: &[UniqueKey]) -> BTreeSet<Reserved> {
    let keys = unique.iter().map(|key| {
        let value = index_key(key.value.as_str()).into_owned();
        (key.attribute.clone(), value)
    });
    keys.collect()
}

/// The document without what is kept elsewhere.
fn encode(document: &Resource) -> String {
    let mut bare = Resource::new(document.schemas().iter().cloned());
    bare.core_mut().clone_from(document.core());
    bare.core_mut()
        .retain(|name, _| !name.is("id") && !name.is("meta"));
    bare.extensions_mut().extend_from_slice(document.extensions());
    text(bare.to_json())
}

/// JSON as a text. It holds no control character, so that it needs no escaping.
pub(super) fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
