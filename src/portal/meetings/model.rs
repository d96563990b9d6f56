//! The view of the client's own meetings.

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

/// A meeting of one of the client's own cases, without its participants, preparation and notes.
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
    /// The time zone of the participants.
    pub time_zone: Zone,
    /// The place, or the link.
    pub place: Option<Text<500>>,
    /// The purpose, in the client's own words.
    pub purpose: Text<2000>,
    pub status: MeetingStatus,
    /// The meeting that has replaced this one.
    pub rescheduled_to: Option<MeetingId>,
}

/// Which of the client's own meetings to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MyMeetingFilter {
    pub case: Option<CaseId>,
    /// Starting at this time or later.
    pub starts_at_gte: Option<Instant>,
    /// Starting before this time.
    pub starts_at_lt: Option<Instant>,
    #[param(value_type = Option<OneOf<MeetingStatus>>, inline)]
    pub status: Option<OneOf<MeetingStatus>>,
}
impl Filter for MyMeetingFilter {
    const SORTS: &'static [&'static str] = &["-starts_at", "starts_at"];
}
