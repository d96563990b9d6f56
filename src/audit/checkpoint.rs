//! Signed checkpoints (LG-03): where each chain stood, and when, kept beside the database and told to the log. Whoever takes entries away
//! from a chain's end, or hashes it all anew, contradicts them.

use super::chain::{self, hex};
use crate::{
    auth::{OrganizationId, token::Keys},
    db::{Conn, Db},
    error::{ApiError, Result},
    types::Instant,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checkpoint {
    pub organization: OrganizationId,
    /// The number and the hash of the chain's last entry.
    pub sequence: i64,
    pub hash: String,
    pub at: Instant,
    /// Ed25519, over the members above, by the key that signed the access tokens then.
    pub signature: String,
}

fn signed_words(organization: OrganizationId, sequence: i64, hash: &str, at: Instant) -> String {
    format!("alongside checkpoint\n{organization}\n{sequence}\n{hash}\n{}", at.micros() / 1_000)
}

/// Appends checkpoints to a file.
pub struct Sealer {
    keys: Arc<Keys>,
    file: PathBuf,
    /// The last of each chain: one that has not grown needs no other.
    last: BTreeMap<OrganizationId, i64>,
}

impl Sealer {
    pub fn new(keys: Arc<Keys>, file: PathBuf) -> Self {
        Self { keys, file, last: BTreeMap::new() }
    }

    /// Seals every chain that has grown since. What is told to the log goes where the log goes, and so may outlive this machine.
    pub async fn seal(&mut self, db: &Db) -> Result<()> {
        // As a write, which ends when all that it has seen is on the disk: nothing is sealed that a crash could still take back.
        let heads = db.maintain(chain::heads).await?;
        let at = Instant::now();
        // The file may end in a line that was broken off: the first of these begins a new one.
        let (mut lines, mut sealed) = (String::from("\n"), Vec::new());
        for (organization, sequence, hash) in heads {
            if self.last.get(&organization) == Some(&sequence) {
                continue;
            }
            sealed.push((organization, sequence));
            let hash = hex(&hash);
            let signature = self.keys.sign(signed_words(organization, sequence, &hash, at).as_bytes());
            tracing::info!(%organization, sequence, hash, at = at.micros() / 1_000, signature, "checkpoint");
            let line = Checkpoint { organization, sequence, hash, at, signature };
            lines.push_str(&serde_json::to_string(&line).map_err(ApiError::internal)?);
            lines.push('\n');
        }
        if sealed.is_empty() {
            return Ok(());
        }
        let file = self.file.clone();
        let append = move || {
            let mut options = OpenOptions::new();
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.create(true).append(true).open(file)?;
            file.write_all(lines.as_bytes())?;
            file.sync_all()
        };
        actix_web::web::block(append).await.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
        self.last.extend(sealed);
        Ok(())
    }
}

/// Holds every checkpoint of a file against the chains: a line that says how many there are, and one for each that is not met.
pub fn contradictions(conn: &mut Conn, keys: &Keys, file: &Path) -> Result<(String, Vec<String>)> {
    let bytes = std::fs::read(file).map_err(ApiError::internal)?;
    let text = String::from_utf8_lossy(&bytes);
    let (mut met, mut unread, mut found) = (0, 0, Vec::new());
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let told = |what: &str| format!("checkpoint {} of {}: {what}", place + 1, file.display());
        // One that was broken off, by a full disk or a kill, says nothing; its chain is sealed anew when the server comes back.
        let Ok(Checkpoint { organization, sequence, hash, at, signature }) = serde_json::from_str(line) else {
            unread += 1;
            continue;
        };
        if !keys.has_signed(signed_words(organization, sequence, &hash, at).as_bytes(), &signature, at) {
            found.push(told("it was not signed with any of these keys"));
            continue;
        }
        match chain::hash_at(conn, organization, sequence)? {
            Some(present) if hex(&present) == hash => met += 1,
            Some(_) => found.push(told(&format!("entry {sequence} of organization {organization} is not the one that stood there"))),
            None => found.push(told(&format!("entry {sequence} of organization {organization} is missing"))),
        }
    }
    Ok((format!("{met} checkpoints are met, {unread} lines cannot be read: {}", file.display()), found))
}
