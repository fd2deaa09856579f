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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttrSet {
    words: Vec<u64>,
}

impl AttrSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute.
    pub fn insert(&mut self, id: AttrId) {
        let (word, bit) = id.position();
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= bit;
        }
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, id: AttrId) {
        let (word, bit) = id.position();
        if let Some(word) = self.words.get_mut(word) {
            *word &= !bit;
        }
    }

    /// Whether it holds the attribute.
    #[must_use]
    pub fn contains(&self, id: AttrId) -> bool {
        let (word, bit) = id.position();
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Adds all attributes of another set.
    pub fn union_with(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
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
