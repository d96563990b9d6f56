//! Checks whether the open SQLite file is still the one at its path. SQLite itself does not notice if the file was
//! removed, replaced or truncated: it continues with it, and everything that it writes there is lost.

use crate::error::{ApiError, Result};
use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

/// The greatest age, in milliseconds, of a check that a read relies on. A write always checks the file itself.
const MAX_CHECK_AGE_MS: u64 = 20;

/// Identifies a file while it is open, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// An open file that is checked.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    identity: Identity,
    /// For the database file, the greatest length seen so far. Nothing in this program shortens it except `VACUUM`, so
    /// a shorter file was truncated or overwritten by an earlier copy. SQLite may truncate the write-ahead log, so its
    /// length is not checked.
    longest: Option<AtomicU64>,
}

impl Watched {
    fn open(path: PathBuf, grows: bool) -> io::Result<Self> {
        let found = fs::metadata(&path)?;
        let identity = Identity::of(&found);
        Ok(Self { path, identity, longest: grows.then(|| AtomicU64::new(found.len())) })
    }

    /// Whether the file is the one that was opened and is not shorter than before.
    fn is_same(&self) -> bool {
        // Read before the file's metadata: the file may grow in between, and another thread may record the greater
        // length first.
        let longest = self.longest.as_ref().map_or(0, |longest| longest.load(Ordering::SeqCst));
        let Ok(found) = fs::metadata(&self.path) else { return false };
        if Identity::of(&found) != self.identity || found.len() < longest {
            return false;
        }
        if let Some(longest) = &self.longest {
            longest.fetch_max(found.len(), Ordering::SeqCst);
        }
        true
    }
}

impl Identity {
    fn of(found: &fs::Metadata) -> Self {
        #[cfg(unix)]
        let (device, inode) = {
            use std::os::unix::fs::MetadataExt as _;
            (found.dev(), found.ino())
        };
        // On other systems an open file cannot be removed or replaced.
        #[cfg(not(unix))]
        let (device, inode) = (0, u64::from(found.is_file()));
        Self { device, inode }
    }
}

/// The database file and its write-ahead log, as they were opened.
#[derive(Debug)]
pub struct DatabaseFile {
    files: Vec<Watched>,
    opened_at: Instant,
    /// The time of the last check in milliseconds since the file was opened. `missing` holds its result.
    checked: AtomicU64,
    missing: AtomicBool,
}

impl DatabaseFile {
    /// Records the files at this path. A connection to them must be open and must have read.
    pub fn opened(path: &str) -> Result<Arc<Self>> {
        let file =
            Watched::open(path.into(), true).map_err(|error| ApiError::unavailable(format!("{path}: {error}")))?;
        let log = Watched::open(format!("{path}-wal").into(), false).ok();
        let files = std::iter::once(file).chain(log).collect();
        Ok(Arc::new(Self {
            files,
            opened_at: Instant::now(),
            checked: AtomicU64::new(0),
            missing: AtomicBool::new(false),
        }))
    }

    /// Checks the files. 503 if one is missing, was replaced or was truncated.
    pub fn check(&self) -> Result<()> {
        let changed = self.files.iter().find(|file| !file.is_same());
        self.checked.store(self.now(), Ordering::Relaxed);
        let (missing, outcome) = (changed.is_some(), Self::outcome(changed.is_some()));
        if self.missing.swap(missing, Ordering::Relaxed) != missing {
            match changed {
                Some(file) => {
                    let path = file.path.display();
                    tracing::error!(%path, "the database file is gone, was replaced or was cut: nothing is answered \
                         from it");
                }
                None => tracing::info!("the database file is back"),
            }
        }
        outcome
    }

    /// Like `check`, but relies on a check that is some milliseconds old. While a file is missing, it checks every time
    /// whether the file is back.
    pub fn check_recent(&self) -> Result<()> {
        let is_recent = self.now().saturating_sub(self.checked.load(Ordering::Relaxed)) < MAX_CHECK_AGE_MS;
        if is_recent && !self.missing.load(Ordering::Relaxed) { Ok(()) } else { self.check() }
    }

    fn outcome(missing: bool) -> Result<()> {
        if missing { Err(ApiError::unavailable("the database file is gone, was replaced or was cut")) } else { Ok(()) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened_at.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Whether the file is missing or empty.
pub fn is_empty(path: &str) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(found) => Ok(found.len() == 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn missing_or_replaced_file_and_its_return_are_detected() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.db"), "one").unwrap();
        fs::write(at("a.db-wal"), "log").unwrap();
        let file = DatabaseFile::opened(at("a.db").to_str().unwrap()).unwrap();
        file.check().unwrap();
        for name in ["a.db", "a.db-wal"] {
            fs::rename(at(name), at("away")).unwrap();
            assert!(file.check().is_err() && file.check_recent().is_err(), "{name} is gone");
            fs::write(at(name), "another").unwrap();
            assert!(file.check().is_err(), "{name} is another");
            fs::rename(at("away"), at(name)).unwrap();
            file.check().unwrap();
            file.check_recent().unwrap();
        }
        // The file itself, truncated and then whole again. SQLite itself truncates the log.
        for (name, text, is_same) in
            [("a.db", "", false), ("a.db", "on", false), ("a.db", "one", true), ("a.db-wal", "", true)]
        {
            fs::write(at(name), text).unwrap();
            assert_eq!(file.check().is_ok(), is_same, "{name}: {text}");
        }
        // After the file has grown, the greater length is required.
        fs::write(at("a.db"), "one and more").unwrap();
        file.check().unwrap();
        fs::write(at("a.db"), "one").unwrap();
        assert!(file.check().is_err());
    }
}
