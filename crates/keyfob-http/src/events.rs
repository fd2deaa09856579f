//! Security Event Tokens (RFC 8417), signed.

use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use keyfob_core::json;
use keyfob_engine::{Context, Delivery, Engine, Feeds, SecurityEvent, StoreError, TenantId};
use serde_json::{Map, Value, json as value};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    error::HttpError,
    place::Places,
    stream::{Called, Held, Runtime, Stream},
};

/// The frame of PKCS #8 around the 32 bytes of an Ed25519 key (RFC 8410 section 7).
const FRAME: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The streams of the engine's tenants.
pub(crate) struct Signed<R> {
    runtime: R,
    /// Held by each request that is done after its answer.
    accepted: Places,
    /// Held by each poll that waits.
    waiting: Places,
}

/// The number of requests that are done after their answers at the same time, and of those of a tenant. Their bodies are kept
/// until they are done.
const ACCEPTED: (usize, usize) = (32, 8);

/// The number of polls that wait at the same time, and of those of a tenant. A stream has one receiver, which may have given up
/// some of its polls unnoticed.
const WAITING: (usize, usize) = (4_096, 4);

impl<R> Signed<R> {
    pub(crate) fn new(runtime: R) -> Self {
        Self {
            runtime,
            accepted: Places::new(ACCEPTED.0, ACCEPTED.1),
            waiting: Places::new(WAITING.0, WAITING.1),
        }
    }
}

/// The key that signs tokens, with the public half that checks them.
struct Signer {
    key: EncodingKey,
    header: Header,
    public: Value,
}

impl Signer {
    fn new(secret: &[u8; 32]) -> Result<Self, HttpError> {
        let key = EncodingKey::from_ed_der(&[FRAME.as_slice(), secret].concat());
        let public = Jwk::from_encoding_key(&key, Algorithm::EdDSA).map_err(failed)?;
        let mut public = serde_json::to_value(public).map_err(failed)?;
        let id: String = public
            .get("x")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .chars()
            .take(16)
            .collect();
        if let Some(public) = public.as_object_mut() {
            public.insert("kid".into(), id.clone().into());
            public.insert("use".into(), "sig".into());
        }
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("secevent+jwt".into());
        header.kid = Some(id);
        Ok(Self { key, header, public })
    }

    fn sign(&self, cx: &Context, event: &SecurityEvent) -> Result<String, HttpError> {
        let mut claims: Map<String, Value> =
            serde_json::from_slice(&json::object_to_vec(&event.claims())).map_err(failed)?;
        claims.insert("iss".into(), cx.base_url().into());
        claims.insert("aud".into(), audience(cx).as_str().into());
        jsonwebtoken::encode(&self.header, &claims, &self.key).map_err(failed)
    }
}

/// The receiver for whom the tokens of a tenant's stream are.
fn audience(cx: &Context) -> SmolStr {
    format_smolstr!("{}/Events", cx.base_url())
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> HttpError {
    HttpError::Engine(StoreError::internal(error).into())
}

async fn signer<S: Feeds>(engine: &Engine<S>) -> Result<Signer, HttpError> {
    let secret = engine.signing_key().await;
    Signer::new(&secret.map_err(|error| HttpError::Engine(error.into()))?)
}

impl<S: Feeds, R: Runtime> Stream<S> for Signed<R> {
    fn open<'c>(&'c self, engine: &'c Engine<S>, cx: &'c Context) -> Called<'c, ()> {
        Box::pin(async { Ok(engine.open_stream(cx).await?) })
    }

    fn acknowledge<'c>(
        &'c self,
        engine: &'c Engine<S>,
        cx: &'c Context,
        ids: &'c [SmolStr],
    ) -> Called<'c, ()> {
        Box::pin(async { Ok(engine.acknowledge_events(cx, ids).await?) })
    }

    fn deliver<'c>(&'c self, engine: &'c Engine<S>, cx: &'c Context, limit: usize) -> Called<'c, Delivery> {
        Box::pin(async move { Ok(engine.deliver(cx, limit).await?) })
    }

    fn sign<'c>(
        &'c self,
        engine: &'c Engine<S>,
        cx: &'c Context,
        delivery: Delivery,
    ) -> Called<'c, Map<String, Value>> {
        Box::pin(async move {
            let mut sets = Map::new();
            if !delivery.events.is_empty() {
                let signer = signer(engine).await?;
                for event in &delivery.events {
                    sets.insert(event.id.to_string(), signer.sign(cx, event)?.into());
                }
            }
            Ok(sets)
        })
    }

    fn keys<'c>(&'c self, engine: &'c Engine<S>) -> Called<'c, Value> {
        Box::pin(async { Ok(value!({"keys": [signer(engine).await?.public]})) })
    }

    fn place_to_work(&self, tenant: &TenantId) -> Option<Held> {
        Some(Box::new(self.accepted.take(tenant)?))
    }

    fn place_to_wait(&self, tenant: &TenantId) -> Option<Held> {
        Some(Box::new(self.waiting.take(tenant)?))
    }

    fn runtime(&self) -> &dyn Runtime {
        &self.runtime
    }
}
