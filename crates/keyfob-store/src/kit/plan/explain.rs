//! A plan in words.

use std::fmt;

use keyfob_core::{AttrPath, DateTime, ResourceType};
use keyfob_filter::{Comparand, Condition, Place, Predicate};

use super::{Indexes, KeyRange, Keys, Lookup, Plan, Search, TimeSpan, build::Planner};

/// The cost of a query by a filter: the indexes that it asks, and the resources that it reads.
///
/// ```
/// use keyfob_core::{Dialect, Registry};
/// use keyfob_filter::Filter;
/// use keyfob_store::kit::{Explanation, Indexes};
///
/// let user = Registry::rfc().resource_type("User").ok_or("no User")?;
/// let predicate = Filter::parse(r#"userName sw "a" and title pr"#)?.compile(user, Dialect::strict())?;
/// let explanation = Explanation::of(&predicate, user, Indexes::ALL);
/// assert_eq!(
///     explanation.to_string(),
///     "index:   userName, keys that begin with \"a\"\n\
///      decided: title pr\n\
///      read:    each User that the index finds"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The name of the resource type.
    pub resource_type: String,
    /// The searches of indexes, in the order in which they are asked: the first one finds resources, and those after it
    /// leave out others.
    pub searches: Vec<String>,
    /// The parts of the filter that are decided on resources, one by one.
    pub decided: Vec<String>,
    /// The resources that are read.
    pub reads: Reads,
}

/// The resources that a query reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing between")]
pub enum Reads {
    /// Those of the page, and no other.
    Page,
    /// Those that the indexes find.
    Found,
    /// All of the type.
    All,
}

impl Explanation {
    /// Explains how a store with these indexes answers a filter.
    #[must_use]
    pub fn of(filter: &Predicate, resource_type: &ResourceType, indexes: Indexes) -> Self {
        let plan = Plan::of(filter, resource_type, indexes);
        let planner = Planner {
            resource_type,
            indexes,
        };
        let decided = |condition: &&Condition| !plan.is_exact && !planner.answers(condition);
        let conjuncts = filter.conjuncts();
        let mut decided: Vec<String> = conjuncts.iter().filter(decided).map(show).collect();
        if decided.is_empty() && !plan.is_exact {
            // More look-ups than a plan takes.
            decided = conjuncts.iter().map(show).collect();
        }
        Self {
            resource_type: resource_type.name().to_string(),
            searches: plan.searches.iter().map(ToString::to_string).collect(),
            decided,
            reads: match (plan.is_exact, plan.searches.is_empty()) {
                (true, _) => Reads::Page,
                (false, false) => Reads::Found,
                (false, true) => Reads::All,
            },
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for search in &self.searches {
            writeln!(f, "index:   {search}")?;
        }
        for decided in &self.decided {
            writeln!(f, "decided: {decided}")?;
        }
        let name = &self.resource_type;
        match self.reads {
            Reads::Page => write!(f, "read:    each {name} of the page"),
            Reads::Found => write!(f, "read:    each {name} that the index finds"),
            Reads::All => write!(f, "read:    every {name}"),
        }
    }
}

impl fmt::Display for Search<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (searches, word) = match self {
            Self::One(lookup) => return write!(f, "{lookup}"),
            Self::Any(searches) if searches.is_empty() => return f.write_str("nothing"),
            Self::Any(searches) => (searches, "or"),
            Self::All(searches) => (searches, "and"),
        };
        for (place, search) in searches.iter().enumerate() {
            if place > 0 {
                write!(f, "; {word} ")?;
            }
            match search {
                Self::One(lookup) => write!(f, "{lookup}")?,
                several => write!(f, "({several})")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ids(ids) => write!(f, "id, {}", Count(ids.len(), "id")),
            Self::Owners { relation, ids } => write!(f, "{relation}, {}", Count(ids.len(), "id")),
            Self::Members {
                owner_type,
                relation,
                ids,
                levels,
            } => {
                write!(f, "{relation} of {owner_type}, {}", Count(ids.len(), "id"))?;
                match levels {
                    1 => Ok(()),
                    levels => write!(f, " and what is in them, {levels} levels deep"),
                }
            }
            Self::Entries(indexed, keys) => write!(f, "{}, {keys}", indexed.path()),
            Self::Created(span) => write!(f, "meta.created, {span}"),
            Self::Modified(span) => write!(f, "meta.lastModified, {span}"),
        }
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal(keys) => write!(f, "{}", Count(keys.len(), "key")),
            Self::Within(ranges) => {
                // The further ranges are those of user names that could not be prepared.
                let own = ranges
                    .iter()
                    .find(|range| !range.from.starts_with(' '))
                    .or(ranges.first());
                match own {
                    Some(range) => write!(f, "{range}"),
                    None => f.write_str("no key"),
                }
            }
            Self::Containing(text) => write!(f, "every key, for {text:?} in it"),
            Self::Ending(text) => write!(f, "every key, for {text:?} at its end"),
            Self::Any => f.write_str("every key"),
        }
    }
}

impl fmt::Display for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, before } = self;
        if *self == Self::with_prefix(from) && !from.is_empty() {
            return write!(f, "keys that begin with {from:?}");
        }
        let (from, is_after) = match from.strip_suffix('\0') {
            Some(from) => (from, true),
            None => (from.as_str(), false),
        };
        match (from, is_after) {
            ("", false) => f.write_str("keys")?,
            (from, true) => write!(f, "keys after {from:?}")?,
            (from, false) => write!(f, "keys from {from:?}")?,
        }
        match before
            .as_deref()
            .map(|before| (before, before.strip_suffix('\0')))
        {
            None if from.is_empty() && !is_after => f.write_str(" of any text"),
            None => Ok(()),
            Some((_, Some(to))) => write!(f, " to {to:?}"),
            Some((before, None)) => write!(f, " before {before:?}"),
        }
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = DateTime::from_unix_millis;
        match (self.from, self.to) {
            (i64::MIN, i64::MAX) => f.write_str("at any time"),
            (i64::MIN, to) => write!(f, "until {}", at(to)),
            (from, i64::MAX) => write!(f, "from {}", at(from)),
            (from, to) if from > to => f.write_str("at no time"),
            (from, to) => write!(f, "from {} to {}", at(from), at(to)),
        }
    }
}

/// A number of things, in words.
struct Count(usize, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, thing) = self;
        let plural = if *count == 1 { "" } else { "s" };
        write!(f, "{count} {thing}{plural}")
    }
}

/// A condition as a filter would say it.
fn show(condition: &Condition) -> String {
    Shown(condition).to_string()
}

struct Shown<'q>(&'q Condition);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Condition::And(operands) => join(f, operands, " and "),
            Condition::Or(operands) => join(f, operands, " or "),
            Condition::Not(operand) => write!(f, "not ({})", Shown(operand)),
            Condition::Present(place) => write!(f, "{} pr", path(place)),
            Condition::ExtensionPresent(uri) => write!(f, "{uri} pr"),
            Condition::Element(place, condition) => write!(f, "{}[{}]", path(place), Shown(condition)),
            Condition::Comparison(comparison) => {
                write!(f, "{} {} ", path(comparison.place()), comparison.op())?;
                match comparison.comparand() {
                    Comparand::Bool(value) => write!(f, "{value}"),
                    Comparand::Integer(number) => write!(f, "{number}"),
                    Comparand::Decimal(number) => write!(f, "{number:?}"),
                    Comparand::Text(text) => write!(f, "{:?}", text.as_str()),
                    Comparand::Instant(_, text) => write!(f, "{text:?}"),
                }
            }
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, operands: &[Condition], word: &str) -> fmt::Result {
    for (place, operand) in operands.iter().enumerate() {
        if place > 0 {
            f.write_str(word)?;
        }
        match operand {
            Condition::And(_) | Condition::Or(_) => write!(f, "({})", Shown(operand))?,
            operand => write!(f, "{}", Shown(operand))?,
        }
    }
    Ok(())
}

fn path(place: &Place) -> AttrPath {
    AttrPath::new(
        place.extension().cloned(),
        place.attribute().clone(),
        place.sub().cloned(),
    )
}
