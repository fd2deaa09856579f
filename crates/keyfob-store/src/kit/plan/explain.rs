//! Plans and conditions in words.

use std::fmt;

use keyfob_core::{AttrPath, DateTime};
use keyfob_filter::{self as filter, Comparand, Condition, Place, Predicate};

use crate::UniqueKey;

use super::{KeyRange, Keys, Lookup, Plan, Search, TimeSpan};

impl Plan<'_> {
    /// Returns the searches in words, as [`Explanation::searches`](crate::Explanation::searches) has them.
    ///
    /// ```
    /// use keyfob_core::{Dialect, Registry};
    /// use keyfob_filter::Filter;
    /// use keyfob_store::kit::{Indexes, Plan};
    ///
    /// let user = Registry::rfc().resource_type("User").ok_or("no User")?;
    /// let filter = Filter::parse(r#"userName sw "a" and title pr"#)?.compile(user, Dialect::strict())?;
    /// let plan = Plan::of(&filter, user, Indexes::ALL);
    /// assert_eq!(plan.searches_in_words(), [r#"userName, keys that begin with "a""#]);
    /// assert_eq!(plan.decided_in_words(), ["title pr"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn searches_in_words(&self) -> Vec<String> {
        self.searches.iter().map(ToString::to_string).collect()
    }

    /// Returns the parts of the filter that the searches don't decide, as
    /// [`Explanation::decided`](crate::Explanation::decided) has them. There are none exactly where the plan
    /// [is exact](Self::is_exact).
    #[must_use]
    pub fn decided_in_words(&self) -> Vec<String> {
        self.residue.iter().map(|condition| show(condition)).collect()
    }
}

/// Returns the parts of a filter that all have to hold, in words: for a store that decides all of them on resources.
#[must_use]
pub fn filter_in_words(filter: &Predicate) -> Vec<String> {
    filter.conjuncts().iter().map(show).collect()
}

/// Returns a look-up of a predicate in words, for a store that finds resources by one.
#[must_use]
pub fn lookup_in_words(lookup: &filter::Lookup<'_>) -> String {
    format!(
        "{}, {}",
        path(lookup.place()),
        Count(lookup.keys().count(), "key")
    )
}

/// Returns the search for the resource that reserves a key, in words.
#[must_use]
pub fn key_in_words(key: &UniqueKey) -> String {
    format!("{}, the unique key", key.attribute)
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
    let is_within = false;
    Shown { condition, is_within }.to_string()
}

struct Shown<'q> {
    condition: &'q Condition,
    /// If true, it stands in a value path, where paths are those of sub-attributes.
    is_within: bool,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |place: &Place| match (self.is_within, place.sub()) {
            (false, _) => path(place).to_string(),
            (true, Some(sub)) => sub.as_str().to_owned(),
            // The values themselves (RFC 7643 section 2.4).
            (true, None) => "value".to_owned(),
        };
        match self.condition {
            Condition::And(operands) => self.join(f, operands, " and "),
            Condition::Or(operands) => self.join(f, operands, " or "),
            Condition::Not(operand) => write!(f, "not ({})", self.part(operand)),
            Condition::Present(place) => write!(f, "{} pr", path(place)),
            Condition::ExtensionPresent(uri) => write!(f, "{uri} pr"),
            Condition::Element(place, condition) => {
                let is_within = true;
                write!(f, "{}[{}]", path(place), Shown { condition, is_within })
            }
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

impl Shown<'_> {
    /// A part of the condition.
    fn part<'q>(&self, condition: &'q Condition) -> Shown<'q> {
        Shown {
            condition,
            is_within: self.is_within,
        }
    }

    fn join(&self, f: &mut fmt::Formatter<'_>, operands: &[Condition], word: &str) -> fmt::Result {
        for (place, operand) in operands.iter().enumerate() {
            if place > 0 {
                f.write_str(word)?;
            }
            let shown = self.part(operand);
            match operand {
                Condition::And(_) | Condition::Or(_) => write!(f, "({shown})")?,
                _ => write!(f, "{shown}")?,
            }
        }
        Ok(())
    }
}

fn path(place: &Place) -> AttrPath {
    AttrPath::new(
        place.extension().cloned(),
        place.attribute().clone(),
        place.sub().cloned(),
    )
}
