//! Calls that are tried and not done.

use std::sync::{Arc, Mutex, PoisonError};

use keyfob_store::Commit;

/// The commits that a call would make. A call that is [rehearsing](crate::Context::rehearsing) decides as any other does,
/// notes its first commit here, and ends with an error before anything is written.
///
/// Clones share the notes.
#[derive(Clone, Debug, Default)]
pub struct Rehearsal(Arc<Mutex<Option<Arc<Commit>>>>);

impl Rehearsal {
    /// Creates a rehearsal without notes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the commit that the call would have made. There is none where the call was refused or would change nothing.
    #[must_use]
    pub fn take(&self) -> Option<Arc<Commit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Notes a commit. The first one stays: a call that goes on after its failure goes on from nothing.
    pub(crate) fn note(&self, commit: Arc<Commit>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(commit);
    }
}
