//! Look-ups by which indexes answer a filter.

use keyfob_core::{AttrPath, ResourceType, schema::RelationKind};
use keyfob_filter::{Condition, Predicate};
use smol_str::SmolStr;

use super::relation::path;
use crate::sql::Param;

/// A statement that is put together, with the values that it is given.
#[derive(Clone, Default)]
pub(super) struct Sql<'p> {
    pub(super) text: String,
    pub(super) params: Vec<Param<'p>>,
}

impl<'p> Sql<'p> {
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Puts in a value.
    pub(super) fn bind(&mut self, param: Param<'p>) -> &mut Self {
        self.params.push(param);
        let place = self.params.len().to_string();
        self.push("$").push(&place)
    }
}

/// The look-ups of a filter of which an index answers each, those first that find the fewest resources.
pub(super) struct Lookups {
    lookups: Vec<Lookup>,
    /// Whether they say all that the filter says.
    pub(super) is_exact: bool,
}

/// A filter may have a thousand terms. So many look-ups are handed to the database, which keeps a statement for each shape.
const MAX_LOOKUPS: usize = 4;

impl Lookups {
    /// The look-ups of a filter. Those that need the index of values are left out where that isn't current.
    pub(super) fn of(filter: &Predicate, resource_type: &ResourceType, is_current: bool) -> Self {
        let all: Vec<_> = filter
            .lookups()
            .map(|lookup| Lookup::new(resource_type, is_current, &lookup))
            .collect();
        let mut is_exact = is_conjunction_of_lookups(filter) && all.iter().all(Option::is_some);
        let mut lookups: Vec<_> = all.into_iter().flatten().collect();
        lookups.sort_by_key(|lookup| lookup.index);
        is_exact &= lookups.len() <= MAX_LOOKUPS;
        lookups.truncate(MAX_LOOKUPS);
        Self { lookups, is_exact }
    }

    /// Of a query without a filter.
    pub(super) fn none() -> Self {
        Self {
            lookups: Vec::new(),
            is_exact: true,
        }
    }

    /// Whether an index of values is asked.
    pub(super) fn need_values(&self) -> bool {
        self.lookups.iter().any(|lookup| lookup.index == Index::Values)
    }

    /// Adds the conditions on a resource `r`, of which tenant, type and visibility are the values 1 to 3.
    pub(super) fn add_to<'p>(&'p self, sql: &mut Sql<'p>) {
        for lookup in &self.lookups {
            lookup.add_to(sql);
        }
    }
}

/// Returns true if the filter says nothing but what its look-ups say.
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
    /// The attribute's path, as entries and edges have it.
    path: String,
    /// The resource type at the other end of an inverse relation.
    owner_type: SmolStr,
    keys: Vec<SmolStr>,
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
        resource_type: &ResourceType,
        is_current: bool,
        lookup: &keyfob_filter::Lookup<'_>,
    ) -> Option<Self> {
        let place = lookup.place();
        let attribute = AttrPath::new(
            place.extension().cloned(),
            place.attribute().clone(),
            place.sub().cloned(),
        );
        let ids = || {
            let ids = lookup.ids()?.into_iter();
            Some(ids.map(|id| id.as_str().into()).collect())
        };
        if place.is_relation() {
            let (index, path, owner_type) = relation_index(resource_type, &attribute)?;
            return Some(Self {
                index,
                path,
                owner_type,
                keys: ids()?,
            });
        }
        let path = attribute.to_string().to_ascii_lowercase();
        if path == "id" {
            return Some(Self {
                index: Index::Id,
                path,
                owner_type: SmolStr::default(),
                keys: ids()?,
            });
        }
        let indexed = resource_type.index().attribute(&attribute)?;
        (is_current && indexed.collation() == lookup.collation()).then(|| Self {
            index: Index::Values,
            path,
            owner_type: SmolStr::default(),
            keys: lookup.keys().map(|key| key.clone().into()).collect(),
        })
    }

    fn add_to<'p>(&'p self, sql: &mut Sql<'p>) {
        let ids = || Param::texts(self.keys.iter().map(SmolStr::as_str));
        let path = Param::text(&self.path);
        match self.index {
            Index::Id => sql.push(" AND r.id = ANY(").bind(ids()).push(")"),
            Index::Values => sql
                .push(
                    " AND r.id IN (SELECT e.id FROM @entries e
                        WHERE e.tenant = $1 AND e.kind = $2 AND e.hidden = $3 AND e.attribute = ",
                )
                .bind(path)
                .push(" AND e.key = ANY(")
                .bind(Param::keys(self.keys.iter().map(SmolStr::as_str)))
                .push("))"),
            // What is at the other end of a relation is always live.
            Index::Owners => sql
                .push(
                    " AND r.id IN (SELECT e.owner FROM @edges e
                        JOIN @resources m ON m.tenant = e.tenant AND m.id = e.member
                        WHERE e.tenant = $1 AND NOT m.hidden AND e.attribute = ",
                )
                .bind(path)
                .push(" AND e.member = ANY(")
                .bind(ids())
                .push("))"),
            Index::Members => sql
                .push(
                    " AND r.id IN (SELECT e.member FROM @edges e
                        JOIN @resources o ON o.tenant = e.tenant AND o.id = e.owner
                        WHERE e.tenant = $1 AND NOT o.hidden AND o.kind = ",
                )
                .bind(Param::text(&self.owner_type))
                .push(" AND e.attribute = ")
                .bind(path)
                .push(" AND e.owner = ANY(")
                .bind(ids())
                .push("))"),
        };
    }
}

/// The end of a relation that is looked up by the id at the other, with the relation's path and its owner's type.
fn relation_index(resource_type: &ResourceType, attribute: &AttrPath) -> Option<(Index, String, SmolStr)> {
    let relation = resource_type.relation(attribute.name().as_str())?;
    if !attribute.sub()?.is("value") {
        return None;
    }
    match &relation.kind {
        RelationKind::Owned => Some((
            Index::Owners,
            path(attribute.name().as_str()),
            resource_type.name().clone(),
        )),
        RelationKind::InverseOf {
            resource_type,
            attribute,
        } => Some((Index::Members, path(attribute.as_str()), resource_type.clone())),
        _ => None,
    }
}
