//! An entry of an access log, in the database and in the API.

use crate::{
    audit::BY_BREAK_GLASS,
    auth::{Actor, OrganizationId, RequestId, Role, UserId},
    casework::{cases::model::CaseId, clients::model::ClientId},
    db::{
        dialect::Key,
        schema::{access_log, audit_events},
    },
    http::Filter,
    overview::kinds,
    records::kind::{ForClient, Kind, Owners},
    types::{Instant, Json},
};
use diesel::{
    backend::Backend,
    deserialize::{FromSql, FromSqlRow},
    expression::AsExpression,
    prelude::*,
    serialize::{Output, ToSql},
};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

/// A kind of record that belongs to a client.
#[derive(Debug, Clone, Copy, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct RecordKind(&'static Kind);

impl RecordKind {
    pub fn all() -> impl Iterator<Item = Self> {
        kinds::ALL.iter().filter(|kind| kind.owners().is_some()).map(|kind| Self(kind))
    }
    /// The kinds of which the client is shown entries.
    pub fn for_clients() -> Vec<Self> {
        Self::all().filter(|kind| !matches!(kind.0.client_access_log, ForClient::No(_))).collect()
    }
    pub const fn name(self) -> &'static str {
        self.0.name
    }
    /// Whether records of this kind are confidential. A client then sees only that such a record was read or changed.
    pub fn is_confidential(self) -> bool {
        self.0.client_access_log == ForClient::InConfidence
    }
    /// The function that finds the clients of records of this kind.
    pub const fn owners(self) -> Option<Owners> {
        self.0.owners()
    }
    /// Whether an action of the audit log changes a record of this kind. Any other action on it is a read.
    fn is_changed_by(self, action: &str) -> bool {
        let verb = action.strip_prefix(self.0.name).and_then(|rest| rest.strip_prefix('.'));
        verb.is_some_and(|verb| !matches!(verb, "read" | "listed"))
    }
}
impl PartialEq for RecordKind {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}
impl Eq for RecordKind {}
impl PartialOrd for RecordKind {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for RecordKind {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.name.cmp(other.0.name)
    }
}
impl Serialize for RecordKind {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0.name)
    }
}
impl<DB> ToSql<diesel::sql_types::Text, DB> for RecordKind
where
    DB: Backend,
    str: ToSql<diesel::sql_types::Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> diesel::serialize::Result {
        self.0.name.to_sql(out)
    }
}
impl<DB> FromSql<diesel::sql_types::Text, DB> for RecordKind
where
    DB: Backend,
    String: FromSql<diesel::sql_types::Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        Ok(Self(kinds::find(&String::from_sql(value)?).ok_or("unknown kind of record")?))
    }
}
impl PartialSchema for RecordKind {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A kind of record that belongs to a client."))
            .enum_values(Some(Self::all().map(Self::name)))
            .into()
    }
}
impl ToSchema for RecordKind {}

/// A row of `access_log`. It says that an entry of the audit log concerns a record of this client.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = access_log, treat_none_as_default_value = false)]
pub struct IndexRow {
    pub organization_id: OrganizationId,
    pub block: i64,
    pub client_id: ClientId,
    pub sequence: i64,
    pub subject_id: Key,
    pub kind: RecordKind,
    pub case_id: Option<CaseId>,
}

/// The columns of an audit entry that an access log shows.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_events)]
pub struct EntryRow {
    pub sequence: i64,
    pub at: Instant,
    pub actor_id: Option<UserId>,
    pub actor_role: Option<Role>,
    pub source: String,
    pub action: String,
    pub fields: Json<Vec<String>>,
    pub request_id: RequestId,
}

/// Who saw or changed the record.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessActor {
    /// Absent for the operator at the command line, and for the system.
    pub id: Option<UserId>,
    /// Their current name.
    pub display_name: String,
    /// The role in which they acted.
    pub role: Option<Role>,
}

/// The record that was seen or changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessSubject {
    pub kind: RecordKind,
    pub id: Key,
}

/// A user saw or changed a record of a client.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/access_log_entry.json"))))]
pub struct AccessLogEntry {
    pub at: Instant,
    pub actor: AccessActor,
    /// `kind.verb`: `case.read`, `note.updated`, `search.performed` … For a confidential record, `confidential.read` or
    /// `confidential.changed`.
    pub action: String,
    /// Absent for a confidential record.
    pub subject: Option<AccessSubject>,
    /// Present if a client is shown only that a confidential record was read or changed, when, and in which role. One
    /// entry stands for all such records that one request showed.
    pub kept_in_confidence: Option<bool>,
    /// Entries from the same request have the same value.
    pub request_id: RequestId,
    /// Present if only break-glass access allowed it.
    pub break_glass: Option<bool>,
}
impl AccessLogEntry {
    pub fn from_row(mut row: EntryRow, subject: AccessSubject, mut name: Option<String>, reader: Actor) -> Self {
        // A client must not learn who else is a client: an account may once have been linked to the wrong person.
        let another = row.actor_role == Some(Role::Client) && row.actor_id != Some(reader.user);
        if reader.role == Role::Client && another {
            (row.actor_id, name) = (None, Some("Somebody else".to_owned()));
        }
        let is_confidential = reader.role == Role::Client && subject.kind.is_confidential();
        if is_confidential {
            row.action =
                if subject.kind.is_changed_by(&row.action) { "confidential.changed" } else { "confidential.read" }
                    .to_owned();
            name = row.actor_id.take().map(|_| "Somebody of the organization".to_owned());
        }
        let nobody = if row.source == "cli" { "The operator" } else { "The system" };
        let display_name = name.unwrap_or_else(|| nobody.to_owned());
        Self {
            at: row.at,
            actor: AccessActor { id: row.actor_id, display_name, role: row.actor_role },
            action: row.action,
            subject: (!is_confidential).then_some(subject),
            kept_in_confidence: is_confidential.then_some(true),
            request_id: row.request_id,
            break_glass: row.fields.0.iter().any(|field| field == BY_BREAK_GLASS).then_some(true),
        }
    }
}

/// An access log has no filter.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AccessLogFilter {}
impl Filter for AccessLogFilter {
    const SORTS: &'static [&'static str] = &["-at", "at"];
}
