//! The views of the client's own record and cases.

use crate::{
    auth::UserId,
    casework::{
        cases::model::{CaseId, CaseStatus},
        clients::model::{ClientId, ClientRow, SafeContact},
        meetings::{
            commitments::model::{CommitmentId, CommitmentParty, CommitmentStatus},
            model::MeetingId,
        },
    },
    db::schema::{cases, commitments},
    http::{Filter, OneOf, Resource},
    portal::meetings::model::MyMeeting,
    types::{Day, Email, Instant, Line, Text},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The client's own data.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/my_client.json"))))]
pub struct MyClient {
    pub id: ClientId,
    pub preferred_name: Line<120>,
    pub legal_name: Option<Line<200>>,
    pub pronouns: Option<Line<40>>,
    pub date_of_birth: Option<Day>,
    pub phone: Option<Line<40>>,
    pub email: Option<Email>,
    pub address: Option<Text<500>>,
    pub language: Option<Line<60>>,
    pub interpreter_needed: bool,
    /// How the client can be contacted without harm.
    pub safe_contact: SafeContact,
    pub version: i32,
}
impl From<ClientRow> for MyClient {
    fn from(row: ClientRow) -> Self {
        Self {
            id: row.id,
            preferred_name: row.preferred_name,
            legal_name: row.legal_name,
            pronouns: row.pronouns,
            date_of_birth: row.date_of_birth,
            phone: row.phone,
            email: row.email,
            address: row.address,
            language: row.language,
            interpreter_needed: row.interpreter_needed,
            safe_contact: row.safe_contact.0,
            version: row.version,
        }
    }
}
impl Resource for MyClient {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        "/api/v1/me/client".into()
    }
}

/// The columns of `cases` that a client may see.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = cases)]
pub struct MyCaseRow {
    pub id: CaseId,
    pub case_number: String,
    pub status: CaseStatus,
    pub client_goal: Text<4000>,
    pub opened_at: Instant,
    pub closed_at: Option<Instant>,
    pub lead_advocate_id: Option<UserId>,
}

/// The status of a case, in words for the client.
pub const fn status_words(status: CaseStatus) -> &'static str {
    match status {
        CaseStatus::Referred => "We have your request, and will look at it soon.",
        CaseStatus::Triage => "We are looking at how we can help.",
        CaseStatus::Waitlisted => "You are on our waiting list.",
        CaseStatus::Declined => "We could not take this on.",
        CaseStatus::Accepted => "We have taken this on, and will begin soon.",
        CaseStatus::Active => "We are working on it with you.",
        CaseStatus::OnHold => "It rests for now, and we will come back to it.",
        CaseStatus::Closing => "We are bringing it to an end with you.",
        CaseStatus::Closed => "It is finished.",
        CaseStatus::EnteredInError => "It was entered by mistake.",
    }
}

/// One of the client's own cases: its goal in the client's own words, and its status.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/my_case.json"))))]
pub struct MyCase {
    pub id: CaseId,
    pub case_number: String,
    pub status: CaseStatus,
    /// The status in plain words.
    pub status_in_words: &'static str,
    /// In the client's own words.
    pub client_goal: Text<4000>,
    /// The name of the lead advocate.
    pub lead_advocate: Option<Line<120>>,
    pub opened_at: Instant,
    pub closed_at: Option<Instant>,
    /// The next meeting. Not in lists.
    pub next_meeting: Option<MyMeeting>,
    /// The promises of all parties in the meetings of the case, the latest fifty. Not in lists.
    pub promises: Option<Vec<MyPromise>>,
}
impl MyCase {
    pub fn from_row(row: MyCaseRow, lead_advocate: Option<Line<120>>) -> Self {
        Self {
            id: row.id,
            case_number: row.case_number,
            status: row.status,
            status_in_words: status_words(row.status),
            client_goal: row.client_goal,
            lead_advocate,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
            next_meeting: None,
            promises: None,
        }
    }
}

/// A promise from a meeting.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, Queryable, Selectable, ToSchema)]
#[diesel(table_name = commitments)]
pub struct MyPromise {
    pub id: CommitmentId,
    pub meeting_id: MeetingId,
    /// The party that made the promise.
    pub party: CommitmentParty,
    pub text: Text<2000>,
    pub due_on: Option<Day>,
    pub status: CommitmentStatus,
}

/// Which of the client's own cases to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MyCaseFilter {
    #[param(value_type = Option<OneOf<CaseStatus>>, inline)]
    pub status: Option<OneOf<CaseStatus>>,
}
impl Filter for MyCaseFilter {
    const SORTS: &'static [&'static str] = &["-opened_at", "opened_at"];
}
