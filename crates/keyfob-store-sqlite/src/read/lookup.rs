//! Finding resources by their values without reading them.

use std::collections::BTreeSet;

use keyfob_core::{AttrPath, ResourceType, schema::RelationKind};
use keyfob_filter::{Condition, Predicate};
use keyfob_store::{UniqueKey, Visibility};
use rusqlite::{Row, params};
use smol_str::SmolStr;

use super::{Kind, Snapshot, decode, relation};

/// A resource that was found, ordered as resources are: by creation and then by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) created: i64,
    pub(super) id: SmolStr,
    pub(super) resource: i64,
}

impl Entry {
    fn from_row(tenant: &Snapshot<'_>, row: &Row<'_>) -> rusqlite::Result<Self> {
        tenant.step()?;
        Ok(Self {
            resource: row.get(0)?,
            created: row.get(1)?,
            id: decode::text(row, 2)?,
        })
    }
}

/// What the indexes know of a filter.
pub(super) struct Found {
    /// The resources that may match, in the order in which they were created.
    pub(super) resources: BTreeSet<Entry>,
    /// Whether all of them do.
    pub(super) is_exact: bool,
}

const RESERVED: &str = "SELECT resource, created, id FROM unique_keys CROSS JOIN resources USING (resource)
    WHERE unique_keys.kind = ?1 AND attribute = (SELECT attribute FROM attributes WHERE path = ?2) AND value = ?3
        AND hidden = ?4";

/// Finds the resource that reserves a key.
pub(super) fn reserved(
    tenant: &Snapshot<'_>,
    kind: &Kind,
    visibility: Visibility,
    key: &UniqueKey,
) -> rusqlite::Result<BTreeSet<Entry>> {
    tenant
        .connection
        .prepare_cached(RESERVED)?
        .query_map(
            params![
                kind.number,
                key.attribute.as_str(),
                key.value.as_str(),
                visibility == Visibility::Hidden
            ],
            |row| Entry::from_row(tenant, row),
        )?
        .collect()
}

/// Finds the resources that may match a filter, if an index is of any help.
///
/// The most selective of the filter's look-ups finds them; each of the others is then asked of what was found.
pub(super) fn find(
    tenant: &Snapshot<'_>,
    kind: &Kind,
    (resource_type, visibility): (&ResourceType, Visibility),
    filter: &Predicate,
) -> rusqlite::Result<Option<Found>> {
    let mut lookups: Vec<_> = filter
        .lookups()
        .map(|lookup| Lookup::new(kind, (resource_type, visibility), &lookup))
        .collect();
    let is_exact = is_conjunction_of_lookups(filter) && lookups.iter().all(Option::is_some);
    lookups.sort_by_key(|lookup| lookup.as_ref().map(|lookup| lookup.index));
    let mut lookups = lookups.into_iter().flatten();
    let Some(first) = lookups.next() else {
        return Ok(None);
    };
    let mut resources = first.find(tenant, kind)?;
    for lookup in lookups {
        let mut kept = BTreeSet::new();
        for entry in resources {
            if lookup.finds(tenant, kind, entry.resource)? {
                kept.insert(entry);
            }
        }
        resources = kept;
    }
    Ok(Some(Found { resources, is_exact }))
}

/// Whether the filter says nothing but what its look-ups say.
fn is_conjunction_of_lookups(filter: &Predicate) -> bool {
    let is_single = |condition: &Condition| matches!(condition, Condition::Comparison(_) | Condition::Or(_));
    let conjuncts = filter.conjuncts();
    // Each of these forms is at most one look-up; as many look-ups as conjuncts means that each is one.
    let all_single = conjuncts.iter().all(|conjunct| match conjunct {
        Condition::Element(_, condition) => is_single(condition),
        other => is_single(other),
    });
    all_single && filter.lookups().count() == conjuncts.len()
}

/// A look-up that an index answers.
struct Lookup {
    index: Index,
    /// The attribute's path, as the table of attributes has it.
    path: String,
    /// The resource type at the other end of an inverse relation.
    owner_type: SmolStr,
    keys: Vec<SmolStr>,
    /// Which resources are looked for.
    visibility: Visibility,
}

/// The indexes, those first that find the fewest resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Index {
    Id,
    Values,
    /// Resources that own an edge to the one with the id.
    Owners,
    /// Resources to which the one with the id owns an edge.
    Members,
}

impl Lookup {
    fn new(
        kind: &Kind,
        (resource_type, visibility): (&ResourceType, Visibility),
        lookup: &keyfob_filter::Lookup<'_>,
    ) -> Option<Self> {
        let place = lookup.place();
        let path = AttrPath::new(
            place.extension().cloned(),
            place.attribute().clone(),
            place.sub().cloned(),
        );
        let of = |index, path, owner_type| Self {
            index,
            path,
            owner_type,
            keys: lookup.keys().map(|key| key.clone().into()).collect(),
            visibility,
        };
        if place.is_relation() {
            let (index, path, owner_type) = relation_index(resource_type, &path)?;
            return lookup.ids().map(|_| of(index, path, owner_type));
        }
        let indexed = resource_type.index().attribute(&path);
        let is_indexed = indexed.is_some_and(|indexed| indexed.collation() == lookup.collation());
        let path = path.to_string().to_ascii_lowercase();
        if path == "id" {
            return lookup.ids().map(|_| of(Index::Id, path, SmolStr::default()));
        }
        (is_indexed && kind.is_indexed_as(resource_type)).then(|| of(Index::Values, path, SmolStr::default()))
    }

    fn find(&self, tenant: &Snapshot<'_>, kind: &Kind) -> rusqlite::Result<BTreeSet<Entry>> {
        let mut statement = tenant.connection.prepare_cached(self.index.select())?;
        let mut resources = BTreeSet::new();
        for key in &self.keys {
            let mut rows = statement.query(params![
                kind.tenant,
                kind.number,
                self.path.as_str(),
                self.owner_type.as_str(),
                key.as_str(),
                self.visibility == Visibility::Hidden,
            ])?;
            while let Some(row) = rows.next()? {
                resources.insert(Entry::from_row(tenant, row)?);
            }
        }
        Ok(resources)
    }

    /// Whether the resource is among those that the look-up finds.
    fn finds(&self, tenant: &Snapshot<'_>, kind: &Kind, resource: i64) -> rusqlite::Result<bool> {
        let mut statement = tenant.connection.prepare_cached(self.index.probe())?;
        for key in &self.keys {
            tenant.step()?;
            let found = statement.exists(params![
                kind.tenant,
                kind.number,
                self.path.as_str(),
                self.owner_type.as_str(),
                key.as_str(),
                self.visibility == Visibility::Hidden,
                resource,
            ])?;
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Which end of a relation is looked up by the id at the other, with the relation's path and its owner's type.
fn relation_index(resource_type: &ResourceType, path: &AttrPath) -> Option<(Index, String, SmolStr)> {
    let relation = resource_type.relation(path.name().as_str())?;
    if !path.sub()?.is("value") {
        return None;
    }
    match &relation.kind {
        RelationKind::Owned => Some((
            Index::Owners,
            relation::path(path.name().as_str()),
            resource_type.name().clone(),
        )),
        RelationKind::InverseOf {
            resource_type,
            attribute,
        } => Some((
            Index::Members,
            relation::path(attribute.as_str()),
            resource_type.clone(),
        )),
        _ => None,
    }
}

/// A statement that finds all resources of a kind by a key, and one that asks it of a single resource. The parameters
/// are the same for all: tenant, kind, path, type of the owner, key, whether hidden resources are looked for, and the
/// single resource. What is at the other end of a relation is always live.
macro_rules! statements {
    ($from:literal) => {
        [
            concat!("SELECT resource, created, id ", $from),
            concat!("SELECT 1 ", $from, " AND resource = ?7"),
        ]
    };
}

impl Index {
    fn select(self) -> &'static str {
        let [select, _] = self.statements();
        select
    }

    fn probe(self) -> &'static str {
        let [_, probe] = self.statements();
        probe
    }

    fn statements(self) -> [&'static str; 2] {
        match self {
            Self::Id => {
                statements!("FROM resources WHERE tenant = ?1 AND id = ?5 AND kind = ?2 AND hidden = ?6")
            }
            Self::Values => statements!(
                "FROM indexed CROSS JOIN resources USING (resource)
                 WHERE indexed.kind = ?2 AND attribute = (SELECT attribute FROM attributes WHERE path = ?3)
                     AND value = ?5 AND hidden = ?6"
            ),
            Self::Owners => statements!(
                "FROM edges CROSS JOIN resources ON resource = owner
                 WHERE member = (SELECT resource FROM resources WHERE tenant = ?1 AND id = ?5 AND NOT hidden)
                     AND attribute = (SELECT attribute FROM attributes WHERE path = ?3) AND kind = ?2
                     AND hidden = ?6"
            ),
            Self::Members => statements!(
                "FROM edges CROSS JOIN resources ON resource = member
                 WHERE owner = (
                         SELECT resource FROM resources JOIN kinds USING (kind)
                         WHERE resources.tenant = ?1 AND id = ?5 AND name = ?4 AND NOT resources.hidden
                     )
                     AND attribute = (SELECT attribute FROM attributes WHERE path = ?3) AND kind = ?2
                     AND hidden = ?6"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::tests::plan;

    #[test]
    fn every_look_up_searches_an_index() {
        for index in [Index::Id, Index::Values, Index::Owners, Index::Members] {
            for sql in index.statements() {
                let plan = plan(sql);
                assert!(
                    plan.iter().all(|line| line.starts_with("SEARCH")),
                    "{index:?}: {plan:#?}"
                );
            }
        }
        let reserved = plan(RESERVED);
        assert_eq!(
            reserved[0],
            "SEARCH unique_keys USING PRIMARY KEY (kind=? AND attribute=? AND value=?)"
        );
        let values = plan(Index::Values.select());
        assert_eq!(
            values[0],
            "SEARCH indexed USING PRIMARY KEY (kind=? AND attribute=? AND value=?)"
        );
        let owners = plan(Index::Owners.select());
        assert_eq!(
            owners[0],
            "SEARCH edges USING COVERING INDEX edges_by_member (member=? AND attribute=?)"
        );
    }
}
