//! Where an export is written: standard output, or a file that has its name only when it is complete.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

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
    file: File,
    path: PathBuf,
    name: PathBuf,
    is_finished: bool,
}

impl Unfinished {
    /// Creates the file for its owner alone, beside the one that it is going to be.
    fn create(name: &Path) -> Result<Self, Unusable> {
        demand_free(name)?;
        let mut path = name.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => Ok(Self {
                file,
                path,
                name: name.into(),
                is_finished: false,
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&path)),
            Err(error) => Err(unwritable(&path, &error)),
        }
    }

    fn failed(&self, error: &io::Error) -> Unusable {
        unwritable(&self.name, error)
    }

    fn finish(mut self) -> Result<(), Unusable> {
        self.file.sync_all().map_err(|error| self.failed(&error))?;
        demand_free(&self.name)?;
        fs::rename(&self.path, &self.name).map_err(|error| self.failed(&error))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            fs::remove_file(&self.path).ok();
        }
    }
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
