//! Which store a URL names.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use keyfob_core::{Registry, schema::RegistryBuilder};
use keyfob_engine::DynStore;
use keyfob_store_memory::MemoryStore;
use keyfob_store_postgres::{self as postgres, DatabaseUrl, PostgresStore};
use keyfob_store_sqlite::{self as sqlite, SqliteStore};

use crate::{Unusable, definitions::Definitions};

/// The password of a PostgreSQL store whose URL has none. Other users of the machine see the arguments of a command.
const PASSWORD: &str = "PGPASSWORD";

/// The forms of a store's URL, as errors tell them.
const FORMS: &str = "a store is `sqlite:PATH`, `postgres://USER@HOST/DATABASE` or `memory:`";

/// A store, named by a URL. Neither `Debug` nor `Display` show a password.
#[derive(Clone, Debug)]
pub(crate) enum StoreUrl {
    /// `memory:`
    Memory,
    /// `sqlite:PATH`
    Sqlite(PathBuf),
    /// `postgres://…`
    Postgres(Box<DatabaseUrl>),
    /// A URL that can't be used, with the reason. The parser of arguments would repeat it with its password.
    Unusable(String),
}

impl StoreUrl {
    /// Opens the store of further resource types too, or creates it.
    pub(crate) async fn open_or_create_for(&self, definitions: &Definitions) -> Result<DynStore, Unusable> {
        self.open_with(true, definitions).await
    }

    /// Opens a store that has to be there, and to be there after the command, too: a server may serve these definitions from it.
    pub(crate) async fn open_for(&self, definitions: &Definitions) -> Result<DynStore, Unusable> {
        self.demand_lasting()?;
        self.open_with(false, definitions).await
    }

    /// Refuses a store that ends with the process: administrators would change nothing.
    pub(crate) fn demand_lasting(&self) -> Result<(), Unusable> {
        match self {
            Self::Memory => Err(Unusable::new(
                "`memory:` is empty and ends with the command; give the store of a server, as in `sqlite:PATH`",
            )),
            Self::Sqlite(_) | Self::Postgres(_) | Self::Unusable(_) => Ok(()),
        }
    }

    /// Returns the same store with a password, which only PostgreSQL takes.
    pub(crate) fn with_password(self, password: &str) -> Result<Self, Unusable> {
        match self {
            Self::Postgres(url) => Ok(Self::Postgres(Box::new(url.with_password(password)))),
            other => Err(Unusable::new(format!("the store `{other}` takes no password"))),
        }
    }

    /// Returns the file in which the store is, if it is in one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Memory | Self::Postgres(_) | Self::Unusable(_) => None,
        }
    }

    async fn open_with(&self, may_create: bool, definitions: &Definitions) -> Result<DynStore, Unusable> {
        // Every profile's types, as which organization has which is known when the store is open.
        let registry = || keyfob_access::register(definitions.add_to(RegistryBuilder::verkada())).build();
        match self {
            Self::Memory => Ok(DynStore::new(MemoryStore::new())),
            Self::Sqlite(path) => open_sqlite(path, &registry()?, may_create),
            Self::Postgres(url) => open_postgres(url, registry()?, may_create).await,
            Self::Unusable(reason) => Err(Unusable::new(reason)),
        }
    }
}

fn open_sqlite(path: &Path, registry: &Registry, may_create: bool) -> Result<DynStore, Unusable> {
    let options = sqlite::Options::new();
    let options = if may_create {
        options
    } else {
        options.without_creation().keeping_indexes()
    };
    match SqliteStore::open_with(path, registry, options) {
        Ok(store) => Ok(DynStore::new(store)),
        Err(sqlite::OpenError::Missing { .. }) => Err(missing(path.display())),
        Err(error @ sqlite::OpenError::Index { .. }) => Err(undefined(error)),
        Err(error) => Err(Unusable::new(format!(
            "cannot open `{}`: {}",
            path.display(),
            Unusable::from(error).message()
        ))),
    }
}

async fn open_postgres(
    url: &DatabaseUrl,
    registry: Registry,
    may_create: bool,
) -> Result<DynStore, Unusable> {
    let url = match env::var(PASSWORD) {
        Ok(password) => url.clone().with_password(&password),
        Err(_) => url.clone(),
    };
    let url = url.with_options(|options| {
        let options = options.with_registry(registry);
        if may_create {
            options
        } else {
            options.without_migration().keeping_indexes()
        }
    });
    match PostgresStore::connect(&url).await {
        Ok(store) => Ok(DynStore::new(store)),
        Err(postgres::OpenError::Missing(_)) => Err(missing(&url)),
        Err(error @ postgres::OpenError::Index { .. }) => Err(undefined(error)),
        Err(error) => Err(Unusable::new(format!("cannot open `{url}`: {error}"))),
    }
}

/// A store whose index knows attributes that are unknown here.
fn undefined(error: impl fmt::Display) -> Unusable {
    Unusable::new(format!(
        "{error}; give the `--schema` and `--resource-type` with which it is served"
    ))
}

fn missing(store: impl fmt::Display) -> Unusable {
    Unusable::new(format!(
        "there is no store `{store}`; `keyfob serve` creates one, and so does `keyfob admin org create NAME --create`"
    ))
}

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            // SQLite's own spellings, which would name a file here.
            Some(("sqlite", path)) if path.starts_with(':') || path.contains('?') => {
                Err("a store is `sqlite:PATH`, whose path has no options, or `memory:`".into())
            }
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(match DatabaseUrl::parse(text) {
                    Ok(url) => Self::Postgres(Box::new(url)),
                    Err(error) => Self::Unusable(error.to_string()),
                })
            }
            // What looks like a password isn't repeated.
            _ if text.contains('@') => Ok(Self::Unusable(FORMS.into())),
            _ => Err(FORMS.into()),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
            Self::Unusable(_) => f.write_str("unusable"),
        }
    }
}
