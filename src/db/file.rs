//! Whether the SQLite file that is open is still the one at its path. SQLite itself does not notice: it goes on with a file that was
//! removed or replaced, and whatever it writes there is gone when the process ends.

use crate::error::{ApiError, Result};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

/// How old the finding may be that a read goes by, in milliseconds. A write is held against the file itself.
const FRESH: u64 = 20;

/// What a file is known by while it is open, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        #[cfg(unix)]
        let (device, inode) = {
            use std::os::unix::fs::MetadataExt as _;
            (found.dev(), found.ino())
        };
        // Elsewhere an open file cannot be removed or replaced.
        #[cfg(not(unix))]
        let (device, inode) = (0, u64::from(found.is_file()));
        Ok(Self { device, inode })
    }
}

/// The database file and its write-ahead log, as they were opened.
#[derive(Debug)]
pub struct DatabaseFile {
    files: Vec<(PathBuf, Identity)>,
    began: Instant,
    /// When it was last looked at, in milliseconds since it was opened, and what was found.
    checked: AtomicU64,
    missing: AtomicBool,
}

impl DatabaseFile {
    /// Remembers the files at this path; a connection to them must be open, and have read.
    pub fn opened(path: &str) -> Result<Arc<Self>> {
        let path = PathBuf::from(path);
        let identity = Identity::of(&path).map_err(|error| ApiError::unavailable(format!("{}: {error}", path.display())))?;
        let log = PathBuf::from(format!("{}-wal", path.display()));
        let log = Identity::of(&log).ok().map(|identity| (log, identity));
        let files = std::iter::once((path, identity)).chain(log).collect();
        Ok(Arc::new(Self { files, began: Instant::now(), checked: AtomicU64::new(0), missing: AtomicBool::new(false) }))
    }

    /// Looks at the files. 503 where one is gone or is another.
    pub fn check(&self) -> Result<()> {
        let wrong = self.files.iter().find(|(path, identity)| Identity::of(path).ok() != Some(*identity));
        self.checked.store(self.now(), Ordering::Relaxed);
        let missing = wrong.is_some();
        if self.missing.swap(missing, Ordering::Relaxed) != missing {
            match wrong {
                Some((path, _)) => {
                    tracing::error!(path = %path.display(), "the database file is gone, or is another one: nothing is answered from it")
                }
                None => tracing::info!("the database file is back"),
            }
        }
        self.outcome()
    }

    /// The same, going by what was found some milliseconds ago; but whether a file that was gone is back is looked at each time.
    pub fn check_lately(&self) -> Result<()> {
        let fresh = self.now().saturating_sub(self.checked.load(Ordering::Relaxed)) < FRESH;
        if fresh && !self.missing.load(Ordering::Relaxed) { Ok(()) } else { self.check() }
    }

    fn outcome(&self) -> Result<()> {
        if self.missing.load(Ordering::Relaxed) {
            return Err(ApiError::unavailable("the database file is gone, or is another one"));
        }
        Ok(())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Whether there is no file, or nothing in it.
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
    fn a_file_that_is_gone_or_another_is_noticed_and_so_is_its_return() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.db"), "one").unwrap();
        fs::write(at("a.db-wal"), "log").unwrap();
        let file = DatabaseFile::opened(at("a.db").to_str().unwrap()).unwrap();
        file.check().unwrap();
        for name in ["a.db", "a.db-wal"] {
            fs::rename(at(name), at("away")).unwrap();
            assert!(file.check().is_err() && file.check_lately().is_err(), "{name} is gone");
            fs::write(at(name), "another").unwrap();
            assert!(file.check().is_err(), "{name} is another");
            fs::rename(at("away"), at(name)).unwrap();
            file.check().unwrap();
            file.check_lately().unwrap();
        }
    }
}
