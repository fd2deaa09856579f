//! Sends the messages of webhooks.

use std::{fmt, sync::Arc};

use futures_util::future::join_all;
use http::{StatusCode, header};
use keyfob_client::{Random, Request, SystemRandom, Transport, retry_after};
use keyfob_core::{DateTime, Resource, ResourceId, Version, render::Printable};
use keyfob_engine::{Context, Engine, event as engine_event};
use keyfob_store::{
    Change, Commit, Feeds, NewEvent, RequestId, Selection, StoreError, StoreExt as _, TenantId,
};
use smol_str::SmolStr;

use crate::{
    directory::{self, applied},
    gather::{Batch, Source},
    message::Message,
    policy::Policy,
    progress::{Failure, Progress},
    secret::{ID, SIGNATURE, Secret, TIMESTAMP, signatures},
    system,
    webhook::{Paused, Settings},
};

/// The number of batches that are sent to one webhook before others of a program without a runtime come.
const BURST: usize = 32;

/// The characters of a reason that are stored.
const MAX_REASON: usize = 200;

/// Delivers events to webhooks, over a [`Transport`].
///
/// Each webhook gets the events of its tenant from its creation on, at least once: in order those of one resource, and up
/// to eight of different resources at the same time. What is sent and what came of it is stored in the tenant, so that a
/// process that is killed at any moment loses nothing; what it had sent without noting it comes again under the same id.
/// Several processes may run over one store: one at a time sends the messages of a webhook.
///
/// The transport decides which addresses are connected to. `keyfob_client::Reqwest::reaching(keyfob_client::is_public)`
/// refuses those of the service's own network after their names are resolved; another transport has to do that by itself,
/// unless only trusted people create webhooks.
///
/// ```
/// use std::{convert::Infallible, sync::Arc};
///
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use keyfob_client::InProcess;
/// use keyfob_core::{Projection, Registry, Resource};
/// use keyfob_engine::{Actor, Context, Engine, TenantId};
/// use keyfob_store_memory::MemoryStore;
/// use keyfob_webhook::{Deliverer, Webhooks};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # pollster::block_on(async {
/// let engine = Arc::new(Engine::new(MemoryStore::new(), Registry::rfc().clone()));
/// let administrator = Context::new(TenantId::new("acme")).acting_as(Actor::Administrator);
/// let webhooks = Webhooks::new(&engine);
/// let (webhook, _) = webhooks.create(&administrator, "https://hooks.example.com/", &[]).await?;
///
/// let users = engine.registry().resource_type("User").ok_or("no User")?;
/// let ann = Resource::from_json(br#"{"userName": "ann@example.com"}"#, users)?;
/// engine.create(&Context::new(TenantId::new("acme")), users, ann, &Projection::all()).await?;
///
/// // A receiver in the same process.
/// let receiver = tower::service_fn(|_: http::Request<Full<Bytes>>| async {
///     Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::new())))
/// });
/// let deliverer = Deliverer::new(Arc::clone(&engine), InProcess::new(receiver));
/// // That the webhook was created, and that the user was.
/// assert_eq!(deliverer.deliver_due().await?, 2);
/// let webhook = webhooks.get(&administrator, &webhook.id).await?;
/// assert_eq!(webhook.status.waiting, 0);
/// # Ok(())
/// # })
/// # }
/// ```
pub struct Deliverer<S, T> {
    engine: Arc<Engine<S>>,
    transport: T,
    policy: Policy,
    random: Box<dyn Random>,
    /// The name of this process among those of the store.
    process: SmolStr,
}

/// What one look at a webhook came to.
#[derive(Debug, Default)]
pub(crate) struct Served {
    /// The number of messages that were delivered.
    pub(crate) delivered: usize,
    /// If true, the receiver could not be reached.
    pub(crate) is_failing: bool,
    /// When there is something to do again even if nothing happens in the tenant.
    pub(crate) due: Option<DateTime>,
}

/// What one batch came to.
struct Step {
    delivered: usize,
    is_failing: bool,
    next: Next,
}

/// When a webhook is looked at again.
enum Next {
    Now,
    At(DateTime),
    /// When something happens in the tenant.
    OnNews,
}

impl Step {
    fn idle(next: Next) -> Self {
        Self {
            delivered: 0,
            is_failing: false,
            next,
        }
    }
}

impl<S: Feeds, T: Transport> Deliverer<S, T> {
    /// Creates a deliverer with the default [`Policy`] and the operating system's randomness.
    #[must_use]
    pub fn new(engine: Arc<Engine<S>>, transport: T) -> Self {
        let process = engine.next_request_id().as_str().into();
        Self {
            engine,
            transport,
            policy: Policy::default(),
            random: Box::new(SystemRandom::default()),
            process,
        }
    }

    /// Takes another policy.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Takes another source of the random lengths of waits.
    #[must_use]
    pub fn with_random(self, random: impl Random) -> Self {
        Self {
            random: Box::new(random),
            ..self
        }
    }

    pub(crate) fn engine(&self) -> &Engine<S> {
        &self.engine
    }

    pub(crate) fn transport(&self) -> &T {
        &self.transport
    }

    /// Sends what is due of a webhook, a bounded part of it.
    pub(crate) async fn serve(&self, tenant: &TenantId, id: &ResourceId) -> Result<Served, StoreError> {
        let request: RequestId = self.engine.next_request_id();
        let cx = Context::new(tenant.clone()).with_request(request);
        let mut served = Served::default();
        for _ in 0..BURST {
            let step = self.step(&cx, id).await?;
            served.delivered += step.delivered;
            served.is_failing = step.is_failing;
            match step.next {
                Next::Now => {}
                Next::At(at) => {
                    served.due = Some(at);
                    return Ok(served);
                }
                Next::OnNews => return Ok(served),
            }
        }
        served.due = Some(self.engine.now());
        Ok(served)
    }

    async fn step(&self, cx: &Context, id: &ResourceId) -> Result<Step, StoreError> {
        let Some(webhook) = directory::webhook(&self.engine, cx, id).await? else {
            return Ok(Step::idle(Next::OnNews));
        };
        let Some((stored, mut version)) = self.progress(cx, id).await? else {
            return Ok(Step::idle(Next::OnNews));
        };
        if webhook.paused.is_some() {
            return Ok(Step::idle(Next::OnNews));
        }
        let now = self.engine.now();
        let busy = stored.lease_of_other(&self.process, now);
        if let Some(until) = busy.or_else(|| stored.held_until(now, webhook.changed)) {
            return Ok(Step::idle(Next::At(until)));
        }
        let mut progress = stored.clone();
        progress.hurry(now, webhook.changed);
        let batch = self.gather(cx, &webhook, &mut progress, now).await?;
        if batch.items.is_empty() {
            let next = next_of(&progress, batch.has_more);
            if !matches!(next, Next::Now) {
                progress.lease(None, now, &self.policy);
            }
            if progress != stored {
                self.commit(cx, vec![progress.update(id, version)]).await?;
            }
            return Ok(Step::idle(next));
        }
        if !stored.is_leased_to(&self.process, now, &self.policy) {
            // What is stored stays as it was until the messages are sent: whoever is killed in between sends them again.
            let mut leased = stored;
            leased.lease(Some(&self.process), now, &self.policy);
            match self.commit(cx, vec![leased.update(id, version)]).await? {
                Some(new) => version = new,
                None => return Ok(Step::idle(Next::Now)),
            }
        }
        let results = self.send_all(cx, &webhook, &batch).await?;
        let (delivered, is_failing, mut changes) = self.settle(&webhook, &mut progress, &batch, &results);
        let now = self.engine.now();
        let next = match progress.held_until(now, webhook.changed) {
            Some(until) => Next::At(until),
            None => next_of(&progress, batch.has_more || progress.due(now).next().is_some()),
        };
        let goes_on = matches!(next, Next::Now).then_some(&self.process);
        progress.lease(goes_on, now, &self.policy);
        changes.insert(0, progress.update(id, version));
        let is_gone = results.iter().flatten().any(|failure| failure.is_gone);
        if is_gone {
            changes.extend(pausing(&webhook, changes.len()));
        }
        let outcome = self.commit(cx, changes).await?;
        if is_gone && outcome.is_some() {
            tracing::warn!(tenant = %cx.tenant(), webhook = %id, "the receiver answered 410: the webhook is paused");
            return Ok(Step {
                delivered,
                is_failing,
                next: Next::OnNews,
            });
        }
        Ok(Step {
            delivered,
            is_failing,
            // Where somebody else was faster, what was sent comes again.
            next: if outcome.is_some() { next } else { Next::Now },
        })
    }

    pub(crate) async fn progress(
        &self,
        cx: &Context,
        webhook: &ResourceId,
    ) -> Result<Option<(Progress, Version)>, StoreError> {
        let (id, selection) = (system::progress_id(webhook), Selection::document());
        let stored = self
            .engine
            .store()
            .get_one(&cx.reading(), system::progress(), &id, &selection)
            .await?;
        let read = stored.map(|stored| Ok((Progress::of(&stored)?, stored.version)));
        read.transpose()
    }

    /// Applies changes of which the first is that of the progress, and returns its new version; none where somebody else was
    /// faster.
    async fn commit(&self, cx: &Context, changes: Vec<Change>) -> Result<Option<Version>, StoreError> {
        let commit: Commit = self.engine.commit_of(cx, "deliver", changes, None);
        let committed = applied(self.engine.store().commit_one(commit).await)?;
        Ok(committed.and_then(|committed| committed.revision(0).map(|revision| revision.version)))
    }

    /// Sends the messages of a batch at the same time.
    async fn send_all(
        &self,
        cx: &Context,
        webhook: &Settings,
        batch: &Batch,
    ) -> Result<Vec<Option<Failure>>, StoreError> {
        let key = self.engine.derivation_key().await?;
        let now = self.engine.now();
        let secrets = webhook.secrets.iter();
        let valid = secrets.filter(|secret| secret.expires.is_none_or(|expires| expires > now));
        let secrets: Vec<Secret> = valid
            .map(|secret| Secret::derive(&key, cx.tenant(), &webhook.id, &secret.salt))
            .collect();
        let sent = batch
            .items
            .iter()
            .map(|item| self.send(webhook, &secrets, &item.message));
        let results = join_all(sent).await;
        for (item, result) in batch.items.iter().zip(&results) {
            let failure = result.as_ref().map(|failure| Printable(failure.reason.as_str()));
            let failure = failure.as_ref().map(tracing::field::display);
            tracing::debug!(
                tenant = %cx.tenant(),
                webhook = %webhook.id,
                message = %item.message.id,
                kind = %item.message.kind,
                failure,
                "a message was sent"
            );
        }
        Ok(results)
    }

    /// Sends a message once, and returns why it failed if it did.
    async fn send(&self, webhook: &Settings, secrets: &[Secret], message: &Message) -> Option<Failure> {
        let (signature, timestamp) = signatures(secrets, &message.id, self.engine.now(), &message.body);
        let request = http::Request::post(webhook.url.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::USER_AGENT,
                concat!("keyfob-webhook/", env!("CARGO_PKG_VERSION")),
            )
            .header(ID, message.id.as_str())
            .header(TIMESTAMP, timestamp.as_str())
            .header(SIGNATURE, signature)
            .body(message.body.clone());
        let request = match request {
            Ok(request) => Request::new(request, self.policy.timeout, self.policy.max_answer),
            Err(error) => return Some(failure(true, &error)),
        };
        match self.transport.send(request).await {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => {
                let status = answer.status();
                let is_receivers = matches!(
                    status,
                    StatusCode::REQUEST_TIMEOUT
                        | StatusCode::TOO_MANY_REQUESTS
                        | StatusCode::BAD_GATEWAY
                        | StatusCode::SERVICE_UNAVAILABLE
                        | StatusCode::GATEWAY_TIMEOUT
                );
                Some(Failure {
                    is_gone: status == StatusCode::GONE,
                    retry_after: retry_after(answer.headers(), self.engine.now()),
                    ..failure(
                        is_receivers,
                        &format_args!("the receiver answered {}", status.as_u16()),
                    )
                })
            }
            Err(error) => Some(failure(true, &error)),
        }
    }

    /// Notes in the progress what came of a batch. Returns the number of messages that were delivered, whether the receiver
    /// could not be reached, and the changes of dead letters.
    fn settle(
        &self,
        webhook: &Settings,
        progress: &mut Progress,
        batch: &Batch,
        results: &[Option<Failure>],
    ) -> (usize, bool, Vec<Change>) {
        let now = self.engine.now();
        let mut changes = Vec::new();
        let outcomes = || batch.items.iter().zip(results);
        let delivered = outcomes().filter(|(_, failure)| failure.is_none()).count();
        for (item, _) in outcomes().filter(|(_, failure)| failure.is_none()) {
            match &item.source {
                Source::Lost => {
                    progress.lost = None;
                    progress.succeed(None, now);
                }
                Source::Event { position, .. } => progress.succeed(Some(*position), now),
                Source::Test => progress.succeed(None, now),
                Source::Letter(kept) => {
                    progress.succeed(None, now);
                    changes.push(kept.removal());
                }
            }
        }
        for (item, failure) in outcomes() {
            let Some(failure) = failure else { continue };
            let random = &*self.random;
            match &item.source {
                Source::Event {
                    position,
                    key,
                    letter,
                } => {
                    let dead = progress.fail(Some((*position, key)), failure, now, &self.policy, random);
                    if let Some(dead) = dead {
                        let mut letter = (**letter).clone();
                        letter.attempts = dead.attempts;
                        letter.failed = now;
                        letter.reason = failure.reason.clone();
                        tracing::warn!(webhook = %webhook.id, message = %letter.message, "a message is a dead letter");
                        changes.push(letter.creation(&webhook.id));
                    }
                }
                Source::Letter(kept) => {
                    progress.fail(None, failure, now, &self.policy, random);
                    let mut kept = (**kept).clone();
                    kept.letter.attempts = kept.letter.attempts.saturating_add(1);
                    kept.letter.failed = now;
                    kept.letter.reason = failure.reason.clone();
                    changes.push(kept.update());
                }
                Source::Lost | Source::Test => {
                    progress.fail(None, failure, now, &self.policy, random);
                }
            }
        }
        let failures = || results.iter().flatten();
        let is_failing = delivered == 0 && failures().any(|failure| failure.is_receivers);
        let lost = batch.items.iter().any(|item| matches!(item.source, Source::Lost));
        // One of them, however many messages failed at the same time.
        let worst = failures()
            .filter(|failure| failure.retry_after.is_some() || (is_failing && failure.is_receivers))
            .max_by_key(|failure| (failure.is_receivers, failure.retry_after));
        match worst {
            Some(worst) => progress.hold(worst, now, &self.policy, &*self.random),
            // Nothing is sent before the receiver knows what it has missed, whatever it answers.
            None if lost && delivered == 0 => {
                if let Some(failure) = failures().next() {
                    let failure = Failure {
                        is_receivers: true,
                        ..failure.clone()
                    };
                    progress.hold(&failure, now, &self.policy, &*self.random);
                }
            }
            None => {}
        }
        (delivered, is_failing, changes)
    }
}

impl<S, T> fmt::Debug for Deliverer<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliverer")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

fn next_of(progress: &Progress, has_more: bool) -> Next {
    match progress.next_due() {
        _ if has_more => Next::Now,
        Some(at) => Next::At(at),
        None => Next::OnNews,
    }
}

fn failure(is_receivers: bool, reason: &dyn fmt::Display) -> Failure {
    Failure {
        reason: reason.to_string().chars().take(MAX_REASON).collect(),
        is_receivers,
        is_gone: false,
        retry_after: None,
    }
}

/// Returns the changes that pause a webhook whose receiver wants no more messages. `number` is that of the first of them.
fn pausing(webhook: &Settings, number: usize) -> [Change; 2] {
    let mut paused = webhook.clone();
    paused.paused = Some(Paused::Gone);
    let kind = system::webhook();
    let document: Resource = paused.to_document();
    let mut event = NewEvent::new(engine_event::CHANGED, kind.name().clone(), webhook.id.clone());
    event.attributes = vec![SmolStr::new_static("paused")];
    [
        Change::replace(kind, webhook.id.clone(), document, Some(webhook.version)),
        Change::publish(event, number),
    ]
}
