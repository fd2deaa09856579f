//! Ranges of keys and of times.

use keyfob_core::{Collation, CompareKey, DateTime};
use keyfob_filter::CompareOp;

/// The keys from one on and before another, compared by their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a range has no further parts")]
pub struct KeyRange {
    /// The first key.
    pub from: String,
    /// The key before which the range ends: none where it has no end.
    pub before: Option<String>,
}

/// What stands before a user name that could not be prepared, and the first text that doesn't begin with it and comes after.
const MARK: &str = " ";
const AFTER_MARK: &str = "!";

impl KeyRange {
    /// The length in bytes up to which a comparand bounds a range. Longer ones are decided on resources, since stores may cut
    /// long keys off.
    pub(super) const MAX_BOUND: usize = 256;

    /// Every key.
    fn all() -> Self {
        Self {
            from: String::new(),
            before: None,
        }
    }

    /// The one key.
    fn of(key: &str) -> Self {
        Self {
            from: key.to_owned(),
            before: Some(after(key)),
        }
    }

    /// The keys that begin with a text.
    pub(super) fn with_prefix(prefix: &str) -> Self {
        Self {
            from: prefix.to_owned(),
            before: after_all_with(prefix),
        }
    }

    /// The keys that compare so with one; none for an operator that asks for no range.
    pub(super) fn comparing(op: CompareOp, key: &str) -> Option<Self> {
        let range = Self::all();
        Some(match op {
            CompareOp::Eq => Self::of(key),
            CompareOp::Gt => Self {
                from: after(key),
                ..range
            },
            CompareOp::Ge => Self {
                from: key.to_owned(),
                ..range
            },
            CompareOp::Lt => Self {
                before: Some(key.to_owned()),
                ..range
            },
            CompareOp::Le => Self {
                before: Some(after(key)),
                ..range
            },
            CompareOp::Sw => Self::with_prefix(key),
            CompareOp::Co | CompareOp::Ew if key.is_empty() => range,
            CompareOp::Co | CompareOp::Ew | CompareOp::Ne => return None,
        })
    }

    /// The ranges of the keys whose [text](CompareKey::text) is in this range.
    ///
    /// A user name that could not be prepared has a mark before its text.
    pub(super) fn of_texts(self, collation: Collation) -> Vec<Self> {
        if collation != Collation::UserName {
            return vec![self];
        }
        let marked = Self {
            from: format!("{MARK}{}", self.from),
            before: Some(match &self.before {
                Some(before) => format!("{MARK}{before}"),
                None => AFTER_MARK.to_owned(),
            }),
        };
        let before_mark = self.clone().before(MARK);
        let after_mark = self.from(AFTER_MARK);
        [before_mark, marked, after_mark]
            .into_iter()
            .filter(|range| !range.is_empty())
            .collect()
    }

    /// Returns true if the range has an end.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.before.is_some() && !self.from.is_empty()
    }

    /// Returns true if a key is in the range.
    #[must_use]
    pub fn contains(&self, key: &CompareKey) -> bool {
        let key = key.as_str();
        *self.from <= *key && self.before.as_ref().is_none_or(|before| *key < **before)
    }

    fn is_empty(&self) -> bool {
        self.before.as_ref().is_some_and(|before| *before <= self.from)
    }

    fn from(self, from: &str) -> Self {
        Self {
            from: self.from.max(from.to_owned()),
            ..self
        }
    }

    fn before(self, before: &str) -> Self {
        let end = self.before.unwrap_or_else(|| before.to_owned());
        Self {
            before: Some(end.min(before.to_owned())),
            ..self
        }
    }
}

/// The first text after one.
fn after(text: &str) -> String {
    format!("{text}\0")
}

/// The first text that comes after all with this prefix; none where there is none.
fn after_all_with(prefix: &str) -> Option<String> {
    let mut prefix = prefix.to_owned();
    while let Some(last) = prefix.pop() {
        // Numbers between the last character and the next are of surrogates.
        let next = (u32::from(last) + 1..=0xE000.max(u32::from(last) + 1)).find_map(char::from_u32);
        if let Some(next) = next {
            prefix.push(next);
            return Some(prefix);
        }
    }
    None
}

/// The instants from one to another, both of them included, in milliseconds since the start of 1970, as stores have times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a span has no further parts")]
pub struct TimeSpan {
    /// The first instant.
    pub from: i64,
    /// The last instant. There is none in the span if it is before the first.
    pub to: i64,
}

impl TimeSpan {
    /// The times that compare so with an instant; none for an operator that asks for no span.
    pub(super) fn comparing(op: CompareOp, instant: DateTime) -> Option<Self> {
        let millis = instant.unix_millis();
        // An instant between two milliseconds is after the one and equal to none.
        let is_whole = DateTime::from_unix_millis(millis) == instant;
        let next = millis.saturating_add(1);
        let (from, to) = match op {
            CompareOp::Eq if is_whole => (millis, millis),
            CompareOp::Eq => (next, millis),
            CompareOp::Ge if is_whole => (millis, i64::MAX),
            CompareOp::Gt | CompareOp::Ge => (next, i64::MAX),
            CompareOp::Lt if is_whole => (i64::MIN, millis.saturating_sub(1)),
            CompareOp::Lt | CompareOp::Le => (i64::MIN, millis),
            CompareOp::Ne | CompareOp::Co | CompareOp::Sw | CompareOp::Ew => return None,
        };
        Some(Self { from, to })
    }

    /// The instants that are in both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            to: self.to.min(other.to),
        }
    }

    /// Returns true if the span has a start and an end.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.from > i64::MIN && self.to < i64::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_first_text_that_lacks_it() {
        for (prefix, next) in [
            ("ab", Some("ac")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(after_all_with(prefix).as_deref(), next, "{prefix:?}");
        }
    }

    #[test]
    fn an_instant_between_two_milliseconds_bounds_whole_ones() {
        let at = |text: &str| text.parse::<DateTime>().unwrap();
        let span = |op, text| {
            let span = TimeSpan::comparing(op, at(text)).unwrap();
            (span.from, span.to)
        };
        let (whole, between) = ("1970-01-01T00:00:00.005Z", "1970-01-01T00:00:00.0055Z");
        assert_eq!(span(CompareOp::Gt, whole), (6, i64::MAX));
        assert_eq!(span(CompareOp::Ge, whole), (5, i64::MAX));
        assert_eq!(span(CompareOp::Lt, whole), (i64::MIN, 4));
        assert_eq!(span(CompareOp::Le, whole), (i64::MIN, 5));
        assert_eq!(span(CompareOp::Eq, whole), (5, 5));
        assert_eq!(span(CompareOp::Gt, between), (6, i64::MAX));
        assert_eq!(span(CompareOp::Ge, between), (6, i64::MAX));
        assert_eq!(span(CompareOp::Lt, between), (i64::MIN, 5));
        assert_eq!(span(CompareOp::Le, between), (i64::MIN, 5));
        assert_eq!(span(CompareOp::Eq, between), (6, 5));
    }

    #[test]
    fn ranges_of_user_names_hold_the_marked_ones_too() {
        let texts = ["", " ", " a", "!", "a", "ab", "b", "\u{10ffff}", "jane doe"];
        let keys: Vec<_> = texts
            .iter()
            .flat_map(|text| [format!(" {text}"), (*text).to_owned()])
            .filter(|key| !key.is_empty())
            .map(CompareKey::verbatim)
            .collect();
        for op in [
            CompareOp::Gt,
            CompareOp::Ge,
            CompareOp::Lt,
            CompareOp::Le,
            CompareOp::Sw,
            CompareOp::Eq,
        ] {
            for bound in texts {
                let ranges = KeyRange::comparing(op, bound)
                    .unwrap()
                    .of_texts(Collation::UserName);
                for key in &keys {
                    let text = key.text(Collation::UserName);
                    let expected = match op {
                        CompareOp::Gt => text > bound,
                        CompareOp::Ge => text >= bound,
                        CompareOp::Lt => text < bound,
                        CompareOp::Le => text <= bound,
                        CompareOp::Eq => text == bound,
                        _ => text.starts_with(bound),
                    };
                    let found = ranges.iter().filter(|range| range.contains(key)).count();
                    assert_eq!(found, usize::from(expected), "{key:?} {op} {bound:?}");
                }
            }
        }
    }
}
