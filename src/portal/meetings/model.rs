//! What a client is shown of their meetings.

use crate::{
    casework::{
        cases::model::CaseId,
        meetings::model::{MeetingId, MeetingMode, MeetingStatus},
    },
    db::schema::meetings,
    http::{Filter, OneOf},
    types::{Instant, Line, Text, Zone, code::MeetingType},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A meeting of one of the client's own cases. Who else comes, how it was prepared and what was noted of it is not
/// here.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, Queryable, Selectable, ToSchema)]
#[diesel(table_name = meetings)]
#[schema(example = json!(crate::types::example(include_str!("examples/my_meeting.json"))))]
pub struct MyMeeting {
    pub id: MeetingId,
    pub case_id: CaseId,
    #[serde(rename = "type")]
    #[diesel(column_name = type_)]
    pub kind: MeetingType,
    pub type_text: Option<Line<200>>,
    pub mode: MeetingMode,
    pub starts_at: Instant,
    pub ends_at: Instant,
    /// In which the people who meet read their clocks.
    pub time_zone: Zone,
    /// Where, or the link.
    pub place: Option<Text<500>>,
    /// What it is for, in the client's own words.
    pub purpose: Text<2000>,
    pub status: MeetingStatus,
    /// The meeting that has taken the place of this one.
    pub rescheduled_to: Option<MeetingId>,
}

/// Which of one's own meetings to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MyMeetingFilter {
    pub case: Option<CaseId>,
    /// Starting at this moment or later.
    pub starts_at_gte: Option<Instant>,
    /// Starting before this moment.
    pub starts_at_lt: Option<Instant>,
    #[param(value_type = Option<OneOf<MeetingStatus>>, inline)]
    pub status: Option<OneOf<MeetingStatus>>,
}
impl Filter for MyMeetingFilter {
    const SORTS: &'static [&'static str] = &["-starts_at", "starts_at"];
}
