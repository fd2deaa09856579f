//! Options of opening a database.

use std::{fmt, sync::Arc, time::Duration};

use keyfob_core::Registry;
use tokio_postgres::Config;

use crate::{error::OpenError, hook::Hook};

/// Options of opening a database.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// The schema that holds the tables. The default is `keyfob`.
    pub schema: String,
    /// The text with which the names of the tables begin. There is none by default.
    pub prefix: String,
    /// If false, tables that are missing or of an older release are an error. By default they are made and brought up to
    /// date.
    pub migrate: bool,
    /// The time that opening waits for another process that migrates the tables. The default is two minutes.
    pub patience: Duration,
    /// The number of connections that [`connect`](crate::PostgresStore::connect) makes at most. The default is 16.
    pub connections: usize,
    /// The resource types that are served: those that stand in the index otherwise than their type wants by now are indexed
    /// anew when the database is opened.
    pub registry: Option<Registry>,
    /// If true, nothing is indexed anew, and an index by an attribute that the registry doesn't have is an
    /// [error](OpenError::Index).
    pub keep_indexes: bool,
    /// The application's part of the transaction of every commit.
    pub hook: Option<Arc<dyn Hook>>,
}

impl Options {
    /// Returns the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            schema: "keyfob".to_owned(),
            prefix: String::new(),
            migrate: true,
            patience: Duration::from_secs(120),
            connections: 16,
            registry: None,
            keep_indexes: false,
            hook: None,
        }
    }

    /// Returns the same options with the tables in this schema.
    #[must_use]
    pub fn with_schema(self, schema: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            ..self
        }
    }

    /// Returns the same options with tables whose names begin with this text.
    #[must_use]
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            ..self
        }
    }

    /// Returns the same options for tables that have to be there and up to date.
    #[must_use]
    pub fn without_migration(self) -> Self {
        Self {
            migrate: false,
            ..self
        }
    }

    /// Returns the same options with this time to wait for another process that migrates the tables.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Returns the same options with so many connections at most.
    #[must_use]
    pub fn with_connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    /// Returns the same options with the resource types that are served.
    #[must_use]
    pub fn with_registry(self, registry: Registry) -> Self {
        Self {
            registry: Some(registry),
            ..self
        }
    }

    /// Returns the same options for a program beside the servers of the database, whose indexes stay as they are.
    #[must_use]
    pub fn keeping_indexes(self) -> Self {
        Self {
            keep_indexes: true,
            ..self
        }
    }

    /// Returns the same options with what the application does in the transaction of every commit.
    #[must_use]
    pub fn with_hook(self, hook: impl Hook) -> Self {
        Self {
            hook: Some(Arc::new(hook)),
            ..self
        }
    }

    /// Checks that names need no quotes and leave room for those of indexes, of which PostgreSQL cuts off what is longer
    /// than 63 bytes.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        for (name, may_be_empty) in [(&self.schema, false), (&self.prefix, true)] {
            let mut bytes = name.bytes();
            let is_name = match bytes.next() {
                Some(first) => {
                    first.is_ascii_lowercase()
                        && bytes
                            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
                        && name.len() <= 30
                }
                None => may_be_empty,
            };
            if !is_name {
                return Err(OpenError::Name(name.clone()));
            }
        }
        Ok(())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("schema", &self.schema)
            .field("prefix", &self.prefix)
            .field("migrate", &self.migrate)
            .field("patience", &self.patience)
            .field("connections", &self.connections)
            .field("keep_indexes", &self.keep_indexes)
            .finish_non_exhaustive()
    }
}

/// The URL of a database, with the options of the store that it may have beside those of PostgreSQL.
///
/// Neither `Debug` nor `Display` show a password.
#[derive(Clone)]
pub struct DatabaseUrl {
    config: Config,
    options: Options,
}

/// The time for which a connection is tried, and for which a peer may be silent that has to acknowledge what was sent.
const PATIENCE: Duration = Duration::from_secs(5);

impl DatabaseUrl {
    /// Reads a URL such as `postgres://keyfob@db.example.com/app?sslmode=require&schema=scim`. `schema`, `prefix` and
    /// `connections` are [`Options`]; what else there is after the question mark is PostgreSQL's.
    ///
    /// # Errors
    /// [`OpenError::Url`], which names the option that isn't understood and nothing else of the text.
    pub fn parse(text: &str) -> Result<Self, OpenError> {
        Self::parse_with(text, Options::new())
    }

    /// Reads a URL with options to start from.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(text: &str, options: Options) -> Result<Self, OpenError> {
        let mut options = options;
        let is_known = ["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        if !is_known {
            return Err(OpenError::Url("it begins otherwise".to_owned()));
        }
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let mut others = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "schema" => value.clone_into(&mut options.schema),
                "prefix" => value.clone_into(&mut options.prefix),
                "connections" => {
                    let connections = value.parse().ok().filter(|connections| *connections > 0);
                    let wrong = || OpenError::Url("`connections` is a number from 1 on".to_owned());
                    options.connections = connections.ok_or_else(wrong)?;
                }
                _ => others.push(pair),
            }
        }
        let url = if others.is_empty() {
            base.to_owned()
        } else {
            format!("{base}?{}", others.join("&"))
        };
        // The driver's message may quote what it doesn't understand, which may be a password.
        let mut config: Config = url.parse().map_err(|_| {
            let names: Vec<_> = others
                .iter()
                .filter_map(|pair| Some(pair.split_once('=')?.0))
                .collect();
            let hint = if names.is_empty() {
                "special characters of a user or password are written as percent escapes".to_owned()
            } else {
                format!(
                    "one of its parts or of its options (`{}`) is not understood",
                    names.join("`, `")
                )
            };
            OpenError::Url(hint)
        })?;
        if config.get_dbname().is_none() || config.get_hosts().is_empty() {
            return Err(OpenError::Url("it names no host or no database".to_owned()));
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(PATIENCE * 3);
        }
        if config.get_application_name().is_none() {
            config.application_name("keyfob");
        }
        options.check()?;
        Ok(Self { config, options })
    }

    /// Returns the same URL with a password, unless it has one.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        let mut config = self.config;
        if config.get_password().is_none() {
            config.password(password);
        }
        Self { config, ..self }
    }

    /// Returns the same URL with other options of the store.
    #[must_use]
    pub fn with_options(self, change: impl FnOnce(Options) -> Options) -> Self {
        Self {
            options: change(self.options),
            ..self
        }
    }

    /// Returns the options of the store.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        let ports = self.config.get_ports();
        for (place, host) in self.config.get_hosts().iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            match host {
                tokio_postgres::config::Host::Tcp(name) => f.write_str(name)?,
                #[cfg(unix)]
                tokio_postgres::config::Host::Unix(path) => write!(f, "{}", path.display())?,
            }
            if let Some(port) = ports.get(place).or_else(|| ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        let database = self.config.get_dbname().unwrap_or_default();
        write!(f, "/{database}?schema={}", self.options.schema)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_everything_but_its_password() {
        for (text, shown) in [
            (
                "postgres://ada:s3cret@db.example.com/app",
                "postgres://ada@db.example.com:5432/app?schema=keyfob",
            ),
            (
                "postgresql://ada@db1,db2:5433/app?password=s3cret&schema=scim&sslmode=require",
                "postgres://ada@db1:5432,db2:5433/app?schema=scim",
            ),
            (
                "postgres://ada:s3cret@%2Fvar%2Frun%2Fpostgresql/app?connections=3&prefix=kf_",
                "postgres:///var/run/postgresql/app",
            ),
        ] {
            let url = DatabaseUrl::parse(text).unwrap();
            let texts = [
                url.to_string(),
                format!("{url:?}"),
                format!("{:?}", url.options()),
            ];
            assert!(texts.iter().all(|text| !text.contains("s3cret")), "{texts:?}");
            assert!(texts[0].starts_with(shown) || text.contains("%2F"), "{texts:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told_without_the_password() {
        for (text, told) in [
            ("mysql://ada:s3cret@db/app", "it begins otherwise"),
            ("postgres://ada:s3cret@db", "no database"),
            ("postgres://ada:s3cret@db:port/app", "percent escapes"),
            ("postgres://ada:s3cret@db/app?sslmode=maybe", "(`sslmode`)"),
            ("postgres://ada@db/app?pasword=s3cret", "(`pasword`)"),
            ("postgres://ada:s3cret@db/app?connections=0", "a number from 1 on"),
            ("postgres://ada:s3cret@db/app?schema=Scim", "`Scim` is no name"),
            (
                "postgres://ada:s3cret@db/app?prefix=x;drop",
                "`x;drop` is no name",
            ),
        ] {
            let error = DatabaseUrl::parse(text).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(told), "{text}: {message}");
            assert!(
                !format!("{message} {error:?}").contains("s3cret"),
                "{text}: {message}"
            );
        }
    }

    #[test]
    fn a_password_from_elsewhere_leaves_one_in_the_url() {
        let password = |text: &str| {
            let url = DatabaseUrl::parse(text).unwrap().with_password("other");
            String::from_utf8(url.config().get_password().unwrap().to_vec()).unwrap()
        };
        assert_eq!(password("postgres://ada@db/app"), "other");
        assert_eq!(password("postgres://ada:own@db/app"), "own");
    }
}
