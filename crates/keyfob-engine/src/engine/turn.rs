//! Turns: requests that change one resource of one tenant go one after the other.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use async_lock::{RwLock, RwLockReadGuardArc, RwLockWriteGuardArc};
use keyfob_core::ResourceId;
use keyfob_store::TenantId;

/// The resources that requests of this process are changing.
///
/// A write loads a resource, decides and commits on the version that it loaded. Without turns all but one of the requests
/// that change a resource at the same time would have to begin again, each as often as others were faster.
#[derive(Debug, Default)]
pub(super) struct Turns {
    resources: Mutex<HashMap<(TenantId, ResourceId), Weak<Lock>>>,
}

/// It guards nothing but the turns.
type Lock = RwLock<()>;

/// How many entries the map has before those that nobody holds any more are dropped.
const SWEEP: usize = 1024;

/// A request's turn. It ends when this is dropped.
#[derive(Debug)]
pub(super) enum Turn {
    /// The only one.
    Exclusive { _guard: RwLockWriteGuardArc<()> },
    /// One beside others that don't depend on what the resource is.
    Shared { _guard: RwLockReadGuardArc<()> },
}

impl Turns {
    /// Waits for the turn of a request that changes a resource, depending on the version that it loads.
    pub(super) async fn exclusive(&self, tenant: &TenantId, id: &ResourceId) -> Turn {
        let lock = self.lock(tenant, id);
        Turn::Exclusive {
            _guard: lock.write_arc().await,
        }
    }

    /// Waits for the turn of a request that changes a resource whatever its version is, as the addition of members does.
    pub(super) async fn shared(&self, tenant: &TenantId, id: &ResourceId) -> Turn {
        let lock = self.lock(tenant, id);
        Turn::Shared {
            _guard: lock.read_arc().await,
        }
    }

    fn lock(&self, tenant: &TenantId, id: &ResourceId) -> Arc<Lock> {
        let mut resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        if resources.len() >= SWEEP {
            resources.retain(|_, lock| lock.strong_count() > 0);
        }
        let entry = resources.entry((tenant.clone(), id.clone())).or_default();
        entry.upgrade().unwrap_or_else(|| {
            let lock = Arc::default();
            *entry = Arc::downgrade(&lock);
            lock
        })
    }
}
