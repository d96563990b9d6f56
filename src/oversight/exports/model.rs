//! What an export is, in the database and on the wire.

use crate::{
    auth::{OrganizationId, UserId},
    db::{dialect::Key, schema::exports},
    http::Filter,
    types::{Id, Instant, Line},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub type ExportId = Id<ExportRow>;

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
}

/// What is about to be taken out.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The id of a measure, or `case_file`.
    pub what: &'static str,
    /// The record that it is about, where it is about one.
    pub subject: Option<Key>,
    /// What was asked, in words of the program's own.
    pub filter: Vec<String>,
    pub format: &'static str,
    pub rows: i64,
    pub reason: Line<500>,
}

/// Something that was taken out of the house.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "019ab3c4-0000-7000-8000-0000000000e0", "user_id": "019ab3c4-0000-7000-8000-000000000004", "at": "2026-11-26T15:00:00.000Z", "what": "barriers_open", "filter": "as_of=2026-11-26T15:00:00.000Z group_by=type view=exact", "format": "pdf", "rows": 12, "reason": "For the board's meeting"}))]
pub struct Export {
    pub id: ExportId,
    pub user_id: UserId,
    pub at: Instant,
    /// A measure, by its id, or `case_file`.
    pub what: String,
    /// The case, of a case file.
    pub subject_id: Option<Key>,
    /// What was asked.
    pub filter: String,
    pub format: String,
    #[schema(minimum = 0)]
    pub rows: i64,
    /// What they gave as their reason.
    pub reason: Line<500>,
}
impl From<ExportRow> for Export {
    fn from(row: ExportRow) -> Self {
        let ExportRow { id, user_id, at, what, subject_id, filter, format, rows, reason, .. } = row;
        Self { id, user_id, at, what, subject_id, filter, format, rows, reason }
    }
}

/// Which exports to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ExportFilter {
    /// By whom.
    pub user_id: Option<UserId>,
}
impl Filter for ExportFilter {
    const SORTS: &'static [&'static str] = &["-at", "at"];
}
