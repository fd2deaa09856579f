//! Which store a URL names.

use std::{fmt, path::PathBuf, str::FromStr};

use keyfob_core::schema::RegistryBuilder;
use keyfob_engine::DynStore;
use keyfob_store_memory::MemoryStore;
use keyfob_store_sqlite::{OpenError, Options, SqliteStore};

use crate::Unusable;

/// A store, named by a URL.
#[derive(Clone, Debug)]
pub(crate) enum StoreUrl {
    /// `memory:`
    Memory,
    /// `sqlite:PATH`
    Sqlite(PathBuf),
}

impl StoreUrl {
    /// Opens the store; a SQLite database is created on first use.
    pub(crate) fn open_or_create(&self) -> Result<DynStore, Unusable> {
        self.open_with(Options::new())
    }

    /// Opens a store that has to be there, and to be there after the command, too.
    pub(crate) fn open(&self) -> Result<DynStore, Unusable> {
        self.demand_file()?;
        self.open_with(Options::new().without_creation())
    }

    /// Refuses a store that ends with the process: administrators would change nothing.
    pub(crate) fn demand_file(&self) -> Result<(), Unusable> {
        match self {
            Self::Memory => Err(Unusable::new(
                "`memory:` is empty and ends with the command; give the store of a server, as in `sqlite:PATH`",
            )),
            Self::Sqlite(_) => Ok(()),
        }
    }

    fn open_with(&self, options: Options) -> Result<DynStore, Unusable> {
        let path = match self {
            Self::Memory => return Ok(DynStore::new(MemoryStore::new())),
            Self::Sqlite(path) => path,
        };
        // Every profile's types, as which organization has which is known when the store is open.
        let registry = keyfob_access::register(RegistryBuilder::verkada()).build()?;
        match SqliteStore::open_with(path, &registry, options) {
            Ok(store) => Ok(DynStore::new(store)),
            Err(OpenError::Missing { .. }) => Err(Unusable::new(format!(
                "there is no store `{}`; `keyfob serve` creates one, and so does `keyfob admin org create NAME --create`",
                path.display()
            ))),
            Err(error) => Err(Unusable::new(format!(
                "cannot open `{}`: {}",
                path.display(),
                Unusable::from(error).message()
            ))),
        }
    }
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
            _ => Err("a store is `sqlite:PATH` or `memory:`".into()),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}
