//! Connections: accepting, answering, and stopping without dropping a request.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::net::TcpListener;

use super::{body::SharedBody, services::Services, stop::StopSignals};
use crate::Unusable;

/// A client that takes longer to send the head of a request is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Requests that are still being answered this long after the signal to stop are given up.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait when the system has no file descriptor for a further connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until a signal says to stop, then finishes the requests in flight.
pub(crate) async fn serve(
    listener: TcpListener,
    services: Services,
    mut stop: StopSignals,
) -> Result<(), Unusable> {
    let graceful = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = stop.received() => break,
        };
        // Answers are small and a client waits for each.
        stream.set_nodelay(true).ok();
        let services = services.clone();
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| answer(services.clone(), request)),
            );
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            match connection.await {
                Err(error) if error.is_parse() => log_unreadable(&error),
                Err(error) => tracing::debug!(%error, "a connection broke"),
                Ok(()) => {}
            }
        });
    }
    drop(listener);
    tracing::info!("finishing the requests in flight");
    if tokio::time::timeout(STOP_TIMEOUT, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("gave up on requests that took too long");
    }
    Ok(())
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
    tracing::info!(
        target: "keyfob_http::access",
        method = "-",
        path = "-",
        status = status.as_u16(),
        reason = %error,
        "answered"
    );
}

/// Answers one request: the health check here, everything else by SCIM.
async fn answer(services: Services, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/healthz" && matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(Response::new(Full::new(Bytes::from_static(b"ok\n"))));
    }
    // A client that waits for `100 Continue` sends no body that nobody asked for.
    let waits = request.headers().contains_key(header::EXPECT);
    let (head, body) = request.into_parts();
    let body = SharedBody::new(body);
    let response = services.call(Request::from_parts(head, body.clone())).await;
    if !waits {
        body.discard().await;
    }
    response
}
