//! The cost of a query, in words.

use std::fmt;

use smol_str::SmolStr;

/// The way in which a store answers a query: the indexes that it asks, the resources that it reads, how the page gets its
/// order and how the matching resources are counted.
///
/// A store makes it of what it has decided for the query itself, with what is stored at that time.
///
/// ```
/// use keyfob_store::{Counted, Explanation, PageOrder, Reads};
///
/// let explanation = Explanation {
///     resource_type: "User".into(),
///     is_index_current: true,
///     searches: vec![r#"userName, keys that begin with "a""#.into()],
///     decided: vec!["title pr".into()],
///     candidates: 12,
///     reads: Reads::Candidates,
///     order: PageOrder::Sorted,
///     total: Counted::Read,
/// };
/// assert_eq!(
///     explanation.to_string(),
///     "index:      userName, keys that begin with \"a\"\n\
///      decided:    title pr\n\
///      candidates: 12 of User\n\
///      read:       each candidate\n\
///      order:      the candidates are sorted\n\
///      total:      counted as the candidates are read"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must say every part, so a new one has to break it"
)]
pub struct Explanation {
    /// The name of the resource type.
    pub resource_type: SmolStr,
    /// False while resources stand in the index otherwise than the type wants, so that the query looks up no values though
    /// it could.
    pub is_index_current: bool,
    /// The searches of indexes, in words, in the order in which they are asked: the first one finds resources, and those after
    /// it leave out others.
    pub searches: Vec<String>,
    /// The parts of the filter that are decided on resources, one by one.
    pub decided: Vec<String>,
    /// The number of resources that all searches find: all of the type that are live, or hidden, as the query wants, where there
    /// are no searches.
    pub candidates: usize,
    /// The resources that are read.
    pub reads: Reads,
    /// The source of the order.
    pub order: PageOrder,
    /// The source of the total.
    pub total: Counted,
}

/// The resources of which a query reads the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing between")]
pub enum Reads {
    /// Those of the page, and no other.
    Page,
    /// Those that the searches find, each of them; where nothing is counted and nothing sorted, until the page is full.
    Candidates,
}

/// The source of the order of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing between")]
pub enum PageOrder {
    /// An index has the order, and the query goes through it until the page is full.
    Index,
    /// The candidates are sorted.
    Sorted,
    /// The database chooses between the two by its statistics.
    Database,
}

/// The source of the number of all matching resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing between")]
pub enum Counted {
    /// The query doesn't want it, and the store doesn't have it.
    Not,
    /// The store keeps it.
    Kept,
    /// The indexes have it: the resources that the searches find are counted, and no document is read.
    Index,
    /// The matching resources are counted as the candidates are read.
    Read,
}

impl Explanation {
    /// Returns the words for the resources that are read.
    #[must_use]
    pub fn reads_in_words(&self) -> &'static str {
        match (self.reads, self.order, self.total) {
            (Reads::Page, ..) => "those of the page",
            (Reads::Candidates, PageOrder::Index | PageOrder::Database, Counted::Not) => {
                "each candidate, until the page is full"
            }
            (Reads::Candidates, ..) => "each candidate",
        }
    }
}

impl PageOrder {
    /// Returns the words for the source.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Index => "out of an index",
            Self::Sorted => "the candidates are sorted",
            Self::Database => "out of an index or sorted, as the database chooses",
        }
    }
}

impl Counted {
    /// Returns the words for the source.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Not => "not counted",
            Self::Kept => "kept by the store",
            Self::Index => "counted in the indexes",
            Self::Read => "counted as the candidates are read",
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_index_current {
            writeln!(
                f,
                "index:      being made anew; until then nothing is looked up by value"
            )?;
        }
        if self.is_index_current && self.searches.is_empty() && !self.decided.is_empty() {
            writeln!(f, "index:      none answers the filter")?;
        }
        for search in &self.searches {
            writeln!(f, "index:      {search}")?;
        }
        for decided in &self.decided {
            writeln!(f, "decided:    {decided}")?;
        }
        writeln!(f, "candidates: {} of {}", self.candidates, self.resource_type)?;
        writeln!(f, "read:       {}", self.reads_in_words())?;
        writeln!(f, "order:      {}", self.order.in_words())?;
        write!(f, "total:      {}", self.total.in_words())
    }
}
