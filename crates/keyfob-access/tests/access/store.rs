//! A store that counts what it is asked, and lets something happen just before a commit.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use keyfob_core::ResourceType;
use keyfob_engine::{Commit, DynStore, Hooked, Hooks, ReadContext, StoreError};

pub(crate) type Happening = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub(crate) struct Watcher {
    pub(crate) reads: AtomicUsize,
    pub(crate) before_commit: Mutex<Option<Happening>>,
    /// Whether the next commit fails.
    pub(crate) is_down: AtomicBool,
}

pub(crate) type Watched = Hooked<DynStore, Watcher>;

impl Hooks for Watcher {
    fn before_read(&self, _: &ReadContext, _: &ResourceType) -> Result<(), StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn before_commit(&self, _: &[Arc<Commit>]) -> Result<(), StoreError> {
        let happening = {
            let mut before = self.before_commit.lock().unwrap_or_else(PoisonError::into_inner);
            before.take()
        };
        if let Some(happening) = happening {
            happening();
        }
        if self.is_down.swap(false, Ordering::Relaxed) {
            return Err(StoreError::unavailable("the disk is full"));
        }
        Ok(())
    }
}
