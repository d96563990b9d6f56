//! Decides on everything that leaves the organization as a file (FX-02).
//!
//! Each such operation creates an [`ExportPermit`] before it reads anything. The permit requires a password entered
//! within the last ten minutes, a reason and, for a copy to somebody outside, the recipient and the purpose.
//! [`ExportPermit::read_content`] reads the content of the file, and refuses a caller who sees it only by break-glass
//! access. [`ExportPermit::record`] records the export, its clients and the audit entry, and returns
//! [`RecordedExport`], without which no response can be built.

use super::model::*;
use crate::{
    auth::Caller,
    db::{Db, Tx, dialect::Key, export_clients, schema::exports},
    error::{ApiError, Code, Result},
    http::{FileResponse, Streamed},
    privacy::notices,
    records::ids::ClientId,
    types::{Id, Instant, Line},
};
use diesel::prelude::*;
use futures_util::stream::LocalBoxStream;
use std::borrow::Cow;

/// The length of the shortest reason that is accepted, in characters.
pub const MIN_REASON: usize = 5;

/// An export that is permitted. Nothing of its content has been read yet.
#[derive(Debug, Clone)]
pub struct ExportPermit {
    id: ExportId,
    audience: Option<Audience>,
    recipient: Option<Line<200>>,
    purpose: Option<crate::types::code::DisclosurePurpose>,
    purpose_text: Option<Line<120>>,
    basis: Basis,
    reason: Line<500>,
}

/// Proof that an export has been recorded. Only [`ExportPermit::record`] creates one.
#[derive(Debug)]
pub struct RecordedExport(());

impl ExportPermit {
    /// A report as a file: numbers, and no client's record.
    ///
    /// # Errors
    /// 403 `reauthentication_required` if the password was not entered recently; 400 without a reason.
    pub fn for_report(who: &impl Caller, reason: Option<&Line<500>>) -> Result<Self> {
        Self::check_common_requirements(who, reason)
    }

    /// A list of records, which stays inside the organization.
    ///
    /// # Errors
    /// As [`Self::for_report`].
    pub fn for_records(who: &impl Caller, reason: &Line<500>) -> Result<Self> {
        Ok(Self { audience: Some(Audience::Internal), ..Self::check_common_requirements(who, Some(reason))? })
    }

    /// A copy of one client's record.
    ///
    /// # Errors
    /// As [`Self::for_report`]; also 400 if a parameter that this audience requires is missing, or one is given that it
    /// does not allow.
    pub fn for_print(who: &impl Caller, query: &PrintQuery) -> Result<Self> {
        let decided = Self::check_common_requirements(who, Some(&query.reason))?;
        let PrintQuery { audience, recipient, purpose, purpose_text, basis, .. } = query.clone();
        if audience != Audience::Recipient {
            let named = [
                ("recipient", recipient.is_some()),
                ("purpose", purpose.is_some()),
                ("purpose_text", purpose_text.is_some()),
                ("basis", basis.is_some()),
            ];
            if let Some((name, _)) = named.into_iter().find(|(_, given)| *given) {
                return Err(ApiError::parameter(name, "not_for_this_audience", "may only be given with for=recipient"));
            }
            let basis = if audience == Audience::Client { Basis::ClientAccess } else { Basis::InternalUse };
            return Ok(Self { audience: Some(audience), basis, ..decided });
        }
        let required = |name| ApiError::parameter(name, "required", "must be given with for=recipient");
        let recipient = recipient.ok_or_else(|| required("recipient"))?;
        let purpose = purpose.ok_or_else(|| required("purpose"))?;
        let basis = basis.unwrap_or(Basis::NotRecorded);
        if purpose == "client_access" {
            return Err(ApiError::parameter(
                "purpose",
                "not_for_this_audience",
                "is the client's own access: print it with for=client",
            ));
        }
        if purpose.needs_text() && purpose_text.is_none() {
            return Err(ApiError::parameter(
                "purpose_text",
                "required",
                "must say the purpose in words where the code is `other`",
            ));
        }
        if !basis.is_for_recipient() {
            return Err(ApiError::parameter(
                "basis",
                "not_for_this_audience",
                "is set by the system and is no basis for giving it to somebody outside",
            ));
        }
        // 42 CFR 2.12(d), 2.61: a subpoena or a letter alone is not enough.
        if purpose == "proceeding" && !matches!(basis, Basis::Consent | Basis::CourtOrder) {
            return Err(ApiError::parameter(
                "basis",
                "required",
                "must be consent or court_order where the purpose is a proceeding",
            ));
        }
        Ok(Self {
            audience: Some(audience),
            recipient: Some(recipient),
            purpose: Some(purpose),
            purpose_text,
            basis,
            ..decided
        })
    }

    /// Checks the requirements that all exports share.
    fn check_common_requirements(who: &impl Caller, reason: Option<&Line<500>>) -> Result<Self> {
        let actor = who.actor().ok_or_else(ApiError::unauthenticated)?;
        let Some(reason) = reason else {
            return Err(ApiError::parameter("reason", "required", "say why the file is made"));
        };
        if !actor.is_recently_authenticated() {
            return Err(ApiError::new(
                Code::ReauthenticationRequired,
                "Enter your password again: POST /auth/reauthenticate.",
            ));
        }
        if reason.as_str().trim().chars().count() < MIN_REASON {
            return Err(ApiError::parameter(
                "reason",
                "too_short",
                format!("must be at least {MIN_REASON} characters"),
            ));
        }
        let (id, reason) = (Id::new(), reason.clone());
        Ok(Self {
            id,
            audience: None,
            recipient: None,
            purpose: None,
            purpose_text: None,
            basis: Basis::InternalUse,
            reason,
        })
    }

    /// The same export, marked as numbers that are protected by suppression.
    #[must_use]
    pub fn deidentified(self) -> Self {
        Self { basis: Basis::Deidentified, ..self }
    }

    pub const fn audience(&self) -> Option<Audience> {
        self.audience
    }
    pub const fn recipient(&self) -> Option<&Line<200>> {
        self.recipient.as_ref()
    }
    pub const fn basis(&self) -> Basis {
        self.basis
    }
    pub const fn reason(&self) -> &Line<500> {
        &self.reason
    }
    /// The purpose as it is printed, followed by its free text if there is one.
    pub fn purpose(&self) -> Option<String> {
        let label = self.purpose?.label();
        Some(self.purpose_text.as_ref().map_or_else(|| label.clone(), |text| format!("{label}: {text}")))
    }

    /// A file name that identifies nobody: `document-` and the last four digits of the export's id.
    pub fn file_name(&self, extension: &str) -> Cow<'static, str> {
        format!("document-{}.{extension}", self.short_id()).into()
    }
    /// The same, as the title of a document.
    pub fn title(&self) -> String {
        format!("Document {}", self.short_id())
    }
    fn short_id(&self) -> String {
        let mut id = self.id.uuid().simple().to_string().to_uppercase();
        id.split_off(id.len().saturating_sub(4))
    }

    /// The version of the notice that goes with the export.
    fn notice(&self) -> Option<&'static str> {
        match self.audience? {
            Audience::Client => None,
            Audience::Recipient => Some(&notices::FULL.version),
            // A print has the short notice in its footer. Lists of records have no footer: `record` records the full
            // notice for them.
            Audience::Internal => Some(&notices::SHORT.version),
        }
    }

    /// Reads the content of the file, for a caller who may see it without break-glass access.
    ///
    /// # Errors
    /// 403 if the caller sees it only by break-glass access.
    pub async fn read_content<T: Send + 'static>(
        &self,
        db: &Db,
        who: &impl Caller,
        mut read: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        db.read(who, move |tx| {
            let found = read(tx)?;
            refuse_break_glass(tx)?;
            Ok(found)
        })
        .await
    }

    /// Records the export, its clients and its audit entry in one transaction, before the first byte is sent. `clients`
    /// returns the clients whose records the file holds; it runs with the caller's rights at this moment.
    ///
    /// # Errors
    /// Those of `clients`; 403 if the caller sees it only by break-glass access.
    pub async fn record(
        &self,
        db: &Db,
        who: &impl Caller,
        export_record: ExportRecord,
        mut clients: impl FnMut(&mut Tx<'_>) -> Result<Vec<ClientId>> + Send + 'static,
    ) -> Result<RecordedExport> {
        let permit = self.clone();
        db.write(who, move |tx| {
            let clients = clients(tx)?;
            refuse_break_glass(tx)?;
            let mut filter: Vec<String> =
                permit.audience.iter().map(|audience| format!("for={}", audience.as_str())).collect();
            filter.extend(export_record.filter.iter().cloned());
            let full = export_record.format != "pdf" && export_record.format != "html";
            let row = ExportRow {
                organization_id: tx.organization(),
                id: permit.id,
                user_id: tx.user()?,
                at: Instant::now(),
                what: export_record.what.to_owned(),
                subject_id: export_record.subject,
                filter: filter.join(" "),
                format: export_record.format.to_owned(),
                rows: export_record.rows,
                reason: permit.reason.clone(),
                audience: permit.audience,
                recipient: permit.recipient.clone(),
                purpose: permit.purpose,
                purpose_text: permit.purpose_text.clone(),
                basis: Some(permit.basis),
                notice: permit
                    .notice()
                    .map(|short| if full { notices::FULL.version.clone() } else { short.to_owned() }),
                client_count: Some(i64::try_from(clients.len()).unwrap_or(i64::MAX)),
            };
            insert(tx, &row, clients)
        })
        .await?;
        Ok(RecordedExport(()))
    }
}

/// Inserts the row of an export. The row has the reason, the recipient and the clients; the audit log gets only codes,
/// because it must not hold free text.
fn insert(tx: &mut Tx, row: &ExportRow, clients: Vec<ClientId>) -> Result<()> {
    diesel::insert_into(exports::table).values(row).execute(tx.conn)?;
    let clients: Vec<Key> = clients.into_iter().map(|client| Key::from_uuid(client.uuid())).collect();
    export_clients::insert(tx.conn, row.organization_id, Key::from_uuid(row.id.uuid()), clients)?;
    let mut fields = vec![row.what.clone(), format!("format={}", row.format), format!("rows={}", row.rows)];
    fields.extend(row.filter.split(' ').filter(|word| !word.is_empty()).map(str::to_owned));
    fields.extend(row.purpose.map(|purpose| format!("purpose={}", purpose.as_str())));
    fields.extend(row.basis.map(|basis| format!("basis={}", basis.as_str())));
    fields.extend(row.notice.iter().map(|notice| format!("notice={notice}")));
    fields.extend(row.client_count.map(|count| format!("clients={count}")));
    tx.record("export.made", row.id, fields);
    Ok(())
}

/// Refuses a caller who sees the records only by break-glass access: in an emergency they need to read a record, not to
/// take a copy away.
fn refuse_break_glass(tx: &Tx) -> Result<()> {
    match tx.by_break_glass() {
        true => Err(ApiError::forbidden("Break-glass access is read-only and cannot export files.")),
        false => Ok(()),
    }
}

impl RecordedExport {
    /// The response: a file to download.
    pub fn file(
        self,
        media: &'static str,
        filename: Cow<'static, str>,
        policy: Option<&'static str>,
        body: Vec<u8>,
    ) -> FileResponse {
        FileResponse { media, filename, attached: true, policy, body }
    }
    /// The same, produced while it is sent.
    pub fn stream(
        self,
        media: &'static str,
        filename: Cow<'static, str>,
        parts: LocalBoxStream<'static, Result<Vec<u8>>>,
    ) -> Streamed {
        Streamed { media, filename, parts }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// An export that has been decided on, from the parameters of a query.
    pub fn permit(query: serde_json::Value) -> ExportPermit {
        let PrintQuery { audience, recipient, purpose, purpose_text, basis, reason, .. } =
            serde_json::from_value(query).unwrap();
        let basis = basis.unwrap_or(Basis::NotRecorded);
        ExportPermit { id: Id::new(), audience: Some(audience), recipient, purpose, purpose_text, basis, reason }
    }
}
