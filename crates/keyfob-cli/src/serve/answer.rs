//! Answers as connections send them.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use keyfob_core::ErrorBody;

/// A body that holds something, such as a share of the server, until the connection is done with it.
pub(super) struct Held {
    body: Full<Bytes>,
    _held: Box<dyn Send + Sync>,
}

impl Held {
    pub(super) fn new(body: Full<Bytes>, held: impl Send + Sync + 'static) -> Self {
        Self {
            body,
            _held: Box::new(held),
        }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Seconds after which a client does well to come again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

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
    headers.insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

/// The answer to a client for whom there is no connection, as it goes over the wire.
pub(super) fn raw_busy() -> String {
    let body = ErrorBody::new(503, "the service has too many connections, try again later").to_json();
    let body = String::from_utf8_lossy(&body);
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/scim+json\r\nretry-after: 2\r\nconnection: \
         close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
