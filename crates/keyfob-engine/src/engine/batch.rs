//! Commits of several operations that wait for the disk together.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use keyfob_core::ResourceId;
use keyfob_store::{Commit, CommitError, Committed, Store, StoreError, TenantId};

use super::Engine;

/// Operations that hand their commits to the store at once.
///
/// Its operations are polled by [`settle`](Self::settle) until each is done or waits with a commit, and then all that wait
/// are answered. So an operation goes its usual way, and knows nothing of the others.
#[derive(Debug)]
pub(super) struct Batch {
    places: Mutex<Vec<Place>>,
}

/// The stage of an operation.
#[derive(Debug, Default)]
enum Place {
    /// It looks and decides.
    #[default]
    Working,
    /// It waits for the outcome of a commit.
    Waiting(Arc<Commit>),
    /// The commit is with the store.
    Committing,
    /// The outcome is there.
    Answered(Box<Result<Committed, CommitError>>),
}

/// An operation's place in a batch, which its [`Context`] carries.
#[derive(Clone, Debug)]
pub(crate) struct BatchPlace {
    batch: Arc<Batch>,
    place: usize,
    /// The id of the resource that the operation creates, where it is laid down.
    id: Option<ResourceId>,
}

/// An operation of a batch.
pub(super) type Operation<'o, T> = Pin<Box<dyn Future<Output = T> + Send + 'o>>;

/// The operations of a batch with their outputs.
pub(super) struct Operations<'o, T> {
    all: Vec<(Option<Operation<'o, T>>, Option<T>)>,
}

impl Batch {
    /// Creates a batch of so many operations.
    pub(super) fn new(operations: usize) -> Arc<Self> {
        let places = std::iter::repeat_with(Place::default).take(operations);
        Arc::new(Self {
            places: Mutex::new(places.collect()),
        })
    }

    /// Returns the place of an operation. `id` is that of the resource that it creates, where it is laid down.
    pub(super) fn place(self: &Arc<Self>, place: usize, id: Option<ResourceId>) -> BatchPlace {
        BatchPlace {
            batch: Arc::clone(self),
            place,
            id,
        }
    }

    fn places(&self) -> MutexGuard<'_, Vec<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_waiting(&self, place: usize) -> bool {
        matches!(self.places().get(place), Some(Place::Waiting(_)))
    }

    fn set(&self, place: usize, to: Place) {
        if let Some(place) = self.places().get_mut(place) {
            *place = to;
        }
    }

    fn take_answer(&self, place: usize) -> Option<Result<Committed, CommitError>> {
        let mut places = self.places();
        let place = places.get_mut(place)?;
        match std::mem::take(place) {
            Place::Answered(answer) => Some(*answer),
            other => {
                *place = other;
                None
            }
        }
    }

    /// Takes the commits that operations wait with, in the order of the operations.
    pub(super) fn take_waiting(&self) -> Vec<(usize, Arc<Commit>)> {
        let mut waiting = Vec::new();
        for (number, place) in self.places().iter_mut().enumerate() {
            match std::mem::take(place) {
                Place::Waiting(commit) => {
                    waiting.push((number, commit));
                    *place = Place::Committing;
                }
                other => *place = other,
            }
        }
        waiting
    }

    /// Tells an operation the outcome of its commit.
    pub(super) fn answer(&self, place: usize, outcome: Result<Committed, CommitError>) {
        self.set(place, Place::Answered(Box::new(outcome)));
    }

    /// Polls the operations until each is done or waits with a commit.
    pub(super) async fn settle<T: Send>(&self, operations: &mut Operations<'_, T>) {
        poll_fn(|cx| {
            let mut is_pending = false;
            for (number, (operation, output)) in operations.all.iter_mut().enumerate() {
                let Some(polled) = operation else { continue };
                if self.is_waiting(number) {
                    continue;
                }
                match polled.as_mut().poll(cx) {
                    Poll::Ready(done) => {
                        *output = Some(done);
                        *operation = None;
                    }
                    // Nobody wakes an operation that waits for its commit: it is polled when it is answered.
                    Poll::Pending => is_pending |= !self.is_waiting(number),
                }
            }
            if is_pending {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}

impl<'o, T> Operations<'o, T> {
    /// Collects operations in their order, which is that of their places.
    pub(super) fn new(operations: Vec<Operation<'o, T>>) -> Self {
        let operations = operations.into_iter().map(|operation| (Some(operation), None));
        Self {
            all: operations.collect(),
        }
    }

    /// Returns what the operations came to: none for those that are not done.
    pub(super) fn into_outputs(self) -> Vec<Option<T>> {
        self.all.into_iter().map(|(_, output)| output).collect()
    }
}

impl BatchPlace {
    /// Returns the id of the resource that the operation creates, where it is laid down.
    pub(crate) fn id(&self) -> Option<&ResourceId> {
        self.id.as_ref()
    }

    pub(super) async fn commit(&self, commit: Arc<Commit>) -> Result<Committed, CommitError> {
        self.batch.set(self.place, Place::Waiting(commit));
        poll_fn(|_| match self.batch.take_answer(self.place) {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        })
        .await
    }
}

impl<S: Store> Engine<S> {
    /// Takes the turns of the resources that so many operations change, has the operations made, and runs them together.
    pub(super) async fn run_together<'o, T: Send>(
        &self,
        tenant: &TenantId,
        mut changed: Vec<ResourceId>,
        operations: usize,
        make: impl FnOnce(&Arc<Batch>) -> Vec<Operation<'o, T>> + Send,
    ) -> Vec<Option<T>> {
        // All turns are taken in one order, so that two batches never wait for one another, and each once.
        changed.sort_unstable();
        changed.dedup();
        let mut turns = Vec::with_capacity(changed.len());
        for id in &changed {
            turns.push(self.turns().exclusive(tenant, id).await);
        }
        let batch = Batch::new(operations);
        let operations = Operations::new(make(&batch));
        self.run(&batch, operations).await
    }

    /// Runs the operations of a batch to their end. Their commits are handed over in the operations' order, as many at
    /// once as can be, and share one durable wait.
    pub(super) async fn run<T: Send>(
        &self,
        batch: &Batch,
        mut operations: Operations<'_, T>,
    ) -> Vec<Option<T>> {
        loop {
            batch.settle(&mut operations).await;
            let waiting = batch.take_waiting();
            if waiting.is_empty() {
                return operations.into_outputs();
            }
            let (places, commits): (Vec<usize>, Vec<Arc<Commit>>) = waiting.into_iter().unzip();
            let outcomes = self.store().commit(&commits).await;
            let missing = || Err(StoreError::internal("the store gave no outcome of a commit").into());
            let outcomes = outcomes.into_iter().chain(std::iter::repeat_with(missing));
            for (place, outcome) in places.into_iter().zip(outcomes) {
                batch.answer(place, outcome);
            }
        }
    }
}
