//! Places that tenants take for as long as something of theirs goes on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use keyfob_engine::TenantId;

/// A number of places, of which a tenant takes a part at most, so that none is without because of another.
#[derive(Debug)]
pub(crate) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The number of places.
    all: usize,
    /// The number that a tenant has at most.
    of_a_tenant: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Those tenants alone that have a place.
    of: HashMap<TenantId, usize>,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    shared: Arc<Shared>,
    tenant: TenantId,
}

impl Places {
    pub(crate) fn new(all: usize, of_a_tenant: usize) -> Self {
        Self(Arc::new(Shared {
            all,
            of_a_tenant,
            taken: Mutex::default(),
        }))
    }

    /// Takes a place; none where all are taken, or all that the tenant may have.
    pub(crate) fn take(&self, tenant: &TenantId) -> Option<Place> {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = taken.of.get(tenant).copied().unwrap_or(0);
        if taken.all >= self.0.all || of_tenant >= self.0.of_a_tenant {
            return None;
        }
        taken.all += 1;
        taken.of.insert(tenant.clone(), of_tenant + 1);
        Some(Place {
            shared: Arc::clone(&self.0),
            tenant: tenant.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(of_tenant) = taken.of.get_mut(&self.tenant) {
            *of_tenant = of_tenant.saturating_sub(1);
            if *of_tenant == 0 {
                taken.of.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_takes_its_part_and_places_come_back() {
        let places = Places::new(3, 2);
        let [acme, globex] = ["acme", "globex"].map(TenantId::new);
        let (first, second) = (places.take(&acme), places.take(&acme));
        assert!(first.is_some() && second.is_some());
        assert!(places.take(&acme).is_none(), "it has its part");
        let third = places.take(&globex);
        assert!(third.is_some());
        drop(first);
        assert!(places.take(&globex).is_some());
        let first = places.take(&acme);
        assert!(first.is_some());
        assert!(places.take(&globex).is_none(), "all are taken");
        drop((first, second, third));
        let taken = places.0.taken.lock().unwrap();
        assert_eq!((taken.all, taken.of.len()), (0, 0), "nothing is left of them");
    }
}
