//! Only the owner may access the SQLite file and the files that SQLite creates beside it, because they contain all
//! data.

use std::path::Path;

/// Refuses a file that others can read or write. If there is no file and `may_create` is set, creates an empty one that
/// only the owner can access.
///
/// # Errors
/// One line with the command that fixes the mode.
#[cfg(unix)]
pub fn keep_private(path: &str, may_create: bool) -> Result<(), String> {
    use std::{fs::OpenOptions, io::ErrorKind, os::unix::fs::OpenOptionsExt as _, os::unix::fs::PermissionsExt as _};
    // SQLite would create the file with the mode that the umask gives. It creates the files beside it with the mode of
    // the file.
    let make = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match may_create.then(make).transpose() {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(format!("{path}: {error}")),
    }
    for beside in ["", "-wal", "-shm", "-journal"] {
        let name = format!("{path}{beside}");
        let Ok(found) = std::fs::metadata(Path::new(&name)) else { continue };
        let mode = found.permissions().mode() & 0o777;
        if found.is_file() && mode & 0o077 != 0 {
            return Err(format!("{name} can be read or written by others (mode {mode:04o}): run `chmod 600 {name}`"));
        }
    }
    Ok(())
}

/// These systems have no file modes.
#[cfg(not(unix))]
pub fn keep_private(_: &str, _: bool) -> Result<(), String> {
    Ok(())
}
