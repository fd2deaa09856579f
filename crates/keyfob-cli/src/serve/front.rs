//! The front of the server: who answers which request, and on which threads.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use keyfob_engine::TenantId;
use keyfob_http::{AnswerBody, AnswerCut, Permit};
use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};

use super::{
    administration::Administrators,
    answer::{self, Held},
    body::SharedBody,
    failures::Source,
    health::Health,
    metrics::Metrics,
    proxy::Proxies,
    services::Services,
    share::Shares,
};

/// The header in which a proxy gives a request's id.
const X_REQUEST_ID: &str = "x-request-id";

/// A request that isn't answered by then isn't answered any more: later than any limit of its parts.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// The room for answers that one takes that is made while it is sent: that of the pieces that may be on the way to its client.
const ON_THE_WAY: u64 = 1 << 20;

/// The port on which a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// That of providers.
    Public,
    /// That of operators.
    Admin,
}

/// Answers what comes over connections.
///
/// Health is answered on the threads that read from connections; everything that costs work is done on other threads, so that
/// no request holds up accepting or a probe.
pub(super) struct Front {
    pub(super) services: Services,
    pub(super) administrators: Option<Administrators>,
    pub(super) health: Health,
    pub(super) metrics: Option<Metrics>,
    pub(super) proxies: Proxies,
    pub(super) shares: Arc<Shares>,
    /// The threads that do the work.
    pub(super) workers: Handle,
    pub(super) busy: Arc<AtomicUsize>,
}

/// A request from its head until its answer is written.
struct Busy(Arc<AtomicUsize>);

impl Busy {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Front {
    /// Returns the number of requests whose answers aren't written yet.
    pub(super) fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// Says from now on that the server isn't ready.
    pub(super) fn stop(&self) {
        self.health.stop();
    }

    pub(super) async fn answer(
        &self,
        port: Port,
        peer: SocketAddr,
        mut request: Request<Incoming>,
    ) -> Response<Held> {
        let busy = Busy::new(&self.busy);
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let operational = match request.uri().path() {
            "/healthz" | "/livez" if is_read => Some(answer::text(StatusCode::OK, "ok\n")),
            "/readyz" if is_read => Some(self.ready().await),
            "/metrics" if is_read && port == Port::Admin => {
                Some(self.metrics.as_ref().map_or_else(not_found, Metrics::answer))
            }
            path if port == Port::Admin && !Administrators::has(path) => Some(not_found()),
            _ => None,
        };
        if let Some(response) = operational {
            return response.map(|body| Held::new(body, busy));
        }
        let peer = peer.ip();
        let source = Source(self.proxies.client_of(peer, request.headers()));
        request.extensions_mut().insert(source);
        match port {
            Port::Admin => self.administer(request, busy).await,
            Port::Public => self.serve(peer, request, busy).await,
        }
    }

    async fn ready(&self) -> Response<Full<Bytes>> {
        match self.health.check().await {
            Ok(()) => answer::text(StatusCode::OK, "ready\n"),
            Err(fault) => answer::text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {fault}\n")),
        }
    }

    /// Does the work of an answer on the threads for it, within bounds of time.
    async fn work<B: From<Full<Bytes>> + Send + 'static>(
        &self,
        work: impl Future<Output = Response<B>> + Send + 'static,
    ) -> Response<B> {
        let work = Abandoned(self.workers.spawn(work));
        match tokio::time::timeout(REQUEST_TIMEOUT, work).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                tracing::error!(%error, "a request failed");
                answer::unavailable("the service failed, try again later").map(B::from)
            }
            Err(_) => answer::unavailable("the request takes too long").map(B::from),
        }
    }

    /// Answers by the administration.
    async fn administer(&self, request: Request<Incoming>, busy: Busy) -> Response<Held> {
        let Some(administrators) = self.administrators.clone() else {
            return not_found().map(|body| Held::new(body, busy));
        };
        let waits = request.headers().contains_key(header::EXPECT);
        let (head, body) = request.into_parts();
        let body = SharedBody::new(body);
        let request = Request::from_parts(head, body.clone());
        let response = self.work(administrators.call(request)).await;
        if !waits {
            body.discard().await;
        }
        response.map(|body| Held::new(body, busy))
    }

    /// Answers by SCIM.
    async fn serve(&self, peer: IpAddr, request: Request<Incoming>, busy: Busy) -> Response<Held> {
        // A client that waits for `100 Continue` sends no body that nobody asked for.
        let waits = request.headers().contains_key(header::EXPECT);
        let (mut head, body) = request.into_parts();
        if !self.proxies.contain(peer) {
            head.headers.remove(X_REQUEST_ID);
        }
        let body = SharedBody::new(body);
        let (services, request) = (self.services.clone(), Request::from_parts(head, body.clone()));
        let work = async move {
            let Ok(response) = services.call(request).await;
            response
        };
        let mut response = self.work(work).await;
        let permit: Option<Permit> = response.extensions_mut().remove();
        let tenant: Option<TenantId> = response.extensions_mut().remove();
        let size = match response.body().size_hint() {
            hint if response.body().is_made_while_sent() => hint.lower().max(ON_THE_WAY),
            hint => hint.lower(),
        };
        let room = match tenant {
            Some(tenant) => self.shares.hold_answer(&tenant, size).await,
            None => Ok(None),
        };
        let (response, room) = match room {
            Ok(room) => (response, room),
            Err(_) => (
                answer::unavailable("answers wait for their clients to read them, try again later")
                    .map(AnswerBody::from),
                None,
            ),
        };
        if !waits {
            body.discard().await;
        }
        response.map(|body| {
            let body = self.made_by_workers(body);
            Held::new(body, (busy, permit, room))
        })
    }

    /// Has a body that is made while it is sent made on the threads for work. One piece waits to be sent, and another one to wait.
    fn made_by_workers(&self, body: AnswerBody) -> answer::Sent {
        if !body.is_made_while_sent() {
            return body.into();
        }
        let (pieces, sent) = mpsc::channel(1);
        let making = Abandoned(self.workers.spawn(make(body, pieces)));
        answer::Sent::made(sent, making)
    }
}

/// Makes a body piece by piece, as fast as the pieces are sent.
async fn make(body: AnswerBody, pieces: mpsc::Sender<Result<Bytes, AnswerCut>>) {
    let mut body = pin!(body);
    while let Some(frame) = body.as_mut().frame().await {
        // It has data alone.
        let piece = frame.map(|frame| frame.into_data().unwrap_or_default());
        if pieces.send(piece).await.is_err() {
            return;
        }
    }
}

fn not_found() -> Response<Full<Bytes>> {
    answer::text(StatusCode::NOT_FOUND, "there is nothing here\n")
}

/// Work that ends when nobody waits for it any more, as when its client has gone.
pub(super) struct Abandoned<T>(JoinHandle<T>);

impl<T> Future for Abandoned<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for Abandoned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
