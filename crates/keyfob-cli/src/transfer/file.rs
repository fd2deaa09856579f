//! Where an export is written: standard output, or a file that has its name only when it is complete.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::{Unusable, output};

/// The number of bytes that are collected before they are written.
const CHUNK: usize = 1 << 16;

/// The destination of an export.
pub(super) struct Destination {
    chunk: Vec<u8>,
    file: Option<Unfinished>,
}

impl Destination {
    /// Opens standard output for `-`, and otherwise begins a file, which must not exist.
    pub(super) fn create(path: &Path) -> Result<Self, Unusable> {
        let file = if path.as_os_str() == "-" {
            None
        } else {
            Some(Unfinished::create(path)?)
        };
        Ok(Self {
            chunk: Vec::with_capacity(CHUNK),
            file,
        })
    }

    /// Writes a line.
    pub(super) fn line(&mut self, text: &[u8]) -> Result<(), Unusable> {
        self.chunk.extend_from_slice(text);
        self.chunk.push(b'\n');
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Unusable> {
        match &mut self.file {
            Some(unfinished) => {
                let written = unfinished.file.write_all(&self.chunk);
                written.map_err(|error| unfinished.failed(&error))?;
            }
            None => output::json_lines(&self.chunk)?,
        }
        self.chunk.clear();
        Ok(())
    }

    /// Writes what is left, and gives the file its name once it is on the disk.
    pub(super) fn finish(mut self) -> Result<(), Unusable> {
        self.flush()?;
        self.file.map_or(Ok(()), Unfinished::finish)
    }
}

/// A file without its name yet, which is removed if it never gets one.
struct Unfinished {
    file: NamedTempFile,
    name: PathBuf,
}

impl Unfinished {
    /// Creates the file for its owner alone, beside the one that it is going to be.
    fn create(name: &Path) -> Result<Self, Unusable> {
        demand_free(name)?;
        let made = tempfile::Builder::new()
            .suffix(".part")
            .tempfile_in(folder_of(name));
        Ok(Self {
            file: made.map_err(|error| unwritable(name, &error))?,
            name: name.into(),
        })
    }

    fn failed(&self, error: &io::Error) -> Unusable {
        unwritable(&self.name, error)
    }

    fn finish(self) -> Result<(), Unusable> {
        let synced = self.file.as_file().sync_all();
        synced.map_err(|error| self.failed(&error))?;
        let Self { file, name } = self;
        match file.persist_noclobber(&name) {
            Ok(_) => sync(folder_of(&name)).map_err(|error| unwritable(&name, &error)),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&name)),
            Err(error) => Err(unwritable(&name, &error.error)),
        }
    }
}

fn folder_of(name: &Path) -> &Path {
    let folder = name.parent();
    folder
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Writes to the disk which files a folder has. Where folders can't be opened, the system does that by itself.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn demand_free(path: &Path) -> Result<(), Unusable> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unwritable(path, &error)),
        Ok(_) => Err(exists(path)),
    }
}

fn exists(path: &Path) -> Unusable {
    Unusable::new(format!(
        "there is a file `{}` already; it was left as it is",
        path.display()
    ))
}

fn unwritable(path: &Path, error: &io::Error) -> Unusable {
    Unusable::new(format!("`{}` can't be written: {error}", path.display()))
}
