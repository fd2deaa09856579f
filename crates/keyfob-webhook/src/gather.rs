//! What is sent next to a webhook.

use std::collections::HashSet;

use keyfob_client::Transport;
use keyfob_core::{DateTime, ResourceId};
use keyfob_engine::{Context, event as engine_event};
use keyfob_store::{Event, FeedError, Feeds, Position, Selection, StoreError, StoreExt as _};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    dead_letter::{DeadLetter, Kept},
    deliverer::Deliverer,
    event,
    message::Message,
    progress::{MAX_WAITING, Progress, Waiting},
    system, target,
    webhook::Settings,
};

/// The number of events of the feed that are read at once.
const PAGE: usize = 100;

/// The number of messages that are sent at the same time to one webhook, each about another resource.
const AT_ONCE: usize = 8;

/// Messages that are sent at the same time.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    /// If true, there may be more to send as soon as these are sent.
    pub(crate) has_more: bool,
}

/// A message and where it comes from.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) message: Message,
    pub(crate) source: Source,
}

#[derive(Debug)]
pub(crate) enum Source {
    /// Events were removed before they were delivered.
    Lost,
    /// An event, with what becomes of it if it is not delivered in time.
    Event {
        position: u64,
        key: SmolStr,
        letter: Box<DeadLetter>,
    },
    /// An administrator tests the webhook.
    Test,
    /// An administrator has a dead letter delivered again.
    Letter(Box<Kept>),
}

/// What an event is to a webhook.
enum Meaning {
    Nothing,
    Event,
    Test,
    Redelivery(ResourceId),
}

fn meaning(webhook: &Settings, event: &Event) -> Meaning {
    let new = &event.event;
    let is_about_webhooks = new.resource_type == *system::webhook().name();
    if is_about_webhooks && matches!(new.name.as_str(), event::TESTED | event::REDELIVERY_REQUESTED) {
        if new.resource != webhook.id {
            return Meaning::Nothing;
        }
        return match new.data.get_str(event::LETTER) {
            Some(letter) if new.name == event::REDELIVERY_REQUESTED => {
                Meaning::Redelivery(ResourceId::new(letter))
            }
            _ => Meaning::Test,
        };
    }
    // The outcome of a provider's bulk request is the provider's.
    if new.name == engine_event::COMPLETED || !target::takes(&webhook.events, &new.resource_type, &new.name) {
        return Meaning::Nothing;
    }
    Meaning::Event
}

impl<S: Feeds, T: Transport> Deliverer<S, T> {
    /// Works out what is sent next, and moves the progress past what is nothing to the webhook. Messages that are sent are
    /// taken for neither delivered nor failed yet.
    pub(crate) async fn gather(
        &self,
        cx: &Context,
        webhook: &Settings,
        progress: &mut Progress,
        now: DateTime,
    ) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        if let Some(lost) = progress.lost {
            // The receiver learns that it missed something before anything else.
            batch.items.push(Item {
                message: Message::lost(cx.tenant(), &webhook.id, lost.before, lost.at()),
                source: Source::Lost,
            });
            batch.has_more = true;
            return Ok(batch);
        }
        // A receiver that could not be reached is asked with one message whether it can be again.
        let room = if progress.failures > 0 { 1 } else { AT_ONCE };
        let due: Vec<Waiting> = progress.due(now).take(room).cloned().collect();
        for waiting in due {
            if let Some(event) = self.event_at(cx, waiting.position).await? {
                batch.items.push(self.event_item(cx, waiting.key, &event));
            } else {
                progress.forget(waiting.position);
                progress.lose(waiting.position.saturating_add(1), now);
            }
        }
        let mut events = Vec::new();
        if progress.lost.is_none() && batch.items.len() < room {
            let after = Position::new(progress.cursor);
            match self.engine().store().read_feed(cx.tenant(), after, PAGE).await {
                Ok(read) => events = read,
                Err(FeedError::Gone { oldest }) => {
                    progress.lose(oldest.number(), now);
                    progress.cursor = oldest.number().saturating_sub(1);
                }
                Err(FeedError::Store(error)) => return Err(error),
                Err(error) => return Err(StoreError::internal(error)),
            }
        } else {
            batch.has_more = true;
        }
        if progress.lost.is_some() {
            // Noted before it is told, so that it is told in the same words however often. What was gathered is gathered again.
            return Ok(Batch {
                items: Vec::new(),
                has_more: true,
            });
        }
        batch.has_more |= events.len() == PAGE;
        let mut sent: HashSet<SmolStr> = HashSet::new();
        for event in events {
            if batch.items.len() >= room {
                batch.has_more = true;
                break;
            }
            let position = event.position.number();
            match meaning(webhook, &event) {
                Meaning::Nothing => {}
                Meaning::Test => batch.items.push(Item {
                    message: Message::test(cx.tenant(), &event),
                    source: Source::Test,
                }),
                Meaning::Redelivery(letter) => {
                    let key = format_smolstr!("{letter}");
                    if !sent.insert(key) {
                        // Asked for twice: the second attempt comes after the first.
                        batch.has_more = true;
                        break;
                    }
                    batch.items.extend(self.letter_item(cx, webhook, &letter).await?);
                }
                Meaning::Event => {
                    let key = format_smolstr!("{}/{}", event.event.resource_type, event.event.resource);
                    if sent.contains(&key) {
                        batch.has_more = true;
                        break;
                    }
                    // Every message that is sent may come to wait. Where nothing is sent, there is room when something that
                    // waits is over.
                    if progress.waiting.len() + sent.len() >= MAX_WAITING {
                        batch.has_more = !batch.items.is_empty();
                        break;
                    }
                    if progress.waits_for(&key) {
                        progress.waiting.push(Waiting::behind(position, key));
                    } else {
                        sent.insert(key.clone());
                        batch.items.push(self.event_item(cx, key, &event));
                    }
                }
            }
            progress.cursor = position;
        }
        Ok(batch)
    }

    async fn event_at(&self, cx: &Context, position: u64) -> Result<Option<Event>, StoreError> {
        let after = Position::new(position.saturating_sub(1));
        match self.engine().store().read_feed(cx.tenant(), after, 1).await {
            Ok(events) => Ok(events
                .into_iter()
                .next()
                .filter(|event| event.position.number() == position)),
            Err(FeedError::Store(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn event_item(&self, cx: &Context, key: SmolStr, event: &Event) -> Item {
        let message = Message::of(cx.tenant(), event);
        let letter = DeadLetter {
            id: self.engine().next_id(),
            message: message.id.clone(),
            kind: message.kind.clone(),
            resource_type: event.event.resource_type.clone(),
            resource: event.event.resource.clone(),
            at: event.at,
            attempts: 0,
            failed: event.at,
            reason: SmolStr::default(),
            body: String::from_utf8_lossy(&message.body).into(),
        };
        Item {
            message,
            source: Source::Event {
                position: event.position.number(),
                key,
                letter: Box::new(letter),
            },
        }
    }

    /// Returns the message of a dead letter, if it is still there.
    async fn letter_item(
        &self,
        cx: &Context,
        webhook: &Settings,
        id: &ResourceId,
    ) -> Result<Option<Item>, StoreError> {
        let selection = Selection::document();
        let stored = self
            .engine()
            .store()
            .get_one(&cx.reading(), system::dead_letter(), id, &selection)
            .await?;
        let kept = stored.as_ref().and_then(Kept::of);
        Ok(kept.filter(|kept| kept.webhook == webhook.id).map(|kept| Item {
            message: kept.letter.message(),
            source: Source::Letter(Box::new(kept)),
        }))
    }
}
