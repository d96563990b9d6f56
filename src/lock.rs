//! A lock on a folder, between processes: for what must be done once although several servers start at the same moment.

use std::{fs::File, io, path::Path};

/// Held until it is dropped, or its process ends.
#[derive(Debug)]
pub struct FolderLock {
    _folder: Option<File>,
}

impl FolderLock {
    /// Waits until no other process holds the folder. Nothing is written: the lock is on the folder itself. Where the
    /// file system or the system knows no such lock, nobody is kept out.
    ///
    /// # Errors
    /// Where the folder cannot be opened.
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
