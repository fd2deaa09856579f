//! Which store a URL names.

use std::{path::PathBuf, str::FromStr};

use keyfob_engine::DynStore;
use keyfob_store_memory::MemoryStore;
use keyfob_store_sqlite::SqliteStore;

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
    /// Opens the store; a SQLite database is made on first use.
    pub(crate) fn open(&self) -> Result<DynStore, Unusable> {
        Ok(match self {
            Self::Memory => DynStore::new(MemoryStore::new()),
            Self::Sqlite(path) => DynStore::new(SqliteStore::open(path).map_err(|error| {
                Unusable(format!(
                    "cannot open `{}`: {}",
                    path.display(),
                    Unusable::from(error).0
                ))
            })?),
        })
    }
}

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => Err("a store is `sqlite:PATH` or `memory:`".into()),
        }
    }
}
