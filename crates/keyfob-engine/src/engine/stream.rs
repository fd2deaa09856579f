//! The stream of a tenant's security events (RFC 9967), of which each is sent until it is acknowledged (RFC 8936).

mod acknowledged;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use keyfob_core::{
    ErrorBody, Registry, Resource, ResourceId, ResourceType, Schema, ScimType, ToErrorBody, Version,
    schema::ResourceTypeBuilder,
};
use keyfob_store::{Change, CommitError, FeedError, Feeds, Position, Selection, Store, StoreError, StoreExt};
use smol_str::{SmolStr, ToSmolStr, format_smolstr};
use thiserror::Error;

use self::acknowledged::Acknowledged;
use super::{Engine, EngineError, secret};
use crate::{
    context::Context,
    security_event::{SecurityEvent, position_of},
};

/// The consumer of the feed that a tenant's stream is. It exists as soon as somebody asks.
const CONSUMER: &str = "scim";

/// The number of events of the feed that one call looks at.
const WINDOW: usize = 2_000;

/// The number of times that one call reads the feed: as many places of the feed may have events that are left
/// unacknowledged far from one another.
const READS: usize = 64;

/// The length up to which a run of acknowledged events is read with those around it, which costs less than another read.
const SHORT: u64 = 16;

/// The type in which is kept what a receiver has acknowledged before older events, in the tenant of the receiver. It has a
/// registry of its own, as it isn't an application's.
static TYPE: LazyLock<Option<ResourceType>> = LazyLock::new(|| {
    let schema = Schema::from_json(include_bytes!("../../schemas/event-stream.json")).ok()?;
    let definition = ResourceTypeBuilder::new("EventStream", "/EventStreams", schema.id.clone()).internal();
    let registry = Registry::builder().resource_type(definition).schema(schema);
    registry.build().ok()?.resource_type("EventStream").cloned()
});

/// The id of the one resource of the type. No generated id equals it.
const ID: &str = "scim-event-stream";

const ACKNOWLEDGED: &str = "acknowledged";

fn kind() -> Result<&'static ResourceType, StoreError> {
    TYPE.as_ref()
        .ok_or_else(|| StoreError::internal("the schema of streams is malformed"))
}

/// Events of a stream, and whether more of them wait.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Delivery {
    /// The events that are not acknowledged, in their order.
    pub events: Vec<SecurityEvent>,
    /// If true, there are more.
    pub has_more: bool,
}

/// The error when an acknowledgement is refused. None of its events is acknowledged then.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AcknowledgementError {
    /// An identifier is that of no event which the stream has sent; maps to 400 `invalidValue`.
    #[error("`{0}` is no event of this stream")]
    Unknown(SmolStr),
    /// More events are acknowledged at once than are sent at once; maps to 400 `tooMany`.
    #[error("at most {0} events are acknowledged in one request")]
    TooMany(usize),
    /// The feed can't be read, or not be written.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for AcknowledgementError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl ToErrorBody for AcknowledgementError {
    fn to_error_body(&self) -> ErrorBody {
        let detail = format_smolstr!("{self}");
        match self {
            Self::Unknown(_) => ErrorBody::bad_request(ScimType::InvalidValue, detail),
            Self::TooMany(_) => ErrorBody::bad_request(ScimType::TooMany, detail),
            Self::Engine(error) => error.to_error_body(),
        }
    }
}

impl<S: Store> Engine<S> {
    /// The number of security events that are sent, and acknowledged, at once.
    pub const MAX_EVENTS_AT_ONCE: usize = 1_000;

    /// Returns true if there can be streams of security events: the store keeps the key that signs them, and what is
    /// acknowledged.
    #[must_use]
    pub fn can_stream(&self) -> bool {
        let capabilities = self.store().capabilities();
        secret::is_kept(capabilities) && TYPE.as_ref().is_some_and(|kind| capabilities.keeps(kind))
    }
}

impl<S: Feeds> Engine<S> {
    /// Makes a tenant's stream known, from which on no event is trimmed before it is acknowledged or too old, and tells of
    /// accepted requests that a server has left undone. The stream begins with the oldest event that is there.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn open_stream(&self, cx: &Context) -> Result<(), EngineError> {
        let store = self.store();
        if store.acknowledged(cx.tenant(), CONSUMER).await? == Position::START {
            store.acknowledge(cx.tenant(), CONSUMER, Position::START).await?;
        }
        self.give_up_accepted(cx).await
    }

    /// Reads at most `limit` events of a tenant's stream that are not acknowledged, from the oldest on.
    ///
    /// Events that were trimmed before they were acknowledged are passed over, which is logged.
    ///
    /// An event that is never acknowledged comes again for as long as the feed has it, and those behind it come all the
    /// same. At most [`MAX_EVENTS_AT_ONCE`](Self::MAX_EVENTS_AT_ONCE) events are outstanding, and fewer where they lie far
    /// from one another: at least the first 64 are sent. Newer events wait then until one of these is acknowledged.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    ///
    /// # Complexity
    /// Reads the feed at most 64 times and at most 2,000 of its events, whatever the limit. Where none of them is anything to
    /// a client, the next call begins behind them.
    pub async fn deliver(&self, cx: &Context, limit: usize) -> Result<Delivery, EngineError> {
        let noted = self.noted(cx).await?;
        let found = self.outstanding(cx, &noted, limit).await?;
        if found.is_cut_short {
            // Events that are nothing to a client are not looked at again. What another server has noted meanwhile is
            // as good.
            self.note(cx, &noted, &found.done).await?;
        } else {
            self.advance(cx, &noted, &found.done).await?;
        }
        Ok(Delivery {
            events: found.events.into_iter().map(|(_, event)| event).collect(),
            has_more: found.has_more,
        })
    }

    /// Acknowledges events of a tenant's stream by their ids (`jti`), in any order. None of them is sent again, and every
    /// other one is. Those that were acknowledged before are passed over.
    ///
    /// # Errors
    /// [`AcknowledgementError`], after which nothing is acknowledged.
    pub async fn acknowledge_events(
        &self,
        cx: &Context,
        ids: &[SmolStr],
    ) -> Result<(), AcknowledgementError> {
        if ids.is_empty() {
            return Ok(());
        }
        if ids.len() > Self::MAX_EVENTS_AT_ONCE {
            return Err(AcknowledgementError::TooMany(Self::MAX_EVENTS_AT_ONCE));
        }
        for _ in 0..Self::MAX_ATTEMPTS {
            let noted = self.noted(cx).await?;
            let Outstanding { events, mut done, .. } =
                self.outstanding(cx, &noted, Self::MAX_EVENTS_AT_ONCE).await?;
            let sent: HashMap<&SmolStr, Position> = events
                .iter()
                .map(|(position, event)| (&event.id, *position))
                .collect();
            for id in ids {
                let was_acknowledged =
                    || position_of(id).is_some_and(|position| noted.acknowledged.contains(position));
                match sent.get(id) {
                    Some(position) => done.insert(*position),
                    None if was_acknowledged() => {}
                    None => return Err(AcknowledgementError::Unknown(id.chars().take(128).collect())),
                }
            }
            if self.note(cx, &noted, &done).await? {
                return Ok(());
            }
        }
        Err(EngineError::Contention.into())
    }

    /// Returns the 256 bits of the key that signs the events of all tenants. The first server that needs the key makes it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn signing_key(&self) -> Result<[u8; 32], StoreError> {
        self.secret(secret::EVENTS, &self.signing_key).await
    }

    /// Reads what the receiver has acknowledged.
    async fn noted(&self, cx: &Context) -> Result<Noted, StoreError> {
        let store = self.store();
        let id = ResourceId::new(ID);
        let stored = store
            .get_one(&cx.reading(), kind()?, &id, &Selection::document())
            .await?;
        // Read after the note: what was acknowledged in between is passed over once more, and not sent again.
        let through = store.acknowledged(cx.tenant(), CONSUMER).await?;
        let runs = stored
            .as_ref()
            .and_then(|stored| stored.resource.core().get_str(ACKNOWLEDGED))
            .unwrap_or_default();
        let acknowledged = Acknowledged::read(through, runs)
            .ok_or_else(|| StoreError::internal("the note of a stream is malformed"))?;
        Ok(Noted {
            through,
            acknowledged,
            runs: runs.into(),
            version: stored.map(|stored| stored.version),
        })
    }

    /// Reads the first events that are not acknowledged.
    async fn outstanding(
        &self,
        cx: &Context,
        noted: &Noted,
        limit: usize,
    ) -> Result<Outstanding, StoreError> {
        let limit = limit.min(Self::MAX_EVENTS_AT_ONCE);
        let mut found = Outstanding {
            events: Vec::new(),
            done: noted.acknowledged.clone(),
            has_more: false,
            is_cut_short: false,
        };
        let mut after = found.done.through();
        let mut left = WINDOW;
        for _ in 0..READS {
            let wanted = found.done.before_long_run(after, SHORT, left);
            let feed = match self.store().read_feed(cx.tenant(), after, wanted).await {
                Ok(feed) => feed,
                Err(FeedError::Gone { oldest }) => {
                    let gone = Position::new(oldest.number().saturating_sub(1));
                    if gone <= after {
                        return Err(StoreError::internal("a feed has lost its end"));
                    }
                    tracing::warn!(start = %after, %oldest, "events were removed before their receiver had read them");
                    found.done.insert_through(gone);
                    after = found.done.skip(gone);
                    continue;
                }
                Err(FeedError::Store(error)) => return Err(error),
                Err(error) => return Err(StoreError::internal(error)),
            };
            let Some(last) = feed.last().map(|event| event.position) else {
                return Ok(found);
            };
            for event in &feed {
                if found.done.contains(event.position) {
                    continue;
                }
                match SecurityEvent::of(event, self.registry()) {
                    Some(_) if found.events.len() >= limit => {
                        found.has_more = true;
                        return Ok(found);
                    }
                    Some(sent) => found.events.push((event.position, sent)),
                    None => found.done.insert(event.position),
                }
            }
            if feed.len() < wanted {
                return Ok(found);
            }
            left = left.saturating_sub(feed.len());
            after = found.done.skip(last);
            if left == 0 {
                break;
            }
        }
        found.has_more = true;
        found.is_cut_short = true;
        Ok(found)
    }

    /// Notes what is acknowledged. Returns false where another request has noted something meanwhile; then what is
    /// acknowledged behind the first event that isn't is not noted.
    async fn note(&self, cx: &Context, noted: &Noted, done: &Acknowledged) -> Result<bool, EngineError> {
        // First, because the note no longer has what lies before it.
        self.advance(cx, noted, done).await?;
        let runs = done.to_smolstr();
        if runs == noted.runs {
            return Ok(true);
        }
        let kind = kind()?;
        let mut document = Resource::new([kind.schema().id.clone()]);
        if !runs.is_empty() {
            document.core_mut().insert(ACKNOWLEDGED, runs);
        }
        let (id, document) = (ResourceId::new(ID), Arc::new(document));
        let change = match noted.version {
            None => Change::create(kind, id, document),
            version => Change::replace(kind, id, document, version),
        };
        let commit = self.commit_of(cx, "acknowledge", vec![change], None);
        match self.commit(cx, commit).await {
            Ok(_) => Ok(true),
            Err(CommitError::Store(error)) => Err(error.into()),
            // Another request was faster.
            Err(_) => Ok(false),
        }
    }

    /// Moves the beginning of the stream behind the events that are done.
    async fn advance(&self, cx: &Context, noted: &Noted, done: &Acknowledged) -> Result<(), StoreError> {
        if done.through() > noted.through {
            let store = self.store();
            store.acknowledge(cx.tenant(), CONSUMER, done.through()).await?;
        }
        Ok(())
    }
}

/// The state of a stream before its feed is read.
struct Noted {
    /// The position up to which the feed is acknowledged.
    through: Position,
    /// Everything that is acknowledged.
    acknowledged: Acknowledged,
    /// The text of the note.
    runs: SmolStr,
    /// The version of the note, where there is one.
    version: Option<Version>,
}

/// The events that wait for their acknowledgement.
struct Outstanding {
    /// The events that are not acknowledged.
    events: Vec<(Position, SecurityEvent)>,
    /// The positions that are acknowledged, or are nothing to a client.
    done: Acknowledged,
    /// If true, there are more.
    has_more: bool,
    /// If true, it ended before the end of the feed and before the limit.
    is_cut_short: bool,
}

#[cfg(test)]
mod tests {
    use keyfob_store::Capabilities;

    use super::*;

    #[test]
    fn the_type_of_streams_loads_and_is_kept_from_clients() {
        assert!(TYPE.as_ref().is_some_and(|kind| !kind.is_exposed()));
        assert!(Capabilities::full().keeps(kind().unwrap()));
    }
}
