//! Connections: accepting, answering, and stopping without dropping a request.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use super::{
    answer::{Held, raw_busy},
    front::{Front, Port},
    stop::StopSignals,
    stream::Timed,
};

/// A client that takes longer to send the head of a request, or keeps an idle connection longer, is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// A client that takes this long for a piece of an answer is cut off.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests that are still being answered this long after the signal to stop are cut. Supervisors kill after 10 s or more.
const STOP_TIMEOUT: Duration = Duration::from_secs(8);
/// How long to wait when the system has no file descriptor for a further connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that are held at once. Idle ones cost some 10 KiB each.
const CONNECTIONS: usize = 16_384;
/// Connections of the administrators' port that are held at once.
const ADMIN_CONNECTIONS: usize = 256;
/// The number of header fields that are read; the service refuses some of them already, with a body.
const MAX_HEADERS: usize = 200;

/// The sockets of a server.
pub(super) struct Listeners {
    pub(super) public: TcpListener,
    pub(super) admin: Option<TcpListener>,
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

/// Serves connections until a signal says to stop, then finishes the requests in flight. Returns the number of requests
/// that were cut.
pub(super) async fn serve(listeners: Listeners, front: Arc<Front>, mut stop: StopSignals) -> usize {
    let graceful = GracefulShutdown::new();
    let public = Arc::new(Semaphore::new(CONNECTIONS));
    let admin = Arc::new(Semaphore::new(ADMIN_CONNECTIONS));
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
            tokio::spawn(turn_away(stream));
            continue;
        };
        // Answers are small and a client waits for each.
        stream.set_nodelay(true).ok();
        let connection = connection(stream, peer, port, Arc::clone(&front));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            match connection.await {
                Err(error) if error.is_parse() => log_unreadable(&error),
                Err(error) => tracing::debug!(%error, "a connection broke"),
                Ok(()) => {}
            }
            drop(permit);
        });
    }
    drop(listeners);
    front.stop();
    tracing::info!(requests = front.busy(), "finishing the requests in flight");
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(STOP_TIMEOUT) => {}
        () = stop.received() => tracing::warn!("told to stop at once"),
    }
    let cut = front.busy();
    if cut > 0 {
        tracing::warn!(requests = cut, "requests were cut");
    }
    cut
}

/// A connection at HTTP/1.1.
fn connection<S>(
    stream: S,
    peer: SocketAddr,
    port: Port,
    front: Arc<Front>,
) -> http1::Connection<
    TokioIo<Timed<S>>,
    impl hyper::service::HttpService<Incoming, ResBody = Held, Future: Send>,
>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .serve_connection(
            TokioIo::new(Timed::new(stream, WRITE_TIMEOUT)),
            service_fn(move |request: Request<Incoming>| {
                let front = Arc::clone(&front);
                async move { Ok::<Response<Held>, Infallible>(front.answer(port, peer, request).await) }
            }),
        )
}

/// Tells a client for whom there is no connection to come again.
async fn turn_away(mut stream: TcpStream) {
    let answer = raw_busy();
    let told = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    tokio::time::timeout(Duration::from_secs(1), told).await.ok();
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
