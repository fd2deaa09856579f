//! The groups of a pattern, by the numbers and names that .NET gives them.

use super::error::RegexError;

/// The groups that a pattern opens, in its order.
#[derive(Debug, Default)]
pub(super) struct Captures {
    opened: Vec<(usize, Opened)>,
}

/// The name of a group where it is opened.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Opened {
    Unnamed,
    Number(u32),
    Name(String),
}

impl Captures {
    /// Notes the group that is opened at a position.
    pub(super) fn push(&mut self, position: usize, opened: Opened) -> Group {
        self.opened.push((position, opened));
        Group(self.opened.len())
    }

    pub(super) fn len(&self) -> usize {
        self.opened.len()
    }

    /// Numbers the groups: those without a name first, from 1 in their order, then those with one.
    pub(super) fn number(self) -> Result<Groups, RegexError> {
        let mut groups = Groups {
            numbers: vec![0],
            names: Vec::new(),
        };
        let mut next = 1;
        for (position, opened) in &self.opened {
            let number = match opened {
                Opened::Unnamed => {
                    next += 1;
                    next - 1
                }
                Opened::Number(number) => *number,
                // Not numbered yet.
                Opened::Name(_) => u32::MAX,
            };
            if number != u32::MAX && groups.numbers.contains(&number) {
                return Err(twice(*position));
            }
            groups.numbers.push(number);
        }
        for (index, (position, opened)) in (1..).zip(&self.opened) {
            if let Opened::Name(name) = opened {
                if groups.names.iter().any(|(known, _)| known == name) {
                    return Err(twice(*position));
                }
                while groups.numbers.contains(&next) {
                    next += 1;
                }
                if let Some(number) = groups.numbers.get_mut(index) {
                    *number = next;
                }
                groups.names.push((name.clone(), Group(index)));
            }
        }
        Ok(groups)
    }
}

fn twice(position: usize) -> RegexError {
    RegexError::Unsupported {
        position,
        feature: "a second group of the same name or number",
    }
}

/// A group of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group(pub(super) usize);

impl Group {
    /// The whole match.
    pub(super) const WHOLE: Self = Self(0);

    /// The first of the two slots in which a match remembers what the group takes.
    pub(super) fn slot(self) -> usize {
        2 * self.0
    }
}

/// The groups of a pattern, of which each [`Group`] counts in the order in which they open.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// The number of each group in .NET; that of the whole match is 0.
    numbers: Vec<u32>,
    names: Vec<(String, Group)>,
}

impl Groups {
    /// Returns how many groups there are beside the whole match.
    pub(super) fn len(&self) -> usize {
        self.numbers.len().saturating_sub(1)
    }

    /// The group of this number in .NET.
    pub(super) fn numbered(&self, number: u32) -> Option<Group> {
        self.numbers.iter().position(|&known| known == number).map(Group)
    }

    /// The group of this name, which may be a number.
    pub(super) fn named(&self, name: &str) -> Option<Group> {
        match name.parse() {
            Ok(number) if name.bytes().all(|byte| byte.is_ascii_digit()) => self.numbered(number),
            _ => self
                .names
                .iter()
                .find(|(known, _)| known == name)
                .map(|&(_, group)| group),
        }
    }

    /// The group of the highest number: the whole match if there is no other.
    pub(super) fn last(&self) -> Group {
        (0..)
            .zip(&self.numbers)
            .max_by_key(|&(_, number)| number)
            .map_or(Group::WHOLE, |(index, _)| Group(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(opened: &[Opened]) -> Result<Groups, RegexError> {
        let opened = opened.iter().cloned().map(|opened| (0, opened)).collect();
        Captures { opened }.number()
    }

    fn name(name: &str) -> Opened {
        Opened::Name(name.to_owned())
    }

    #[test]
    fn unnamed_groups_come_before_named_ones() {
        let groups = groups(&[
            name("x"),
            Opened::Unnamed,
            name("y"),
            Opened::Unnamed,
            Opened::Number(3),
        ])
        .unwrap();
        assert_eq!(
            [1, 2, 3, 4, 5, 6].map(|number| groups.numbered(number).map(|group| group.0)),
            [Some(2), Some(4), Some(5), Some(1), Some(3), None]
        );
        assert_eq!(groups.named("y"), groups.numbered(5));
        assert_eq!(groups.named("5"), groups.numbered(5));
        assert_eq!(groups.named("z"), None);
        assert_eq!(groups.last(), Group(3));
    }

    #[test]
    fn a_name_or_number_is_given_once() {
        for opened in [
            [name("x"), name("x")],
            [Opened::Number(1), Opened::Unnamed],
            [Opened::Number(2), Opened::Number(2)],
        ] {
            assert!(
                matches!(groups(&opened), Err(RegexError::Unsupported { .. })),
                "{opened:?}"
            );
        }
    }
}
