//! The SQLite file and what SQLite puts beside it are their owner's alone: there is everything in them.

use std::path::Path;

/// Refuses a file that others can read or write. Where there is none, and it may be made, makes an empty one for its
/// owner alone.
///
/// # Errors
/// One line, with the command that mends it.
#[cfg(unix)]
pub fn keep_private(path: &str, may_make: bool) -> Result<(), String> {
    use std::{fs::OpenOptions, io::ErrorKind, os::unix::fs::OpenOptionsExt as _, os::unix::fs::PermissionsExt as _};
    // SQLite would make it as the umask has it, and gives what it puts beside the file the same mode.
    let make = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match may_make.then(make).transpose() {
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

/// Where files have no such mode.
#[cfg(not(unix))]
pub fn keep_private(_: &str, _: bool) -> Result<(), String> {
    Ok(())
}
