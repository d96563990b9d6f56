//! The model of feedback: the database row and the API view.

use crate::{
    auth::{OrganizationId, UserId},
    casework::{
        cases::model::CaseId,
        clients::model::ClientId,
        meetings::model::{MeetingId, Rating},
    },
    db::schema::feedback,
    http::{Filter, Resource},
    types::{Id, Instant, Text},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type FeedbackId = Id<FeedbackRow>;

/// A row of `feedback`. Feedback never changes.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = feedback, treat_none_as_default_value = false)]
pub struct FeedbackRow {
    pub organization_id: OrganizationId,
    pub id: FeedbackId,
    pub client_id: ClientId,
    pub case_id: Option<CaseId>,
    pub meeting_id: Option<MeetingId>,
    pub rating: Option<i32>,
    pub text: Text<4000>,
    pub created_by: UserId,
    pub created_at: Instant,
}

impl FeedbackRow {
    /// `about` is the case, with the meeting if the feedback is about a meeting.
    pub fn new(
        organization_id: OrganizationId,
        client_id: ClientId,
        created_by: UserId,
        about: Option<(CaseId, Option<MeetingId>)>,
        new: &NewFeedback,
    ) -> Self {
        Self {
            organization_id,
            id: Id::new(),
            client_id,
            case_id: about.map(|(case, _)| case),
            meeting_id: about.and_then(|(_, meeting)| meeting),
            rating: new.rating.map(Rating::value),
            text: new.text.clone(),
            created_by,
            created_at: Instant::now(),
        }
    }
}

/// Feedback of a client, in the view for staff.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/feedback.json"))))]
pub struct Feedback {
    pub id: FeedbackId,
    pub client_id: ClientId,
    /// The case that the feedback is about, or the case of its meeting.
    pub case_id: Option<CaseId>,
    pub meeting_id: Option<MeetingId>,
    /// From 1 (not at all good) to 5.
    #[schema(minimum = 1, maximum = 5)]
    pub rating: Option<i32>,
    pub text: Text<4000>,
    pub created_by: UserId,
    pub created_at: Instant,
}
impl From<FeedbackRow> for Feedback {
    fn from(row: FeedbackRow) -> Self {
        Self {
            id: row.id,
            client_id: row.client_id,
            case_id: row.case_id,
            meeting_id: row.meeting_id,
            rating: row.rating,
            text: row.text,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

/// Feedback of a client, in the view for the client.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/my_feedback.json"))))]
pub struct MyFeedback {
    pub id: FeedbackId,
    pub case_id: Option<CaseId>,
    pub meeting_id: Option<MeetingId>,
    #[schema(minimum = 1, maximum = 5)]
    pub rating: Option<i32>,
    pub text: Text<4000>,
    pub created_at: Instant,
}
impl From<FeedbackRow> for MyFeedback {
    fn from(row: FeedbackRow) -> Self {
        Self {
            id: row.id,
            case_id: row.case_id,
            meeting_id: row.meeting_id,
            rating: row.rating,
            text: row.text,
            created_at: row.created_at,
        }
    }
}
impl Resource for MyFeedback {
    /// Feedback never changes.
    fn version(&self) -> i32 {
        1
    }
    fn location(&self) -> String {
        "/api/v1/me/feedback".into()
    }
}

/// New feedback about a case, about a meeting, or in general.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"rating": 4, "text": "I would like to be called before, not after."}))]
pub struct NewFeedback {
    /// One of the client's own cases.
    pub case_id: Option<CaseId>,
    /// A meeting of one of the client's own cases. Then leave out `case_id`.
    pub meeting_id: Option<MeetingId>,
    pub rating: Option<Rating>,
    pub text: Text<4000>,
}

/// Feedback has no filter.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct FeedbackFilter {}
impl Filter for FeedbackFilter {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}
