//! A table of API keys in the application's own database.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use keyfob::prelude::*;
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

/// The table. It holds no key, but what a key hashes to.
const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS api_keys (
        digest BLOB PRIMARY KEY, company TEXT NOT NULL, name TEXT NOT NULL, may_write INTEGER NOT NULL) WITHOUT ROWID;";

/// The API keys of all customers.
#[derive(Debug)]
pub struct ApiKeys(Mutex<Connection>);

impl ApiKeys {
    /// Opens the database.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn open(path: impl AsRef<Path>) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(TABLE)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Creates a key of 256 random bits for a company and returns it, for the one time that it is shown.
    ///
    /// # Errors
    /// The system has no randomness, or those of SQLite.
    pub fn create(
        &self,
        company: &str,
        name: &str,
        may_write: bool,
    ) -> Result<String, Box<dyn std::error::Error>> {
        let mut secret = [0_u8; 32];
        getrandom::fill(&mut secret)?;
        let key = BASE64_URL_SAFE_NO_PAD.encode(secret);
        let insert = "INSERT INTO api_keys (digest, company, name, may_write) VALUES (?1, ?2, ?3, ?4)";
        self.locked(|table| table.execute(insert, params![digest(&key), company, name, may_write]))?;
        Ok(key)
    }

    /// Revokes the keys of this name of a company.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn revoke(&self, company: &str, name: &str) -> rusqlite::Result<()> {
        let delete = "DELETE FROM api_keys WHERE company = ?1 AND name = ?2";
        self.locked(|table| table.execute(delete, params![company, name]))
            .map(drop)
    }

    fn locked<T>(&self, run: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        run(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns what the table holds of a key. A fast hash is right for 256 random bits, of which nobody tries all, and a look-up
/// by it tells nothing of a key that comes near.
fn digest(key: &str) -> Vec<u8> {
    Sha256::digest(key.as_bytes()).to_vec()
}

impl Authenticator for ApiKeys {
    async fn authenticate(&self, key: &str) -> Result<Caller, AuthenticationError> {
        let select = "SELECT company, name, may_write FROM api_keys WHERE digest = ?1";
        // One look-up by a primary key takes microseconds, so that no thread of its own is needed for it.
        let found = self.locked(|table| {
            let mut statement = table.prepare_cached(select)?;
            let read = |row: &rusqlite::Row<'_>| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?))
            };
            statement.query_row([digest(key)], read).optional()
        });
        let (company, name, may_write) = found
            .map_err(StoreError::unavailable)?
            .ok_or(AuthenticationError::Rejected)?;
        let caller = Caller::new(TenantId::new(company)).with_identity(name, "API key");
        Ok(if may_write { caller } else { caller.read_only() })
    }
}

/// Returns the scheme that `/ServiceProviderConfig` shows, and the challenge of a 401.
#[must_use]
pub fn scheme() -> AuthenticationScheme {
    AuthenticationScheme::new("oauthbearertoken", "API key", "An API key as a bearer token")
        .specified_at("https://www.rfc-editor.org/info/rfc6750")
        .challenging_with("Bearer realm=\"SCIM\"")
}
