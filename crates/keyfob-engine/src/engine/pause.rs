//! Pauses between the attempts of a write.

use std::{
    future::poll_fn,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    task::Poll,
};

use keyfob_store::CommitId;

/// The number of turns that a pause takes at most.
const LONGEST: u64 = 64;

/// Lets other tasks run for a random number of turns, of which there may be twice as many with each attempt.
///
/// Requests of several servers that have met at one resource would look and commit in step and meet again. The engine knows no
/// timer, so that it counts turns. The id of the refused commit is the source of randomness.
pub(super) async fn step_aside(attempt: usize, refused: &CommitId) {
    let mut hasher = DefaultHasher::new();
    refused.hash(&mut hasher);
    let bound = u32::try_from(attempt)
        .ok()
        .and_then(|attempt| 2_u64.checked_pow(attempt.saturating_add(1)))
        .map_or(LONGEST, |bound| bound.min(LONGEST));
    let mut left = hasher.finish() % bound;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        future::Future as _,
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
        task::{Context, Wake},
    };

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicU64);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn turns(attempt: usize, id: &str) -> u64 {
        let counter = Arc::new(Wakes::default());
        let waker = Arc::clone(&counter).into();
        let id = CommitId::new(id);
        let mut pause = pin!(step_aside(attempt, &id));
        let mut turns = 0;
        while pause.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            turns += 1;
        }
        assert_eq!(
            counter.0.load(Ordering::Relaxed),
            turns,
            "each turn asks for the next"
        );
        turns
    }

    #[test]
    fn pauses_differ_and_grow_up_to_a_bound() {
        let lengths = |attempt| -> BTreeSet<u64> {
            let ids = 0..1_000;
            ids.map(|number| turns(attempt, &number.to_string())).collect()
        };
        assert_eq!(lengths(0), BTreeSet::from([0, 1]));
        assert_eq!(lengths(1), BTreeSet::from([0, 1, 2, 3]));
        for attempt in [5, 6, 15, usize::MAX] {
            assert_eq!(lengths(attempt), (0..LONGEST).collect(), "{attempt}");
        }
    }
}
