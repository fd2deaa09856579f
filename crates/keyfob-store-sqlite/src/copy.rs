//! Copies of a database: made while servers write to it, checked, and put in its place.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use crate::{error::OpenError, open};

/// Why a database can't be copied or checked. Nothing is left of what was begun.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The database can't be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is a file where the copy is to be. It was left as it is.
    #[error("there is a file `{}` already; it was left as it is", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The copy can't be written.
    #[error("`{}` can't be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite can't copy or check the database.
    #[error("`{}` can't be copied or checked", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The database is damaged.
    #[error("`{}` is damaged: {}", path.display(), faults.join("; "))]
    Damaged {
        /// The database.
        path: PathBuf,
        /// The first of the faults, in SQLite's words.
        faults: Vec<String>,
    },
}

/// Copies a database into a new file that its owner alone may read, as it is at one instant and without what was deleted.
/// Servers may go on writing to it. The copy is checked before it has its name.
///
/// # Errors
/// [`CopyError`]; no file is left then.
pub fn backup(database: &Path, copy: &Path) -> Result<(), CopyError> {
    demand_free(copy)?;
    let connection = open::existing(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let made = Unfinished::create(copy)?;
    let name = made.path.to_string_lossy();
    connection
        .execute("VACUUM INTO ?1", [&*name])
        .map_err(|source| CopyError::Database {
            path: database.into(),
            source,
        })?;
    demand_whole(&made.path)?;
    made.finish(copy)
}

/// Puts a copy that [`backup`] has made where a database is to be. Where there is one, or where one has left files, nothing is
/// done.
///
/// # Errors
/// [`CopyError`]; no file is left then.
pub fn restore(copy: &Path, database: &Path) -> Result<(), CopyError> {
    for path in [
        database.to_owned(),
        beside(database, "-wal"),
        beside(database, "-shm"),
    ] {
        demand_free(&path)?;
    }
    drop(open::existing(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?);
    demand_whole(copy)?;
    let mut made = Unfinished::create(database)?;
    let mut source = File::open(copy).map_err(|error| made.failed(error))?;
    io::copy(&mut source, &mut made.file).map_err(|error| made.failed(error))?;
    made.finish(database)
}

/// Checks the file of a database: its pages, its indexes, and that what rows point at is there. Returns the faults, the first
/// hundred at most, in SQLite's words.
///
/// # Errors
/// [`CopyError`] where it can't be checked.
pub fn integrity(database: &Path) -> Result<Vec<String>, CopyError> {
    let connection = open::existing(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    faults(&connection).map_err(|source| CopyError::Database {
        path: database.into(),
        source,
    })
}

fn faults(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check(100)")?;
    let faults = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut faults = faults.collect::<rusqlite::Result<Vec<_>>>()?;
    faults.retain(|fault| fault != "ok");
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let orphans = statement.query_map([], |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        Ok(format!(
            "a row of `{table}` points at a row of `{parent}` that isn't there"
        ))
    })?;
    for orphan in orphans.take(100_usize.saturating_sub(faults.len())) {
        faults.push(orphan?);
    }
    Ok(faults)
}

fn demand_whole(path: &Path) -> Result<(), CopyError> {
    let failed = |source| CopyError::Database {
        path: path.into(),
        source,
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    match faults(&connection).map_err(failed)? {
        faults if faults.is_empty() => Ok(()),
        faults => Err(CopyError::Damaged {
            path: path.into(),
            faults,
        }),
    }
}

fn demand_free(path: &Path) -> Result<(), CopyError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(CopyError::Write {
            path: path.into(),
            source,
        }),
        Ok(_) => Err(CopyError::Exists { path: path.into() }),
    }
}

/// The path of a file beside another.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A file without its name yet, which goes if it never gets one.
struct Unfinished {
    path: PathBuf,
    file: File,
    is_finished: bool,
}

impl Unfinished {
    /// Creates the file, for its owner alone, beside the one that it is going to be.
    fn create(path: &Path) -> Result<Self, CopyError> {
        let path = beside(path, ".part");
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => Ok(Self {
                path,
                file,
                is_finished: false,
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(CopyError::Exists { path }),
            Err(source) => Err(CopyError::Write { path, source }),
        }
    }

    fn failed(&self, source: io::Error) -> CopyError {
        CopyError::Write {
            path: self.path.clone(),
            source,
        }
    }

    /// Gives the file its name once it is on the disk.
    fn finish(mut self, name: &Path) -> Result<(), CopyError> {
        self.file.sync_all().map_err(|error| self.failed(error))?;
        demand_free(name)?;
        fs::rename(&self.path, name).map_err(|error| self.failed(error))?;
        self.is_finished = true;
        let folder = name.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        folder.map_err(|error| self.failed(error))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            fs::remove_file(&self.path).ok();
        }
    }
}
