//! Requests for several objects that are under way at the same time.

use std::{
    collections::BTreeMap,
    panic::resume_unwind,
    sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread::{self, ScopedJoinHandle},
};

use keyfob_client::{BlockingTransport, Error, Found, Stored};
use keyfob_core::{Resource, ResourceId, message::PatchRequest};

use super::{Cycle, Stop};
use crate::{
    event::Sent,
    gateway::{Gateway, Line},
    rule::Kind,
};

/// The number of objects, for each that may be under way, by which requests may be ahead of the results that were taken. It bounds what
/// is still sent when a result ends the cycle.
const AHEAD: usize = 4;

/// The answer to the requests of an object, and the requests.
pub(super) type Answer<R> = (R, Vec<Sent>);

/// The requests of an object, one after the other, without a look at the state.
pub(super) trait Ask: Sync {
    type Answered: Send;

    /// If true, they change something.
    const WRITES: bool;

    fn ask<X: BlockingTransport>(&self, gateway: &Gateway<'_, X>) -> Self::Answered;
}

/// Looks for a resource.
pub(super) struct Look {
    pub(super) kind: Kind,
    /// The filters, in order, each with true if it finds a resource that this cycle created.
    pub(super) filters: Vec<(String, bool)>,
}

/// The first filter that found anything.
pub(super) enum Looked {
    Nobody,
    /// A resource that this cycle created, for another object.
    Created,
    Found(Found),
    Failed(Error),
}

/// Reads a resource.
pub(super) struct Read {
    pub(super) kind: Kind,
    pub(super) id: ResourceId,
}

/// Changes a resource.
pub(super) enum Write<'w> {
    Create(Kind, &'w Resource),
    Patch(Kind, &'w ResourceId, &'w PatchRequest),
    Delete(Kind, &'w ResourceId),
    AddMembers(&'w ResourceId, Vec<ResourceId>),
    RemoveMembers(&'w ResourceId, Vec<ResourceId>),
}

/// The result of a change.
pub(super) struct Written {
    /// The resource that was created; none of other changes.
    pub(super) result: Result<Option<Box<Stored>>, Error>,
    /// If false, a creation succeeded with another status than 201.
    pub(super) says_created: bool,
    /// If true, the resource was not found, and a read says the same.
    pub(super) is_gone: bool,
}

impl Ask for Look {
    type Answered = Looked;
    const WRITES: bool = false;

    fn ask<X: BlockingTransport>(&self, gateway: &Gateway<'_, X>) -> Looked {
        for (filter, is_created) in &self.filters {
            if *is_created {
                return Looked::Created;
            }
            match gateway.find(self.kind, filter) {
                Ok(Found::None) => {}
                Ok(found) => return Looked::Found(found),
                Err(error) => return Looked::Failed(error),
            }
        }
        Looked::Nobody
    }
}

impl Ask for Read {
    type Answered = Result<Stored, Error>;
    const WRITES: bool = false;

    fn ask<X: BlockingTransport>(&self, gateway: &Gateway<'_, X>) -> Self::Answered {
        gateway.get(self.kind, &self.id)
    }
}

impl Ask for Write<'_> {
    type Answered = Written;
    const WRITES: bool = true;

    fn ask<X: BlockingTransport>(&self, gateway: &Gateway<'_, X>) -> Written {
        let (result, of) = match self {
            Self::Create(kind, resource) => {
                let created = gateway.create(*kind, resource);
                return Written {
                    says_created: gateway.says_created(),
                    is_gone: false,
                    result: created.map(|stored| Some(Box::new(stored))),
                };
            }
            Self::Patch(kind, id, request) => (
                gateway.patch(*kind, id, (*request).clone()).map(drop),
                (*kind, *id),
            ),
            Self::Delete(kind, id) => (gateway.delete(*kind, id), (*kind, *id)),
            Self::AddMembers(group, ids) => (
                gateway.members(group, ids.clone(), Vec::new()),
                (Kind::Group, *group),
            ),
            Self::RemoveMembers(group, ids) => (
                gateway.members(group, Vec::new(), ids.clone()),
                (Kind::Group, *group),
            ),
        };
        let is_gone = |error: &Error| cause(error).is_gone() && gateway.is_confirmed_gone(of.0, of.1);
        Written {
            says_created: false,
            is_gone: result.as_ref().is_err_and(is_gone),
            result: result.map(|()| None),
        }
    }
}

/// Returns why the request in the middle of several was refused.
pub(super) fn cause(error: &Error) -> &Error {
    match error {
        Error::Partial { cause, .. } => cause,
        other => other,
    }
}

/// The objects whose requests are due, each taken by one thread.
struct Turns {
    turn: Mutex<Turn>,
    changed: Condvar,
}

#[derive(Default)]
struct Turn {
    /// The number of objects whose requests were begun.
    begun: usize,
    /// The number of those that are under way.
    under_way: usize,
    /// The number of those whose results were taken.
    taken: usize,
    is_over: bool,
}

impl Turns {
    fn change<T>(&self, change: impl FnOnce(&mut Turn) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the requests of the next object when they may be; none when there is no more.
    fn begin<X>(&self, due: usize, most: usize, line: &Line<'_, X>) -> Option<usize> {
        let mut turn = self.lock();
        loop {
            if turn.is_over || turn.begun == due {
                return None;
            }
            if turn.under_way < line.limit() && turn.begun < turn.taken.saturating_add(most * AHEAD) {
                turn.under_way += 1;
                turn.begun += 1;
                return Some(turn.begun - 1);
            }
            turn = self.changed.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Lets no further requests begin when it is dropped, also where the thread unwinds.
struct Ending<'t>(&'t Turns);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.change(|turn| turn.is_over = true);
    }
}

impl<X: BlockingTransport + Send + Sync> Cycle<'_, X> {
    /// Sends the requests of objects, several at the same time where the job allows it, and takes the results in the order of the
    /// objects; those that need no request have no result. After one that ends the cycle no further requests begin, and the results
    /// of those that are under way are taken.
    pub(super) fn each<A: Ask>(
        &mut self,
        asks: &[Option<A>],
        mut take: impl FnMut(&mut Self, usize, Option<Answer<A::Answered>>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let due: Vec<&A> = asks.iter().flatten().collect();
        let most = self.job.parallel.get().min(due.len());
        // What a plan makes up is numbered in order.
        if most < 2 || (A::WRITES && self.line.is_dry()) {
            return self.one_by_one(asks, take);
        }
        let line = self.line;
        let turns = Turns {
            turn: Mutex::default(),
            changed: Condvar::new(),
        };
        let (results, arriving) = mpsc::channel();
        thread::scope(|scope| {
            let ending = Ending(&turns);
            let work = |results: mpsc::Sender<(usize, Answer<A::Answered>)>| {
                let (turns, due) = (&turns, &due);
                move || {
                    // A thread that unwinds ends the others, too.
                    let _ending = Ending(turns);
                    while let Some(index) = turns.begin(due.len(), most, line) {
                        let gateway = Gateway::new(line);
                        let Some(ask) = due.get(index) else { break };
                        let answered = ask.ask(&gateway);
                        results.send((index, (answered, gateway.take_sent()))).ok();
                        turns.change(|turn| turn.under_way -= 1);
                    }
                }
            };
            let workers: Vec<ScopedJoinHandle<'_, ()>> = (0..most)
                .map_while(|_| {
                    let named = thread::Builder::new().name("keyfob-request".to_owned());
                    named.spawn_scoped(scope, work(results.clone())).ok()
                })
                .collect();
            drop(results);
            if workers.is_empty() {
                return self.one_by_one(asks, take);
            }
            let mut early = BTreeMap::new();
            let mut stopped = None;
            let mut position = 0;
            for (index, ask) in asks.iter().enumerate() {
                let answer = if ask.is_none() {
                    None
                } else {
                    let answer = loop {
                        if let Some(answer) = early.remove(&position) {
                            break Some(answer);
                        }
                        match arriving.recv() {
                            Ok((at, answer)) => early.insert(at, answer),
                            // Nothing is under way any more: it was not sent.
                            Err(_) => break None,
                        };
                    };
                    position += 1;
                    if answer.is_none() {
                        continue;
                    }
                    answer
                };
                if stopped.is_some() && answer.is_none() {
                    continue;
                }
                let result = take(self, index, answer);
                turns.change(|turn| {
                    turn.taken = position;
                    turn.is_over |= result.is_err();
                });
                match result {
                    Ok(()) => {}
                    Err(error @ Stop::Error(_)) => {
                        stopped = Some(error);
                        break;
                    }
                    Err(quarantine) => stopped = stopped.or(Some(quarantine)),
                }
            }
            drop(ending);
            for worker in workers {
                if let Err(panic) = worker.join() {
                    resume_unwind(panic);
                }
            }
            stopped.map_or(Ok(()), Err)
        })
    }

    fn one_by_one<A: Ask>(
        &mut self,
        asks: &[Option<A>],
        mut take: impl FnMut(&mut Self, usize, Option<Answer<A::Answered>>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        for (index, ask) in asks.iter().enumerate() {
            let answer = ask.as_ref().map(|ask| {
                let gateway = Gateway::new(self.line);
                let answered = ask.ask(&gateway);
                (answered, gateway.take_sent())
            });
            take(self, index, answer)?;
        }
        Ok(())
    }
}
