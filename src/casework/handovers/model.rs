//! The model of a handover: the database row and the API view.

use crate::{
    auth::{OrganizationId, UserId},
    casework::cases::model::{CaseId, CaseRow},
    db::{dialect::Key, schema::handovers},
    error::{ApiError, Result},
    http::{Filter, OneOf, Resource},
    identity::teams::model::TeamId,
    types::{Day, Id, Instant, Json, Text},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type HandoverId = Id<HandoverRow>;

/// The previous lead may keep access for at most this many days.
const MAX_KEPT_DAYS: i32 = 31;

text_enum! {
    /// The status of an offer.
    pub enum HandoverStatus { Offered = "offered", Accepted = "accepted", Refused = "refused", Withdrawn = "withdrawn" }
}

/// A record that was open when the case was offered. Fetch its content from its own endpoint.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenItem {
    pub id: Key,
    /// The due date, if it has one.
    pub due_on: Option<Day>,
    /// For a meeting: when it begins.
    pub starts_at: Option<Instant>,
}
impl OpenItem {
    pub fn due<K>(id: Id<K>, due_on: Option<Day>) -> Self {
        Self { id: Key::from_uuid(id.uuid()), due_on, starts_at: None }
    }
    pub fn starting<K>(id: Id<K>, starts_at: Instant) -> Self {
        Self { id: Key::from_uuid(id.uuid()), due_on: None, starts_at: Some(starts_at) }
    }
}

/// The open records of the case when it was offered, at most 200 of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct OpenWork {
    /// Deadlines that are running or have an unknown trigger date, soonest first.
    pub deadlines: Vec<OpenItem>,
    /// Meetings that are proposed or booked, soonest first.
    pub meetings: Vec<OpenItem>,
    /// Open tasks, soonest first.
    pub tasks: Vec<OpenItem>,
    /// Promises that are neither kept nor broken yet.
    pub commitments: Vec<OpenItem>,
}

/// The number of open records of each kind.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct OpenCounts {
    pub deadlines: usize,
    pub meetings: usize,
    pub tasks: usize,
    pub commitments: usize,
}
impl OpenWork {
    pub const fn counts(&self) -> OpenCounts {
        OpenCounts {
            deadlines: self.deadlines.len(),
            meetings: self.meetings.len(),
            tasks: self.tasks.len(),
            commitments: self.commitments.len(),
        }
    }
}

/// A row of `handovers`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = handovers, treat_none_as_default_value = false)]
pub struct HandoverRow {
    pub organization_id: OrganizationId,
    pub id: HandoverId,
    pub case_id: CaseId,
    pub from_user_id: UserId,
    pub to_user_id: UserId,
    pub offered_by: UserId,
    pub note: Text<4000>,
    pub keep_until: Option<Day>,
    pub status: HandoverStatus,
    pub reason: Option<Text<2000>>,
    pub open_work: Json<OpenWork>,
    pub offered_at: Instant,
    pub answered_at: Option<Instant>,
    pub version: i32,
}

impl HandoverRow {
    pub fn new(case: &CaseRow, lead: UserId, offered_by: UserId, new: &NewHandover, open_work: OpenWork) -> Self {
        Self {
            organization_id: case.organization_id,
            id: Id::new(),
            case_id: case.id,
            from_user_id: lead,
            to_user_id: new.to_user_id,
            offered_by,
            note: new.note.clone(),
            keep_until: new.keep_until,
            status: HandoverStatus::Offered,
            reason: None,
            open_work: Json(open_work),
            offered_at: Instant::now(),
            answered_at: None,
            version: 1,
        }
    }

    /// Ends an offer. An offer can be answered only once.
    pub fn answer(&mut self, status: HandoverStatus, reason: Option<Text<2000>>) -> Result<()> {
        if self.status != HandoverStatus::Offered {
            return Err(ApiError::conflict(format!("The handover has already been {}.", self.status.as_str())));
        }
        (self.status, self.reason, self.answered_at) = (status, reason, Some(Instant::now()));
        Ok(())
    }
}

/// An offer of a case to its next lead.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/handover.json"))))]
pub struct Handover {
    pub id: HandoverId,
    pub case_id: CaseId,
    pub case_number: String,
    pub team_id: TeamId,
    /// The lead when the case was offered.
    pub from_user_id: UserId,
    pub to_user_id: UserId,
    pub offered_by: UserId,
    /// The recipient reads it before they may see anything else.
    pub note: Text<4000>,
    /// After acceptance the previous lead continues as `cover` until the end of this day.
    pub keep_until: Option<Day>,
    pub status: HandoverStatus,
    /// Why the offer was refused.
    pub reason: Option<Text<2000>>,
    pub open_counts: OpenCounts,
    /// Only for callers who see the case.
    pub open_work: Option<OpenWork>,
    pub offered_at: Instant,
    /// When it was accepted, refused or withdrawn.
    pub answered_at: Option<Instant>,
    pub version: i32,
}

/// The data of a case that is shown with a handover.
#[derive(Debug, Clone)]
pub struct HandoverCase {
    pub case_number: String,
    pub team_id: TeamId,
    /// Whether the caller may see the case. Otherwise they see only the offer.
    pub is_visible: bool,
}
impl Handover {
    pub fn from_row(row: HandoverRow, case: HandoverCase) -> Self {
        Self {
            id: row.id,
            case_id: row.case_id,
            case_number: case.case_number,
            team_id: case.team_id,
            from_user_id: row.from_user_id,
            to_user_id: row.to_user_id,
            offered_by: row.offered_by,
            note: row.note,
            keep_until: row.keep_until,
            status: row.status,
            reason: row.reason,
            open_counts: row.open_work.0.counts(),
            open_work: case.is_visible.then_some(row.open_work.0),
            offered_at: row.offered_at,
            answered_at: row.answered_at,
            version: row.version,
        }
    }
}
impl Resource for Handover {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/handovers/{}", self.id)
    }
}

/// A new offer of a case.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_handover.json"))))]
pub struct NewHandover {
    /// An active advocate or supervisor of the organization, not the present lead and not the caller. A supervisor must
    /// be in the case's team, because otherwise they could not see the case afterwards.
    pub to_user_id: UserId,
    /// What the next lead must know to decide. They read it before they may see the case, so do not name people without
    /// need.
    pub note: Text<4000>,
    /// After acceptance the previous lead continues as `cover` until the end of this day, at most 31 days from now.
    /// Without it their access ends with the acceptance.
    pub keep_until: Option<Day>,
}

impl NewHandover {
    /// Checks whether this caller may make the offer on this day.
    pub fn check(&self, caller: UserId, lead: UserId, today: Day) -> Result<()> {
        if self.to_user_id == lead {
            return Err(ApiError::invalid("/to_user_id", "present_lead", "leads the case already"));
        }
        if self.to_user_id == caller {
            return Err(ApiError::invalid(
                "/to_user_id",
                "yourself",
                "must be somebody else: you cannot accept your own offer",
            ));
        }
        if self.keep_until.is_some_and(|last| last < today || last > today.plus_days(MAX_KEPT_DAYS)) {
            return Err(ApiError::invalid(
                "/keep_until",
                "out_of_range",
                format!("must lie between today and {MAX_KEPT_DAYS} days from now"),
            ));
        }
        Ok(())
    }
}

/// The reason for a refusal.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "I am away from Monday."}))]
pub struct HandoverRefusal {
    pub reason: Text<2000>,
}

/// Which handovers of a case to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct CaseHandoverFilter {
    #[param(value_type = Option<OneOf<HandoverStatus>>, inline)]
    pub status: Option<OneOf<HandoverStatus>>,
}
impl Filter for CaseHandoverFilter {
    const SORTS: &'static [&'static str] = HandoverFilter::SORTS;
}

/// Which handovers to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct HandoverFilter {
    #[param(value_type = Option<OneOf<HandoverStatus>>, inline)]
    pub status: Option<OneOf<HandoverStatus>>,
    /// With `true`: only handovers that are offered to the caller.
    pub mine: Option<bool>,
    pub case: Option<CaseId>,
}
impl Filter for HandoverFilter {
    const SORTS: &'static [&'static str] = &["-offered_at", "offered_at"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handover_needs_another_user_and_keeps_access_a_month_at_most() {
        let (caller, lead, other, today) = (Id::new(), Id::new(), Id::new(), Day::parse("2026-11-24").unwrap());
        let fault = |to_user_id, keep_until: Option<&str>| {
            let keep_until = keep_until.map(|day| Day::parse(day).unwrap());
            let new = NewHandover { to_user_id, note: Text::parse("n").unwrap(), keep_until };
            new.check(caller, lead, today).err().map(|error| error.all_issues()[0].fault.code)
        };
        assert_eq!(fault(other, None), None);
        assert_eq!(fault(lead, None), Some("present_lead"));
        assert_eq!(fault(caller, None), Some("yourself"));
        assert_eq!(fault(other, Some("2026-11-24")), None);
        assert_eq!(fault(other, Some("2026-12-25")), None);
        assert_eq!(fault(other, Some("2026-12-26")), Some("out_of_range"));
        assert_eq!(fault(other, Some("2026-11-23")), Some("out_of_range"));
    }
}
