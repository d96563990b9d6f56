//! An export in the database and in the API.

use crate::{
    auth::{OrganizationId, UserId},
    db::{dialect::Key, schema::exports},
    types::{Id, Instant, Line, code::DisclosurePurpose},
};
use diesel::prelude::*;
use serde::Deserialize;
use utoipa::IntoParams;

pub type ExportId = Id<ExportRow>;

text_enum! {
    /// For whom a copy of a client's record is made.
    pub enum Audience {
        /// For the client themselves. No notice: it is their own record.
        Client = "client",
        /// For a named person or agency outside the organization. The copy carries the notice of 42 CFR part 2.
        Recipient = "recipient",
        /// For the staff of the organization. Every page states that it is not for anybody outside.
        Internal = "internal",
    }
}
text_enum! {
    /// Why an export is lawful. The system does not check the basis that a caller names; `not_recorded` if they name
    /// none.
    pub enum Basis {
        Consent = "consent",
        MedicalEmergency = "medical_emergency",
        CourtOrder = "court_order",
        /// An agreement with a service organization, an auditor or a researcher.
        Agreement = "agreement",
        MandatedReport = "mandated_report",
        CrimeOnPremises = "crime_on_premises",
        CauseOfDeath = "cause_of_death",
        NotRecorded = "not_recorded",
        /// The client receives their own record (42 CFR 2.23). Set by the system.
        ClientAccess = "client_access",
        /// It stays inside the organization. Set by the system.
        InternalUse = "internal_use",
        /// Numbers that are protected by suppression. Set by the system.
        Deidentified = "deidentified",
    }
}
impl Basis {
    /// Whether a caller may name it for a copy that goes to a recipient.
    pub const fn is_for_recipient(self) -> bool {
        !matches!(self, Self::ClientAccess | Self::InternalUse | Self::Deidentified)
    }
    /// The label for print.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Consent => "Written consent",
            Self::MedicalEmergency => "Medical emergency",
            Self::CourtOrder => "Court order",
            Self::Agreement => "Agreement",
            Self::MandatedReport => "Mandated report",
            Self::CrimeOnPremises => "Crime on the premises",
            Self::CauseOfDeath => "Cause of death",
            Self::NotRecorded => "Not recorded",
            Self::ClientAccess => "The client's own access",
            Self::InternalUse => "Internal use",
            Self::Deidentified => "De-identified",
        }
    }
}
text_enum! {
    /// The form of a print.
    pub enum PrintFormat { Html = "html", Pdf = "pdf" }
}
impl PrintFormat {
    /// The media type of each format, for a page: HTML is the default.
    pub const HTML_FIRST: &'static [(&'static str, Self)] =
        &[("text/html", Self::Html), ("application/pdf", Self::Pdf)];
    /// The same for a file: PDF is the default.
    pub const PDF_FIRST: &'static [(&'static str, Self)] = &[("application/pdf", Self::Pdf), ("text/html", Self::Html)];
}

/// For whom, in which format and why to print a client's record.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PrintQuery {
    /// For whom the copy is made. It decides what the copy contains and which notices its pages carry.
    #[serde(rename = "for")]
    #[param(inline)]
    pub audience: Audience,
    /// Who receives it: name and, if known, address. Required with `for=recipient`, and allowed only there. It is
    /// printed on the first page and kept in the list of exports.
    #[param(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub recipient: Option<Line<200>>,
    /// What the recipient needs it for: a code of the list `disclosure_purpose`. Required with `for=recipient`, and
    /// allowed only there.
    pub purpose: Option<DisclosurePurpose>,
    /// The purpose in words. Required if the purpose is `other`.
    #[param(value_type = Option<String>, min_length = 1, max_length = 120)]
    pub purpose_text: Option<Line<120>>,
    /// Why it is lawful to give it to the recipient; the default is `not_recorded`. Allowed only with `for=recipient`.
    /// The system records the basis and does not check it; for a proceeding it must be `consent` or `court_order`.
    #[param(inline)]
    pub basis: Option<Basis>,
    /// Takes precedence over `Accept`.
    #[param(inline)]
    pub format: Option<PrintFormat>,
    /// Why it is printed, at least 5 characters. Kept in the list of exports. Do not put names in it: URLs are stored
    /// in many places.
    #[param(value_type = String, min_length = 5, max_length = 500)]
    pub reason: Line<500>,
}

/// A row of `exports`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = exports, treat_none_as_default_value = false)]
pub struct ExportRow {
    pub organization_id: OrganizationId,
    pub id: ExportId,
    pub user_id: UserId,
    pub at: Instant,
    pub what: String,
    pub subject_id: Option<Key>,
    pub filter: String,
    pub format: String,
    pub rows: i64,
    pub reason: Line<500>,
    pub audience: Option<Audience>,
    pub recipient: Option<Line<200>>,
    pub purpose: Option<DisclosurePurpose>,
    pub purpose_text: Option<Line<120>>,
    pub basis: Option<Basis>,
    /// The version of the notice that went with it.
    pub notice: Option<String>,
    /// How many clients' records were in it. NULL for an export that was made before clients were counted.
    pub client_count: Option<i64>,
}

/// The content of an export.
#[derive(Debug, Clone)]
pub struct ExportRecord {
    /// The id of a measure, or `case_file`, or `statement`.
    pub what: &'static str,
    /// The record that it is about, if it is about a single one.
    pub subject: Option<Key>,
    /// The parameters of the request, in the program's own words.
    pub filter: Vec<String>,
    pub format: &'static str,
    pub rows: i64,
}
