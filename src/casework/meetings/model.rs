//! The model of a meeting: the database row and the API view.

use super::commitments::model::Commitment;
pub use super::voice::*;
use crate::{
    auth::{OrganizationId, UserId},
    casework::cases::model::{CaseId, CaseRow},
    db::{dialect::Key, schema::meetings},
    directory::providers::model::ProviderId,
    error::{ApiError, Result, Violations},
    http::{Filter, OneOf, Resource},
    records::search::model::{SearchKind, Searchable, lines},
    types::{
        Change, Id, Instant, Json, Line, Patch, Text, Zone,
        code::{MeetingOutcome, MeetingType},
    },
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type MeetingId = Id<MeetingRow>;

/// The maximum length of a meeting.
const MAX_SECONDS: i64 = 14 * 24 * 3600;

text_enum! {
    /// How people meet.
    pub enum MeetingMode {
        InPerson = "in_person",
        Phone = "phone",
        Video = "video",
        HomeVisit = "home_visit",
        InFacility = "in_facility",
        Hybrid = "hybrid",
        Written = "written",
    }
}
text_enum! {
    /// The status of a meeting.
    pub enum MeetingStatus {
        Proposed = "proposed",
        Booked = "booked",
        Held = "held",
        Cancelled = "cancelled",
        NoShow = "no_show",
        Rescheduled = "rescheduled",
    }
}
impl MeetingStatus {
    /// Whether the meeting is still planned: it has no outcome, and no other meeting has replaced it.
    pub const fn is_ahead(self) -> bool {
        matches!(self, Self::Proposed | Self::Booked)
    }
}
text_enum! {
    /// The status of a new meeting. Its outcome sets the later ones.
    pub enum PlannedStatus { Proposed = "proposed", Booked = "booked" }
}
impl PlannedStatus {
    pub const fn status(self) -> MeetingStatus {
        match self {
            Self::Proposed => MeetingStatus::Proposed,
            Self::Booked => MeetingStatus::Booked,
        }
    }
}
text_enum! {
    /// The party that cancelled a meeting.
    pub enum CancelledBy { Provider = "provider", Client = "client", Us = "us" }
}
/// A row of `meetings`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = meetings, treat_none_as_default_value = false)]
pub struct MeetingRow {
    pub organization_id: OrganizationId,
    pub id: MeetingId,
    pub case_id: CaseId,
    pub type_: MeetingType,
    pub type_text: Option<Line<200>>,
    pub mode: MeetingMode,
    pub starts_at: Instant,
    pub ends_at: Instant,
    pub time_zone: Zone,
    pub provider_id: Option<ProviderId>,
    pub place: Option<Text<500>>,
    pub participants: Json<Participants>,
    pub purpose: Text<2000>,
    pub status: MeetingStatus,
    pub cancelled_by: Option<CancelledBy>,
    pub rescheduled_to: Option<MeetingId>,
    pub who_spoke: Option<WhoSpoke>,
    pub outcomes: Json<Vec<MeetingOutcome>>,
    pub summary: Option<Text<8000>>,
    pub views_recorded_by_provider: Option<ViewsRecorded>,
    pub ratings_before: Option<Json<Ratings>>,
    pub ratings_after: Option<Json<Ratings>>,
    /// `preparation` maintains this and the next member.
    pub mandatory_items: i32,
    pub mandatory_done: i32,
    pub created_by: UserId,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl MeetingRow {
    pub fn new(case: &CaseRow, created_by: UserId, new: &NewMeeting) -> Self {
        let (now, new) = (Instant::now(), new.clone());
        Self {
            organization_id: case.organization_id,
            id: Id::new(),
            case_id: case.id,
            type_: new.kind,
            type_text: new.type_text,
            mode: new.mode,
            starts_at: new.starts_at,
            ends_at: new.ends_at,
            time_zone: new.time_zone,
            provider_id: new.provider_id,
            place: new.place,
            participants: Json(new.participants),
            purpose: new.purpose,
            status: new.status.unwrap_or(PlannedStatus::Booked).status(),
            cancelled_by: None,
            rescheduled_to: None,
            who_spoke: None,
            outcomes: Json(Vec::new()),
            summary: None,
            views_recorded_by_provider: None,
            ratings_before: new.ratings_before.map(Json),
            ratings_after: None,
            mandatory_items: 0,
            mandatory_done: 0,
            created_by,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The members that can still change after the meeting.
    const CHANGED_AFTERWARDS: &[&str] = &["ratings_after", "participants"];

    /// Applies the changes that the status of the meeting allows. `members` are the members of the request.
    pub fn apply(&mut self, patch: &MeetingPatch, members: &[String]) -> Result<()> {
        if !self.status.is_ahead() && !members.iter().all(|member| Self::CHANGED_AFTERWARDS.contains(&member.as_str()))
        {
            return Err(ApiError::conflict(
                "The meeting is over. Only ratings_after and participants can still change.",
            ));
        }
        match (self.status, patch.status.0) {
            (MeetingStatus::Booked, Some(PlannedStatus::Proposed)) => {
                return Err(ApiError::conflict("A booked meeting cannot be proposed again. Cancel or reschedule it."));
            }
            (_, Some(wanted)) => self.status = wanted.status(),
            (_, None) => {}
        }
        let patch = patch.clone();
        patch.mode.apply(&mut self.mode);
        patch.starts_at.apply(&mut self.starts_at);
        patch.ends_at.apply(&mut self.ends_at);
        patch.time_zone.apply(&mut self.time_zone);
        patch.provider_id.apply(&mut self.provider_id);
        patch.place.apply(&mut self.place);
        patch.participants.apply(&mut self.participants.0);
        patch.purpose.apply(&mut self.purpose);
        merge(patch.ratings_before, &mut self.ratings_before);
        merge(patch.ratings_after, &mut self.ratings_after);
        Ok(())
    }

    /// Checks the rules that involve several members of the body, for a new and for a changed meeting.
    pub fn check(&self) -> Result<()> {
        let mut violations = Violations::default();
        violations.require(
            !self.type_.needs_text() || self.type_text.is_some(),
            "type_text",
            "required",
            "this code says nothing without words",
        );
        violations.require(self.ends_at > self.starts_at, "ends_at", "out_of_range", "must lie after starts_at");
        violations.require(
            self.ends_at <= self.starts_at.plus_seconds(MAX_SECONDS),
            "ends_at",
            "out_of_range",
            "must lie within 14 days of starts_at",
        );
        violations.into_result()
    }

    pub fn readiness(&self) -> Readiness {
        Readiness::new(self.mandatory_items, self.mandatory_done)
    }
}

/// The progress of the preparation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"mandatory": 10, "done": 4, "ratio": 0.4}))]
pub struct Readiness {
    /// The number of mandatory items.
    #[schema(minimum = 0)]
    pub mandatory: i32,
    /// The number of mandatory items that are done.
    #[schema(minimum = 0)]
    pub done: i32,
    /// `done` divided by `mandatory`; 1 if no item is mandatory.
    #[schema(minimum = 0, maximum = 1)]
    pub ratio: f64,
}
impl Readiness {
    pub fn new(mandatory: i32, done: i32) -> Self {
        let ratio = if mandatory > 0 { f64::from(done) / f64::from(mandatory) } else { 1.0 };
        Self { mandatory, done, ratio }
    }
}

/// A meeting with a provider or an agency.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/meeting.json"))))]
pub struct Meeting {
    pub id: MeetingId,
    pub case_id: CaseId,
    #[serde(rename = "type")]
    pub kind: MeetingType,
    pub type_text: Option<Line<200>>,
    pub mode: MeetingMode,
    pub starts_at: Instant,
    pub ends_at: Instant,
    /// The time zone of the participants.
    pub time_zone: Zone,
    pub provider_id: Option<ProviderId>,
    /// The place, or the link.
    pub place: Option<Text<500>>,
    pub participants: Participants,
    pub purpose: Text<2000>,
    pub status: MeetingStatus,
    pub cancelled_by: Option<CancelledBy>,
    /// The meeting that has replaced this one.
    pub rescheduled_to: Option<MeetingId>,
    pub who_spoke: Option<WhoSpoke>,
    pub outcomes: Vec<MeetingOutcome>,
    pub summary: Option<Text<8000>>,
    pub views_recorded_by_provider: Option<ViewsRecorded>,
    pub ratings_before: Option<Ratings>,
    pub ratings_after: Option<Ratings>,
    pub readiness: Readiness,
    pub created_by: UserId,
    /// The promises. Only in the response to an outcome, and in a case file.
    pub commitments: Option<Vec<Commitment>>,
    /// The follow-up tasks. Only in the response to an outcome.
    pub follow_up_task_ids: Option<Vec<crate::casework::tasks::model::TaskId>>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl From<MeetingRow> for Meeting {
    fn from(row: MeetingRow) -> Self {
        let readiness = row.readiness();
        Self {
            id: row.id,
            case_id: row.case_id,
            kind: row.type_,
            type_text: row.type_text,
            mode: row.mode,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            time_zone: row.time_zone,
            provider_id: row.provider_id,
            place: row.place,
            participants: row.participants.0,
            purpose: row.purpose,
            status: row.status,
            cancelled_by: row.cancelled_by,
            rescheduled_to: row.rescheduled_to,
            who_spoke: row.who_spoke,
            outcomes: row.outcomes.0,
            summary: row.summary,
            views_recorded_by_provider: row.views_recorded_by_provider,
            ratings_before: row.ratings_before.map(|ratings| ratings.0),
            ratings_after: row.ratings_after.map(|ratings| ratings.0),
            readiness,
            created_by: row.created_by,
            commitments: None,
            follow_up_task_ids: None,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Meeting {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/meetings/{}", self.id)
    }
}

/// A new meeting.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_meeting.json"))))]
pub struct NewMeeting {
    #[serde(rename = "type")]
    pub kind: MeetingType,
    /// Required if the code needs an explanation.
    pub type_text: Option<Line<200>>,
    pub mode: MeetingMode,
    pub starts_at: Instant,
    /// After `starts_at`, by at most 14 days.
    pub ends_at: Instant,
    pub time_zone: Zone,
    pub provider_id: Option<ProviderId>,
    /// The place, or the link.
    pub place: Option<Text<500>>,
    #[serde(default)]
    pub participants: Participants,
    /// The purpose, in the client's own words.
    pub purpose: Text<2000>,
    /// By default `booked`. A booked meeting has a checklist.
    pub status: Option<PlannedStatus>,
    pub ratings_before: Option<Ratings>,
    /// A proposed or booked meeting of the same case that this one replaces.
    pub reschedules: Option<MeetingId>,
}

/// Changes to a meeting. After the meeting, only `ratings_after` and `participants` may change.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"place": "Ward 3, room 14", "ratings_before": {"prepared": 4}}))]
pub struct MeetingPatch {
    pub mode: Change<MeetingMode>,
    pub starts_at: Change<Instant>,
    pub ends_at: Change<Instant>,
    pub time_zone: Change<Zone>,
    pub provider_id: Patch<ProviderId>,
    pub place: Patch<Text<500>>,
    /// Replaces the whole list.
    pub participants: Change<Participants>,
    pub purpose: Change<Text<2000>>,
    /// `booked`, for a proposed meeting. The checklist is then copied into it.
    pub status: Change<PlannedStatus>,
    pub ratings_before: Patch<RatingsPatch>,
    pub ratings_after: Patch<RatingsPatch>,
}

/// Which meetings of a case to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct CaseMeetingFilter {
    #[param(value_type = Option<OneOf<MeetingStatus>>, inline)]
    pub status: Option<OneOf<MeetingStatus>>,
}
impl Filter for CaseMeetingFilter {
    const SORTS: &'static [&'static str] = &["-starts_at", "starts_at"];
}

/// Which meetings to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MeetingFilter {
    /// Starting at this time or later.
    pub starts_at_gte: Option<Instant>,
    /// Starting before this time.
    pub starts_at_lt: Option<Instant>,
    /// With this provider.
    pub provider: Option<ProviderId>,
    #[param(value_type = Option<OneOf<MeetingStatus>>, inline)]
    pub status: Option<OneOf<MeetingStatus>>,
    /// Only meetings of cases that the caller leads or is assigned to now.
    pub mine: Option<bool>,
}
impl Filter for MeetingFilter {
    const SORTS: &'static [&'static str] = &["-starts_at", "starts_at"];
}

impl Searchable for MeetingRow {
    const KIND: SearchKind = SearchKind::Meeting;
    fn key(&self) -> Key {
        Key::from_uuid(self.id.uuid())
    }
    fn case(&self) -> Option<CaseId> {
        Some(self.case_id)
    }
    fn title(&self) -> String {
        self.type_.label()
    }
    fn body(&self) -> String {
        let texts = [
            Some(self.purpose.as_str()),
            self.type_text.as_ref().map(|text| text.as_str()),
            self.place.as_ref().map(|text| text.as_str()),
            self.summary.as_ref().map(|text| text.as_str()),
        ];
        lines(texts.into_iter().chain(self.participants.0.iter().map(|who| Some(who.name.as_str()))))
    }
}
