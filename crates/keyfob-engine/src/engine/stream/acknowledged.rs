//! The positions of a feed that the receiver of a stream has done with.

use std::{collections::BTreeMap, fmt};

use keyfob_store::Position;

/// A set of positions of a feed: all up to one of them, and runs behind it.
///
/// The runs neither touch one another nor the beginning, so that a set has one form alone. As text it is the runs, from which
/// and from the beginning it is read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Acknowledged {
    through: u64,
    /// The last position of each run by its first.
    runs: BTreeMap<u64, u64>,
}

impl Acknowledged {
    /// Creates the set of all positions up to one, and of those in a text.
    ///
    /// Returns none where the text is not one that a set was written as.
    pub(super) fn read(through: Position, runs: &str) -> Option<Self> {
        let mut set = Self {
            through: through.number(),
            runs: BTreeMap::new(),
        };
        for run in runs.split_ascii_whitespace() {
            let (first, last) = run.split_once('-').unwrap_or((run, run));
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            if first == 0 || first > last {
                return None;
            }
            set.insert_run(first, last);
        }
        Some(set)
    }

    /// Returns the position up to which every one is in the set.
    pub(super) fn through(&self) -> Position {
        Position::new(self.through)
    }

    /// Returns true if a position is in the set.
    pub(super) fn contains(&self, position: Position) -> bool {
        let number = position.number();
        let run = self.runs.range(..=number).next_back();
        number <= self.through || run.is_some_and(|(_, last)| number <= *last)
    }

    /// Adds a position.
    pub(super) fn insert(&mut self, position: Position) {
        self.insert_run(position.number(), position.number());
    }

    /// Adds every position up to one.
    pub(super) fn insert_through(&mut self, position: Position) {
        self.insert_run(0, position.number());
    }

    /// Returns the last position from which on to one everything is in the set: the position itself where the next one
    /// isn't.
    pub(super) fn skip(&self, position: Position) -> Position {
        let next = position.number().saturating_add(1);
        if next <= self.through {
            return self.through();
        }
        let run = self.runs.range(..=next).next_back();
        run.filter(|(_, last)| next <= **last)
            .map_or(position, |(_, last)| Position::new(*last))
    }

    /// Returns the number of positions behind one before the next run that is longer than `short`; at most `limit`.
    pub(super) fn before_long_run(&self, position: Position, short: u64, limit: usize) -> usize {
        let number = position.number();
        let mut behind = self.runs.range(number.saturating_add(1)..);
        let long = behind.find(|(first, last)| last.saturating_sub(**first) >= short);
        long.map_or(limit, |(first, _)| {
            let before = first.saturating_sub(number).saturating_sub(1);
            usize::try_from(before).unwrap_or(usize::MAX).min(limit)
        })
    }

    fn insert_run(&mut self, first: u64, last: u64) {
        let (mut first, mut last) = (first, last);
        // The run before may reach up to this one, and those behind begin within it or next to it.
        if let Some((&before, &end)) = self.runs.range(..=first).next_back()
            && end.saturating_add(1) >= first
        {
            first = before;
        }
        while let Some((&next, &end)) = self.runs.range(first..=last.saturating_add(1)).next() {
            self.runs.remove(&next);
            last = last.max(end);
        }
        if first <= self.through.saturating_add(1) {
            self.through = self.through.max(last);
        } else {
            self.runs.insert(first, last);
        }
    }
}

impl fmt::Display for Acknowledged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (first, last)) in self.runs.iter().enumerate() {
            let space = if number == 0 { "" } else { " " };
            if first == last {
                write!(f, "{space}{first}")?;
            } else {
                write!(f, "{space}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn at(number: u64) -> Position {
        Position::new(number)
    }

    fn read(through: u64, runs: &str) -> Acknowledged {
        Acknowledged::read(at(through), runs).unwrap()
    }

    #[test]
    fn a_set_has_one_text() {
        for (through, text, whole, written) in [
            (0, "", 0, ""),
            (4, "6", 4, "6"),
            (4, "6-9 12", 4, "6-9 12"),
            (4, "5-9 12", 9, "12"),
            (10, "6-9 12", 10, "12"),
            (7, "6-9 12", 9, "12"),
            (0, "3 2 1", 3, ""),
            (0, "18446744073709551615", 0, "18446744073709551615"),
        ] {
            let set = read(through, text);
            assert_eq!(
                (set.through(), set.to_string().as_str()),
                (at(whole), written),
                "{text}"
            );
        }
        for malformed in ["x", "1-", "-1", "3-2", "0", "1,2", "18446744073709551616"] {
            assert_eq!(
                Acknowledged::read(Position::START, malformed),
                None,
                "{malformed}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_is_what_a_set_of_numbers_is(
            through in 0_u64..10,
            added in prop::collection::vec((1_u64..60, any::<bool>()), 0..60),
            short in 0_u64..5,
        ) {
            let mut set = read(through, "");
            let mut oracle: BTreeSet<u64> = (0..=through).collect();
            for (number, alone) in added {
                if alone {
                    set.insert(at(number));
                    oracle.insert(number);
                } else if number < 20 {
                    set.insert_through(at(number));
                    oracle.extend(0..=number);
                }
                let whole = (0..70).take_while(|number| oracle.contains(number)).last().unwrap();
                prop_assert_eq!(set.through(), at(whole));
                for number in 0..70 {
                    prop_assert_eq!(set.contains(at(number)), oracle.contains(&number), "{}", number);
                    let end = (number + 1..80).take_while(|next| oracle.contains(next)).last();
                    prop_assert_eq!(set.skip(at(number)), at(end.unwrap_or(number)), "{}", number);
                    if !oracle.contains(&(number + 1)) {
                        let is_long = |first: &u64| (*first..=first + short).all(|next| oracle.contains(&next));
                        let long = (number + 1..70).find(is_long);
                        let expected = long.map_or(100, |first| first - number - 1);
                        prop_assert_eq!(
                            set.before_long_run(at(number), short, 100),
                            usize::try_from(expected).unwrap(),
                            "{} {}", number, short
                        );
                    }
                }
                prop_assert_eq!(&read(whole, &set.to_string()), &set);
            }
        }
    }
}
