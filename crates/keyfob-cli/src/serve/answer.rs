//! Answers as connections send them.

use std::{
    error::Error,
    future::Future as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use keyfob_core::ErrorBody;
use keyfob_http::{AnswerBody, AnswerCut};
use tokio::sync::mpsc;

use super::front::Abandoned;

/// A body that holds something, such as a share of the server, until the last of its bytes has left the server, or the client
/// is gone.
pub(super) struct Held {
    body: Sent,
    guard: Arc<dyn Send + Sync>,
    /// The bytes that are left of what the body has given.
    rest: Bytes,
    #[cfg(feature = "tls")]
    exchange: Option<Arc<super::exchange::Exchange>>,
}

/// A body as connections send it.
pub(super) enum Sent {
    /// One that is at hand.
    Whole(AnswerBody),
    /// One that is being made on other threads.
    Made {
        pieces: mpsc::Receiver<Result<Bytes, AnswerCut>>,
        making: Abandoned<()>,
        is_over: bool,
    },
}

impl Sent {
    pub(super) fn made(pieces: mpsc::Receiver<Result<Bytes, AnswerCut>>, making: Abandoned<()>) -> Self {
        Self::Made {
            pieces,
            making,
            is_over: false,
        }
    }
}

impl From<AnswerBody> for Sent {
    fn from(body: AnswerBody) -> Self {
        Self::Whole(body)
    }
}

impl From<Full<Bytes>> for Sent {
    fn from(body: Full<Bytes>) -> Self {
        Self::Whole(body.into())
    }
}

/// Why the rest of a body is not sent.
pub(super) type SendError = Box<dyn Error + Send + Sync>;

impl Body for Sent {
    type Data = Bytes;
    type Error = SendError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, SendError>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(cx).map_err(SendError::from),
            Self::Made { is_over: true, .. } => Poll::Ready(None),
            Self::Made {
                pieces,
                making,
                is_over,
            } => {
                if let Some(piece) = ready!(pieces.poll_recv(cx)) {
                    return Poll::Ready(Some(piece.map(Frame::data).map_err(SendError::from)));
                }
                // A task that was stopped or has panicked has sent less than all.
                let ended = ready!(Pin::new(making).poll(cx));
                *is_over = true;
                Poll::Ready(ended.err().map(|error| Err(error.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Made { is_over, .. } => *is_over,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Made { .. } => SizeHint::default(),
        }
    }
}

/// Bytes together with what is held until they have left. A connection lets go of a body before it has written what the body gave.
struct HeldBytes {
    bytes: Bytes,
    _guard: Arc<dyn Send + Sync>,
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Held {
    pub(super) fn new(body: impl Into<Sent>, held: impl Send + Sync + 'static) -> Self {
        Self {
            body: body.into(),
            guard: Arc::new(held),
            rest: Bytes::new(),
            #[cfg(feature = "tls")]
            exchange: None,
        }
    }

    /// Gives the body in pieces, so that the exchange knows how far the client is.
    #[cfg(feature = "tls")]
    pub(super) fn in_pieces(self, exchange: super::exchange::Exchange) -> Self {
        let exchange = Arc::new(exchange);
        exchange.gets_on();
        Self {
            guard: Arc::new((self.guard, Arc::clone(&exchange))),
            exchange: Some(exchange),
            ..self
        }
    }

    /// Takes from the rest what is given at a time.
    fn piece(&mut self) -> Bytes {
        #[cfg(feature = "tls")]
        if let Some(exchange) = &self.exchange {
            exchange.gets_on();
            let end = self.rest.len().min(super::stream::PIECE);
            return self.rest.split_to(end);
        }
        std::mem::take(&mut self.rest)
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = SendError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let guard = Arc::clone(&self.guard);
                    // A body at hand has data alone.
                    let bytes = frame.into_data().unwrap_or_default();
                    self.rest = Bytes::from_owner(HeldBytes { bytes, _guard: guard });
                }
                end => return Poll::Ready(end),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(self.piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        match self.body.size_hint().exact() {
            Some(left) => SizeHint::with_exact(rest + left),
            None => SizeHint::default(),
        }
    }
}

/// Seconds after which a client does well to come again.
const RETRY_AFTER: &str = "2";

/// An answer for people and probes, a line or more of text.
pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer 503 in the form of SCIM's errors.
pub(super) fn unavailable(detail: &str) -> Response<Full<Bytes>> {
    let body = ErrorBody::new(503, detail).to_json();
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/scim+json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    response
}

/// An answer to a client whose request isn't read, as it goes over the wire.
pub(super) fn raw(status: StatusCode, detail: &str) -> String {
    let body = ErrorBody::new(status.as_u16(), detail).to_json();
    let body = String::from_utf8_lossy(&body);
    let retry_after = if status == StatusCode::SERVICE_UNAVAILABLE {
        format!("retry-after: {RETRY_AFTER}\r\n")
    } else {
        String::new()
    };
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/scim+json\r\n{retry_after}cache-control: no-store\r\nconnection: \
         close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn what_an_answer_holds_is_held_as_long_as_its_bytes() {
        let held = Arc::new(());
        let body = Full::new(Bytes::from(vec![7; 100_000]));
        let mut body = Held::new(body, Arc::clone(&held));
        let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(body.is_end_stream() && body.frame().await.is_none());
        drop(body);
        assert_eq!((Arc::strong_count(&held), data.len()), (2, 100_000));
        drop(data);
        assert_eq!(Arc::strong_count(&held), 1);
        // An empty one is over with the body.
        let body = Held::new(Full::default(), Arc::clone(&held));
        assert!(body.is_end_stream());
        drop(body);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[cfg(feature = "tls")]
    #[tokio::test(start_paused = true)]
    async fn an_answer_in_pieces_says_how_far_its_client_is() {
        use std::time::Duration;

        use crate::serve::exchange::{Exchanges, Overdue};

        let second = Duration::from_secs(1);
        let exchanges = Exchanges::new();
        let body = Full::new(Bytes::from(vec![7; 40_000]));
        let mut body = Held::new(body, ()).in_pieces(exchanges.begin());
        let mut sizes = Vec::new();
        let mut pieces = Vec::new();
        while !body.is_end_stream() {
            assert_eq!(body.size_hint().exact(), Some(40_000 - sizes.iter().sum::<u64>()));
            let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
            sizes.push(piece.len() as u64);
            pieces.push(piece);
        }
        assert_eq!(sizes, [16_384, 16_384, 7_232]);
        drop(body);
        // The connection has it, and the client has not.
        assert_eq!(exchanges.overdue(second, second).await, Overdue::Stalled);
        drop(pieces);
        assert_eq!(exchanges.overdue(second, second).await, Overdue::Idle);
    }
}
