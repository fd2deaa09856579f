//! From a filter to its plan.

use keyfob_core::{
    AttrPath, Collation, CompareKey, ResourceId, ResourceType, Value,
    schema::{IndexedAttribute, RelationKind},
};
use keyfob_filter::{Comparand, CompareOp, Comparison, Condition, Place, Text};

use super::{Indexes, KeyRange, Keys, Lookup, MAX_LOOKUPS, Plan, Search, TimeSpan};

/// Plans conditions on the resources of a type.
pub(super) struct Planner<'q> {
    pub(super) resource_type: &'q ResourceType,
    pub(super) indexes: Indexes,
}

/// A search that finds every resource for which a condition holds.
struct Found<'q> {
    search: Search<'q>,
    /// Whether it finds nothing else.
    is_exact: bool,
}

impl<'q> Found<'q> {
    fn exactly(lookup: Lookup<'q>) -> Self {
        Self {
            search: Search::One(lookup),
            is_exact: true,
        }
    }

    /// Finds nothing, as for a text that has to be before every other one.
    fn nothing() -> Self {
        Self {
            search: Search::Any(Vec::new()),
            is_exact: true,
        }
    }
}

impl<'q> Planner<'q> {
    pub(super) fn plan(&self, condition: &'q Condition) -> Plan<'q> {
        let conjuncts = match condition {
            Condition::And(conjuncts) => conjuncts,
            other => std::slice::from_ref(other),
        };
        let (searches, residue) = self.conjunction(conjuncts);
        Plan { searches, residue }
    }

    /// The searches for all conjuncts of which an index knows something, and the conjuncts that these don't decide.
    fn conjunction(&self, conjuncts: &'q [Condition]) -> (Vec<Search<'q>>, Vec<&'q Condition>) {
        let mut searches = Vec::new();
        let mut residue = Vec::new();
        for conjunct in conjuncts {
            let found = self.find(conjunct);
            if !found.as_ref().is_some_and(|found| found.is_exact) {
                residue.push(conjunct);
            }
            if let Some(found) = found {
                add_conjunct(&mut searches, found.search);
            }
        }
        searches.sort_by_key(Search::rank);
        let mut lookups = 0;
        let before = searches.len();
        searches.retain(|search| {
            lookups += search.lookups().len();
            lookups <= MAX_LOOKUPS
        });
        if searches.len() < before {
            // A search may be of several conjuncts, so that which of them it decided isn't known.
            residue = conjuncts.iter().collect();
        }
        (searches, residue)
    }

    /// The search for a condition; none where no index knows all resources for which it may hold.
    fn find(&self, condition: &'q Condition) -> Option<Found<'q>> {
        match condition {
            Condition::And(conjuncts) => {
                let (mut searches, residue) = self.conjunction(conjuncts);
                let is_exact = residue.is_empty();
                let search = if searches.len() < 2 {
                    searches.pop()?
                } else {
                    Search::All(searches)
                };
                Some(Found { search, is_exact })
            }
            Condition::Or(alternatives) => self.disjunction(alternatives),
            Condition::Element(_, condition) => {
                let found = self.find(condition)?;
                // A search for the resource doesn't see whether it is one value that satisfies all.
                let is_exact = found.is_exact && !has_conjunction(condition);
                Some(Found { is_exact, ..found })
            }
            Condition::Present(place) => {
                let indexed = self.indexed(place)?;
                Some(Found::exactly(Lookup::Entries(indexed, Keys::Any)))
            }
            Condition::Comparison(comparison) => self.comparison(comparison),
            Condition::Not(_) | Condition::ExtensionPresent(_) => None,
        }
    }

    fn disjunction(&self, alternatives: &'q [Condition]) -> Option<Found<'q>> {
        let mut searches = Vec::new();
        let mut is_exact = true;
        for alternative in alternatives {
            let found = self.find(alternative)?;
            is_exact &= found.is_exact;
            add_alternative(&mut searches, found.search);
            if searches.len() > MAX_LOOKUPS {
                return None;
            }
        }
        let search = match searches.len() {
            1 => searches.pop()?,
            _ => Search::Any(searches),
        };
        (search.lookups().len() <= MAX_LOOKUPS).then_some(Found { search, is_exact })
    }

    fn comparison(&self, comparison: &'q Comparison) -> Option<Found<'q>> {
        let (place, op) = (comparison.place(), comparison.op());
        if place.is_relation() {
            let ids = vec![id(comparison)?];
            return self.related(place, ids).map(Found::exactly);
        }
        if place.extension().is_none() && place.sub().is_none() && place.attribute().is("id") {
            return Some(Found::exactly(Lookup::Ids(vec![id(comparison)?])));
        }
        let key = match comparison.comparand() {
            Comparand::Text(text) => return self.text(place, op, text),
            Comparand::Instant(instant, _) => {
                if let Some(lookup) = time(place, op, || TimeSpan::comparing(op, *instant)) {
                    return Some(Found::exactly(lookup));
                }
                CompareKey::instant(*instant)
            }
            Comparand::Integer(number) => CompareKey::number(&Value::Integer(*number))?,
            Comparand::Decimal(number) => CompareKey::number(&Value::Decimal(*number))?,
            Comparand::Bool(_) => return None,
        };
        let indexed = self.indexed(place)?;
        let keys = match op {
            CompareOp::Eq => Keys::Equal(vec![key]),
            op => Keys::Within(vec![KeyRange::comparing(op, key.as_str())?]),
        };
        Some(Found::exactly(Lookup::Entries(indexed, keys)))
    }

    fn text(&self, place: &Place, op: CompareOp, text: &Text) -> Option<Found<'q>> {
        let collation = text.collation();
        let indexed = self.indexed(place)?;
        if indexed.collation() != Some(collation) {
            return None;
        }
        let wanted = text.key().text(collation);
        let entries = |keys| Search::One(Lookup::Entries(indexed, keys));
        if op == CompareOp::Eq {
            let keys = Keys::Equal(vec![text.key().clone()]);
            return Some(Found::exactly(Lookup::Entries(indexed, keys)));
        }
        if wanted.len() > KeyRange::MAX_BOUND {
            return None;
        }
        if let Some(range) = KeyRange::comparing(op, wanted) {
            let ranges = range.of_texts(collation);
            if ranges.is_empty() {
                return Some(Found::nothing());
            }
            return Some(Found::exactly(Lookup::Entries(indexed, Keys::Within(ranges))));
        }
        let search = match op {
            CompareOp::Co => entries(Keys::Containing(wanted.into())),
            CompareOp::Ew => entries(Keys::Ending(wanted.into())),
            _ => return None,
        };
        // The mark of a user name that could not be prepared is not of its text.
        let may_be_mark = collation == Collation::UserName && wanted.starts_with(' ');
        Some(Found {
            search,
            is_exact: self.indexes.whole_keys && !may_be_mark,
        })
    }

    /// The attribute of the index at a place, if the store has its entries.
    fn indexed(&self, place: &Place) -> Option<&'q IndexedAttribute> {
        if !self.indexes.entries || place.is_relation() {
            return None;
        }
        let path = AttrPath::new(
            place.extension().cloned(),
            place.attribute().clone(),
            place.sub().cloned(),
        );
        self.resource_type.index().attribute(&path)
    }

    /// The look-up at one end of a relation by ids at the other.
    fn related(&self, place: &Place, ids: Vec<ResourceId>) -> Option<Lookup<'q>> {
        let relation = self.resource_type.relation(place.attribute().as_str())?;
        if !place.sub()?.is("value") {
            return None;
        }
        match &relation.kind {
            RelationKind::Owned => Some(Lookup::Owners {
                relation: &relation.attribute.name,
                ids,
            }),
            RelationKind::InverseOf {
                resource_type,
                attribute,
                levels,
            } => Some(Lookup::Members {
                owner_type: resource_type,
                relation: attribute,
                ids,
                levels: *levels,
            }),
            _ => None,
        }
    }
}

/// The id with which a comparison asks for equality.
fn id(comparison: &Comparison) -> Option<ResourceId> {
    match (comparison.op(), comparison.comparand()) {
        (CompareOp::Eq, Comparand::Text(text)) => text.as_id(),
        _ => None,
    }
}

/// The look-up by one of the times that a store keeps of every resource.
fn time<'q>(place: &Place, op: CompareOp, span: impl FnOnce() -> Option<TimeSpan>) -> Option<Lookup<'q>> {
    if place.extension().is_some() || !place.attribute().is("meta") || op == CompareOp::Ne {
        return None;
    }
    let sub = place.sub()?;
    if sub.is("created") {
        return Some(Lookup::Created(span()?));
    }
    if sub.is("lastModified") {
        return Some(Lookup::Modified(span()?));
    }
    None
}

/// Returns true if a condition asks two things of one value.
fn has_conjunction(condition: &Condition) -> bool {
    match condition {
        Condition::And(conjuncts) => conjuncts.len() > 1,
        Condition::Or(alternatives) => alternatives.iter().any(has_conjunction),
        _ => false,
    }
}

/// Adds a search to those that all have to find a resource. It has one time of each kind, so that two spans are one.
fn add_conjunct<'q>(searches: &mut Vec<Search<'q>>, new: Search<'q>) {
    for search in &mut *searches {
        match (search, &new) {
            (Search::One(Lookup::Created(span)), Search::One(Lookup::Created(other)))
            | (Search::One(Lookup::Modified(span)), Search::One(Lookup::Modified(other))) => {
                *span = span.and(*other);
                return;
            }
            _ => {}
        }
    }
    searches.push(new);
}

/// Adds a search to those of which one has to find a resource. Look-ups of one index by several keys are one.
fn add_alternative<'q>(searches: &mut Vec<Search<'q>>, new: Search<'q>) {
    let new = match new {
        Search::Any(within) => {
            for search in within {
                add_alternative(searches, search);
            }
            return;
        }
        new => new,
    };
    for search in &mut *searches {
        match (search, &new) {
            (Search::One(Lookup::Ids(ids)), Search::One(Lookup::Ids(others))) => {
                ids.extend_from_slice(others);
                return;
            }
            (
                Search::One(Lookup::Owners { relation, ids }),
                Search::One(Lookup::Owners {
                    relation: other,
                    ids: others,
                }),
            ) if relation == other => {
                ids.extend_from_slice(others);
                return;
            }
            (
                Search::One(Lookup::Members {
                    owner_type,
                    relation,
                    ids,
                    levels,
                }),
                Search::One(Lookup::Members {
                    owner_type: other_type,
                    relation: other,
                    ids: others,
                    levels: other_levels,
                }),
            ) if relation == other && owner_type == other_type && levels == other_levels => {
                ids.extend_from_slice(others);
                return;
            }
            (
                Search::One(Lookup::Entries(indexed, Keys::Equal(keys))),
                Search::One(Lookup::Entries(other, Keys::Equal(others))),
            ) if std::ptr::eq(*indexed, *other) => {
                keys.extend_from_slice(others);
                return;
            }
            _ => {}
        }
    }
    searches.push(new);
}
