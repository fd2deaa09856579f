//! An engine with a clock that stands still, and a receiver in the same process.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use keyfob_client::{InProcess, Random};
use keyfob_core::{Clock, DateTime, Projection, Registry, Resource, ResourceId};
use keyfob_engine::{Actor, Context, Engine, TenantId};
use keyfob_store::Feeds;
use keyfob_store_memory::MemoryStore;
use keyfob_webhook::{Deliverer, Policy, Secret, Webhook, Webhooks};
use serde_json::Value as Json;
use tower::Service;

/// A clock that is moved by hand.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicI64>);

impl Hand {
    pub(crate) fn at_noon() -> Self {
        let noon: DateTime = "2026-11-30T12:00:00Z".parse().unwrap();
        Self(Arc::new(AtomicI64::new(noon.unix_millis())))
    }

    pub(crate) fn advance(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> DateTime {
        DateTime::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

/// The longest waits up to a bound of five seconds, and random ones beyond.
pub(crate) struct Fixed(pub(crate) u64);

impl Random for Fixed {
    fn next(&self) -> u64 {
        self.0
    }
}

/// How a receiver answers a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Take,
    Status(u16),
    /// 503 with `Retry-After`, in seconds.
    Busy(u64),
    /// The connection breaks before the receiver has the message, or after.
    Break {
        has_it: bool,
    },
    /// The sender is killed while it waits.
    Hang {
        has_it: bool,
    },
}

/// A message that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) host: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// If true, the receiver has it from now on.
    pub(crate) is_taken: bool,
}

impl Arrival {
    pub(crate) fn id(&self) -> &str {
        self.headers["webhook-id"].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    pub(crate) fn position(&self) -> u64 {
        self.json()["data"]["position"].as_u64().unwrap()
    }

    pub(crate) fn resource(&self) -> String {
        self.json()["data"]["resource"].as_str().unwrap().to_owned()
    }
}

type Judge = Box<dyn FnMut(&Arrival) -> Fate + Send>;

/// A receiver that answers as it is told.
#[derive(Clone)]
pub(crate) struct Receiver(Arc<Mutex<Inbox>>);

struct Inbox {
    arrivals: Vec<Arrival>,
    fates: VecDeque<Fate>,
    judge: Judge,
    killed: Arc<tokio::sync::Notify>,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Inbox {
            arrivals: Vec::new(),
            fates: VecDeque::new(),
            judge: Box::new(|_| Fate::Take),
            killed: Arc::default(),
        })))
    }

    /// Answers the next messages so, and then as the judge says.
    pub(crate) fn next(&self, fates: impl IntoIterator<Item = Fate>) {
        self.0.lock().unwrap().fates = fates.into_iter().collect();
    }

    pub(crate) fn judge(&self, judge: impl FnMut(&Arrival) -> Fate + Send + 'static) {
        self.0.lock().unwrap().judge = Box::new(judge);
    }

    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.0.lock().unwrap().arrivals.clone()
    }

    /// The messages that the receiver took since the last time.
    pub(crate) fn taken(&self) -> Vec<Arrival> {
        let mut inbox = self.0.lock().unwrap();
        let arrivals = std::mem::take(&mut inbox.arrivals);
        arrivals.into_iter().filter(|arrival| arrival.is_taken).collect()
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        self.taken().iter().map(Arrival::kind).collect()
    }

    /// Ends when a sender is to be killed.
    pub(crate) fn killed(&self) -> Arc<tokio::sync::Notify> {
        Arc::clone(&self.0.lock().unwrap().killed)
    }
}

impl Service<Request<Full<Bytes>>> for Receiver {
    type Response = Response<Full<Bytes>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let inbox = Arc::clone(&self.0);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            assert_eq!(head.method, "POST");
            let body: Result<_, Infallible> = body.collect().await;
            let mut arrival = Arrival {
                host: head.uri.host().unwrap().to_owned(),
                headers: head.headers,
                body: body.unwrap().to_bytes(),
                is_taken: false,
            };
            let fate = {
                let mut inbox = inbox.lock().unwrap();
                let fate = inbox.fates.pop_front();
                let fate = fate.unwrap_or_else(|| (inbox.judge)(&arrival));
                arrival.is_taken = matches!(
                    fate,
                    Fate::Take | Fate::Break { has_it: true } | Fate::Hang { has_it: true }
                );
                inbox.arrivals.push(arrival);
                if matches!(fate, Fate::Hang { .. }) {
                    inbox.killed.notify_one();
                }
                fate
            };
            let answer = |status: u16| Response::builder().status(status);
            match fate {
                Fate::Take => Ok(answer(204).body(Full::default()).unwrap()),
                Fate::Status(status) => Ok(answer(status).body(Full::default()).unwrap()),
                Fate::Busy(seconds) => {
                    let answer = answer(503).header("retry-after", seconds);
                    Ok(answer.body(Full::default()).unwrap())
                }
                Fate::Break { .. } => Err(io::Error::other("the connection broke")),
                Fate::Hang { .. } => std::future::pending().await,
            }
        })
    }
}

/// An engine, its clock and a receiver.
pub(crate) struct World<S> {
    pub(crate) engine: Arc<Engine<S>>,
    pub(crate) clock: Hand,
    pub(crate) receiver: Receiver,
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name)
}

pub(crate) fn administrator(tenant: &str) -> Context {
    Context::new(TenantId::new(tenant)).acting_as(Actor::Administrator)
}

pub(crate) fn in_memory() -> World<MemoryStore> {
    World::over(MemoryStore::new())
}

impl<S: Feeds> World<S> {
    pub(crate) fn over(store: S) -> Self {
        let clock = Hand::at_noon();
        let engine = Engine::new(store, Registry::rfc().clone()).with_clock(clock.clone());
        Self {
            engine: Arc::new(engine),
            clock,
            receiver: Receiver::new(),
        }
    }

    pub(crate) fn webhooks(&self) -> Webhooks<'_, S> {
        Webhooks::new(&self.engine)
    }

    /// A webhook of `acme` at a host.
    pub(crate) async fn webhook(&self, host: &str, events: &[&str]) -> (Webhook, Secret) {
        let url = format!("https://{host}/hook");
        let created = self.webhooks().create(&administrator("acme"), &url, events).await;
        created.unwrap()
    }

    /// A deliverer such as a process that was just started has.
    pub(crate) fn deliverer(&self) -> Deliverer<S, InProcess<Receiver>> {
        Deliverer::new(Arc::clone(&self.engine), InProcess::new(self.receiver.clone()))
            .with_random(Fixed(4_999))
            .with_policy(Policy::default())
    }

    pub(crate) async fn deliver(&self) -> usize {
        self.deliverer().deliver_due().await.unwrap()
    }

    pub(crate) async fn create(&self, tenant: &str, name: &str) -> ResourceId {
        let users = self.engine.registry().resource_type("User").unwrap();
        let body = format!(r#"{{"userName": "{name}@example.com"}}"#);
        let body = Resource::from_json(body.as_bytes(), users).unwrap();
        let cx = Context::new(TenantId::new(tenant));
        self.engine
            .create(&cx, users, body, &Projection::all())
            .await
            .unwrap()
            .id
    }

    pub(crate) async fn rename(&self, tenant: &str, id: &ResourceId, title: &str) {
        let users = self.engine.registry().resource_type("User").unwrap();
        let body = format!(r#"{{"userName": "{id}@example.com", "title": "{title}"}}"#);
        let body = Resource::from_json(body.as_bytes(), users).unwrap();
        let cx = Context::new(TenantId::new(tenant));
        let condition = keyfob_engine::Precondition::None;
        let replaced = self
            .engine
            .replace(&cx, users, id, body, &condition, &Projection::all())
            .await;
        replaced.unwrap();
    }
}
