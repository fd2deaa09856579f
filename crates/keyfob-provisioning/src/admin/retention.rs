//! The removal of events that are old.

use std::time::Duration;

use keyfob_core::DateTime;
use keyfob_store::{Feeds, Maintenance, Retention};

use super::{Admin, AdminError};

/// The number of tenants that are read at once.
const PAGE: usize = 100;

/// The number of events that one commit of the store removes, so that no other write waits for long.
const STEP: usize = 1_000;

impl<S: Feeds + Maintenance> Admin<'_, S> {
    /// Removes the events of all tenants that are older than `kept`, whether consumers have handled them or not, and returns
    /// their number. What is kept of commits, so that none is applied twice, goes with them.
    ///
    /// A consumer that was away for longer is told so ([`FeedError::Gone`](keyfob_store::FeedError::Gone)). A server calls this
    /// every hour.
    ///
    /// ```
    /// use std::time::Duration;
    /// use keyfob_core::Registry;
    /// use keyfob_provisioning::Provisioner;
    /// use keyfob_store_memory::MemoryStore;
    ///
    /// # pollster::block_on(async {
    /// let provisioner = Provisioner::new(MemoryStore::new(), Registry::rfc().clone());
    /// let year = Duration::from_secs(365 * 24 * 60 * 60);
    /// assert_eq!(provisioner.admin().trim_events(year).await?, 0);
    /// # Ok::<(), keyfob_provisioning::AdminError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`AdminError::Store`]; what was removed until then is removed.
    ///
    /// # Complexity
    /// Linear in the tenants and in the events that are removed, a thousand in a commit.
    pub async fn trim_events(&self, kept: Duration) -> Result<u64, AdminError> {
        let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
        let before = DateTime::from_unix_millis(self.provisioner.now().unix_millis().saturating_sub(kept));
        let retention = Retention {
            read_before: before,
            unread_before: before,
        };
        let store = self.provisioner.store();
        let mut removed = 0;
        let mut after = None;
        loop {
            let tenants = store.tenants(after.as_ref(), PAGE).await?;
            for tenant in &tenants {
                // Fewer than a step go where the next commit has more events than are left of it.
                loop {
                    let trimmed = store.trim(tenant, &retention, STEP).await?;
                    if trimmed == 0 {
                        break;
                    }
                    removed += trimmed as u64;
                }
            }
            match tenants.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return Ok(removed),
            }
        }
    }
}
