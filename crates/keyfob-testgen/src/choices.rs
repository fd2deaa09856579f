//! Decisions of a generator, taken from bytes.

/// Decisions taken from bytes, one each; once they are used up every decision is the first possibility, which
/// generators make the smallest.
#[derive(Clone, Debug)]
pub struct Choices<'b> {
    bytes: std::slice::Iter<'b, u8>,
}

impl<'b> Choices<'b> {
    /// The decisions that these bytes are.
    #[must_use]
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    /// A number below `bound`, which is at most 256; zero for zero.
    pub fn below(&mut self, bound: usize) -> usize {
        let byte = self.bytes.next().copied().unwrap_or_default();
        usize::from(byte).checked_rem(bound).unwrap_or_default()
    }

    /// True in one of `bound` cases, and never once the bytes are used up.
    pub fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) + 1 == bound
    }

    /// One of these.
    ///
    /// # Panics
    /// When there is none.
    #[expect(clippy::expect_used, reason = "a generator picks from what it states")]
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from.get(self.below(from.len()))
            .cloned()
            .expect("something to pick from")
    }
}
