//! Compiled filters.

use std::sync::Arc;

use keyfob_core::{Addresses, AttrName, AttrSet, Member, Resource, ResourceId, Value};

use crate::{
    ast::CompareOp,
    condition::{Comparand, Comparison, Condition, Place},
    evaluate::Scope,
    lookup::{Lookup, conjuncts, lookups},
    shown::Shown,
};

/// A filter that was checked against a resource type, ready to be asked of its resources.
///
/// One predicate serves all: it is evaluated in memory, and a store translates its [condition](Self::condition) or
/// takes its [look-ups](Self::lookups).
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate {
    pub(crate) condition: Condition,
    pub(crate) reads: AttrSet,
    pub(crate) shown: Option<Arc<Shown>>,
}

impl Predicate {
    /// Whether the resource matches.
    ///
    /// # Complexity
    /// Linear in the filter and the values that it looks at, without allocating but for addresses and for texts that
    /// are not composed (NFC). Members of a relation are looked up
    /// by their id where the filter says so, whatever their number.
    #[must_use]
    pub fn matches(&self, resource: &Resource) -> bool {
        self.condition
            .holds(Scope::Resource(resource), self.shown.as_deref())
    }

    /// Returns the number of comparisons that it makes of a resource at most, each of one attribute: what a look at a resource
    /// costs beside the number of values.
    ///
    /// ```
    /// # use keyfob_core::{Dialect, Registry};
    /// # use keyfob_filter::Filter;
    /// let user = Registry::rfc().resource_type("User").unwrap();
    /// let filter = Filter::parse(r#"title pr and not (userName co "a" or userName co "b")"#)?;
    /// assert_eq!(filter.compile(user, Dialect::strict()).unwrap().comparisons(), 3);
    /// # Ok::<(), keyfob_filter::ParseError>(())
    /// ```
    ///
    /// # Complexity
    /// Linear in the filter.
    #[must_use]
    pub fn comparisons(&self) -> usize {
        self.condition.comparisons()
    }

    /// The attributes, not sub-attributes, that it looks at.
    #[must_use]
    pub fn reads(&self) -> &AttrSet {
        &self.reads
    }

    /// What it asks, for translation into a query language.
    #[must_use]
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Returns true if it matches every resource or none, where that follows from the resource type alone: the filter names
    /// nothing but attributes that the type [lacks](crate::Filter::compile_for_types).
    #[must_use]
    pub fn constant(&self) -> Option<bool> {
        self.condition.constant()
    }

    /// Conditions each of which every match satisfies, and all of which together are the predicate.
    #[must_use]
    pub fn conjuncts(&self) -> &[Condition] {
        conjuncts(&self.condition)
    }

    /// What an index can answer of it: for each look-up, every match holds one of its keys at its place.
    ///
    /// A store picks one whose place it has an index for and asks [`matches`](Self::matches) of what it finds, unless
    /// [`is_lookup`](Self::is_lookup). None means that nothing but a scan will do.
    ///
    /// ```
    /// use keyfob_core::{Collation, Dialect, Registry};
    /// use keyfob_filter::Filter;
    ///
    /// let user = Registry::rfc().resource_type("User").unwrap();
    /// let filter = Filter::parse(r#"(userName eq "A" or userName eq "b") and active eq true"#)?;
    /// let predicate = filter.compile(user, Dialect::strict()).unwrap();
    /// let lookup = predicate.lookups().next().unwrap();
    /// assert_eq!(lookup.place().attribute().as_str(), "userName");
    /// assert_eq!(lookup.collation(), Collation::UserName);
    /// assert!(lookup.keys().map(|key| key.as_str()).eq(["a", "b"]));
    /// # Ok::<(), keyfob_filter::ParseError>(())
    /// ```
    pub fn lookups(&self) -> impl Iterator<Item = Lookup<'_>> {
        lookups(&self.condition)
    }

    /// Whether the first look-up is the whole predicate, so that all that it finds matches.
    #[must_use]
    pub fn is_lookup(&self) -> bool {
        Lookup::of(&self.condition).is_some()
    }
}

/// A filter for the values of one attribute, as it stands in the brackets of a PATCH path.
#[derive(Clone, Debug, PartialEq)]
pub struct ElementPredicate {
    pub(crate) condition: Condition,
    pub(crate) shown: Option<Arc<Shown>>,
}

impl ElementPredicate {
    /// Whether the value, one of a multi-valued attribute's or a complex one, matches.
    ///
    /// # Complexity
    /// Linear in the filter and the value, without allocating.
    #[must_use]
    pub fn matches(&self, value: &Value) -> bool {
        self.condition.holds(Scope::Value(value), self.shown.as_deref())
    }

    /// Returns the number of comparisons that it makes of a value at most.
    ///
    /// # Complexity
    /// Linear in the filter.
    #[must_use]
    pub fn comparisons(&self) -> usize {
        self.condition.comparisons()
    }

    /// Compares `$ref` of members as it is shown under these addresses, instead of as it is held.
    pub fn set_addresses(&mut self, addresses: &Addresses) {
        self.shown = Some(Arc::new(Shown {
            addresses: addresses.clone(),
            resource_type: None,
        }));
    }

    /// Whether the member of a relation matches.
    #[must_use]
    pub fn matches_member(&self, id: &ResourceId, member: &Member) -> bool {
        self.condition
            .holds(Scope::Member(id, member), self.shown.as_deref())
    }

    /// What a value that is made to match holds, when the filter says it: when it is a conjunction of `eq`, none of
    /// them with `null` and each of another sub-attribute. `primary ne true` is one of them, since `primary` is either
    /// true or false. For an attribute that is not complex, whose value has no sub-attributes, the name is `value`.
    #[must_use]
    pub fn equalities(&self) -> Option<Vec<(AttrName, Value)>> {
        let mut equalities: Vec<(AttrName, Value)> = Vec::new();
        for conjunct in conjuncts(&self.condition) {
            let (place, value) = equality(conjunct)?;
            let name = place.sub.clone().unwrap_or_else(|| AttrName::new("value"));
            if equalities.iter().any(|(present, _)| *present == name) {
                return None;
            }
            equalities.push((name, value));
        }
        Some(equalities)
    }

    /// The ids that the filter selects, when it is `value eq "x"` or an `or` of those with a caseExact `value`: the
    /// members of a relation are then looked up instead of searched.
    #[must_use]
    pub fn member_ids(&self) -> Option<Vec<ResourceId>> {
        let lookup = Lookup::of(&self.condition)?;
        let is_value = lookup.place().sub().is_some_and(|sub| sub.is("value"));
        is_value.then(|| lookup.ids()).flatten()
    }
}

/// What a value has to hold, and where, if that is what the condition says.
fn equality(condition: &Condition) -> Option<(&Place, Value)> {
    match condition {
        Condition::Comparison(Comparison {
            place,
            op: CompareOp::Eq,
            comparand,
        }) => Some((place, comparand.to_value())),
        // An absent `primary` is false (RFC 7643 section 2.4), so that this is how its equality with false is asked.
        Condition::Not(negated) => match &**negated {
            Condition::Comparison(Comparison {
                place,
                op: CompareOp::Eq,
                comparand: Comparand::Bool(true),
            }) if place.sub.as_ref().is_some_and(|sub| sub.is("primary")) => Some((place, false.into())),
            _ => None,
        },
        _ => None,
    }
}
