//! The database as a transaction knows it, and as it is about to leave it.
//!
//! All that a group of commits may touch is read under locks in one round trip. The changes are then made here, one after
//! the other, and what has changed in the end is written in a second round trip. So a commit costs the same number of round
//! trips whatever its changes, and what is skipped or refused is taken back without the database.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::Hash,
    sync::Arc,
};

use keyfob_core::{ResourceId, Version};
use keyfob_store::Labels;
use smol_str::SmolStr;

use super::content::{Document, Entry, Reserved, State};

/// A resource, but for its relations, keys and entries.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) kind: SmolStr,
    pub(super) hidden: bool,
    pub(super) version: Version,
    /// Milliseconds since the start of 1970.
    pub(super) created: i64,
    pub(super) modified: i64,
    pub(super) labels: Labels,
    /// The document and the state, where they are new.
    pub(super) document: Option<Arc<Document>>,
    pub(super) state: Option<State>,
}

/// An edge: owner, attribute, member.
pub(super) type Edge = (ResourceId, SmolStr, ResourceId);

/// The change of an edge.
pub(super) enum Put {
    /// It was put in with this display.
    In(Option<SmolStr>),
    /// It was taken out.
    Out,
}

/// A unique key with the resource type that it belongs to.
pub(super) type Key = (SmolStr, Reserved);

/// The state that was read.
#[derive(Default)]
pub(super) struct Base {
    pub(super) rows: HashMap<ResourceId, Row>,
    /// The last versions of resources that are gone.
    pub(super) last_versions: HashMap<ResourceId, Version>,
    pub(super) holders: HashMap<Key, ResourceId>,
    pub(super) reserved: HashMap<ResourceId, BTreeSet<Reserved>>,
    pub(super) entries: HashMap<ResourceId, BTreeSet<Entry>>,
    pub(super) edges: HashSet<Edge>,
    /// The members of relations that are cleared.
    pub(super) members: HashMap<(ResourceId, SmolStr), Vec<ResourceId>>,
    /// Which members of edges are hidden, of resources that are in no row.
    pub(super) hidden: HashMap<ResourceId, bool>,
    /// The edges that lead to resources that go, hide or come back.
    pub(super) owners: HashMap<ResourceId, Vec<(ResourceId, SmolStr)>>,
    /// The stamp of the transaction: microseconds of the database's clock, later than that of whatever it saw.
    pub(super) stamp: i64,
}

/// A map whose changes can be taken back.
pub(super) struct Journal<K, V> {
    map: HashMap<K, V>,
    log: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Journal<K, V> {
    fn default() -> Self {
        Self {
            map: HashMap::new(),
            log: Vec::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Journal<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    fn set(&mut self, key: K, value: V) {
        let before = self.map.insert(key.clone(), value);
        self.log.push((key, before));
    }

    fn roll_back(&mut self, mark: usize) {
        while self.log.len() > mark
            && let Some((key, before)) = self.log.pop()
        {
            match before {
                Some(before) => self.map.insert(key, before),
                None => self.map.remove(&key),
            };
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.map.iter()
    }
}

/// A state to go back to.
#[derive(Clone, Copy)]
pub(super) struct Mark([usize; 6]);

/// The state after the changes that were made so far.
pub(super) struct World {
    pub(super) base: Base,
    pub(super) rows: Journal<ResourceId, Option<Row>>,
    pub(super) last_versions: Journal<ResourceId, Version>,
    pub(super) holders: Journal<Key, Option<ResourceId>>,
    reserved: Journal<ResourceId, BTreeSet<Reserved>>,
    /// The changes of edges, with their times.
    pub(super) edges: Journal<Edge, (u64, Put)>,
    /// The times at which resources went, with all edges from them and to them.
    wiped: Journal<ResourceId, u64>,
    /// The resources that may own an edge to a resource that was put in.
    new_owners: HashMap<ResourceId, BTreeSet<(ResourceId, SmolStr)>>,
    tick: u64,
}

impl World {
    pub(super) fn new(base: Base) -> Self {
        Self {
            base,
            rows: Journal::default(),
            last_versions: Journal::default(),
            holders: Journal::default(),
            reserved: Journal::default(),
            edges: Journal::default(),
            wiped: Journal::default(),
            new_owners: HashMap::new(),
            tick: 0,
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark([
            self.rows.log.len(),
            self.last_versions.log.len(),
            self.holders.log.len(),
            self.reserved.log.len(),
            self.edges.log.len(),
            self.wiped.log.len(),
        ])
    }

    /// Takes back all changes after a mark.
    pub(super) fn roll_back(&mut self, mark: Mark) {
        let Mark([rows, last_versions, holders, reserved, edges, wiped]) = mark;
        self.rows.roll_back(rows);
        self.last_versions.roll_back(last_versions);
        self.holders.roll_back(holders);
        self.reserved.roll_back(reserved);
        self.edges.roll_back(edges);
        self.wiped.roll_back(wiped);
    }

    pub(super) fn row(&self, id: &ResourceId) -> Option<&Row> {
        match self.rows.get(id) {
            Some(row) => row.as_ref(),
            None => self.base.rows.get(id),
        }
    }

    pub(super) fn set_row(&mut self, id: &ResourceId, row: Row) {
        self.rows.set(id.clone(), Some(row));
    }

    /// The version in which the last resource of an id went.
    pub(super) fn last_version(&self, id: &ResourceId) -> Option<Version> {
        let last = self
            .last_versions
            .get(id)
            .or_else(|| self.base.last_versions.get(id));
        last.copied()
    }

    pub(super) fn is_hidden(&self, id: &ResourceId) -> bool {
        match self.row(id) {
            Some(row) => row.hidden,
            None => self.base.hidden.get(id).copied().unwrap_or_default(),
        }
    }

    /// Leaves exactly these keys to a resource. Returns the attribute of the first that another resource has.
    pub(super) fn reserve(
        &mut self,
        id: &ResourceId,
        kind: &SmolStr,
        wanted: &BTreeSet<Reserved>,
    ) -> Result<(), SmolStr> {
        let present = self.reserved.get(id).or_else(|| self.base.reserved.get(id));
        let present = present.cloned().unwrap_or_default();
        for key in present.difference(wanted) {
            self.holders.set((kind.clone(), key.clone()), None);
        }
        for key in wanted.difference(&present) {
            let key = (kind.clone(), key.clone());
            let holder = match self.holders.get(&key) {
                Some(holder) => holder.as_ref(),
                None => self.base.holders.get(&key),
            };
            if holder.is_some() {
                let (_, (attribute, _)) = key;
                return Err(attribute);
            }
            self.holders.set(key, Some(id.clone()));
        }
        self.reserved.set(id.clone(), wanted.clone());
        Ok(())
    }

    /// When a resource at either end of an edge went the last time; 0 if neither did.
    fn wiped_at(&self, (owner, _, member): &Edge) -> u64 {
        let at = |id| self.wiped.get(id).copied().unwrap_or_default();
        at(owner).max(at(member))
    }

    pub(super) fn has_edge(&self, edge: &Edge) -> bool {
        let wiped_at = self.wiped_at(edge);
        match self.edges.get(edge) {
            Some((tick, put)) if *tick > wiped_at => matches!(put, Put::In(_)),
            _ => wiped_at == 0 && self.base.edges.contains(edge),
        }
    }

    /// Whether an edge leads to a resource of its owner's type.
    pub(super) fn nests(&self, (owner, _, member): &Edge) -> bool {
        let kind = |id| self.row(id).map(|row| &row.kind);
        kind(owner).is_some_and(|owner| kind(member) == Some(owner))
    }

    /// Whether the edge is in the database once the edges of resources that went are removed.
    pub(super) fn is_stored(&self, edge: &Edge) -> bool {
        self.wiped_at(edge) == 0 && self.base.edges.contains(edge)
    }

    /// Puts an edge in. Returns false if it is there.
    pub(super) fn add_edge(&mut self, edge: Edge, display: Option<SmolStr>) -> bool {
        if self.has_edge(&edge) {
            return false;
        }
        let (owner, attribute, member) = &edge;
        let owners = self.new_owners.entry(member.clone()).or_default();
        owners.insert((owner.clone(), attribute.clone()));
        self.tick += 1;
        self.edges.set(edge, (self.tick, Put::In(display)));
        true
    }

    /// Takes an edge out. Returns false if it isn't there.
    pub(super) fn remove_edge(&mut self, edge: Edge) -> bool {
        if !self.has_edge(&edge) {
            return false;
        }
        self.tick += 1;
        self.edges.set(edge, (self.tick, Put::Out));
        true
    }

    /// The members of a relation that is cleared, each once.
    pub(super) fn members(&self, owner: &ResourceId, attribute: &SmolStr) -> Vec<ResourceId> {
        let of = (owner.clone(), attribute.clone());
        let stored = self.base.members.get(&of).into_iter().flatten();
        let new = self
            .edges
            .iter()
            .filter(|((of, name, _), _)| of == owner && name == attribute)
            .map(|((_, _, member), _)| member);
        let members: BTreeSet<&ResourceId> = stored.chain(new).collect();
        let edge = |member: &ResourceId| (owner.clone(), attribute.clone(), member.clone());
        let members = members.into_iter().filter(|member| self.has_edge(&edge(member)));
        members.cloned().collect()
    }

    /// The owners of edges to a resource, each once.
    pub(super) fn owners(&self, member: &ResourceId) -> BTreeSet<ResourceId> {
        let stored = self.base.owners.get(member).into_iter().flatten();
        let new = self.new_owners.get(member).into_iter().flatten();
        let owners = stored.chain(new).filter(|(owner, attribute)| {
            let edge = (owner.clone(), attribute.clone(), member.clone());
            self.has_edge(&edge)
        });
        owners.map(|(owner, _)| owner.clone()).collect()
    }

    /// Removes a resource with the keys that it reserves and all of its edges.
    pub(super) fn wipe(&mut self, id: &ResourceId, row: &Row) {
        // Nobody else has what it frees.
        self.reserve(id, &row.kind, &BTreeSet::new()).ok();
        self.rows.set(id.clone(), None);
        self.last_versions.set(id.clone(), row.version);
        self.tick += 1;
        self.wiped.set(id.clone(), self.tick);
    }

    pub(super) fn is_wiped(&self, id: &ResourceId) -> bool {
        self.wiped.get(id).is_some()
    }

    pub(super) fn wiped(&self) -> impl Iterator<Item = &ResourceId> {
        self.wiped.iter().map(|(id, _)| id)
    }
}
