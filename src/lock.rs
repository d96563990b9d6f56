//! A lock on a folder between processes, for work that must be done only once although several servers start at the
//! same time.

use std::{fs::File, io, path::Path};

/// The lock is held until it is dropped or its process ends.
#[derive(Debug)]
pub struct FolderLock {
    _folder: Option<File>,
}

impl FolderLock {
    /// Waits until no other process holds the lock. Nothing is written: the lock is on the folder itself. If the file
    /// system or the operating system does not support such locks, this excludes nobody.
    ///
    /// # Errors
    /// If the folder cannot be opened.
    pub fn take(folder: &Path) -> io::Result<Self> {
        if cfg!(not(unix)) {
            return Ok(Self { _folder: None });
        }
        let folder = File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
        if let Err(error) = folder.lock() {
            tracing::debug!(%error, "the folder cannot be locked");
        }
        Ok(Self { _folder: Some(folder) })
    }
}
