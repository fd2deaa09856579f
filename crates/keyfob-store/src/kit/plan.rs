//! The part of a filter that indexes answer.

mod build;
mod explain;
mod range;

use keyfob_core::{AttrName, CompareKey, ResourceId, ResourceType, schema::IndexedAttribute};
use keyfob_filter::{Condition, Predicate};
use smol_str::SmolStr;

pub use self::{
    explain::{filter_in_words, key_in_words, lookup_in_words},
    range::{KeyRange, TimeSpan},
};

/// The way in which a store finds the resources that match a filter: searches of its indexes, and whether they say all.
///
/// What the searches find, each of them, holds every match. Where they are not [exact](Self::is_exact), the store asks
/// [`Predicate::matches`] of each resource that they find. A store translates the searches into its query language and
/// decides nothing by itself.
///
/// ```
/// use keyfob_core::{Dialect, Registry};
/// use keyfob_filter::Filter;
/// use keyfob_store::kit::{Indexes, Plan, Search};
///
/// let user = Registry::rfc().resource_type("User").ok_or("no User")?;
/// let plan = |filter: &str| -> Result<(usize, bool), Box<dyn std::error::Error>> {
///     let predicate = Filter::parse(filter)?.compile(user, Dialect::strict())?;
///     let plan = Plan::of(&predicate, user, Indexes::ALL);
///     Ok((plan.searches().len(), plan.is_exact()))
/// };
/// assert_eq!(plan(r#"userName sw "a" or emails eq "a@example.com""#)?, (1, true));
/// assert_eq!(plan(r#"userName sw "a" and meta.created gt "2026-01-01T00:00:00Z""#)?, (2, true));
/// // The title is in no index: who is found by the name is asked for it.
/// assert_eq!(plan(r#"userName sw "a" and title pr"#)?, (1, false));
/// // One of the two may be true of somebody whom no index knows.
/// assert_eq!(plan(r#"userName sw "a" or title pr"#)?, (0, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plan<'q> {
    searches: Vec<Search<'q>>,
    /// The conjuncts of the filter that the searches don't decide.
    residue: Vec<&'q Condition>,
}

/// The indexes that a store has for a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must say of every kind of index whether it has it"
)]
pub struct Indexes {
    /// True if the [entries](crate::kit::IndexEntry) of all resources of the type are there and up to date.
    pub entries: bool,
    /// True if the entries have whole keys. A store that cuts long ones off leaves the first 1,000 bytes.
    pub whole_keys: bool,
}

impl Indexes {
    /// Every index, with whole keys.
    pub const ALL: Self = Self {
        entries: true,
        whole_keys: true,
    };
}

/// A condition that indexes answer.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a store must translate every form")]
pub enum Search<'q> {
    /// The resources that one look-up finds.
    One(Lookup<'q>),
    /// The resources that at least one of the searches finds; without searches none.
    Any(Vec<Search<'q>>),
    /// The resources that each of the searches finds, the one that likely finds the fewest first; there are at least two.
    All(Vec<Search<'q>>),
}

/// A look-up of one index.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a store must translate every form")]
pub enum Lookup<'q> {
    /// The resources with one of these ids.
    Ids(Vec<ResourceId>),
    /// The resources with an edge to a live resource of one of these ids.
    Owners {
        /// The owned relation.
        relation: &'q AttrName,
        /// The ids.
        ids: Vec<ResourceId>,
    },
    /// The resources to which a live resource of one of these ids has an edge.
    Members {
        /// The name of the type of the owners.
        owner_type: &'q SmolStr,
        /// Their owned relation.
        relation: &'q AttrName,
        /// The ids.
        ids: Vec<ResourceId>,
        /// The number of owners in a row through which the edges go: 1 for edges from the owners themselves. Beyond that,
        /// an owner of the type that is a live member of one of them counts as one of them.
        levels: usize,
    },
    /// The resources with an entry of an attribute.
    Entries(&'q IndexedAttribute, Keys),
    /// The resources that were created in a span of time.
    Created(TimeSpan),
    /// The resources whose last change is in a span of time.
    Modified(TimeSpan),
}

/// The keys that a look-up of entries wants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store must translate every form")]
pub enum Keys {
    /// Each of these.
    Equal(Vec<CompareKey>),
    /// All within one of these ranges, of which there is at least one and none overlaps another.
    Within(Vec<KeyRange>),
    /// All with this text in them, which is not empty. Every entry of the attribute has to be looked at.
    Containing(SmolStr),
    /// All with this text at their end, which is not empty. Every entry of the attribute has to be looked at.
    Ending(SmolStr),
    /// All, and the [mark](crate::kit::keyless) of values without a key.
    Any,
}

/// The number of look-ups in one plan at most. What a filter asks beyond is decided on resources.
const MAX_LOOKUPS: usize = 8;

impl<'q> Plan<'q> {
    /// Plans how a filter is answered.
    ///
    /// # Complexity
    /// Linear in the filter.
    #[must_use]
    pub fn of(filter: &'q Predicate, resource_type: &'q ResourceType, indexes: Indexes) -> Self {
        build::Planner {
            resource_type,
            indexes,
        }
        .plan(filter.condition())
    }

    /// The plan of a query without a filter.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            searches: Vec::new(),
            residue: Vec::new(),
        }
    }

    /// Returns the searches, each of which finds every match, those first that likely find the fewest resources. Without
    /// searches every resource of the type may match.
    #[must_use]
    pub fn searches(&self) -> &[Search<'q>] {
        &self.searches
    }

    /// Returns true if what all searches find are the matches and nothing else.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.residue.is_empty()
    }

    /// Returns every look-up, in order.
    pub fn lookups(&self) -> impl Iterator<Item = &Lookup<'q>> {
        self.searches.iter().flat_map(Search::lookups)
    }

    /// Returns true if the plan needs the entries of the index.
    #[must_use]
    pub fn needs_entries(&self) -> bool {
        self.lookups().any(|lookup| matches!(lookup, Lookup::Entries(..)))
    }
}

impl<'q> Search<'q> {
    /// Returns every look-up, in order.
    #[must_use]
    pub fn lookups(&self) -> Vec<&Lookup<'q>> {
        match self {
            Self::One(lookup) => vec![lookup],
            Self::Any(searches) | Self::All(searches) => searches.iter().flat_map(Self::lookups).collect(),
        }
    }

    /// Returns true if an index has to be gone through from its start to its end.
    #[must_use]
    pub fn passes_all(&self) -> bool {
        match self {
            Self::One(lookup) => lookup.passes_all(),
            Self::Any(searches) => searches.iter().any(Self::passes_all),
            Self::All(searches) => searches.first().is_some_and(Self::passes_all),
        }
    }

    /// A number that grows with the number of resources that a search likely finds.
    fn rank(&self) -> u8 {
        match self {
            Self::One(lookup) => lookup.rank(),
            Self::Any(searches) => searches.iter().map(Self::rank).max().unwrap_or(0),
            Self::All(searches) => searches.iter().map(Self::rank).min().unwrap_or(u8::MAX),
        }
    }
}

impl Lookup<'_> {
    /// Returns true if every entry of an attribute has to be looked at.
    #[must_use]
    pub fn passes_all(&self) -> bool {
        matches!(self, Self::Entries(_, Keys::Containing(_) | Keys::Ending(_)))
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Ids(_) => 0,
            Self::Entries(_, Keys::Equal(_)) => 1,
            Self::Owners { .. } => 2,
            Self::Members { .. } => 3,
            Self::Entries(_, Keys::Within(ranges)) if ranges.iter().all(KeyRange::is_bounded) => 4,
            Self::Created(span) | Self::Modified(span) if span.is_bounded() => 5,
            Self::Entries(_, Keys::Within(_)) => 6,
            Self::Modified(_) => 7,
            Self::Created(_) => 8,
            Self::Entries(_, Keys::Any) => 9,
            Self::Entries(_, Keys::Containing(_) | Keys::Ending(_)) => 10,
        }
    }
}
