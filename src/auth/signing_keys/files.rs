//! The files of the signing keys.

use crate::types::Instant;
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The key of an installation from before there could be several keys. It signs from the beginning.
pub const FIRST: &str = "signing-key.pkcs8";
/// The folder of the other keys. Each file is named by the time from which it signs: `20261126T053000.000Z-KID.pkcs8`.
/// A retired key is named by the time at which it was retired: `20261126T053000.000Z-KID.retired`.
pub const FOLDER: &str = "signing-keys";
const NAMED_BY: &str = "%Y%m%dT%H%M%S%.3fZ";
/// A key has 48 bytes, or 83 with its public half.
const MAX_FILE_BYTES: u64 = 1024;
pub fn name(at: Instant, kid: &str, kind: &str) -> String {
    format!("{}-{kid}.{kind}", at.jiff().strftime(NAMED_BY))
}

/// The time in a file's name.
pub fn time_in_name(file: &Path) -> Option<Instant> {
    let (moment, _) = file.file_name()?.to_str()?.split_once('-')?;
    let at = jiff::civil::DateTime::strptime(NAMED_BY, moment).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(at).ok().map(|at| Instant::from_micros(at.as_microsecond()))
}

/// The files of one kind, without those that are being written (`.new-…`).
pub fn files(data_dir: &Path, kind: &str) -> Result<Vec<PathBuf>, String> {
    let first = data_dir.join(FIRST);
    let mut found: Vec<PathBuf> = (kind == "pkcs8" && first.exists()).then_some(first).into_iter().collect();
    found.extend(files_in(&data_dir.join(FOLDER), kind)?);
    Ok(found)
}

/// The same for one folder. A folder that does not exist has no files.
pub fn files_in(folder: &Path, kind: &str) -> Result<Vec<PathBuf>, String> {
    let failed = |e: io::Error| format!("keys {}: {e}", folder.display());
    let mut found = Vec::new();
    match fs::metadata(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(e) => return Err(failed(e)),
        Ok(metadata) if shared(&metadata, 0o022) => {
            return Err(format!("keys {}: others may put keys into it: set its mode to 0700", folder.display()));
        }
        Ok(_) => {}
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == kind) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Reads a small file that grants no other user any of the permissions in `forbidden`.
pub fn read_small(file: &Path, forbidden: u32) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(file).map_err(|e| format!("cannot be read: {e}"))?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Err("is no key".into());
    }
    if shared(&metadata, forbidden) {
        return Err("others may read or change it: set its mode to 0600".into());
    }
    fs::read(file).map_err(|e| format!("cannot be read: {e}"))
}

/// Whether the mode grants group or others one of these permissions.
pub fn shared(metadata: &fs::Metadata, forbidden: u32) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & forbidden != 0;
    #[cfg(not(unix))]
    return (metadata, forbidden).1 == 0;
}

/// Refuses a folder that belongs to another user, such as root. The server could not read a new key in it and would
/// continue with the old ones.
fn ours(folder: &Path) -> Result<(), String> {
    #[cfg(unix)]
    {
        let owner = fs::metadata(folder).map(|found| std::os::unix::fs::MetadataExt::uid(&found));
        let owner = owner.map_err(|e| format!("{}: {e}", folder.display()))?;
        if owner != rustix::process::geteuid().as_raw() {
            return Err(format!("{} is another user's: do this as whoever the server runs as", folder.display()));
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Writes a file into the folder atomically, readable by its owner only.
pub fn write(data_dir: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
    write_in(data_dir, FOLDER, name, bytes)
}

/// The same for another folder of keys in `data_dir`.
pub fn write_in(data_dir: &Path, folder: &str, name: &str, bytes: &[u8]) -> Result<(), String> {
    let folder = data_dir.join(folder);
    ours(if folder.exists() { &folder } else { data_dir })?;
    let (made, file) = (folder.join(format!(".new-{name}")), folder.join(name));
    let write = || {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&folder) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut new = options.open(&made)?;
        new.write_all(bytes)?;
        new.sync_all()?;
        fs::rename(&made, &file)?;
        #[cfg(unix)]
        fs::File::open(&folder)?.sync_all()?;
        Ok(())
    };
    write().map_err(|e: io::Error| format!("{}: {e}", file.display()))
}
