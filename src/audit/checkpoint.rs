//! Signed checkpoints (LG-03): the head of each chain at a time, stored in a file beside the database and written to
//! the log. They reveal a chain whose last entries were deleted or that was rehashed.

use super::chain::{self, hex};
use crate::{
    auth::{OrganizationId, token::Keys},
    db::{Conn, Db},
    error::{ApiError, Result},
    types::Instant,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    io::Write as _,
    path::PathBuf,
    sync::Arc,
};

/// One line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checkpoint {
    pub organization: OrganizationId,
    /// The number and the hash of the chain's last entry.
    pub sequence: i64,
    pub hash: String,
    pub at: Instant,
    /// Ed25519 over the members above, with the key that signed the access tokens at that time.
    pub signature: String,
}

fn signed_text(organization: OrganizationId, sequence: i64, hash: &str, at: Instant) -> String {
    format!("alongside checkpoint\n{organization}\n{sequence}\n{hash}\n{}", at.micros() / 1_000)
}

/// Appends checkpoints to a file.
pub struct CheckpointWriter {
    keys: Arc<Keys>,
    file: PathBuf,
    /// The last number of each chain in a checkpoint: a chain that has not grown needs no new one.
    last: BTreeMap<OrganizationId, i64>,
}

impl CheckpointWriter {
    pub fn new(keys: Arc<Keys>, file: PathBuf) -> Self {
        Self { keys, file, last: BTreeMap::new() }
    }

    /// Writes a checkpoint for every chain that has grown. The copy in the log goes wherever the log is sent, so it can
    /// survive the loss of this machine.
    pub async fn write(&mut self, db: &Db) -> Result<()> {
        // It runs as a write, which ends when everything that it has read is on the disk: a checkpoint must not cover
        // entries that a crash could still lose.
        let heads = db.maintain(chain::heads).await?;
        let at = Instant::now();
        // The last line of the file may be incomplete, so the text starts with a line break.
        let (mut lines, mut written) = (String::from("\n"), Vec::new());
        for (organization, sequence, hash) in heads {
            if self.last.get(&organization) == Some(&sequence) {
                continue;
            }
            written.push((organization, sequence));
            let hash = hex(&hash);
            let signature = self.keys.sign(signed_text(organization, sequence, &hash, at).as_bytes());
            tracing::info!(%organization, sequence, hash, at = at.micros() / 1_000, signature, "checkpoint");
            let line = Checkpoint { organization, sequence, hash, at, signature };
            lines.push_str(&serde_json::to_string(&line).map_err(ApiError::internal)?);
            lines.push('\n');
        }
        if written.is_empty() {
            return Ok(());
        }
        let file = self.file.clone();
        let append = move || {
            let mut options = OpenOptions::new();
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.create(true).append(true).open(file)?;
            let before = file.metadata()?.len();
            file.write_all(lines.as_bytes()).and_then(|()| file.sync_all()).inspect_err(|_| {
                // The disk is full: without this, `verify` would report half a line from now on.
                drop(file.set_len(before));
            })
        };
        actix_web::web::block(append).await.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
        self.last.extend(written);
        Ok(())
    }
}

/// The start of each line. It identifies a line that was written incompletely.
const LINE_START: &str = "{\"organization\":";
/// A chain whose first entry is more than this many seconds older than the newest checkpoint must have a checkpoint of
/// its own, because each run writes the checkpoints of all chains.
const TOLERANCE_SECONDS: i64 = 60;

/// The file of the checkpoints and its contents when it was read.
#[derive(Debug)]
pub struct Checkpoints {
    file: PathBuf,
    text: String,
}

impl Checkpoints {
    /// Call it before the database is read: a running server adds a checkpoint of what it has just written.
    pub fn read(file: PathBuf) -> std::io::Result<Self> {
        let bytes = match std::fs::read(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        Ok(Self { file, text: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

/// Compares every checkpoint of a file with the chains. Returns a summary with the number of matching checkpoints, and
/// one message for each that does not match, cannot be read, or is missing. A chain with entries must have a checkpoint
/// unless it is newer than all checkpoints. Without keys no signature can be verified, so no checkpoint matches. A
/// missing file counts as an empty one.
///
/// An unreadable line is accepted if it was cut off, by a kill or a power failure, directly before a valid line.
pub fn verify(conn: &mut Conn, keys: Option<&Keys>, checkpoints: &Checkpoints) -> Result<(String, Vec<String>)> {
    let Checkpoints { file, text } = checkpoints;
    let (mut matching, mut unread, mut found) = (0, 0, Vec::new());
    let (mut with_checkpoint, mut newest) = (BTreeSet::new(), None);
    let mut incomplete: Option<String> = None;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let describe = |what: &str| format!("checkpoint {} of {}: {what}", index + 1, file.display());
        let before = incomplete.take();
        let Ok(Checkpoint { organization, sequence, hash, at, signature }) = serde_json::from_str(line) else {
            unread += 1;
            found.extend(before);
            let fault = describe("it cannot be read");
            if line.starts_with(LINE_START) && !line.ends_with('}') {
                incomplete = Some(fault);
            } else {
                found.push(fault);
            }
            continue;
        };
        if !keys.is_some_and(|keys| {
            keys.has_signed(signed_text(organization, sequence, &hash, at).as_bytes(), &signature, at)
        }) {
            found.extend(before);
            found.push(describe("it was not signed with any of these keys"));
            continue;
        }
        newest = newest.max(Some(at));
        with_checkpoint.insert(organization);
        match chain::hash_at(conn, organization, sequence)? {
            Some(present) if hex(&present) == hash => matching += 1,
            Some(_) => found.push(describe(&format!(
                "entry {sequence} of organization {organization} is not the one that stood there"
            ))),
            None => found.push(describe(&format!("entry {sequence} of organization {organization} is missing"))),
        }
    }
    found.extend(incomplete);
    for (organization, entries, _) in chain::heads(conn)? {
        let Some(first_entry_at) =
            chain::first_entry_at(conn, organization)?.filter(|_| !with_checkpoint.contains(&organization))
        else {
            continue;
        };
        if newest.is_none_or(|newest| newest > first_entry_at.plus_seconds(TOLERANCE_SECONDS)) {
            found.push(format!(
                "organization {organization}: {entries} entries and no checkpoint in {}, so a tail that was cut off cannot be found (a server \
                 that runs makes one; --without-checkpoints says that there is none, or that it is lost)",
                file.display()
            ));
        }
    }
    Ok((format!("{matching} checkpoints are met, {unread} lines cannot be read: {}", file.display()), found))
}
