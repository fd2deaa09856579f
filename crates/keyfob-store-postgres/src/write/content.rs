//! A commit with all that can be worked out of it before it takes a connection.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use keyfob_core::{Resource, ResourceType};
use keyfob_store::{Commit, Labels, UniqueKey, kit};
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
        let kit::Prepared { commit, contents } = kit::Prepared::new(commit);
        Self {
            commit,
            contents: contents.into_iter().map(Content::from).collect(),
        }
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
        let indexed = stored(kit::IndexEntry::of(resource_type, document));
        Self::of_indexed(&indexed, hidden, created)
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

/// Entries as they stand in the index: by attribute and key, whether resources are sorted by them.
fn stored(entries: Vec<kit::IndexEntry>) -> BTreeMap<(SmolStr, String), bool> {
    let entries = entries.into_iter().map(|entry| {
        let key = index_key(entry.key.as_str()).into_owned();
        ((entry.attribute, key), entry.sorts)
    });
    entries.collect()
}

impl From<kit::Content> for Content {
    fn from(content: kit::Content) -> Self {
        Self {
            document: content.document.map(|document| Arc::new(document.into())),
            state: content.state.map(|json| json.map(|json| text(json).into())),
            unique: content.unique.map(|unique| reserved(&unique)),
            may_be_skipped: content.may_be_skipped,
        }
    }
}

impl From<kit::Document> for Document {
    fn from(document: kit::Document) -> Self {
        Self {
            generation: generation(&document.resource_type),
            json: text(document.json),
            display_name: document.display_name,
            labels: document.labels,
            indexed: stored(document.entries),
        }
    }
}

pub(super) fn reserved(unique: &[UniqueKey]) -> BTreeSet<Reserved> {
    let keys = unique.iter().map(|key| {
        let value = index_key(key.value.as_str()).into_owned();
        (key.attribute.clone(), value)
    });
    keys.collect()
}

/// JSON as a text. It holds no control character, so that it needs no escaping.
pub(super) fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
