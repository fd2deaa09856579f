//! The health of the server: its ability to do its work.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use keyfob_engine::{DynStore, Engine};
use tokio::{sync::Mutex, time::Instant};

/// A store that doesn't read and write within this time isn't ready.
const DEADLINE: Duration = Duration::from_secs(2);

/// For how long an outcome holds. Anybody may ask, and each look writes to the store.
const HOLDS: Duration = Duration::from_secs(1);

/// Looks whether the store reads, writes, and is the file that it was.
pub(super) struct Health {
    engine: Arc<Engine<DynStore>>,
    file: Option<DatabaseFile>,
    is_stopping: AtomicBool,
    last: Mutex<Option<(Instant, Result<(), Fault>)>>,
}

/// The reason for which a server isn't ready, in words for everybody: it names no path and holds no cause, which the log has.
pub(super) type Fault = &'static str;

impl Health {
    pub(super) fn new(engine: Arc<Engine<DynStore>>, file: Option<DatabaseFile>) -> Self {
        Self {
            engine,
            file,
            is_stopping: AtomicBool::new(false),
            last: Mutex::new(None),
        }
    }

    /// Says from now on that the server isn't ready.
    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Returns the reason for which the server isn't ready, if it isn't. Whoever asks while somebody looks gets the same
    /// answer.
    pub(super) async fn check(&self) -> Result<(), Fault> {
        if self.is_stopping.load(Ordering::Relaxed) {
            return Err("the server stops");
        }
        let mut last = self.last.lock().await;
        if let Some((at, outcome)) = *last
            && at.elapsed() < HOLDS
        {
            return outcome;
        }
        let outcome = self.look().await;
        let before = last.replace((Instant::now(), outcome));
        if let Some((_, Err(_))) = before
            && outcome.is_ok()
        {
            tracing::info!("the server is ready again");
        }
        outcome
    }

    async fn look(&self) -> Result<(), Fault> {
        if let Some(file) = &self.file
            && let Err(error) = file.check()
        {
            tracing::error!(database = %file.path.display(), %error, "the server is not ready");
            return Err(
                "the file of the database was removed or replaced; what is written now is lost: stop the server",
            );
        }
        let deadline = (Instant::now() + DEADLINE).into_std();
        match tokio::time::timeout(DEADLINE, self.engine.probe(deadline)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(cause = %causes(&error), "the server is not ready");
                Err("the store can't be read and written")
            }
            Err(_) => {
                tracing::error!("the server is not ready: the store took too long");
                Err("the store takes too long")
            }
        }
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The file of a database as it was when the server opened it.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl DatabaseFile {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }

    /// Checks that the path still leads to the file.
    fn check(&self) -> io::Result<()> {
        if identity(&self.path)? == self.identity {
            Ok(())
        } else {
            Err(io::Error::other("another file has its name"))
        }
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;

    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Elsewhere only a file that is gone is noticed.
#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|_| (0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_was_removed_or_replaced_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("scim.db"), folder.path().join("other.db"));
        fs::write(&path, "a").unwrap();
        let file = DatabaseFile::of(&path).unwrap();
        fs::write(&path, "more").unwrap();
        assert!(file.check().is_ok());
        fs::write(&other, "more").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(file.check().is_err());
        fs::remove_file(&path).unwrap();
        assert!(file.check().is_err());
    }
}
