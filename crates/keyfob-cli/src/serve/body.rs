//! Bodies of requests: read in time, and to their end also where the service has no use for the rest.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use keyfob_http::BodyError;
use tokio::time::Sleep;

/// No more of an unwanted body is read than this.
const DISCARD_LIMIT: usize = 64 << 20;
/// Nor is it waited for any longer.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that hasn't arrived by then isn't waited for any longer, however it trickles.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// A body that the service reads as far as it wants, and the connection to its end.
///
/// Many clients write all of a request before they read anything of the answer. When the server refuses a request by
/// its head and closes the connection, such a client sees a broken pipe and never learns of the 401 or 413.
#[derive(Clone)]
pub(crate) struct SharedBody(Arc<Mutex<Timed>>);

struct Timed {
    body: Incoming,
    /// Runs from the first look at the body on.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Timed {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(BODY_TIMEOUT)));
        timer
            .as_mut()
            .poll(cx)
            .map(|()| Some(Err(io::Error::from(io::ErrorKind::TimedOut).into())))
    }
}

impl SharedBody {
    pub(crate) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(Timed { body, timer: None })))
    }

    /// Reads what is left, within limits.
    pub(crate) async fn discard(mut self) {
        let read = async {
            let mut bytes = 0;
            while bytes <= DISCARD_LIMIT
                && let Some(Ok(frame)) = self.frame().await
            {
                bytes += frame.data_ref().map_or(0, Bytes::len);
            }
        };
        tokio::time::timeout(DISCARD_TIMEOUT, read).await.ok();
    }

    /// Never waits: only one of the two that share the body reads it at a time.
    fn with<T>(&self, read: impl FnOnce(&mut Timed) -> T) -> T {
        read(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Body for SharedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.with(|body| body.poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.body.size_hint())
    }
}
