//! Copies of a database: made while servers write to it, checked, and put in its place.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
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
    /// The copy can't be read.
    #[error("`{}` can't be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
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
    write_copy(&connection, database, copy)
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
    let connection = open::existing(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    demand_complete(copy)?;
    demand_whole(&connection, copy)?;
    write_copy(&connection, copy, database)
}

/// Writes what a connection sees of a database into a new file. SQLite does it: the file of a database that was in use has no
/// more than a part of it, and the rest is in the log beside it.
fn write_copy(connection: &Connection, database: &Path, copy: &Path) -> Result<(), CopyError> {
    let made = Unfinished::create(copy)?;
    // SQLite takes the path as text. A text that is like it would name another file, with the rights that files usually get.
    let Some(path) = made.path.to_str() else {
        return Err(made.failed(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path is no UTF-8",
        )));
    };
    connection
        .execute("VACUUM INTO ?1", [path])
        .map_err(|source| CopyError::Database {
            path: database.into(),
            source,
        })?;
    demand_whole(
        &open::existing(&made.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        &made.path,
    )?;
    made.finish(copy)
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

fn demand_whole(connection: &Connection, path: &Path) -> Result<(), CopyError> {
    let faults = faults(connection).map_err(|source| CopyError::Database {
        path: path.into(),
        source,
    })?;
    if faults.is_empty() {
        return Ok(());
    }
    Err(CopyError::Damaged {
        path: path.into(),
        faults,
    })
}

/// Refuses a file that ends before its last page does, as a copy that was cut off. SQLite reads the rest of that page as zeros.
fn demand_complete(path: &Path) -> Result<(), CopyError> {
    let mut header = [0; 100];
    let failed = |source| CopyError::Read {
        path: path.into(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    file.read_exact(&mut header).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    match length_of(&header) {
        Some(expected) if length < expected => Err(CopyError::Damaged {
            path: path.into(),
            faults: vec![format!("it ends after {length} of {expected} bytes")],
        }),
        _ => Ok(()),
    }
}

/// Returns the length of a database by its header (section 1.3 of SQLite's file format); none where the header doesn't say it.
fn length_of(header: &[u8; 100]) -> Option<u64> {
    let number = |start: usize| {
        let bytes = header.get(start..)?.first_chunk()?;
        Some(u32::from_be_bytes(*bytes))
    };
    // The number of pages holds for the change with which it was written.
    if number(24)? != number(92)? {
        return None;
    }
    let page_size = match u16::from_be_bytes(*header.get(16..)?.first_chunk()?) {
        1 => 65_536,
        size => u64::from(size),
    };
    Some(page_size * u64::from(number(28)?))
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
