//! The guard against accidental deletions.

/// The number of users and groups that may be disabled or deleted in one provisioning cycle before somebody has to look.
///
/// A mistake in a scoping filter or in an assignment takes everybody out of scope at once. Whoever runs a cycle counts
/// what it would disable and delete first, and holds all of it back where the threshold doesn't allow so many.
///
/// ```
/// use keyfob_mapping::DeletionThreshold;
///
/// let threshold = DeletionThreshold::new(500);
/// assert!(threshold.allows(500));
/// assert!(!threshold.allows(501));
/// assert!(DeletionThreshold::off().allows(u64::MAX));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeletionThreshold {
    limit: Option<u64>,
}

impl DeletionThreshold {
    /// Allows up to `limit` in a cycle.
    #[must_use]
    pub const fn new(limit: u64) -> Self {
        Self { limit: Some(limit) }
    }

    /// Allows any number; the default.
    #[must_use]
    pub const fn off() -> Self {
        Self { limit: None }
    }

    /// Returns the number that is allowed in a cycle; none where any is.
    #[must_use]
    pub const fn limit(self) -> Option<u64> {
        self.limit
    }

    /// Returns true if a cycle may disable and delete so many.
    #[must_use]
    pub fn allows(self, count: u64) -> bool {
        self.limit.is_none_or(|limit| count <= limit)
    }
}
