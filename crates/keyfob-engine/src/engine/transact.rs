//! The one loop of every write: look, decide, commit, and begin again where another request was faster.

use std::{collections::HashSet, sync::Arc};

use keyfob_core::{Resource, ResourceId, ResourceType};
use keyfob_patch::RelationDelta;
use keyfob_store::{
    Answer, Cause, Change, Commit, CommitError, CommitId, Committed, MemberPolicy, Outcome, Revision,
    Selection, Store, StoreError, StoreExt, Stored,
};
use smol_str::SmolStr;

use super::{Engine, EngineError, pause::step_aside, record::Loaded};
use crate::{context::Context, facts::Facts, policy, profile::UnknownMembers};

/// The attribute without whose value no user comes back.
const USER_NAME: &str = "userName";

/// The reads of an operation before it decides.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "every caller says all of it")]
pub struct Reads<'r> {
    /// The type of the resource that the operation is about.
    pub resource_type: &'r ResourceType,
    /// The resource.
    pub subject: Subject<'r>,
    /// The part of it that is read.
    pub selection: Selection,
}

/// The resource that an operation is about.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Subject<'r> {
    /// One that is created with this document, for which the lifecycle may find a
    /// [predecessor](crate::Lifecycle::predecessor).
    New(&'r Resource),
    /// The one with this id.
    Existing(&'r ResourceId),
    /// The one with this id, of which only the members change: it is read where the lifecycle
    /// [wants it](crate::Lifecycle::reads_owner).
    Relations(&'r ResourceId),
}

/// The sight of an operation when it decides. A decision that depends on the resource is committed on its
/// [version](Loaded::version).
#[derive(Debug)]
#[non_exhaustive]
pub struct Seen {
    /// The facts.
    pub facts: Facts,
    /// The resource, also if it is hidden; none if it is new, missing, or was not read.
    pub subject: Option<Loaded>,
    /// The resource from which a new one goes on.
    pub predecessor: Option<Loaded>,
    /// The attributes whose values somebody else has, where the operation can do without them.
    pub taken: Vec<SmolStr>,
    unknown: HashSet<ResourceId>,
    accept_hidden: bool,
}

/// The result of a decision.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is something to commit, or there is not"
)]
pub enum Decision {
    /// Everything is as wanted.
    Nothing,
    /// Something is to be committed.
    Commit(Box<Prepared>),
}

/// The changes of a commit. The operation is about the first of them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Prepared {
    /// The changes.
    pub changes: Vec<Change>,
    /// Whether the operation can do without unique values that somebody else has.
    pub(crate) gives_way: bool,
}

impl Prepared {
    /// Takes the changes of an operation that is about the first of them.
    #[must_use]
    pub fn new(changes: Vec<Change>) -> Self {
        Self {
            changes,
            gives_way: false,
        }
    }
}

impl From<Prepared> for Decision {
    fn from(prepared: Prepared) -> Self {
        Self::Commit(Box::new(prepared))
    }
}

/// The outcome of an operation.
#[derive(Debug)]
#[non_exhaustive]
pub struct Settled {
    /// The sight on which it was decided.
    pub seen: Seen,
    committed: Option<Committed>,
}

impl Seen {
    /// Returns the deltas without the members of whom nothing is known, where the profile leaves such members out.
    pub(crate) fn without_unknown(&self, relations: &Arc<[RelationDelta]>) -> Arc<[RelationDelta]> {
        if self.unknown.is_empty() {
            return Arc::clone(relations);
        }
        let mut relations = relations.to_vec();
        for delta in &mut relations {
            delta.add.retain(|(id, _)| !self.unknown.contains(id));
        }
        relations.into()
    }

    /// Returns the members of whom nothing is known and who are left out.
    pub(super) fn left_out(&self) -> impl Iterator<Item = &ResourceId> {
        self.unknown.iter()
    }

    /// Returns the policy for members that are not live resources.
    pub(crate) fn members(&self) -> MemberPolicy {
        MemberPolicy {
            skip_unknown: false,
            accept_hidden: self.accept_hidden,
        }
    }
}

impl Settled {
    /// Returns the revision that the operation's own commit left the resource in; none where nothing was committed, and
    /// where the resource is gone.
    #[must_use]
    pub fn revision(&self) -> Option<&Revision> {
        self.committed.as_ref()?.revision(MAIN)
    }

    /// Returns true if something was committed.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        self.committed.is_some()
    }

    /// Returns true if the resource that the operation is about was created or changed.
    pub(super) fn is_change(&self) -> bool {
        let committed = self.committed.as_ref();
        let outcome = committed.and_then(|committed| committed.outcomes.get(MAIN));
        outcome.is_some_and(Outcome::is_change)
    }

    /// Returns the resource as the commit left it.
    pub(crate) fn into_answer(self) -> Option<Stored> {
        self.committed?.answer
    }
}

/// The number of the change that an operation is about.
const MAIN: usize = 0;

/// The consequence of a refused commit for the operation.
enum Again {
    /// Another request was faster: the operation looks again.
    Look,
    /// The operation decides again on what it has seen.
    Decide,
}

impl<S: Store> Engine<S> {
    /// Looks, lets `decide` decide, commits, and begins again where another request was faster.
    ///
    /// Requests of this process that change one resource take turns, so that only what other processes change, or what
    /// follows from other resources, makes one begin again: [`MAX_ATTEMPTS`](Self::MAX_ATTEMPTS) times at most, and not
    /// after the deadline of the request. Before it looks again, other tasks run for a random while, so that requests that
    /// have met once don't meet again and again.
    ///
    /// `decide` is called once for each attempt and does nothing but decide. `answer` is read in the transaction of the
    /// commit. `verb` is the operation that events name.
    ///
    /// # Errors
    /// The error of `decide`, [`EngineError::ReadOnly`], [`EngineError::NotFound`], [`EngineError::Uniqueness`], [`EngineError::UnknownMembers`],
    /// [`EngineError::Contention`], [`EngineError::Store`].
    pub async fn transact(
        &self,
        cx: &Context,
        verb: &'static str,
        reads: &Reads<'_>,
        answer: Option<&Selection>,
        mut decide: impl FnMut(&Seen) -> Result<Decision, EngineError> + Send,
    ) -> Result<Settled, EngineError> {
        if cx.is_read_only() {
            return Err(EngineError::ReadOnly);
        }
        let _turn = match reads.subject {
            // Whoever makes a batch has the turns of all its operations.
            _ if cx.batch().is_some() => None,
            Subject::New(_) => None,
            Subject::Existing(id) => Some(self.turns().exclusive(cx.tenant(), id).await),
            Subject::Relations(id) => Some(self.turns().shared(cx.tenant(), id).await),
        };
        let mut seen = None;
        for attempt in 0..Self::MAX_ATTEMPTS {
            let mut looked = match seen.take() {
                Some(seen) => seen,
                None => self.look(cx, reads).await?,
            };
            let Decision::Commit(prepared) = decide(&looked)? else {
                return Ok(Settled {
                    seen: looked,
                    committed: None,
                });
            };
            let Prepared { changes, gives_way } = *prepared;
            let answer = answer.map(|selection| Answer {
                change: MAIN,
                selection: selection.clone(),
            });
            let commit = Arc::new(self.commit_of(cx, verb, changes, answer));
            let error = match self.commit(cx, Arc::clone(&commit)).await {
                Ok(committed) => {
                    return Ok(Settled {
                        seen: looked,
                        committed: Some(committed),
                    });
                }
                Err(error) => error,
            };
            let looks_again = match self.refused(cx, &commit, gives_way, error, &mut looked).await? {
                Again::Look => true,
                Again::Decide => {
                    seen = Some(looked);
                    false
                }
            };
            if cx.is_late() {
                break;
            }
            if looks_again {
                tracing::debug!("another request changed the resource first");
                // The operations of a batch wait for one another.
                if cx.batch().is_none() {
                    step_aside(attempt, &commit.id).await;
                }
            }
        }
        Err(EngineError::Contention)
    }

    /// Creates a commit of a call, for a crate or an application that keeps resources of its own beside those of clients.
    ///
    /// It carries who acts and for which request, and the engine's time. `verb` is the operation that events name.
    pub fn commit_of(
        &self,
        cx: &Context,
        verb: &'static str,
        changes: Vec<Change>,
        answer: Option<Answer>,
    ) -> Commit {
        let mut changes = changes;
        if let Some(transaction) = cx.transaction() {
            for change in &mut changes {
                if let Change::Publish { event, .. } = change {
                    let data = &mut Arc::make_mut(event).data;
                    data.insert(crate::event::TRANSACTION, transaction.clone());
                }
            }
        }
        Commit {
            id: CommitId::new(self.next_commit_id()),
            tenant: cx.tenant().clone(),
            at: self.now(),
            actor: cx.to_actor(),
            request: cx.request().clone(),
            verb: SmolStr::new_static(verb),
            changes,
            answer,
            deadline: cx.deadline(),
        }
    }

    async fn look(&self, cx: &Context, reads: &Reads<'_>) -> Result<Seen, EngineError> {
        let facts = self.facts(cx).await?;
        let resource_type = reads.resource_type;
        let (subject, predecessor) = match reads.subject {
            Subject::New(document) => {
                let predecessor = self.predecessor(cx, &facts, resource_type, document).await?;
                (None, predecessor)
            }
            Subject::Relations(_) if !self.lifecycle().reads_owner(cx, &facts) => (None, None),
            Subject::Existing(id) | Subject::Relations(id) => {
                (self.load(cx, resource_type, id, &reads.selection).await?, None)
            }
        };
        Ok(Seen {
            facts,
            subject,
            predecessor,
            taken: Vec::new(),
            unknown: HashSet::new(),
            accept_hidden: false,
        })
    }

    /// Returns the facts for a call: those that it has, and those that the sources read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn facts(&self, cx: &Context) -> Result<Facts, StoreError> {
        let mut facts = cx.facts().clone();
        for source in self.sources() {
            facts.merge(source.read(self.store(), cx).await?);
        }
        Ok(facts)
    }

    /// Finds the resource from which one that is to be created goes on.
    async fn predecessor(
        &self,
        cx: &Context,
        facts: &Facts,
        resource_type: &ResourceType,
        document: &Resource,
    ) -> Result<Option<Loaded>, EngineError> {
        let queries = self.lifecycle().candidates(cx, resource_type, document)?;
        let mut candidates = Vec::new();
        for query in queries {
            let page = self.store().query(&cx.reading(), resource_type, &query).await?;
            candidates.extend(page.resources.into_iter().map(Loaded::new));
        }
        Ok(self.lifecycle().predecessor(cx, facts, candidates))
    }

    /// Returns the resource as the caller knows it: a hidden one without relations, if the lifecycle
    /// [shows](crate::Lifecycle::shows) it.
    pub(crate) fn as_known(&self, cx: &Context, mut loaded: Loaded) -> Option<Loaded> {
        if loaded.is_hidden() {
            if !self.lifecycle().shows(cx, &loaded) {
                return None;
            }
            loaded.resource.relations_mut().clear();
        }
        Some(loaded)
    }

    /// Returns the subject of an operation as the caller knows it.
    pub(crate) fn subject(
        &self,
        cx: &Context,
        seen: &Seen,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Loaded, EngineError> {
        let subject = seen.subject.clone();
        let known = subject.and_then(|loaded| self.as_known(cx, loaded));
        known.ok_or_else(|| EngineError::not_found(resource_type, id))
    }

    /// Reads a resource, live or hidden.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Option<Loaded>, StoreError> {
        let stored = self
            .store()
            .get_one(&cx.reading(), resource_type, id, selection)
            .await?;
        Ok(stored.map(Loaded::new))
    }

    /// Decides on how an operation goes on whose commit was refused, or fails.
    async fn refused(
        &self,
        cx: &Context,
        commit: &Commit,
        gives_way: bool,
        error: CommitError,
        seen: &mut Seen,
    ) -> Result<Again, EngineError> {
        let Some((number, cause)) = error.refusal() else {
            return Err(match error {
                CommitError::Store(error) => EngineError::Store(error),
                other => EngineError::Store(StoreError::internal(other)),
            });
        };
        let change = commit.changes.get(number);
        let Some((_, id)) = change.and_then(Change::subject) else {
            return Err(EngineError::Store(StoreError::internal(error)));
        };
        match (cause, error) {
            (Cause::Version, _) => Ok(Again::Look),
            // Nobody is going to free an id that the caller has chosen.
            (Cause::IdTaken, _) if number == MAIN && cx.batch().is_some_and(|place| place.id().is_some()) => {
                Err(EngineError::IdTaken { id: id.clone() })
            }
            // Somebody else was faster to create the one resource of this id.
            (Cause::IdTaken, _) if number == MAIN => Ok(Again::Look),
            // It was there when it was read, and is gone by now.
            (Cause::Missing, _) if change.is_some_and(was_read) => Ok(Again::Look),
            (_, CommitError::UnknownMembers { members, .. }) if number == MAIN => {
                self.sort_members(cx, members, seen).await?;
                Ok(Again::Decide)
            }
            (_, CommitError::UniquenessViolated { attribute, .. }) if gives_way && number == MAIN => {
                if attribute == USER_NAME {
                    return Err(EngineError::NameTaken { id: id.clone() });
                }
                if seen.taken.contains(&attribute) {
                    let error = CommitError::UniquenessViolated {
                        change: number,
                        attribute,
                    };
                    return Err(explained(commit, error));
                }
                seen.taken.push(attribute);
                Ok(Again::Decide)
            }
            (_, error) => Err(explained(commit, error)),
        }
    }

    /// Looks whom the store doesn't know: hidden users whom the caller knows may join, to be seen when they are back, and
    /// the others are left out or refused as the profile wants it.
    async fn sort_members(
        &self,
        cx: &Context,
        members: Vec<ResourceId>,
        seen: &mut Seen,
    ) -> Result<(), EngineError> {
        let mut found = Vec::new();
        if let Some(user) = self.user_type() {
            let selection = Selection::document();
            found = self
                .store()
                .get(&cx.reading(), user, &members, &selection)
                .await?;
        }
        let found: HashSet<ResourceId> = found
            .into_iter()
            .flatten()
            .filter_map(|stored| self.as_known(cx, Loaded::new(stored)))
            // One that is live by now has been brought back meanwhile.
            .inspect(|loaded| seen.accept_hidden |= loaded.is_hidden())
            .map(|loaded| loaded.id)
            .collect();
        let mut unknown = members;
        unknown.retain(|id| !found.contains(id));
        if !unknown.is_empty() && self.profile().unknown_members != UnknownMembers::Skip {
            return Err(EngineError::UnknownMembers { members: unknown });
        }
        seen.unknown.extend(unknown);
        Ok(())
    }

    /// Returns the type of users, if the registry has one.
    pub fn user_type(&self) -> Option<&ResourceType> {
        let mut types = self.registry().resource_types().iter();
        types.find(|resource_type| policy::is_user(resource_type))
    }
}

/// Returns what a refused commit is for a client, where nothing begins again.
pub(super) fn explained(commit: &Commit, error: CommitError) -> EngineError {
    let change = error.refusal().and_then(|(number, _)| commit.changes.get(number));
    match (error, change.and_then(Change::subject)) {
        (CommitError::Store(error), _) => EngineError::Store(error),
        (CommitError::UnknownMembers { members, .. }, _) => EngineError::UnknownMembers { members },
        (CommitError::UniquenessViolated { attribute, .. }, Some((resource_type, _))) => {
            EngineError::Uniqueness {
                resource_type: resource_type.name().clone(),
                attribute,
            }
        }
        (CommitError::NotFound { .. }, Some((resource_type, id))) => {
            EngineError::not_found(resource_type, id)
        }
        (CommitError::VersionMismatch { .. } | CommitError::IdTaken { .. }, _) => EngineError::Contention,
        (error, _) => EngineError::Store(StoreError::internal(error)),
    }
}

/// Returns true if the change is of a resource that was read before.
fn was_read(change: &Change) -> bool {
    matches!(
        change,
        Change::Update {
            precondition: Some(_),
            ..
        } | Change::Delete {
            precondition: Some(_),
            ..
        } | Change::Expect { .. }
    )
}
