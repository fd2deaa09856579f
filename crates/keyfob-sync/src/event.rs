//! The events of a cycle, and its report.

use std::fmt;

use bytes::Bytes;
use keyfob_core::{ResourceId, SmolStr, Value};

use crate::rule::Kind;

/// Something that happens in a cycle, in order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The target answered the look-up for nobody, as it should.
    Tested {
        /// The requests.
        requests: Vec<Sent>,
    },
    /// An object was read. Only told of the one object of [`Job::on_demand`](crate::Job::on_demand).
    Imported {
        /// The name that people know the object by.
        name: SmolStr,
        /// The number of its attributes.
        attributes: usize,
    },
    /// The scope of an object was decided. Only told of the one object of an on-demand run.
    Scoped {
        /// If true, it is provisioned.
        in_scope: bool,
        /// The clauses that decided.
        decision: String,
    },
    /// A resource was looked for, or known. Only told of the one object of an on-demand run.
    Matched {
        /// The filters that were sent, in order; none where the resource was known.
        filters: Vec<String>,
        /// The resource.
        target_id: Option<ResourceId>,
    },
    /// A step.
    Step(Step),
}

/// Something that is done to one resource, or is held back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// The kind of the object.
    pub kind: Kind,
    /// The id of the object in the source.
    pub source_id: SmolStr,
    /// The id of the resource at the target. In a plan a resource that is yet to be created has an id that starts with
    /// `new-`.
    pub target_id: Option<ResourceId>,
    /// The action.
    pub action: Action,
    /// Why a resource is disabled or deleted, such as `out of scope`.
    pub reason: Option<String>,
    /// The attributes that change.
    pub changes: Vec<Changed>,
    /// The members that are added or removed, by their ids in the source.
    pub members: Vec<SmolStr>,
    /// The outcome.
    pub outcome: Outcome,
    /// The requests that were sent; in a plan those that would be, too.
    pub requests: Vec<Sent>,
}

/// An action on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// It is looked for, and nothing else is known yet.
    Match,
    /// It is created (POST).
    Create,
    /// It was there, and is linked.
    Adopt,
    /// It is changed (PATCH).
    Update,
    /// It is changed so that it says that its object is gone or disabled (PATCH).
    Disable,
    /// It is deleted (DELETE).
    Delete,
    /// It was there before this job, so that it stays as it is, and its link is forgotten.
    Release,
    /// Members are added (PATCH).
    AddMembers,
    /// Members are removed (PATCH).
    RemoveMembers,
}

/// An attribute that changes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Changed {
    /// Its path, as in the request; empty for a value without a path.
    pub path: SmolStr,
    /// The value that the target has as far as the state knows; none where it has none.
    pub old: Option<Value>,
    /// The new value; none where it is removed.
    pub new: Option<Value>,
    /// The expression that the value comes of, where the mapping has one for exactly this path.
    pub expression: Option<SmolStr>,
}

/// The outcome of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was done; in a plan it would be.
    Done,
    /// Nothing was sent, for this reason.
    Held(Held),
    /// The target refused it, or did not answer; it is tried again later.
    Failed {
        /// The status of the answer, if there was one.
        status: Option<u16>,
        /// Why.
        reason: String,
    },
}

/// Why a step is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Held {
    /// Several resources match.
    SeveralMatch {
        /// Some of their ids.
        ids: Vec<ResourceId>,
    },
    /// The resource that matches stands for another object already.
    Linked {
        /// The id of that object in the source.
        other: SmolStr,
    },
    /// The mapping can't be applied to the object.
    Mapping(String),
    /// The object has no value to match by.
    NoMatchingValue,
    /// It failed before, and it is not time to try again.
    Escrow(String),
    /// A guard holds removals back.
    Guard,
    /// The result of an earlier request is unknown, and the target could not be asked.
    Uncertain,
}

/// A request. Its `Debug` shows neither the query nor the body: they hold names of people.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The path and the query.
    pub path: String,
    /// The body; empty where there is none. It holds personal data.
    pub body: Bytes,
    /// The status of the answer; none where it did not arrive, or was never asked for.
    pub status: Option<u16>,
    /// The time that the answer took, in milliseconds.
    pub millis: u64,
}

/// Why removals, or a whole cycle, are held back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guard {
    /// More resources would be disabled and deleted than the threshold allows.
    Threshold {
        /// The number that would be.
        count: u64,
        /// The number that is allowed.
        limit: u64,
    },
    /// The source has much less than the last time.
    Shrunk {
        /// The plural of the thing that there is less of: `users`, `groups` or `memberships`.
        what: &'static str,
        /// The number in this read.
        now: u64,
        /// The number in the last read that was taken as a whole.
        before: u64,
    },
    /// Much less than there is would stay: objects are missing, out of scope, or disabled in the source, or groups have other
    /// members there.
    Remaining {
        /// The plural of the thing that there would be less of: `users`, `groups` or `memberships`.
        what: &'static str,
        /// The number that would stay.
        now: u64,
        /// The number of users or groups that are not disabled already, or of memberships that the source decides on.
        before: u64,
    },
    /// The target is in quarantine: nothing more is sent.
    Quarantine {
        /// Why.
        reason: String,
    },
}

/// The report of a cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The counts.
    pub counts: Counts,
    /// The guards that held something back.
    pub guards: Vec<Guard>,
    /// The number of requests that were sent, or in a plan would be.
    pub requests: u64,
}

/// The numbers of things that a cycle did, held back or left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Resources that were created.
    pub created: u64,
    /// Resources that were there and were linked.
    pub adopted: u64,
    /// Resources that were changed.
    pub updated: u64,
    /// Resources that were disabled.
    pub disabled: u64,
    /// Resources that were deleted.
    pub deleted: u64,
    /// Resources whose links were forgotten.
    pub released: u64,
    /// Members that were added and removed.
    pub members: u64,
    /// Steps that were held back; of members, each.
    pub held: u64,
    /// Steps that failed; of members, each.
    pub failed: u64,
    /// Memberships and references that wait for the other object to have a resource.
    pub waiting: u64,
    /// Objects that are out of scope or whose mapping leaves them out.
    pub skipped: u64,
    /// Resources that need nothing.
    pub up_to_date: u64,
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sent")
            .field("method", &self.method)
            .field("path", &self.path.split('?').next().unwrap_or_default())
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("status", &self.status)
            .field("millis", &self.millis)
            .finish()
    }
}

impl Report {
    /// Returns true if nothing had to be done and nothing is held back.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let Counts {
            created,
            adopted,
            updated,
            disabled,
            deleted,
            released,
            members,
            held,
            failed,
            ..
        } = self.counts;
        self.guards.is_empty()
            && [
                created, adopted, updated, disabled, deleted, released, members, held, failed,
            ]
            .iter()
            .all(|count| *count == 0)
    }
}

impl Step {
    /// Creates a step that is yet to be done.
    pub(crate) fn new(kind: Kind, source_id: &SmolStr, action: Action) -> Self {
        Self {
            kind,
            source_id: source_id.clone(),
            target_id: None,
            action,
            reason: None,
            changes: Vec::new(),
            members: Vec::new(),
            outcome: Outcome::Done,
            requests: Vec::new(),
        }
    }

    pub(crate) fn of(self, target_id: &ResourceId) -> Self {
        Self {
            target_id: Some(target_id.clone()),
            ..self
        }
    }
}

impl Action {
    /// Returns the word for the action.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::Release => "release",
            Self::AddMembers => "add members",
            Self::RemoveMembers => "remove members",
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SeveralMatch { ids } => {
                let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
                write!(f, "several resources match: {}", ids.join(", "))
            }
            Self::Linked { other } => {
                write!(f, "the resource that matches stands for `{other}` already")
            }
            Self::Mapping(reason) => f.write_str(reason),
            Self::NoMatchingValue => f.write_str("the object has no value for an attribute to match by"),
            Self::Escrow(reason) => write!(f, "waits after a failure: {reason}"),
            Self::Guard => f.write_str("removals are held back"),
            Self::Uncertain => f.write_str("what came of an earlier request is unknown"),
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threshold { count, limit } => write!(
                f,
                "{count} resources would be disabled or deleted, and {limit} are allowed: none of them was; \
                 see the plan, and run with a higher threshold if that is right"
            ),
            Self::Shrunk { what, now, before } => write!(
                f,
                "the source has {now} of {before} {what}: removals are held back; if that is right, run without this guard"
            ),
            Self::Remaining { what, now, before } => write!(
                f,
                "{now} of {before} {what} would stay: removals are held back; if that is right, run without this guard"
            ),
            Self::Quarantine { reason } => write!(f, "the target is in quarantine: {reason}"),
        }
    }
}
