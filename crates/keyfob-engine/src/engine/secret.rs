//! Secrets that all servers of one store share.

use std::sync::{LazyLock, OnceLock};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use keyfob_core::{Registry, Resource, ResourceId, ResourceType, Schema, schema::ResourceTypeBuilder};
use keyfob_store::{
    Capabilities, Cause, Change, Commit, CommitError, CommitId, ReadContext, Selection, Store, StoreError,
    StoreExt, TenantId,
};

use super::Engine;

/// 256 random bits.
pub(super) type Secret = [u8; 32];

/// The id of the secret with which cursors are sealed. No generated id equals it.
pub(super) const CURSORS: &str = "cursors";

/// The id of the secret with which security events are signed.
pub(super) const EVENTS: &str = "events";

/// The id of the secret from which others are derived.
const DERIVATION: &str = "derivation";

/// The type in which secrets are kept, under the system tenant. It has a registry of its own, as it isn't an
/// application's.
static TYPE: LazyLock<Option<ResourceType>> = LazyLock::new(|| {
    let schema = Schema::from_json(include_bytes!("../../schemas/secret.json")).ok()?;
    let definition = ResourceTypeBuilder::new("Secret", "/Secrets", schema.id.clone()).internal();
    let registry = Registry::builder().resource_type(definition).schema(schema);
    registry.build().ok()?.resource_type("Secret").cloned()
});

/// Returns true if a store keeps secrets.
pub(super) fn is_kept(capabilities: &Capabilities) -> bool {
    TYPE.as_ref().is_some_and(|kind| capabilities.keeps(kind))
}

impl<S: Store> Engine<S> {
    /// Returns the secret with which cursors are sealed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn cursor_secret(&self) -> Result<Secret, StoreError> {
        self.secret(CURSORS, &self.cursor_secret).await
    }

    /// Returns 256 bits from which a crate or an application derives secrets of its own that all servers of the store share,
    /// by an HMAC over what each of them is for. The first server that needs the bits makes them. What is derived is stored
    /// nowhere.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn derivation_key(&self) -> Result<[u8; 32], StoreError> {
        self.secret(DERIVATION, &self.derivation_key).await
    }

    /// Returns the secret with an id, which this process remembers. The first server that needs it makes it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn secret(&self, id: &str, known: &OnceLock<Secret>) -> Result<Secret, StoreError> {
        if let Some(secret) = known.get() {
            return Ok(*secret);
        }
        let kind = TYPE
            .as_ref()
            .ok_or_else(|| StoreError::internal("the schema of secrets is malformed"))?;
        let id = ResourceId::new(id);
        let secret = match self.read_secret(kind, &id).await? {
            Some(secret) => secret,
            None => self.make_secret(kind, &id).await?,
        };
        Ok(*known.get_or_init(|| secret))
    }

    async fn read_secret(&self, kind: &ResourceType, id: &ResourceId) -> Result<Option<Secret>, StoreError> {
        let cx = ReadContext::new(TenantId::SYSTEM);
        let stored = self
            .store()
            .get_one(&cx, kind, id, &Selection::document())
            .await?;
        let Some(stored) = stored else { return Ok(None) };
        let text = stored.resource.core().get_str("key").unwrap_or_default();
        let bytes = BASE64_STANDARD.decode(text).map_err(StoreError::internal)?;
        let secret = Secret::try_from(bytes);
        secret
            .map(Some)
            .map_err(|_| StoreError::internal("a stored secret has another length"))
    }

    async fn make_secret(&self, kind: &ResourceType, id: &ResourceId) -> Result<Secret, StoreError> {
        let mut secret = Secret::default();
        getrandom::fill(&mut secret).map_err(StoreError::internal)?;
        let mut document = Resource::new([kind.schema().id.clone()]);
        document
            .core_mut()
            .insert("key", BASE64_STANDARD.encode(secret).as_str());
        let change = Change::create(kind, id.clone(), document);
        let commit_id = CommitId::new(self.next_commit_id());
        let commit = Commit::new(commit_id, TenantId::SYSTEM, self.now(), vec![change]);
        match self.store().commit_one(commit).await {
            Ok(_) => Ok(secret),
            // Another server was faster. Its secret is everybody's.
            Err(error) if matches!(error.refusal(), Some((_, Cause::IdTaken))) => {
                let theirs = self.read_secret(kind, id).await?;
                theirs.ok_or_else(|| StoreError::internal("a secret was removed"))
            }
            Err(CommitError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::internal(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_secrets_loads_and_is_kept_from_clients() {
        assert!(TYPE.as_ref().is_some_and(|kind| !kind.is_exposed()));
        assert!(is_kept(&Capabilities::full()));
    }
}
