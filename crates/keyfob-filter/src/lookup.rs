//! What an index can answer of a condition.

use std::slice;

use keyfob_core::{Collation, CompareKey, ResourceId};

use crate::condition::{Comparison, Condition, Place, Text};

/// Keys of which every match holds one at a place.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'p> {
    place: &'p Place,
    collation: Collation,
    /// Comparisons of the place by `eq` with a text, and nothing else.
    alternatives: &'p [Condition],
}

impl<'p> Lookup<'p> {
    /// The look-up that a condition is, if it is one: an `eq` with a text, or an `or` of those at one place.
    pub(crate) fn of(condition: &'p Condition) -> Option<Self> {
        match condition {
            Condition::Or(alternatives) => alternatives.lookup(),
            other => Self::of_alternatives(slice::from_ref(other)),
        }
    }

    /// Returns true if each of the conditions is an `eq` with a text, all at one place.
    pub(crate) fn is_lookup(alternatives: &[Condition]) -> bool {
        let mut alternatives = alternatives.iter().map(equality);
        let Some(Some((place, first))) = alternatives.next() else {
            return false;
        };
        alternatives.all(|alternative| {
            alternative.is_some_and(|(other, text)| text.collation() == first.collation() && other == place)
        })
    }

    /// The look-up that conditions [are](Self::is_lookup).
    pub(crate) fn of_alternatives(alternatives: &'p [Condition]) -> Option<Self> {
        let (place, text) = equality(alternatives.first()?)?;
        Some(Self {
            place,
            collation: text.collation(),
            alternatives,
        })
    }

    /// Where a match holds one of the keys; one value of many where there are many.
    #[must_use]
    pub fn place(&self) -> &'p Place {
        self.place
    }

    /// How the values at the place are compared.
    #[must_use]
    pub fn collation(&self) -> Collation {
        self.collation
    }

    /// The ids that the keys are, at a place that holds ids; none where one of them can't be looked up by its bytes.
    #[must_use]
    pub fn ids(&self) -> Option<Vec<ResourceId>> {
        let texts = self.alternatives.iter().filter_map(equality);
        texts.map(|(_, text)| text.as_id()).collect()
    }

    /// The keys, at least one, perhaps one of them twice.
    pub fn keys(&self) -> impl Iterator<Item = &'p CompareKey> + use<'p> {
        self.alternatives
            .iter()
            .filter_map(|alternative| equality(alternative).map(|(_, text)| text.key()))
    }
}

/// The look-ups of a condition: those among its conjuncts and, as they hold of one value, in its value filters.
pub(crate) fn lookups(condition: &Condition) -> impl Iterator<Item = Lookup<'_>> {
    conjuncts(condition)
        .iter()
        .flat_map(|conjunct| match conjunct {
            Condition::Element(_, condition) => conjuncts(condition),
            other => slice::from_ref(other),
        })
        .filter_map(Lookup::of)
}

/// Conditions that are equal to this one when they all hold.
pub(crate) fn conjuncts(condition: &Condition) -> &[Condition] {
    match condition {
        Condition::And(operands) => operands,
        other => slice::from_ref(other),
    }
}

fn equality(condition: &Condition) -> Option<(&Place, &Text)> {
    match condition {
        Condition::Comparison(comparison @ Comparison { place, .. }) => {
            Some((place, comparison.equal_text()?))
        }
        _ => None,
    }
}
