//! The administrators' side of webhooks.

use std::{fmt, time::Duration};

use keyfob_core::{DateTime, ResourceId};
use keyfob_engine::{
    Actor, Context, Decision, Engine, EngineError, Prepared, Reads, Subject, event as engine_event,
};
use keyfob_store::{
    Change, Cursor, Feeds, NewEvent, OnRefusal, Position, Selection, StoreError, StoreExt as _, When,
};
use smol_str::SmolStr;

use crate::{
    dead_letter::{self, DeadLetter, DeadLetterPage, Kept},
    directory,
    error::WebhookError,
    event,
    progress::{Progress, millis},
    secret::Secret,
    system,
    target::{check_events, check_url},
    webhook::{Paused, SecretInfo, Settings, Webhook},
};

/// The number of dead letters that one commit is about.
const LETTERS: usize = 100;

/// The webhooks of an organization, as its administrators and applications manage them.
///
/// Every call is one for the organization's tenant, on behalf of an administrator or an application. What is changed is told
/// by events that name who changed it.
///
/// ```
/// use std::time::Duration;
///
/// use keyfob_core::Registry;
/// use keyfob_engine::{Actor, Context, Engine, TenantId};
/// use keyfob_store_memory::MemoryStore;
/// use keyfob_webhook::{Secret, Webhooks};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # pollster::block_on(async {
/// let engine = Engine::new(MemoryStore::new(), Registry::rfc().clone());
/// let administrator = Context::new(TenantId::new("acme")).acting_as(Actor::Administrator);
/// let webhooks = Webhooks::new(&engine);
///
/// let url = "https://hooks.example.com/keyfob";
/// let (webhook, secret) = webhooks.create(&administrator, url, &["User.*"]).await?;
/// // The receiver is given this text. It is not shown again.
/// assert!(secret.expose().starts_with("whsec_"));
///
/// // For a day messages carry a signature of each secret.
/// let day = Duration::from_secs(24 * 60 * 60);
/// let new: Secret = webhooks.rotate_secret(&administrator, &webhook.id, day).await?;
/// assert_ne!(new.expose(), secret.expose());
///
/// webhooks.pause(&administrator, &webhook.id).await?;
/// let webhook = webhooks.get(&administrator, &webhook.id).await?;
/// assert!(webhook.paused.is_some());
/// webhooks.delete(&administrator, &webhook.id).await?;
/// assert!(webhooks.list(&administrator).await?.is_empty());
/// # Ok(())
/// # })
/// # }
/// ```
pub struct Webhooks<'e, S> {
    engine: &'e Engine<S>,
    allows_loopback: bool,
}

impl<'e, S: Feeds> Webhooks<'e, S> {
    /// The number of webhooks that an organization may have.
    pub const MAX: usize = 16;

    /// The longest time for which a secret that was replaced still signs.
    pub const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// Creates the administrators' side of the webhooks in an engine's store.
    #[must_use]
    pub fn new(engine: &'e Engine<S>) -> Self {
        Self {
            engine,
            allows_loopback: false,
        }
    }

    /// Takes addresses of this machine too, also without encryption: for development and tests, and for receivers beside the
    /// service. The transport of the deliveries has to allow them as well.
    #[must_use]
    pub fn allowing_loopback(self) -> Self {
        Self {
            allows_loopback: true,
            ..self
        }
    }

    /// Creates a webhook, which gets events from now on: those of the given types, such as `User.created` or `Group.*`, or all
    /// of them. Returns it with its secret, which is not shown again.
    ///
    /// # Errors
    /// [`WebhookError::Url`], [`WebhookError::Event`], [`WebhookError::TooMany`], [`WebhookError::NotKept`],
    /// [`WebhookError::Forbidden`], [`WebhookError::Engine`].
    pub async fn create(
        &self,
        cx: &Context,
        url: &str,
        events: &[&str],
    ) -> Result<(Webhook, Secret), WebhookError> {
        demand(cx)?;
        let url = check_url(url, self.allows_loopback)?;
        let events = check_events(events)?;
        let store = self.engine.store();
        if !system::is_kept(store.capabilities()) {
            return Err(WebhookError::NotKept);
        }
        if directory::webhooks(self.engine, cx).await?.len() >= Self::MAX {
            return Err(WebhookError::TooMany {
                limit: Self::MAX,
                what: "webhooks",
            });
        }
        let key = self.key(cx).await?;
        if cx.rehearsal().is_none() {
            // Before the webhook is there: whoever delivers must find its tenant, and nothing may be trimmed before it is
            // delivered.
            directory::note(self.engine, cx.tenant()).await?;
            store
                .acknowledge(cx.tenant(), directory::CONSUMER, Position::START)
                .await?;
        }
        let newest = directory::newest(store, cx.tenant()).await?;
        let id = self.engine.next_id();
        let new = self.new_secret();
        let secret = Secret::derive(&key, cx.tenant(), &id, &new.salt);
        let settings = Settings {
            id: id.clone(),
            url,
            events,
            paused: None,
            asked: None,
            secrets: vec![new],
            created: None,
            changed: None,
            version: keyfob_core::Version::FIRST,
        };
        let changes = vec![
            Change::create(system::webhook(), id.clone(), settings.to_document()),
            Progress::from(newest).creation(&id),
            Change::publish(event_of(engine_event::CREATED, &id, &[]), 0),
        ];
        let commit = self.engine.commit_of(cx, "createWebhook", changes, None);
        let committed = self.engine.commit(cx, commit).await;
        committed.map_err(|error| WebhookError::of_commit(error, &id))?;
        Ok((self.get(cx, &id).await?, secret))
    }

    /// Lists the webhooks of the organization, in the order in which they were created.
    ///
    /// # Errors
    /// [`WebhookError::Forbidden`], [`WebhookError::Engine`].
    pub async fn list(&self, cx: &Context) -> Result<Vec<Webhook>, WebhookError> {
        demand(cx)?;
        let mut webhooks = Vec::new();
        for settings in directory::webhooks(self.engine, cx).await? {
            webhooks.push(self.seen(cx, settings).await?);
        }
        Ok(webhooks)
    }

    /// Reads a webhook.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], [`WebhookError::Forbidden`], [`WebhookError::Engine`].
    pub async fn get(&self, cx: &Context, id: &ResourceId) -> Result<Webhook, WebhookError> {
        demand(cx)?;
        let settings = self.settings(cx, id).await?;
        self.seen(cx, settings).await
    }

    /// Changes the address of a webhook, the types of events that it gets, or both.
    ///
    /// # Errors
    /// As of [`create`](Self::create), and [`WebhookError::NotFound`].
    pub async fn change(
        &self,
        cx: &Context,
        id: &ResourceId,
        url: Option<&str>,
        events: Option<&[&str]>,
    ) -> Result<Webhook, WebhookError> {
        let url = url.map(|url| check_url(url, self.allows_loopback)).transpose()?;
        let events = events.map(check_events).transpose()?;
        let mut changed = Vec::new();
        changed.extend(url.as_ref().map(|_| "url"));
        changed.extend(events.as_ref().map(|_| "events"));
        let told = event_of(engine_event::CHANGED, id, &changed);
        self.update(cx, "changeWebhook", id, told, |settings| {
            if let Some(url) = &url {
                settings.url = url.clone();
            }
            if let Some(events) = &events {
                settings.events.clone_from(events);
            }
            Ok(false)
        })
        .await
    }

    /// Pauses a webhook: events wait until it is resumed, for as long as the store keeps them.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], [`WebhookError::Forbidden`], [`WebhookError::Engine`].
    pub async fn pause(&self, cx: &Context, id: &ResourceId) -> Result<Webhook, WebhookError> {
        let told = event_of(engine_event::CHANGED, id, &["paused"]);
        self.update(cx, "pauseWebhook", id, told, |settings| {
            settings.paused.get_or_insert(Paused::ByAdministrator);
            Ok(false)
        })
        .await
    }

    /// Resumes a webhook that was paused, by whomever: what waits is sent, in order.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], [`WebhookError::Forbidden`], [`WebhookError::Engine`].
    pub async fn resume(&self, cx: &Context, id: &ResourceId) -> Result<Webhook, WebhookError> {
        let told = event_of(engine_event::CHANGED, id, &["paused"]);
        self.update(cx, "resumeWebhook", id, told, |settings| {
            settings.paused = None;
            Ok(false)
        })
        .await
    }

    /// Makes a new secret and returns it. The one before signs beside it for `overlap`, at most
    /// [`LONGEST_OVERLAP`](Self::LONGEST_OVERLAP), so that the receiver can change over without refusing anything; any older
    /// one ends at once.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], [`WebhookError::Forbidden`], [`WebhookError::Engine`].
    pub async fn rotate_secret(
        &self,
        cx: &Context,
        id: &ResourceId,
        overlap: Duration,
    ) -> Result<Secret, WebhookError> {
        demand(cx)?;
        let key = self.key(cx).await?;
        let new = self.new_secret();
        let overlap = millis(overlap.min(Self::LONGEST_OVERLAP));
        let expires = DateTime::from_unix_millis(new.created.unix_millis().saturating_add(overlap));
        let told = event_of(engine_event::CHANGED, id, &["secrets"]);
        self.update(cx, "rotateWebhookSecret", id, told, |settings| {
            settings.secrets.truncate(1);
            if overlap == 0 {
                settings.secrets.clear();
            }
            for secret in &mut settings.secrets {
                secret.expires = Some(expires);
            }
            settings.secrets.insert(0, new.clone());
            Ok(false)
        })
        .await?;
        Ok(Secret::derive(&key, cx.tenant(), id, &new.salt))
    }

    /// Deletes a webhook with its dead letters. What is under way may still arrive.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], [`WebhookError::Forbidden`], [`WebhookError::Engine`].
    pub async fn delete(&self, cx: &Context, id: &ResourceId) -> Result<(), WebhookError> {
        demand(cx)?;
        self.settings(cx, id).await?;
        let changes = vec![
            Change::delete(system::webhook(), id.clone(), None),
            Change::delete(system::progress(), system::progress_id(id), None),
            Change::publish(event_of(engine_event::DELETED, id, &[]), 0),
        ];
        if cx.rehearsal().is_none() {
            self.remove_letters(cx, id).await?;
        }
        let commit = self.engine.commit_of(cx, "deleteWebhook", changes, None);
        let committed = self.engine.commit(cx, commit).await;
        // A rehearsal ends here with an error.
        committed.map_err(|error| WebhookError::of_commit(error, id))?;
        // Those that came between.
        self.remove_letters(cx, id).await
    }

    /// Has a test message (`webhook.test`) delivered, on the way of every other and after those that wait to be sent. It is
    /// tried once. [`Status`](crate::Status) tells what came of it.
    ///
    /// # Errors
    /// [`WebhookError::Paused`], [`WebhookError::NotFound`], [`WebhookError::Forbidden`], [`WebhookError::Engine`].
    pub async fn test(&self, cx: &Context, id: &ResourceId) -> Result<Webhook, WebhookError> {
        let now = self.engine.now();
        let told = event_of(event::TESTED, id, &[]);
        self.update(cx, "testWebhook", id, told, |settings| ask(settings, now))
            .await
    }

    /// Lists at most `limit` dead letters of a webhook, the oldest first, after the end of the page before.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], [`WebhookError::Forbidden`], [`WebhookError::Engine`].
    pub async fn dead_letters(
        &self,
        cx: &Context,
        id: &ResourceId,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<DeadLetterPage, WebhookError> {
        demand(cx)?;
        self.settings(cx, id).await?;
        let (letters, next) = dead_letter::page(self.engine.store(), &cx.reading(), id, after, limit).await?;
        Ok(DeadLetterPage {
            letters: letters.into_iter().map(|kept| kept.letter).collect(),
            next,
        })
    }

    /// Reads a dead letter.
    ///
    /// # Errors
    /// [`WebhookError::NoLetter`], [`WebhookError::NotFound`], [`WebhookError::Forbidden`], [`WebhookError::Engine`].
    pub async fn dead_letter(
        &self,
        cx: &Context,
        id: &ResourceId,
        letter: &ResourceId,
    ) -> Result<DeadLetter, WebhookError> {
        demand(cx)?;
        Ok(self.letter(cx, id, letter).await?.letter)
    }

    /// Counts the dead letters of a webhook.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], [`WebhookError::Forbidden`], [`WebhookError::Engine`].
    pub async fn count_dead_letters(&self, cx: &Context, id: &ResourceId) -> Result<usize, WebhookError> {
        demand(cx)?;
        self.settings(cx, id).await?;
        Ok(dead_letter::count(self.engine.store(), &cx.reading(), id).await?)
    }

    /// Has a dead letter delivered again, under the id that it had. It is tried once, and gone when it was delivered;
    /// otherwise it stays, with the reason.
    ///
    /// What happened to its resource later was delivered before: a receiver that keeps data compares the `version`.
    ///
    /// # Errors
    /// [`WebhookError::NoLetter`], [`WebhookError::Paused`], [`WebhookError::NotFound`], [`WebhookError::Forbidden`],
    /// [`WebhookError::Engine`].
    pub async fn redeliver(
        &self,
        cx: &Context,
        id: &ResourceId,
        letter: &ResourceId,
    ) -> Result<(), WebhookError> {
        demand(cx)?;
        self.letter(cx, id, letter).await?;
        self.ask_for(cx, id, std::slice::from_ref(letter)).await
    }

    /// Has all dead letters of a webhook delivered again, each as by [`redeliver`](Self::redeliver), and returns their number.
    ///
    /// # Errors
    /// [`WebhookError::Paused`], [`WebhookError::NotFound`], [`WebhookError::Forbidden`], [`WebhookError::Engine`]. Those
    /// that were asked for until then are delivered.
    pub async fn redeliver_all(&self, cx: &Context, id: &ResourceId) -> Result<usize, WebhookError> {
        demand(cx)?;
        self.settings(cx, id).await?;
        let (mut after, mut count) = (None, 0);
        loop {
            let (letters, next) =
                dead_letter::page(self.engine.store(), &cx.reading(), id, after, LETTERS).await?;
            let letters: Vec<ResourceId> = letters.into_iter().map(|kept| kept.letter.id).collect();
            if !letters.is_empty() {
                self.ask_for(cx, id, &letters).await?;
                count += letters.len();
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(count),
            }
        }
    }

    /// Removes a dead letter that nobody needs.
    ///
    /// # Errors
    /// [`WebhookError::NoLetter`], [`WebhookError::NotFound`], [`WebhookError::Forbidden`], [`WebhookError::Engine`].
    pub async fn discard(
        &self,
        cx: &Context,
        id: &ResourceId,
        letter: &ResourceId,
    ) -> Result<(), WebhookError> {
        demand(cx)?;
        self.letter(cx, id, letter).await?;
        let delete = Change::delete(system::dead_letter(), letter.clone(), None);
        let commit = self.engine.commit_of(cx, "discardDeadLetter", vec![delete], None);
        let committed = self.engine.commit(cx, commit).await;
        committed
            .map(drop)
            .map_err(|error| match WebhookError::of_commit(error, id) {
                WebhookError::NotFound(_) => WebhookError::NoLetter(letter.clone()),
                error => error,
            })
    }

    async fn settings(&self, cx: &Context, id: &ResourceId) -> Result<Settings, WebhookError> {
        let found = directory::webhook(self.engine, cx, id).await?;
        found.ok_or_else(|| WebhookError::NotFound(id.clone()))
    }

    async fn seen(&self, cx: &Context, settings: Settings) -> Result<Webhook, WebhookError> {
        let (id, selection) = (system::progress_id(&settings.id), Selection::document());
        let store = self.engine.store();
        let stored = store
            .get_one(&cx.reading(), system::progress(), &id, &selection)
            .await?;
        let progress = stored.as_ref().map(Progress::of).transpose()?.unwrap_or_default();
        let status = progress.status(self.engine.now(), settings.changed);
        Ok(settings.into_webhook(status))
    }

    async fn letter(&self, cx: &Context, id: &ResourceId, letter: &ResourceId) -> Result<Kept, WebhookError> {
        self.settings(cx, id).await?;
        let selection = Selection::document();
        let store = self.engine.store();
        let stored = store
            .get_one(&cx.reading(), system::dead_letter(), letter, &selection)
            .await?;
        let kept = stored
            .as_ref()
            .and_then(Kept::of)
            .filter(|kept| kept.webhook == *id);
        kept.ok_or_else(|| WebhookError::NoLetter(letter.clone()))
    }

    /// Publishes that dead letters are to be delivered again. The feed is the queue of what is to be sent.
    async fn ask_for(
        &self,
        cx: &Context,
        id: &ResourceId,
        letters: &[ResourceId],
    ) -> Result<(), WebhookError> {
        let now = self.engine.now();
        let mut events = letters.iter().map(|letter| {
            let mut asked = event_of(event::REDELIVERY_REQUESTED, id, &[]);
            asked.data.insert(event::LETTER, letter.as_str());
            asked
        });
        let Some(first) = events.next() else { return Ok(()) };
        let more = events.collect();
        self.update_telling(cx, "redeliver", id, first, more, |settings| ask(settings, now))
            .await
            .map(drop)
    }

    async fn remove_letters(&self, cx: &Context, id: &ResourceId) -> Result<(), WebhookError> {
        loop {
            let (letters, _) =
                dead_letter::page(self.engine.store(), &cx.reading(), id, None, LETTERS).await?;
            if letters.is_empty() {
                return Ok(());
            }
            let changes = letters.into_iter().map(|kept| Change::Delete {
                resource_type: system::dead_letter().clone(),
                id: kept.letter.id,
                precondition: None,
                // Somebody else may have removed it.
                on_refusal: OnRefusal::Skip(&[keyfob_store::Cause::Missing]),
            });
            let commit = self
                .engine
                .commit_of(cx, "deleteWebhook", changes.collect(), None);
            let committed = self.engine.store().commit_one(commit).await;
            committed.map_err(|error| WebhookError::of_commit(error, id))?;
        }
    }

    async fn update(
        &self,
        cx: &Context,
        verb: &'static str,
        id: &ResourceId,
        told: NewEvent,
        change: impl FnMut(&mut Settings) -> Result<bool, WebhookError> + Send,
    ) -> Result<Webhook, WebhookError> {
        self.update_telling(cx, verb, id, told, Vec::new(), change).await
    }

    /// Changes the settings of a webhook and publishes events about it, unless nothing changes and `change` returns false.
    async fn update_telling(
        &self,
        cx: &Context,
        verb: &'static str,
        id: &ResourceId,
        first: NewEvent,
        more: Vec<NewEvent>,
        mut change: impl FnMut(&mut Settings) -> Result<bool, WebhookError> + Send,
    ) -> Result<Webhook, WebhookError> {
        demand(cx)?;
        let reads = Reads {
            resource_type: system::webhook(),
            subject: Subject::Existing(id),
            selection: Selection::document(),
        };
        let mut refused = None;
        let decided = self
            .engine
            .transact(cx, verb, &reads, None, |seen| {
                let loaded = seen.subject.as_ref();
                let before =
                    loaded.and_then(|loaded| Settings::read(id.clone(), &loaded.resource, loaded.version));
                let Some(before) = before else {
                    refused = Some(WebhookError::NotFound(id.clone()));
                    return Ok(Decision::Nothing);
                };
                let mut after = before.clone();
                let is_told = match change(&mut after) {
                    Ok(is_told) => is_told,
                    Err(error) => {
                        refused = Some(error);
                        return Ok(Decision::Nothing);
                    }
                };
                refused = None;
                if after == before && !is_told {
                    return Ok(Decision::Nothing);
                }
                let mut changes = vec![Change::replace(
                    system::webhook(),
                    id.clone(),
                    after.to_document(),
                    Some(before.version),
                )];
                changes.push(publish(first.clone()));
                changes.extend(more.iter().cloned().map(publish));
                Ok(Prepared::new(changes).into())
            })
            .await;
        if let Some(refused) = refused {
            return Err(refused);
        }
        decided?;
        self.get(cx, id).await
    }

    /// Returns the key from which secrets are derived. The first use makes it; a rehearsal, which shows no secret, makes none.
    async fn key(&self, cx: &Context) -> Result<[u8; 32], StoreError> {
        match cx.rehearsal() {
            Some(_) => Ok([0; 32]),
            None => self.engine.derivation_key().await,
        }
    }

    fn new_secret(&self) -> SecretInfo {
        SecretInfo {
            created: self.engine.now(),
            expires: None,
            // Whoever knows it knows nothing: the key is missing.
            salt: self.engine.next_request_id().as_str().into(),
        }
    }
}

impl<S> fmt::Debug for Webhooks<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").finish_non_exhaustive()
    }
}

/// Refuses whoever has no say in webhooks, such as a provider with its token.
fn demand(cx: &Context) -> Result<(), WebhookError> {
    match cx.actor() {
        _ if cx.is_read_only() => Err(EngineError::ReadOnly.into()),
        Actor::Administrator | Actor::Application => Ok(()),
        _ => Err(WebhookError::Forbidden),
    }
}

/// Notes that somebody wants an attempt at once.
fn ask(settings: &mut Settings, now: DateTime) -> Result<bool, WebhookError> {
    if settings.paused.is_some() {
        return Err(WebhookError::Paused);
    }
    settings.asked = Some(now);
    Ok(true)
}

fn event_of(name: &str, id: &ResourceId, attributes: &[&str]) -> NewEvent {
    let mut event = NewEvent::new(name, system::webhook().name().clone(), id.clone());
    event.attributes = attributes.iter().map(SmolStr::new).collect();
    event
}

fn publish(event: NewEvent) -> Change {
    Change::Publish {
        event: event.into(),
        when: When::Always,
    }
}
