//! Work that goes on after an answer.

use std::time::Duration;

use keyfob_http::{Runtime, Work};
use tokio::runtime::Handle;

/// The runtime in which requests do their work.
pub(super) struct Background(pub(super) Handle);

impl Runtime for Background {
    fn spawn(&self, work: Work<'static>) {
        self.0.spawn(work);
    }

    fn sleep(&self, time: Duration) -> Work<'static> {
        Box::pin(tokio::time::sleep(time))
    }
}
