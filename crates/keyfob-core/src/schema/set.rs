//! Numbers for attributes, and sets of them.

/// A registry's number for an attribute or sub-attribute.
///
/// Numbers depend on the order in which schemas were registered: they are never written anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttrId(u16);

impl AttrId {
    /// The number of an attribute that is not in a registry yet.
    pub(super) const UNREGISTERED: Self = Self(u16::MAX);

    pub(super) fn new(number: u16) -> Self {
        Self(number)
    }

    fn position(self) -> (usize, u64) {
        (usize::from(self.0 / 64), 1 << (self.0 % 64))
    }
}

/// A set of attributes of one registry.
///
/// The attributes of most registries fit the words that need no allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttrSet {
    first: [u64; FIRST],
    rest: Vec<u64>,
}

/// Words for 256 attributes, more than the RFC has.
const FIRST: usize = 4;

impl AttrSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute.
    #[inline]
    pub fn insert(&mut self, id: AttrId) {
        let (index, bit) = id.position();
        if let Some(beyond) = index.checked_sub(FIRST)
            && self.rest.len() <= beyond
        {
            self.rest.resize(beyond + 1, 0);
        }
        if let Some(word) = self.word_mut(index) {
            *word |= bit;
        }
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, id: AttrId) {
        let (index, bit) = id.position();
        if let Some(word) = self.word_mut(index) {
            *word &= !bit;
        }
    }

    /// Whether it holds the attribute.
    #[must_use]
    #[inline]
    pub fn contains(&self, id: AttrId) -> bool {
        let (index, bit) = id.position();
        let word = match index.checked_sub(FIRST) {
            None => self.first.get(index),
            Some(beyond) => self.rest.get(beyond),
        };
        word.is_some_and(|word| word & bit != 0)
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.iter().chain(&self.rest).all(|word| *word == 0)
    }

    /// Adds all attributes of another set.
    pub fn union_with(&mut self, other: &Self) {
        if self.rest.len() < other.rest.len() {
            self.rest.resize(other.rest.len(), 0);
        }
        let words = self.first.iter_mut().chain(&mut self.rest);
        for (word, other) in words.zip(other.first.iter().chain(&other.rest)) {
            *word |= other;
        }
    }

    fn word_mut(&mut self, index: usize) -> Option<&mut u64> {
        match index.checked_sub(FIRST) {
            None => self.first.get_mut(index),
            Some(beyond) => self.rest.get_mut(beyond),
        }
    }
}

impl FromIterator<AttrId> for AttrSet {
    fn from_iter<I: IntoIterator<Item = AttrId>>(ids: I) -> Self {
        let mut set = Self::new();
        for id in ids {
            set.insert(id);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Registry;

    #[test]
    fn a_set_holds_what_was_added_whatever_its_number() {
        let ids = [0, 63, 64, 255, 256, 1_000].map(AttrId::new);
        let mut set: AttrSet = ids.into_iter().collect();
        assert!(ids.iter().all(|id| set.contains(*id)));
        assert!(
            ![1, 257, 999, 1_001]
                .iter()
                .any(|id| set.contains(AttrId::new(*id)))
        );

        let mut union: AttrSet = [AttrId::new(1)].into_iter().collect();
        union.union_with(&set);
        assert!(ids.iter().all(|id| union.contains(*id)));
        assert!(union.contains(AttrId::new(1)));

        for id in ids {
            assert!(!set.is_empty());
            set.remove(id);
        }
        assert!(set.is_empty());
    }

    #[test]
    fn the_attributes_of_the_rfc_need_no_allocation() {
        let kinds = Registry::rfc().resource_types();
        let set: AttrSet = kinds
            .iter()
            .flat_map(|kind| kind.attributes().map(|(_, attribute)| attribute.id))
            .collect();
        assert!(set.rest.is_empty());
    }
}
