//! The one loop of every write: look, decide, commit, and begin again where another request was faster.

use std::{collections::HashSet, sync::Arc};

use keyfob_core::{ResourceId, ResourceType};
use keyfob_patch::RelationDelta;
use keyfob_store::{
    Answer, Cause, Change, Commit, CommitError, CommitId, Committed, MemberPolicy, Query, Revision,
    Selection, Store, StoreError, StoreExt, Stored, Visibility,
};
use smol_str::SmolStr;

use super::{
    Engine, EngineError,
    deleted::{Predecessor, USER_NAME},
    equals,
    record::Loaded,
};
use crate::{
    context::{Actor, Context},
    policy,
    profile::UnknownMembers,
    provisioning::Provisioning,
};

/// What an operation looks at before it decides.
pub(crate) struct Reads<'r> {
    /// The type of the resource that the operation is about.
    pub(crate) resource_type: &'r ResourceType,
    /// The resource.
    pub(crate) subject: Subject<'r>,
    /// What is read of it.
    pub(crate) selection: Selection,
}

/// The resource that an operation is about.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'r> {
    /// One that is created, from which a user of this name may go on.
    New(Option<&'r str>),
    /// The one with this id.
    Existing(&'r ResourceId),
    /// The one with this id, of which only the members change: it is not read where nobody manages anything.
    Relations(&'r ResourceId),
}

/// What an operation sees when it decides. A decision that depends on the resource is committed on its
/// [version](Loaded::version).
pub(crate) struct Seen {
    pub(crate) provisioning: Arc<Provisioning>,
    /// The resource, also if it is hidden; none if it is new, missing, or was not read.
    pub(crate) subject: Option<Loaded>,
    /// The user from whom a new one goes on.
    pub(crate) predecessor: Option<Predecessor>,
    /// The attributes whose values somebody else has, where the operation can do without them.
    pub(crate) taken: Vec<SmolStr>,
    unknown: HashSet<ResourceId>,
    accept_hidden: bool,
}

/// The result of a decision.
pub(crate) enum Decision {
    /// Everything is as wanted.
    Nothing,
    /// Something is to be committed.
    Commit(Box<Prepared>),
}

/// The changes of a commit.
pub(crate) struct Prepared {
    pub(crate) changes: Vec<Change>,
    /// The number of the change that the operation is about.
    pub(crate) main: usize,
    /// Whether the operation can do without unique values that somebody else has.
    pub(crate) gives_way: bool,
}

/// What an operation came to.
pub(crate) struct Settled {
    pub(crate) seen: Seen,
    /// What was committed, with the number of the change that the operation is about.
    committed: Option<(Committed, usize)>,
}

impl Seen {
    /// Returns the resource as the actor knows it.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub(crate) fn known(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Loaded, EngineError> {
        let known = self.subject.clone().and_then(|loaded| loaded.known_to(cx));
        known.ok_or_else(|| EngineError::not_found(resource_type, id))
    }

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

    /// Returns what becomes of members that are not live resources.
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
    pub(crate) fn revision(&self) -> Option<&Revision> {
        let (committed, main) = self.committed.as_ref()?;
        committed.revision(*main)
    }

    /// Returns the resource as the commit left it.
    pub(crate) fn into_answer(self) -> Option<Stored> {
        self.committed?.0.answer
    }
}

/// What a refused commit means for the operation.
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
    /// after the deadline of the request.
    ///
    /// `decide` is called once for each attempt and does nothing but decide. `answer` is read in the transaction of the
    /// commit.
    pub(crate) async fn transact(
        &self,
        cx: &Context,
        verb: &'static str,
        reads: &Reads<'_>,
        answer: Option<&Selection>,
        mut decide: impl FnMut(&Seen) -> Result<Decision, EngineError> + Send,
    ) -> Result<Settled, EngineError> {
        let _turn = match reads.subject {
            Subject::New(_) => None,
            Subject::Existing(id) => Some(self.turns().exclusive(cx.tenant(), id).await),
            Subject::Relations(id) => Some(self.turns().shared(cx.tenant(), id).await),
        };
        let mut seen = None;
        for _ in 0..Self::MAX_ATTEMPTS {
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
            let Prepared {
                changes,
                main,
                gives_way,
            } = *prepared;
            let answer = answer.map(|selection| Answer {
                change: main,
                selection: selection.clone(),
            });
            let commit = Arc::new(self.commit_of(cx, verb, changes, answer));
            let error = match self.store().commit_one(Arc::clone(&commit)).await {
                Ok(committed) => {
                    return Ok(Settled {
                        seen: looked,
                        committed: Some((committed, main)),
                    });
                }
                Err(error) => error,
            };
            match self
                .refused(cx, &commit, (main, gives_way), error, &mut looked)
                .await?
            {
                Again::Look => tracing::debug!("another request changed the resource first"),
                Again::Decide => seen = Some(looked),
            }
            if cx.is_late() {
                break;
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
        let provisioning = self.provisioning_of(cx).await?;
        let resource_type = reads.resource_type;
        let (subject, predecessor) = match reads.subject {
            Subject::New(name) => (
                None,
                self.predecessor(cx, resource_type, name, &provisioning).await?,
            ),
            Subject::Relations(_) if cx.actor() == Actor::Provider && !provisioning.is_linked() => {
                (None, None)
            }
            Subject::Existing(id) | Subject::Relations(id) => {
                (self.load(cx, resource_type, id, &reads.selection).await?, None)
            }
        };
        Ok(Seen {
            provisioning,
            subject,
            predecessor,
            taken: Vec::new(),
            unknown: HashSet::new(),
            accept_hidden: false,
        })
    }

    /// Reads a resource, live or hidden.
    pub(crate) async fn load(
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

    /// Says whether an operation whose commit was refused goes on, or how it fails.
    async fn refused(
        &self,
        cx: &Context,
        commit: &Commit,
        (main, gives_way): (usize, bool),
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
        let Some((resource_type, id)) = change.and_then(Change::subject) else {
            return Err(EngineError::Store(StoreError::internal(error)));
        };
        match (cause, error) {
            (Cause::Version, _) => Ok(Again::Look),
            // It was there when it was read, and is gone by now.
            (Cause::Missing, _) if change.is_some_and(was_read) => Ok(Again::Look),
            (Cause::Missing, _) => Err(EngineError::not_found(resource_type, id)),
            (_, CommitError::UnknownMembers { members, .. }) if number == main => {
                self.sort_members(cx, members, seen).await?;
                Ok(Again::Decide)
            }
            (_, CommitError::UnknownMembers { members, .. }) => Err(EngineError::UnknownMembers { members }),
            (_, CommitError::UniquenessViolated { attribute, .. }) => {
                let may_go_without =
                    gives_way && number == main && attribute != USER_NAME && !seen.taken.contains(&attribute);
                if may_go_without {
                    seen.taken.push(attribute);
                    return Ok(Again::Decide);
                }
                if gives_way && number == main && attribute == USER_NAME {
                    return Err(EngineError::NameTaken { user: id.clone() });
                }
                Err(EngineError::Uniqueness {
                    resource_type: resource_type.name().clone(),
                    attribute,
                })
            }
            (_, error) => Err(EngineError::Store(StoreError::internal(error))),
        }
    }

    /// Looks whom the store doesn't know: deleted users whom the actor knows may join, to be seen when they are back, and
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
            .filter_map(|stored| Loaded::new(stored).known_to(cx))
            // One that is live by now has been brought back meanwhile.
            .inspect(|loaded| seen.accept_hidden |= loaded.is_deleted())
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

    /// Finds the one live resource of which an attribute has a value.
    pub(crate) async fn first_where(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        path: &str,
        value: &str,
    ) -> Result<Option<Loaded>, EngineError> {
        let filter = equals(resource_type, path, value)?;
        let query = Query::first(1)
            .with_filter(filter)
            .with_total(keyfob_store::Total::Unknown);
        let page = self.store().query(&cx.reading(), resource_type, &query).await?;
        Ok(page.resources.into_iter().next().map(Loaded::new))
    }

    /// Returns the type of users, if the registry has one.
    pub(crate) fn user_type(&self) -> Option<&ResourceType> {
        let mut types = self.registry().resource_types().iter();
        types.find(|resource_type| policy::is_user(resource_type))
    }

    /// Reads all live or all hidden resources of a type at once.
    pub(crate) async fn read_all(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        visibility: Visibility,
    ) -> Result<Vec<Loaded>, StoreError> {
        let query = Query::all().with_visibility(visibility);
        let page = self.store().query(&cx.reading(), resource_type, &query).await?;
        Ok(page.resources.into_iter().map(Loaded::new).collect())
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
