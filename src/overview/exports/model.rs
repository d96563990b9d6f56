//! What an export is in the API.

use crate::{
    auth::UserId,
    db::dialect::Key,
    http::Filter,
    records::{
        exports::model::{Audience, Basis, ExportId, ExportRow},
        ids::ClientId,
    },
    types::{Instant, Line, code::DisclosurePurpose},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A file that was made to leave the organization.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/export.json"))))]
pub struct Export {
    pub id: ExportId,
    pub user_id: UserId,
    pub at: Instant,
    /// The id of a measure, or `case_file`, or `statement`.
    pub what: String,
    /// The case for a case file, the version for a statement.
    pub subject_id: Option<Key>,
    /// The parameters of the request.
    pub filter: String,
    pub format: String,
    #[schema(minimum = 0)]
    pub rows: i64,
    /// The reason that they gave.
    pub reason: Line<500>,
    /// For whom it was made. Absent for a report.
    #[serde(rename = "for")]
    pub audience: Option<Audience>,
    /// Who received it, as the caller named them.
    pub recipient: Option<Line<200>>,
    /// What the recipient needed it for.
    pub purpose: Option<DisclosurePurpose>,
    pub purpose_text: Option<Line<120>>,
    /// Why it was lawful, as the caller named it or as the system sets it. Absent for an export that was made before
    /// this was recorded.
    pub basis: Option<Basis>,
    /// The version of the notice of 42 CFR part 2 that it carries.
    pub notice: Option<String>,
    /// How many clients' records are in it; none for a report of numbers. Absent for an export that was made before
    /// clients were counted.
    #[schema(minimum = 0)]
    pub client_count: Option<i64>,
    /// The clients whose records are in it, if they are at most 50. For a larger export, filter the list by
    /// `client_id`.
    pub client_ids: Option<Vec<ClientId>>,
}

/// The most clients that are listed with an export.
pub const MAX_CLIENTS: i64 = 50;

impl Export {
    pub fn from_row(row: ExportRow, client_ids: Option<Vec<ClientId>>) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            at: row.at,
            what: row.what,
            subject_id: row.subject_id,
            filter: row.filter,
            format: row.format,
            rows: row.rows,
            reason: row.reason,
            audience: row.audience,
            recipient: row.recipient,
            purpose: row.purpose,
            purpose_text: row.purpose_text,
            basis: row.basis,
            notice: row.notice,
            client_count: row.client_count,
            client_ids,
        }
    }
}

/// Which exports to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ExportFilter {
    /// Exports made by this user.
    pub user_id: Option<UserId>,
    /// Exports that hold a record of this client.
    pub client_id: Option<ClientId>,
}
impl Filter for ExportFilter {
    const SORTS: &'static [&'static str] = &["-at", "at"];
}
