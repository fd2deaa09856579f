//! The stream of a tenant's security events (RFC 9967), of which each is sent until it is acknowledged (RFC 8936).

use std::collections::HashSet;

use keyfob_core::{ErrorBody, ScimType, ToErrorBody};
use keyfob_store::{Event, FeedError, Feeds, Position, Store, StoreError, TenantId};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use super::{Engine, EngineError, secret};
use crate::{
    context::Context,
    security_event::{SecurityEvent, position_of},
};

/// The consumer of the feed that a tenant's stream is. It exists as soon as somebody asks.
const CONSUMER: &str = "scim";

/// The number of events of the feed that one call looks at.
const WINDOW: usize = 2_000;

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
    /// # Errors
    /// [`EngineError::Store`].
    ///
    /// # Complexity
    /// Reads at most 2,000 events of the feed, whatever the limit. Where none of them is anything to a client, the next call
    /// begins behind them.
    pub async fn deliver(&self, cx: &Context, limit: usize) -> Result<Delivery, EngineError> {
        let (start, feed) = self.unacknowledged(cx.tenant()).await?;
        let mut delivery = Delivery::default();
        let mut passed = start;
        for event in &feed {
            match SecurityEvent::of(event, self.registry()) {
                Some(_) if delivery.events.len() >= limit.min(Self::MAX_EVENTS_AT_ONCE) => {
                    delivery.has_more = true;
                    break;
                }
                Some(event) => delivery.events.push(event),
                None if delivery.events.is_empty() => passed = event.position,
                None => {}
            }
        }
        if passed > start {
            self.store().acknowledge(cx.tenant(), CONSUMER, passed).await?;
        }
        delivery.has_more |= feed.len() == WINDOW;
        Ok(delivery)
    }

    /// Acknowledges events of a tenant's stream by their ids (`jti`). Those that were acknowledged before are passed over.
    ///
    /// The stream goes on behind the last event up to which all are acknowledged. An event that is acknowledged before an
    /// older one is sent again with that one, and a receiver that never acknowledges one gets no event beyond the
    /// [`MAX_EVENTS_AT_ONCE`](Self::MAX_EVENTS_AT_ONCE) from it on until it is too old.
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
        let (start, feed) = self.unacknowledged(cx.tenant()).await?;
        let sent: Vec<(Position, Option<SmolStr>)> = feed
            .iter()
            .map(|event| {
                let sent = SecurityEvent::of(event, self.registry());
                (event.position, sent.map(|sent| sent.id))
            })
            .collect();
        let known: HashSet<&SmolStr> = sent.iter().filter_map(|(_, id)| id.as_ref()).collect();
        for id in ids {
            let was_acknowledged = position_of(id).is_some_and(|position| position <= start);
            if !was_acknowledged && !known.contains(id) {
                return Err(AcknowledgementError::Unknown(id.chars().take(128).collect()));
            }
        }
        let named: HashSet<&SmolStr> = ids.iter().collect();
        let is_done = |id: &Option<SmolStr>| id.as_ref().is_none_or(|id| named.contains(id));
        let done = sent.iter().take_while(|(_, id)| is_done(id)).last();
        if let Some((position, _)) = done {
            self.store().acknowledge(cx.tenant(), CONSUMER, *position).await?;
        }
        Ok(())
    }

    /// Returns the 256 bits of the key that signs the events of all tenants. The first server that needs the key makes it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn signing_key(&self) -> Result<[u8; 32], StoreError> {
        self.secret(secret::EVENTS, &self.signing_key).await
    }

    /// The position up to which the stream is acknowledged, and the events of the feed behind it.
    async fn unacknowledged(&self, tenant: &TenantId) -> Result<(Position, Vec<Event>), StoreError> {
        let store = self.store();
        let mut start = store.acknowledged(tenant, CONSUMER).await?;
        loop {
            match store.read_feed(tenant, start, WINDOW).await {
                Ok(feed) => return Ok((start, feed)),
                Err(FeedError::Gone { oldest })
                    if Position::new(oldest.number().saturating_sub(1)) > start =>
                {
                    tracing::warn!(%start, %oldest, "events were removed before their receiver had read them");
                    start = Position::new(oldest.number().saturating_sub(1));
                    store.acknowledge(tenant, CONSUMER, start).await?;
                }
                Err(FeedError::Gone { .. }) => return Err(StoreError::internal("a feed has lost its end")),
                Err(FeedError::Store(error)) => return Err(error),
                Err(error) => return Err(StoreError::internal(error)),
            }
        }
    }
}
