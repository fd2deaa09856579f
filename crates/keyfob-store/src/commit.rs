//! Writes: what one commit carries.

use std::{fmt, time::Instant};

use keyfob_core::DateTime;
use smol_str::SmolStr;

use crate::{Change, Selection, TenantId};

/// The changes of one tenant that happen together or not at all.
///
/// A commit owns all it needs and travels in an `Arc`, so that a store can hand it to a thread and try it again.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must respect every field, so a new one has to break it"
)]
pub struct Commit {
    /// The identity, by which [`Store::committed`](crate::Store::committed) says whether the commit happened.
    pub id: CommitId,
    /// The tenant.
    pub tenant: TenantId,
    /// The instant of the commit by its caller's clock. `meta.created` and `meta.lastModified` are this instant or, where
    /// a resource was modified later than that by another clock, the later one.
    pub at: DateTime,
    /// On whose behalf the changes are made.
    pub actor: Actor,
    /// The request that asks for them.
    pub request: RequestId,
    /// The operation: a verb of RFC 9967 section 2.4 such as `create`, or the name of an administrator's operation.
    pub verb: SmolStr,
    /// The changes, in order. Each sees the changes before it.
    pub changes: Vec<Change>,
    /// The resource that the caller wants to see as the commit left it.
    pub answer: Option<Answer>,
    /// The instant at which a commit that still waits for its turn is given up.
    pub deadline: Option<Instant>,
}

impl Commit {
    /// Creates a commit of these changes without an actor and a request, as tools and tests make them.
    #[must_use]
    pub fn new(id: CommitId, tenant: TenantId, at: DateTime, changes: Vec<Change>) -> Self {
        Self {
            id,
            tenant,
            at,
            actor: Actor::default(),
            request: RequestId::default(),
            verb: SmolStr::default(),
            changes,
            answer: None,
            deadline: None,
        }
    }

    /// Returns true if the commit has waited for its turn for longer than it may.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Returns the same commit with an answer.
    #[must_use]
    pub fn with_answer(self, answer: Answer) -> Self {
        Self {
            answer: Some(answer),
            ..self
        }
    }
}

/// The identity of a commit, unique within its tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(SmolStr);

impl CommitId {
    /// Creates an id from a text that was never used before in the tenant.
    #[must_use]
    pub fn new(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// Returns the id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of a request, as access logs name it. Empty where no request asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestId(SmolStr);

impl RequestId {
    /// Creates an id from a text.
    #[must_use]
    pub fn new(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// Returns the id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// On whose behalf something is done, as events and audits name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Actor {
    /// The role, such as `provider` or `administrator`.
    pub role: SmolStr,
    /// Who acts: the id of an administrator or of a link. Empty where nobody is known.
    pub identity: SmolStr,
    /// The credential that let them in, such as the name of a token. Never a secret.
    pub credential: SmolStr,
}

impl Actor {
    /// Creates an actor of a role who is not known any closer.
    #[must_use]
    pub fn new(role: impl Into<SmolStr>) -> Self {
        Self {
            role: role.into(),
            ..Self::default()
        }
    }

    /// Returns the same actor with an identity.
    #[must_use]
    pub fn with_identity(self, identity: impl Into<SmolStr>) -> Self {
        Self {
            identity: identity.into(),
            ..self
        }
    }

    /// Returns the same actor with the name of a credential.
    #[must_use]
    pub fn with_credential(self, credential: impl Into<SmolStr>) -> Self {
        Self {
            credential: credential.into(),
            ..self
        }
    }
}

/// The resource that the caller of a commit wants to see as the commit left it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must respect every field, so a new one has to break it"
)]
pub struct Answer {
    /// The number of the change that creates or updates the resource.
    pub change: usize,
    /// The parts that are read. A relation that has more members than the selection's limit is left out.
    pub selection: Selection,
}
