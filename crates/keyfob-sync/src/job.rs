//! A job: what is provisioned by which mappings, and within which guards.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use keyfob_client::{BlockingTransport, Client, FilterSupport};
use keyfob_core::{Clock, SystemClock};
use keyfob_expression::{Entropy, SystemEntropy};
use keyfob_mapping::DeletionThreshold;

use crate::{
    cycle::{self, Mode},
    error::SyncError,
    event::{Event, Report},
    rule::{Kind, Rule},
    source::ObjectSource,
    state::State,
};

/// A job that provisions a target: the mappings, and the guards.
///
/// It blocks; asynchronous programs run it on a thread of its own. See the [crate's page](crate) for an example.
pub struct Job<'j, X> {
    pub(crate) client: &'j Client<X>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) threshold: DeletionThreshold,
    pub(crate) shrink_below: u8,
    pub(crate) delete_after: Duration,
    pub(crate) skip_out_of_scope_deletions: bool,
    pub(crate) quarantine: Quarantine,
    pub(crate) parallel: NonZeroUsize,
    pub(crate) log_values: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// When failures of objects put the target into quarantine: the cycle ends.
///
/// The defaults are those that Entra ID documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "settings that are given together")]
pub struct Quarantine {
    /// Fewer failures in a cycle never do.
    pub least: u64,
    /// The share of the objects that were tried, in percent, above which so many do.
    pub percent: u64,
    /// More failures always do.
    pub most: u64,
    /// The number of failures one after the other at which the target counts as unreachable, whatever the share.
    pub in_a_row: u32,
}

impl Default for Quarantine {
    fn default() -> Self {
        Self {
            least: 5_000,
            percent: 40,
            most: 40_000,
            in_a_row: 20,
        }
    }
}

impl<'j, X: BlockingTransport + Send + Sync> Job<'j, X> {
    /// Sets up a job on the target that the client is of.
    ///
    /// # Errors
    /// [`SyncError`] without a rule, with two of a kind, and for a target without PATCH or filters.
    pub fn new(client: &'j Client<X>, rules: Vec<Rule>) -> Result<Self, SyncError> {
        if rules.is_empty() {
            return Err(SyncError::NoRule);
        }
        let of = |kind: Kind| rules.iter().filter(move |rule| rule.kind() == kind).count();
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| of(*kind) > 1) {
            return Err(SyncError::TwoRules { kind });
        }
        let capabilities = &client.target().capabilities;
        if !capabilities.patch.value {
            return Err(SyncError::Unsupported { what: "PATCH" });
        }
        if capabilities.filter.value == FilterSupport::Unsupported {
            return Err(SyncError::Unsupported { what: "filters" });
        }
        Ok(Self {
            client,
            rules,
            threshold: DeletionThreshold::new(500),
            shrink_below: 90,
            delete_after: Duration::from_secs(30 * 24 * 60 * 60),
            skip_out_of_scope_deletions: false,
            quarantine: Quarantine::default(),
            parallel: NonZeroUsize::MIN,
            log_values: false,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy::new()),
        })
    }

    /// Allows a cycle to disable and delete so many resources. Where there would be more, none of them is. A resource that
    /// any mapping turns from active to inactive counts. Defaults to 500.
    #[must_use]
    pub fn threshold(self, threshold: DeletionThreshold) -> Self {
        Self { threshold, ..self }
    }

    /// Holds removals back where less than so many percent would be left: of the number of users, groups or memberships that
    /// the source had; of the users and groups that have resources, because they are missing from the source, out of scope
    /// or disabled; or of the memberships that the job added to groups whose members the source says. An on-demand run of a
    /// group looks at the memberships of that one. Defaults to 90; 0 never does.
    #[must_use]
    pub fn shrink_below(self, percent: u8) -> Self {
        Self {
            shrink_below: percent,
            ..self
        }
    }

    /// Deletes a disabled resource when its object has been missing from the source for so long. Defaults to 30 days.
    /// Resources that were adopted are never deleted.
    #[must_use]
    pub fn delete_after(self, delete_after: Duration) -> Self {
        Self { delete_after, ..self }
    }

    /// Leaves resources of objects that are out of scope or gone as they are.
    #[must_use]
    pub fn skip_out_of_scope_deletions(self) -> Self {
        Self {
            skip_out_of_scope_deletions: true,
            ..self
        }
    }

    /// Sets when failures put the target into quarantine.
    #[must_use]
    pub fn quarantine(self, quarantine: Quarantine) -> Self {
        Self { quarantine, ..self }
    }

    /// Has requests for at most so many objects under way at the same time. Defaults to 1.
    ///
    /// The requests of one object follow each other, phases follow each other, and nothing refers to a resource before it is
    /// there. Within a phase the order in which requests arrive is not that of the plan, which says the same requests. Results are
    /// written and told in the order of the source. Where the target answers that it has too many requests (429), half as many are
    /// under way from then on, and slowly more again.
    ///
    /// A failure that ends the cycle lets the requests arrive that are under way.
    #[must_use]
    pub fn parallel(self, parallel: NonZeroUsize) -> Self {
        Self { parallel, ..self }
    }

    /// Keeps the values of changes in the [log](State::log), which are personal data. By default it names paths alone.
    #[must_use]
    pub fn log_values(self) -> Self {
        Self {
            log_values: true,
            ..self
        }
    }

    /// Takes the time from another clock.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Takes randomness from elsewhere: for the test look-up, and for expressions.
    #[must_use]
    pub fn entropy(self, entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, ..self }
    }

    /// Runs a cycle: brings the target up to date with the source.
    ///
    /// A resource that the target refuses is tried again in later cycles, after 6, 12 and 24 hours and then daily, for 28 days, and
    /// at once when the object changes.
    ///
    /// # Errors
    /// [`SyncError`] where the source or the state can't be read. What was sent before is in the state.
    ///
    /// # Complexity
    /// Linear in the source. Memory holds a page of objects, the members of one group, and what is removed.
    pub fn run(
        &self,
        state: &mut State,
        source: &dyn ObjectSource,
        observe: &mut dyn FnMut(&Event),
    ) -> Result<Report, SyncError> {
        cycle::run(self, state, source, Mode::Run, None, observe)
    }

    /// Plans a cycle: says what [`run`](Self::run) would send, request by request, and sends nothing but GET. The state
    /// stays as it is.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn plan(
        &self,
        state: &mut State,
        source: &dyn ObjectSource,
        observe: &mut dyn FnMut(&Event),
    ) -> Result<Report, SyncError> {
        cycle::run(self, state, source, Mode::Plan, None, observe)
    }

    /// Provisions one object now, whatever failed before, or plans that if `is_dry` is true. Of a group all members
    /// follow; where less of them would stay than [`shrink_below`](Self::shrink_below) says, none is removed. No other guard
    /// counts.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`SyncError::NoObject`] where the source has no such object.
    pub fn on_demand(
        &self,
        state: &mut State,
        source: &dyn ObjectSource,
        id: &str,
        is_dry: bool,
        observe: &mut dyn FnMut(&Event),
    ) -> Result<Report, SyncError> {
        let mode = if is_dry { Mode::Plan } else { Mode::Run };
        cycle::run(self, state, source, mode, Some(id), observe)
    }
}

impl<X> std::fmt::Debug for Job<'_, X> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("rules", &self.rules.len())
            .field("threshold", &self.threshold)
            .finish_non_exhaustive()
    }
}
