//! Bodies for the answers that hyper gives by itself, to requests that it can't read.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use super::answer;

/// A client whose request isn't read has this time to take its answer.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);
/// No more is read of such a request than this. What is left unread would take the answer away from the client.
pub(super) const UNREAD: u64 = 1 << 20;

/// The length of a date in a header field (RFC 9110 section 5.6.7).
const DATE: usize = "Sun, 06 Nov 1994 08:49:37 GMT".len();

/// A stream on which hyper's own answers have bodies, as all other errors do (RFC 7644 section 3.12).
///
/// hyper has no hook for them. They are known by their form: a head without a body and with no field but three, which no
/// answer of the server's has. The connection ends with such an answer.
#[derive(Debug)]
pub(super) struct Explaining<S> {
    stream: S,
    /// The answer that is written in place of hyper's.
    farewell: Option<Farewell>,
}

/// An answer to a client whose connection then ends.
#[derive(Debug)]
struct Farewell {
    answer: String,
    written: usize,
    /// If true, the client has been told that nothing follows.
    is_shut: bool,
    /// The bytes that are still taken from the client, and for how long.
    unread: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Explaining<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            farewell: None,
        }
    }

    /// Takes an answer of hyper's own, to write another one in its place.
    fn replaces(&mut self, bytes: &[u8]) -> bool {
        if self.farewell.is_none()
            && let Some(status) = status_of(bytes)
        {
            self.farewell = Some(Farewell {
                answer: answer::raw(status, detail_of(status)),
                written: 0,
                is_shut: false,
                unread: UNREAD,
                timer: None,
            });
            return true;
        }
        false
    }
}

impl<S: AsyncWrite + Unpin> Explaining<S> {
    /// Writes the answer that stands in place of hyper's.
    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(farewell) = &mut self.farewell else {
            return Poll::Ready(Ok(()));
        };
        while let Some(rest) = farewell.answer.as_bytes().get(farewell.written..)
            && !rest.is_empty()
        {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => farewell.written += written,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> Explaining<S> {
    /// Reads what the client still sends: a connection that is closed over it takes the answer away from the client.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(farewell) = &mut self.farewell else {
            return Poll::Ready(());
        };
        let timer = farewell
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(FAREWELL)));
        if timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut room = [0; 4 << 10];
        while farewell.unread > 0 {
            let mut buffer = ReadBuf::new(&mut room);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    let read = u64::try_from(buffer.filled().len()).unwrap_or(u64::MAX);
                    farewell.unread = farewell.unread.saturating_sub(read);
                }
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

/// Returns the status of an answer of hyper's own.
fn status_of(head: &[u8]) -> Option<StatusCode> {
    let head = std::str::from_utf8(head).ok()?;
    let (line, fields) = head.split_once("\r\n")?;
    let mut words = line.split(' ');
    let status = words.nth(1)?.parse().ok()?;
    let date = fields
        .strip_prefix("connection: close\r\ncontent-length: 0\r\ndate: ")?
        .strip_suffix("\r\n\r\n")?;
    let is_own = [
        StatusCode::BAD_REQUEST,
        StatusCode::URI_TOO_LONG,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    ];
    (line.starts_with("HTTP/1.") && date.len() == DATE && is_own.contains(&status)).then_some(status)
}

fn detail_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::URI_TOO_LONG => "the target is too long: POST to `/.search` takes longer queries",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "the request has too many header fields, or too long ones"
        }
        _ => {
            "the request can't be read: it isn't HTTP/1.1; quotes, spaces and control characters of a target are \
             percent-encoded, such as `%22` and `%20`"
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Explaining<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Explaining<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.replaces(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [bytes] = bytes
            && self.replaces(bytes)
        {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_farewell(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_farewell(cx))?;
        if !self.farewell.as_ref().is_some_and(|farewell| farewell.is_shut) {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        if let Some(farewell) = &mut self.farewell {
            farewell.is_shut = true;
        }
        self.poll_rest(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    use hyper::{body::Incoming, server::conn::http1, service::service_fn};
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Sends bytes to a server that echoes the path, and returns what comes back until the end.
    async fn answer_to(request: &[u8]) -> String {
        let (near, mut far) = tokio::io::duplex(1 << 10);
        let echo = |request: Request<Incoming>| async move {
            let body = Full::new(Bytes::from(request.uri().path().to_owned()));
            Ok::<_, Infallible>(Response::new(body))
        };
        let serving = tokio::spawn(
            http1::Builder::new()
                .max_headers(20)
                .serve_connection(TokioIo::new(Explaining::new(near)), service_fn(echo)),
        );
        // A server that has closed takes no more.
        far.write_all(request).await.ok();
        let mut answer = Vec::new();
        far.read_to_end(&mut answer).await.ok();
        drop(far);
        serving.await.unwrap().ok();
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn rfc_7644_3_12_a_request_that_cannot_be_read_is_answered_with_a_body() {
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(70_000));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: 1\r\n".repeat(30));
        let large = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "1".repeat(1 << 20));
        for (request, status) in [
            ("nothing\r\n\r\n", 400),
            ("GET /Users?filter=userName+eq+\"a\" HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\na b: c\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
            (&long, 414),
            (&many, 431),
            (&large, 431),
            // After one that could be read.
            ("GET /a HTTP/1.1\r\nhost: x\r\n\r\nnothing\r\n\r\n", 400),
        ] {
            let answer = answer_to(request.as_bytes()).await;
            let (head, body) = answer.rsplit_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("HTTP/1.1 {status} ")), "{head}");
            assert!(head.contains("content-type: application/scim+json"), "{head}");
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["status"], status.to_string());
            assert!(body["detail"].is_string());
        }
    }

    #[tokio::test]
    async fn an_answer_of_the_service_is_written_as_it_is() {
        let request =
            "GET /a HTTP/1.1\r\nhost: x\r\n\r\nGET /b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let answer = answer_to(request.as_bytes()).await;
        assert_eq!(answer.matches("HTTP/1.1 200 OK\r\n").count(), 2, "{answer}");
        assert!(
            answer.ends_with("\r\n\r\n/b") && answer.contains("\r\n\r\n/aHTTP"),
            "{answer}"
        );
    }

    #[test]
    fn only_hypers_own_form_is_taken_for_its_own() {
        let own = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: Mon, 30 Nov 2026 13:11:59 GMT\r\n\r\n";
        assert_eq!(status_of(own.as_bytes()), Some(StatusCode::BAD_REQUEST));
        for other in [
            own.replace("400", "401"),
            own.replace("connection: close\r\n", ""),
            own.replace("date", "cache-control: no-store\r\ndate"),
            own.replace("length: 0", "length: 1"),
            format!("{own}x"),
            own.replace("HTTP", "http"),
            String::new(),
        ] {
            assert_eq!(status_of(other.as_bytes()), None, "{other}");
        }
    }
}
