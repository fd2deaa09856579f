//! The way from a cycle, which blocks a thread of its own, to the transport of a run, which waits without blocking.

use std::{
    future::poll_fn,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::Response;
use keyfob_client::{BlockingTransport, Request, TransportError};

type Answer = Result<Response<Bytes>, TransportError>;

/// The end at the run. When it is dropped, the cycle's requests fail.
pub(super) struct Bridge(Arc<Shared>);

/// The end at the cycle. When it is dropped, no request follows.
pub(super) struct Cycling(Arc<Shared>);

#[derive(Default)]
struct Shared {
    crossing: Mutex<Crossing>,
    answered: Condvar,
}

#[derive(Default)]
struct Crossing {
    request: Option<Request>,
    answer: Option<Answer>,
    waker: Option<Waker>,
    is_over: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Crossing> {
        self.crossing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        let mut crossing = self.lock();
        crossing.is_over = true;
        if let Some(waker) = crossing.waker.take() {
            waker.wake();
        }
        drop(crossing);
        self.answered.notify_all();
    }
}

impl Bridge {
    pub(super) fn new() -> (Self, Cycling) {
        let shared = Arc::new(Shared::default());
        (Self(Arc::clone(&shared)), Cycling(shared))
    }

    /// Returns the next request of the cycle; none when it is over.
    pub(super) async fn next(&self) -> Option<Request> {
        poll_fn(|cx| {
            let mut crossing = self.0.lock();
            match crossing.request.take() {
                Some(request) => Poll::Ready(Some(request)),
                None if crossing.is_over => Poll::Ready(None),
                None => {
                    crossing.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Answers the request.
    pub(super) fn answer(&self, answer: Answer) {
        self.0.lock().answer = Some(answer);
        self.0.answered.notify_all();
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Drop for Cycling {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl BlockingTransport for Cycling {
    fn send_blocking(&self, request: Request) -> Answer {
        let mut crossing = self.0.lock();
        crossing.request = Some(request);
        if let Some(waker) = crossing.waker.take() {
            waker.wake();
        }
        loop {
            if let Some(answer) = crossing.answer.take() {
                return answer;
            }
            if crossing.is_over {
                return Err(TransportError::not_sent("the run is over"));
            }
            crossing = self
                .0
                .answered
                .wait(crossing)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Time is the provider's, which stands still within a cycle.
    fn wait_blocking(&self, _: Duration) {}
}
