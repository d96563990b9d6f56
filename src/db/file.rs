//! Whether the SQLite file that is open is still the one at its path. SQLite itself does not notice: it goes on with a
//! file that was removed, replaced or emptied, and whatever it writes there is lost.

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

/// How old the finding may be that a read goes by, in milliseconds. A write is held against the file itself.
const FRESH: u64 = 20;

/// What a file is known by while it is open, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// A file that was opened.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    identity: Identity,
    /// Of the database file, the greatest length that it was seen to have. It becomes shorter by nothing that this
    /// program does, but by `VACUUM`: a shorter one was emptied, or overwritten by an earlier copy. The write-ahead log
    /// may be cut.
    longest: Option<AtomicU64>,
}

impl Watched {
    fn open(path: PathBuf, grows: bool) -> io::Result<Self> {
        let found = fs::metadata(&path)?;
        let identity = Identity::of(&found);
        Ok(Self { path, identity, longest: grows.then(|| AtomicU64::new(found.len())) })
    }

    /// Whether it is the file that was opened, and whole as far as its length says.
    fn is_same(&self) -> bool {
        // Before the file is looked at: it may grow meanwhile, and others see that first.
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
        // Elsewhere an open file cannot be removed or replaced.
        #[cfg(not(unix))]
        let (device, inode) = (0, u64::from(found.is_file()));
        Self { device, inode }
    }
}

/// The database file and its write-ahead log, as they were opened.
#[derive(Debug)]
pub struct DatabaseFile {
    files: Vec<Watched>,
    began: Instant,
    /// When it was last looked at, in milliseconds since it was opened, and what was found.
    checked: AtomicU64,
    missing: AtomicBool,
}

impl DatabaseFile {
    /// Remembers the files at this path; a connection to them must be open, and have read.
    pub fn opened(path: &str) -> Result<Arc<Self>> {
        let file =
            Watched::open(path.into(), true).map_err(|error| ApiError::unavailable(format!("{path}: {error}")))?;
        let log = Watched::open(format!("{path}-wal").into(), false).ok();
        let files = std::iter::once(file).chain(log).collect();
        Ok(Arc::new(Self { files, began: Instant::now(), checked: AtomicU64::new(0), missing: AtomicBool::new(false) }))
    }

    /// Looks at the files. 503 where one is gone, is another, or was cut.
    pub fn check(&self) -> Result<()> {
        let wrong = self.files.iter().find(|file| !file.is_same());
        self.checked.store(self.now(), Ordering::Relaxed);
        let (missing, outcome) = (wrong.is_some(), Self::outcome(wrong.is_some()));
        if self.missing.swap(missing, Ordering::Relaxed) != missing {
            match wrong {
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

    /// The same, going by what was found some milliseconds ago; but whether a file that was gone is back is looked at
    /// each time.
    pub fn check_lately(&self) -> Result<()> {
        let fresh = self.now().saturating_sub(self.checked.load(Ordering::Relaxed)) < FRESH;
        if fresh && !self.missing.load(Ordering::Relaxed) { Ok(()) } else { self.check() }
    }

    fn outcome(missing: bool) -> Result<()> {
        if missing { Err(ApiError::unavailable("the database file is gone, was replaced or was cut")) } else { Ok(()) }
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
        // The file itself, emptied, and whole again; the log is cut by SQLite itself.
        for (name, text, is_same) in
            [("a.db", "", false), ("a.db", "on", false), ("a.db", "one", true), ("a.db-wal", "", true)]
        {
            fs::write(at(name), text).unwrap();
            assert_eq!(file.check().is_ok(), is_same, "{name}: {text}");
        }
        // What has grown stays so long.
        fs::write(at("a.db"), "one and more").unwrap();
        file.check().unwrap();
        fs::write(at("a.db"), "one").unwrap();
        assert!(file.check().is_err());
    }
}
