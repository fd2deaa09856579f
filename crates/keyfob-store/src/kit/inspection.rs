//! The check of what follows from stored resources.

use keyfob_core::ResourceId;

use crate::{Finding, Keys, Stored, UniqueKey};

/// A check of the resources of a type, page by page, as [`Maintenance::check`](crate::Maintenance::check) makes it.
///
/// A store shows each resource of a page, looks up who holds the keys that are [missing](Self::missing), and
/// [says so](Self::settle) before the next page.
pub struct Inspection<'k> {
    keys: &'k Keys,
    missing: Vec<(ResourceId, UniqueKey)>,
    findings: Vec<Finding>,
}

impl<'k> Inspection<'k> {
    /// Creates a check in which `keys` says which keys a resource reserves.
    #[must_use]
    pub fn new(keys: &'k Keys) -> Self {
        Self {
            keys,
            missing: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Looks at a resource: at whether the index says what the document says, and at the keys that it reserves. A hidden
    /// resource reserves none.
    pub fn inspect(
        &mut self,
        id: &ResourceId,
        stored: &Stored,
        is_indexed: bool,
        reserves: impl Fn(&UniqueKey) -> bool,
    ) {
        if !is_indexed {
            self.findings.push(Finding::Unindexed { resource: id.clone() });
        }
        if !stored.is_hidden() {
            let unreserved = (self.keys)(stored).into_iter().filter(|key| !reserves(key));
            self.missing.extend(unreserved.map(|key| (id.clone(), key)));
        }
    }

    /// Notes a number that the store keeps, beside the number that there are.
    pub fn count(&mut self, kept: usize, counted: usize) {
        if kept != counted {
            self.findings.push(Finding::Miscounted { kept, counted });
        }
    }

    /// Returns the keys that resources don't reserve and should.
    #[must_use]
    pub fn missing(&self) -> Vec<UniqueKey> {
        self.missing.iter().map(|(_, key)| key.clone()).collect()
    }

    /// Takes who holds each of the [missing](Self::missing) keys, which are missing no longer. One that the resource itself
    /// holds by now was reserved meanwhile.
    pub fn settle(&mut self, holders: impl IntoIterator<Item = Option<ResourceId>>) {
        for ((resource, key), holder) in self.missing.drain(..).zip(holders) {
            match holder {
                Some(owner) if owner == resource => {}
                Some(owner) => self.findings.push(Finding::Collision { resource, key, owner }),
                None => self.findings.push(Finding::Unreserved { resource, key }),
            }
        }
    }

    /// Returns what was found.
    #[must_use]
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}
