//! Outgoing mail: through SMTP, or as `.eml` files in a folder. Separate threads send it after the response: no request
//! waits for a mail server, and the response time does not reveal whether there was anything to send (AU-12).

use crate::{
    error::{self, Code},
    supervise,
    types::Email,
};
use lettre::{
    Address, FileTransport, Message, SmtpTransport, Transport as _,
    message::{
        Body, Mailbox,
        header::{ContentTransferEncoding, ContentType},
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

/// The most messages that may wait to be sent.
const MAX_QUEUE: usize = 1024;
/// The pauses between attempts.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8), Duration::from_secs(16)];
/// The timeout of the mail server.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest simulated sending time.
const MAX_SIMULATED_DELAY: Duration = Duration::from_secs(2);
/// The longest wait for unsent messages when the server stops.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// An outgoing message. Its subject and text mention neither recovery nor the organization (WH-06, CP-09).
#[derive(Debug, Clone)]
pub struct OutgoingEmail {
    pub to: Email,
    pub subject: &'static str,
    /// The text may contain a secret.
    pub text: SecretString,
}

impl OutgoingEmail {
    /// A message in plain ASCII, without a person's name.
    pub fn new(to: Email, subject: &'static str, text: &str) -> Self {
        Self { to, subject, text: format!("Hello,\n\n{text}\n").into() }
    }
}

/// The settings for sending mail: how, from which address, and the address of the app for links. Not `Debug`, because
/// it contains a password.
pub struct MailSettings {
    delivery: Delivery,
    from: Mailbox,
    app_url: Option<String>,
}

enum Delivery {
    Folder(PathBuf),
    Smtp(SmtpTransport),
}

/// The default sender, for mail that is only written to a folder.
const NOBODY: &str = "no-reply@localhost.invalid";

impl MailSettings {
    /// Writes mail to a folder that only this user may read, because mail contains secrets.
    pub fn folder(folder: PathBuf, app_url: Option<String>) -> Result<Self, String> {
        let from = NOBODY.parse().map_err(|e| format!("{NOBODY}: {e}"))?;
        Ok(Self { delivery: Delivery::Folder(folder), from, app_url })
    }

    /// Sends through a server: `smtps://USER:PASSWORD@HOST`, or `smtp://…?tls=required`. Unencrypted only to this
    /// machine.
    pub fn smtp(url: &SecretString, from: &str, app_url: Option<String>) -> Result<Self, String> {
        let url = url.expose_secret();
        let wrong = || "smtp_url must be smtps://USER:PASSWORD@HOST[:PORT], or smtp://… with ?tls=required".to_owned();
        let authority =
            url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let is_here =
            matches!(host.rsplit_once(':').map_or(host, |(host, _)| host), "127.0.0.1" | "localhost" | "[::1]");
        let encrypted =
            url.rsplit_once('?').is_some_and(|(_, query)| query.split('&').any(|pair| pair == "tls=required"));
        if !(url.starts_with("smtps://") || url.starts_with("smtp://") && (is_here || encrypted)) {
            return Err(wrong());
        }
        let transport = SmtpTransport::from_url(url).map_err(|_| wrong())?.timeout(Some(SEND_TIMEOUT)).build();
        let from = from
            .parse()
            .map_err(|_| "mail_from must be an address, such as Alongside <no-reply@example.org>".to_owned())?;
        Ok(Self { delivery: Delivery::Smtp(transport), from, app_url })
    }

    /// The instruction in a message: the address of a page if the settings name one, with the secret in the fragment,
    /// which browsers send to no server; else the secret itself.
    pub fn leads_to(&self, page: &str, secret: &str) -> String {
        match &self.app_url {
            Some(url) => format!("{}/{page}#{secret}", url.trim_end_matches('/')),
            None => format!("Code: {secret}"),
        }
    }

    /// Sends one message. On failure returns the reason, without an address, and whether a new attempt may succeed.
    fn send(&self, email: &OutgoingEmail) -> Result<(), (String, bool)> {
        let never = |what: &str| (what.to_owned(), false);
        let to: Address = email.to.as_str().parse().map_err(|_| never("not an address that mail can go to"))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(email.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(as_it_is(email.text.expose_secret()).map_err(never)?)
            .map_err(|_| never("not a message"))?;
        match &self.delivery {
            Delivery::Folder(folder) => {
                private_folder(folder).map_err(|e| (e.to_string(), true))?;
                let id =
                    FileTransport::new(folder).send(&message).map_err(|_| ("the folder takes no file".into(), true))?;
                #[cfg(unix)]
                std::fs::set_permissions(
                    folder.join(format!("{id}.eml")),
                    std::os::unix::fs::PermissionsExt::from_mode(0o600),
                )
                .map_err(|e| (e.to_string(), true))?;
                Ok(())
            }
            // The text of a server's error can contain the recipient, so only the status is used.
            Delivery::Smtp(transport) => transport.send(&message).map(drop).map_err(|e| {
                let message = e.status().map_or_else(
                    || "the mail server cannot be reached, or broke off".into(),
                    |status| format!("the mail server says {status}"),
                );
                (message, !e.is_permanent())
            }),
        }
    }
}

/// Creates a folder that only this user can read.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    #[cfg(unix)]
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// The longest line of a message: RFC 5322, section 2.1.1.
const MAX_LINE: usize = 998;

/// A body that is not re-encoded, so that a code can be copied from the file.
fn as_it_is(text: &str) -> Result<Body, &'static str> {
    if !text.is_ascii() || text.lines().any(|line| line.len() > MAX_LINE) {
        return Err("not plain ASCII in lines of at most 998 characters");
    }
    let lines = text.lines().map(|line| format!("{line}\r\n")).collect::<String>();
    Ok(Body::dangerous_pre_encoded(lines.into_bytes(), ContentTransferEncoding::SevenBit))
}

type EmailJob = Box<dyn FnOnce(&MailSettings) -> Option<OutgoingEmail> + Send>;

/// The threads that send mail. It is cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    /// Messages that a known user has caused.
    by_users: Queue,
    /// Messages that anybody may request. However many there are, they do not delay the others.
    by_anyone: Queue,
    settings: Arc<MailSettings>,
}

impl Mailer {
    pub fn start(settings: MailSettings) -> std::io::Result<Self> {
        let settings = Arc::new(settings);
        Ok(Self {
            by_users: Queue::start("mail", &settings)?,
            by_anyone: Queue::start("requested-mail", &settings)?,
            settings,
        })
    }

    pub fn settings(&self) -> Arc<MailSettings> {
        Arc::clone(&self.settings)
    }

    /// Runs `job` on a sending thread; it decides whether there is a message to send. Returns false if the queue is
    /// full.
    pub fn run(&self, job: impl FnOnce(&MailSettings) -> Option<OutgoingEmail> + Send + 'static) -> bool {
        self.by_anyone.put(Box::new(job))
    }

    /// Sends a message, if there is one: some people must not be written to.
    pub fn send(&self, email: impl Into<Option<OutgoingEmail>>) {
        if let Some(email) = email.into() {
            self.by_users.put(Box::new(move |_| Some(email)));
        }
    }

    /// Waits for a limited time until everything queued so far has been sent, for a server that stops.
    pub fn finish(&self) {
        let (reply, done) = mpsc::channel();
        for queue in [&self.by_users, &self.by_anyone] {
            let reply = reply.clone();
            let last = move |_: &MailSettings| {
                let _ = reply.send(());
                None
            };
            queue.put(Box::new(last));
        }
        drop(reply);
        let until = Instant::now() + LAST_WAIT;
        for _ in 0..2 {
            if done.recv_timeout(until.saturating_duration_since(Instant::now())).is_err() {
                tracing::error!("e-mails were not sent before the server stopped");
                return;
            }
        }
    }
}

/// A sending thread and its queue.
#[derive(Clone)]
struct Queue(mpsc::SyncSender<EmailJob>);

impl Queue {
    fn start(name: &'static str, settings: &Arc<MailSettings>) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::sync_channel::<EmailJob>(MAX_QUEUE);
        let settings = Arc::clone(settings);
        let mut usual = Duration::ZERO;
        supervise::thread(name, move || {
            for job in &jobs {
                let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&settings)));
                let begun = Instant::now();
                match written {
                    Ok(Some(email)) => {
                        if deliver(&settings, &email) {
                            usual = begun.elapsed().min(MAX_SIMULATED_DELAY);
                        }
                    }
                    // Sleeps as long as a message usually takes, so that the time of later messages does not reveal
                    // whether there was one.
                    Ok(None) => std::thread::sleep(usual),
                    Err(_) => tracing::error!("an e-mail could not be written"),
                }
            }
            Ok(())
        })?;
        Ok(Self(queue))
    }

    fn put(&self, job: EmailJob) -> bool {
        let taken = self.0.try_send(job).is_ok();
        if !taken {
            tracing::error!("an e-mail was not sent: too many wait");
        }
        taken
    }
}

/// Sends a message with several attempts. Returns true if the first one succeeded. After half a minute the message is
/// dropped and logged.
fn deliver(settings: &MailSettings, email: &OutgoingEmail) -> bool {
    let mut pauses = PAUSES.iter();
    loop {
        let Err((error, may_go)) = settings.send(email) else { return pauses.len() == PAUSES.len() };
        match pauses.next().filter(|_| may_go) {
            Some(pause) => std::thread::sleep(*pause),
            None => {
                tracing::error!(subject = email.subject, error, "an e-mail could not be sent");
                return false;
            }
        }
    }
}

/// Messages that a change has written, sent after the change is stored. The change may run more than once.
#[derive(Clone, Default)]
pub struct Outbox(Arc<Mutex<Vec<OutgoingEmail>>>);

impl Outbox {
    /// Replaces the messages of an earlier attempt.
    pub fn put(&self, emails: Vec<OutgoingEmail>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = emails;
    }
    /// Sends the messages if the change is stored or its outcome is unknown. In the second case, a retry of the request
    /// would find the stored result and not write the messages again. So a message about a change that was not made may
    /// be sent.
    pub fn send_after<T>(self, outcome: &error::Result<T>, mailer: &Mailer) {
        if outcome.as_ref().is_err_and(|error| error.code() != Code::OutcomeUnknown) {
            return;
        }
        let emails = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        emails.into_iter().for_each(|email| mailer.send(email));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unencrypted_smtp_is_allowed_only_to_localhost() {
        let smtp =
            |url: &str| MailSettings::smtp(&url.to_owned().into(), "Alongside <no-reply@example.org>", None).is_ok();
        for good in
            ["smtps://ana:secret@mail.example.org", "smtp://mail.example.org:587?tls=required", "smtp://127.0.0.1:2525"]
        {
            assert!(smtp(good), "{good}");
        }
        for bad in [
            "smtp://mail.example.org",
            "smtp://127.0.0.1@mail.example.org",
            "smtp://mail.example.org/@localhost",
            "smtp://mail.example.org:25/127.0.0.1",
            "mail.example.org",
            "",
        ] {
            assert!(!smtp(bad), "{bad}");
        }
        assert!(
            MailSettings::smtp(&"smtps://mail.example.org".to_owned().into(), "nobody\r\nBcc: x@example.org", None)
                .is_err()
        );
    }

    #[test]
    fn mail_is_written_to_one_file_readable_only_by_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("mail");
        let settings = MailSettings::folder(place.clone(), Some("https://app.example.org/".into())).unwrap();
        let text = settings.leads_to("reset-password", "reset.0.secret");
        settings.send(&OutgoingEmail::new(Email::parse("ana@example.org").unwrap(), "Your password", &text)).unwrap();
        let files: Vec<_> = std::fs::read_dir(&place).unwrap().map(|file| file.unwrap().path()).collect();
        let written = std::fs::read_to_string(&files[0]).unwrap();
        assert_eq!(files.len(), 1);
        assert!(
            written.contains("To: ana@example.org")
                && written.contains("https://app.example.org/reset-password#reset.0.secret"),
            "{written}"
        );
        #[cfg(unix)]
        for (path, mode) in [(&place, 0o700), (&files[0], 0o600)] {
            assert_eq!(
                std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777,
                mode
            );
        }
    }
}
