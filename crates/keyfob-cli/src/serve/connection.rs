//! Connections: accepting, answering, and stopping without dropping a request.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};

use super::{
    answer::{self, Held},
    explain::{Explaining, FAREWELL, UNREAD},
    front::{Front, Port},
    stop::StopSignals,
    stream::Timed,
    tls::Handshakes,
};

/// A client that takes longer to send the head of a request, or keeps an idle connection longer, is cut off. Proxies and pools
/// keep a connection for up to 60 s: they have to be the first to end it, or a request meets a connection that was just closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// A client that takes this long for a piece of an answer is cut off.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests that are still being answered this long after the signal to stop are cut. Supervisors kill after 10 s or more.
const STOP_TIMEOUT: Duration = Duration::from_secs(8);
/// The time to wait when the system has no file descriptor for a further connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that are held at once. Idle ones cost some 10 KiB each.
const CONNECTIONS: usize = 16_384;
/// Connections of the administrators' port that are held at once.
const ADMIN_CONNECTIONS: usize = 256;
/// The number of header fields that are read; the service refuses some of them already, with a body.
const MAX_HEADERS: usize = 200;
/// Clients that are told so at once; more are closed without a word.
const FAREWELLS: usize = 256;

/// The bounds of a connection at HTTP/2.
#[cfg(feature = "tls")]
mod http_2 {
    use std::time::Duration;

    /// Requests of a connection that are answered at once (RFC 9113 section 5.1.2 recommends 100 at least).
    pub(super) const STREAMS: u32 = 100;
    /// The size of a head, its names and values and 32 bytes for each field: the longest target fits, and so do all its fields.
    pub(super) const HEAD: u32 = 64 << 10;
    /// The bytes of a body that a client may send before they are read.
    pub(super) const STREAM_WINDOW: u32 = 128 << 10;
    /// The same of all bodies of a connection: about as much as one body at HTTP/1.1.
    pub(super) const CONNECTION_WINDOW: u32 = 512 << 10;
    /// Requests that a client may take back before they are looked at, and that may be refused, until the connection is closed.
    pub(super) const RESETS: usize = 20;
    pub(super) const ERRORS: usize = 100;
    /// The time that a client has to say goodbye on a connection that is ended.
    pub(super) const GOODBYE: Duration = Duration::from_secs(1);
}

/// The sockets of a server.
pub(super) struct Listeners {
    pub(super) public: TcpListener,
    pub(super) admin: Option<TcpListener>,
    /// TLS, if connections of both are to have it.
    pub(super) tls: Option<Handshakes>,
}

impl Listeners {
    async fn accept(&self) -> (io::Result<(TcpStream, SocketAddr)>, Port) {
        let admin = async {
            match &self.admin {
                Some(admin) => admin.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = self.public.accept() => (accepted, Port::Public),
            accepted = admin => (accepted, Port::Admin),
        }
    }
}

/// Tells a connection when the server stops. The server waits until all are dropped.
#[derive(Clone)]
struct Stopping(watch::Receiver<bool>);

impl Stopping {
    async fn begins(&mut self) {
        // An error is a server that is gone.
        self.0.wait_for(|stops| *stops).await.ok();
    }
}

/// Serves connections until a signal says to stop, then finishes the requests in flight. Returns the number of requests
/// that were cut.
pub(super) async fn serve(listeners: Listeners, front: Arc<Front>, mut stop: StopSignals) -> usize {
    let (stopping, of_connections) = watch::channel(false);
    let of_connections = Stopping(of_connections);
    let public = Arc::new(Semaphore::new(CONNECTIONS));
    let admin = Arc::new(Semaphore::new(ADMIN_CONNECTIONS));
    let farewells = Arc::new(Semaphore::new(FAREWELLS));
    let mut warned: Option<Instant> = None;
    loop {
        let (accepted, port) = tokio::select! {
            accepted = listeners.accept() => accepted,
            () = stop.received() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if warned.is_none_or(|warned| warned.elapsed() >= Duration::from_secs(1)) {
                    tracing::warn!(%error, "cannot accept a connection");
                    warned = Some(Instant::now());
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connections = match port {
            Port::Public => &public,
            Port::Admin => &admin,
        };
        let Ok(permit) = Arc::clone(connections).try_acquire_owned() else {
            // A client that expects TLS would not understand.
            if listeners.tls.is_none()
                && let Ok(farewell) = Arc::clone(&farewells).try_acquire_owned()
            {
                tokio::spawn(async move {
                    let busy = "the service has too many connections, try again later";
                    turn_away(stream, StatusCode::SERVICE_UNAVAILABLE, busy).await;
                    drop(farewell);
                });
            }
            continue;
        };
        // Answers are small and a client waits for each.
        stream.set_nodelay(true).ok();
        let connection = Connection {
            client: Client {
                peer,
                port,
                front: Arc::clone(&front),
            },
            stopping: of_connections.clone(),
        };
        let tls = listeners.tls.clone();
        tokio::spawn(async move {
            connection.serve(stream, tls).await;
            drop(permit);
        });
    }
    drop((listeners, of_connections));
    front.stop();
    tracing::info!(requests = front.busy(), "finishing the requests in flight");
    stopping.send_replace(true);
    tokio::select! {
        () = stopping.closed() => {}
        () = tokio::time::sleep(STOP_TIMEOUT) => {}
        () = stop.received() => tracing::warn!("told to stop at once"),
    }
    let cut = front.busy();
    if cut > 0 {
        tracing::warn!(requests = cut, "requests were cut");
    }
    cut
}

/// The client of a connection, and who answers it.
#[derive(Clone)]
struct Client {
    peer: SocketAddr,
    port: Port,
    front: Arc<Front>,
}

impl Client {
    async fn answer(self, request: Request<Incoming>) -> Response<Held> {
        self.front.answer(self.port, self.peer, request).await
    }
}

/// A client's connection.
struct Connection {
    client: Client,
    stopping: Stopping,
}

impl Connection {
    async fn serve(self, stream: TcpStream, tls: Option<Handshakes>) {
        match tls {
            None => self.serve_http_1(Timed::new(stream, WRITE_TIMEOUT)).await,
            Some(handshakes) => self.serve_secured(stream, handshakes).await,
        }
    }

    /// Serves a connection at the protocol on which client and server agree in their handshake.
    #[cfg(feature = "tls")]
    async fn serve_secured(mut self, stream: TcpStream, handshakes: Handshakes) {
        use super::tls::{HandshakeError, Secured};

        let shaken = tokio::select! {
            shaken = handshakes.accept(stream, |stream| Timed::new(stream, WRITE_TIMEOUT)) => shaken,
            () = self.stopping.begins() => return,
        };
        match shaken {
            Ok(Secured::Http1(stream)) => self.serve_http_1(stream).await,
            Ok(Secured::Http2(stream)) => self.serve_http_2(stream).await,
            Err(HandshakeError::Plain(stream)) => {
                let told = "this port speaks TLS: its address begins with https://";
                turn_away(stream, StatusCode::BAD_REQUEST, told).await;
            }
            Err(HandshakeError::Failed(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        }
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_async, reason = "as where there are handshakes")]
    async fn serve_secured(self, _: TcpStream, handshakes: Handshakes) {
        match handshakes {}
    }

    async fn serve_http_1<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { client, mut stopping } = self;
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_headers(MAX_HEADERS)
            .serve_connection(
                TokioIo::new(Explaining::new(stream)),
                service_fn(move |request| {
                    let client = client.clone();
                    async move { Ok::<_, Infallible>(client.answer(request).await) }
                }),
            );
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopping.begins() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        match ended {
            Err(error) if error.is_parse() => log_unreadable(&error),
            Err(error) => tracing::debug!(%error, "a connection broke"),
            Ok(()) => {}
        }
    }

    #[cfg(feature = "tls")]
    async fn serve_http_2<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        use hyper::server::conn::http2;
        use hyper_util::rt::TokioExecutor;

        use super::exchange::{Exchanges, Overdue};

        let Self { client, mut stopping } = self;
        let exchanges = Exchanges::new();
        let begun = exchanges.clone();
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(http_2::STREAMS)
            .max_header_list_size(http_2::HEAD)
            .initial_stream_window_size(http_2::STREAM_WINDOW)
            .initial_connection_window_size(http_2::CONNECTION_WINDOW)
            .max_pending_accept_reset_streams(http_2::RESETS)
            .max_local_error_reset_streams(http_2::ERRORS)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| {
                    let (client, exchange) = (client.clone(), begun.begin());
                    async move {
                        let response = client.answer(request).await;
                        Ok::<_, Infallible>(response.map(|body| body.in_pieces(exchange)))
                    }
                }),
            );
        let mut connection = pin!(connection);
        let mut is_ending = false;
        loop {
            let idle = if is_ending { http_2::GOODBYE } else { HEAD_TIMEOUT };
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection broke");
                    }
                    return;
                }
                () = stopping.begins(), if !is_ending => {}
                overdue = exchanges.overdue(idle, WRITE_TIMEOUT) => {
                    if is_ending || overdue == Overdue::Stalled {
                        tracing::debug!(?overdue, "a connection is cut");
                        return;
                    }
                }
            }
            connection.as_mut().graceful_shutdown();
            is_ending = true;
        }
    }
}

/// Answers a client whose request isn't read, and closes its connection.
async fn turn_away(mut stream: TcpStream, status: StatusCode, detail: &str) {
    let answer = answer::raw(status, detail);
    let told = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut unread = stream.take(UNREAD);
        tokio::io::copy(&mut unread, &mut tokio::io::sink()).await
    };
    tokio::time::timeout(FAREWELL, told).await.ok();
}

/// Writes the line of a request that hyper answered itself, since it couldn't be read. The error names the kind of the
/// fault and holds nothing of the request.
fn log_unreadable(error: &hyper::Error) {
    // As hyper answers. It says that the head is too large and not which part; the text alone tells them apart.
    let status = match error.to_string().as_str() {
        "URI too long" => StatusCode::URI_TOO_LONG,
        _ if error.is_parse_too_large() => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    let span = tracing::error_span!(target: "keyfob_http::access", "request", method = "-", path = "-");
    span.in_scope(|| {
        tracing::info!(
            target: "keyfob_http::access",
            status = status.as_u16(),
            reason = %error,
            "answered"
        );
    });
}
