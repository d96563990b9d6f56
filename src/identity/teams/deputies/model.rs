//! A deputyship in the database and in the API.

use crate::{
    auth::{Actor, OrganizationId, Role, UserId},
    db::schema::team_deputies,
    error::{ApiError, Result},
    http::{Filter, Resource},
    identity::teams::model::TeamId,
    types::{Day, Id, Instant, Line, Text, Zone},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type DeputyId = Id<DeputyRow>;

/// The most days that a deputyship can have.
const MAX_DAYS: i32 = 366;

/// A row of `team_deputies`. The days are what was requested; the instants are what applies.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = team_deputies, treat_none_as_default_value = false)]
pub struct DeputyRow {
    pub organization_id: OrganizationId,
    pub id: DeputyId,
    pub team_id: TeamId,
    pub user_id: UserId,
    pub starts_on: Day,
    pub ends_on: Day,
    pub starts_at: Instant,
    pub ends_at: Instant,
    pub reason: Option<Text<500>>,
    pub created_by: UserId,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl DeputyRow {
    pub fn new(
        organization_id: OrganizationId,
        team_id: TeamId,
        created_by: UserId,
        new: &NewDeputy,
        zone: &Zone,
    ) -> Self {
        let now = Instant::now();
        Self {
            organization_id,
            id: Id::new(),
            team_id,
            user_id: new.user_id,
            starts_on: new.starts_on,
            ends_on: new.ends_on,
            starts_at: new.starts_on.begins(zone),
            ends_at: new.ends_on.plus_days(1).begins(zone),
            reason: new.reason.clone(),
            created_by,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Ends it at a moment. A deputyship that has not begun by then never takes effect. Returns whether there was
    /// anything to end.
    pub fn end(&mut self, at: Instant) -> bool {
        if self.ends_at <= at || self.ends_at <= self.starts_at {
            return false;
        }
        self.ends_at = at.max(self.starts_at);
        true
    }
}

/// A supervisor who stands in for an absent one. It runs from `starts_at` until just before `ends_at`.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/deputy.json"))))]
pub struct Deputy {
    pub id: DeputyId,
    pub team_id: TeamId,
    pub user_id: UserId,
    pub display_name: Option<Line<120>>,
    pub starts_on: Day,
    pub ends_on: Day,
    pub starts_at: Instant,
    /// Earlier than the end of `ends_on` if it was ended early; the same as `starts_at` if it was ended before it
    /// began.
    pub ends_at: Instant,
    /// Only for administrators and supervisors.
    pub reason: Option<Text<500>>,
    pub created_by: UserId,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl Deputy {
    /// Leaves out the reason for most readers: not everybody in the team may know why a supervisor is away.
    pub fn of(row: DeputyRow, display_name: Option<Line<120>>, actor: Actor) -> Self {
        Self {
            id: row.id,
            team_id: row.team_id,
            user_id: row.user_id,
            display_name,
            starts_on: row.starts_on,
            ends_on: row.ends_on,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            reason: row.reason.filter(|_| matches!(actor.role, Role::Admin | Role::Supervisor)),
            created_by: row.created_by,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Deputy {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/teams/{}/deputies", self.team_id)
    }
}

/// A new deputyship, in whole days of the organization's calendar.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_deputy.json"))))]
pub struct NewDeputy {
    /// An active supervisor of the organization.
    pub user_id: UserId,
    /// The first day: today or later.
    pub starts_on: Day,
    /// The last day. A deputyship has at most 366.
    pub ends_on: Day,
    pub reason: Option<Text<500>>,
}

impl NewDeputy {
    /// Checks the days, as of today.
    pub fn check(&self, today: Day) -> Result<()> {
        if self.starts_on < today {
            return Err(ApiError::invalid("/starts_on", "in_the_past", "must be today or later"));
        }
        if self.ends_on < self.starts_on {
            return Err(ApiError::invalid("/ends_on", "before_start", "must not be before starts_on"));
        }
        if self.ends_on >= self.starts_on.plus_days(MAX_DAYS) {
            return Err(ApiError::invalid(
                "/ends_on",
                "out_of_range",
                format!("must be at most {MAX_DAYS} days after starts_on"),
            ));
        }
        Ok(())
    }
}

/// Which deputyships to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DeputyFilter {
    /// With `true` only those that run now, with `false` only the others.
    pub current: Option<bool>,
}
impl Filter for DeputyFilter {
    const SORTS: &'static [&'static str] = &["-starts_at", "starts_at"];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(starts_on: &str, ends_on: &str) -> NewDeputy {
        NewDeputy {
            user_id: Id::new(),
            starts_on: Day::parse(starts_on).unwrap(),
            ends_on: Day::parse(ends_on).unwrap(),
            reason: None,
        }
    }

    #[test]
    fn deputyship_has_at_most_366_days_and_none_in_the_past() {
        let today = Day::parse("2026-11-24").unwrap();
        for (days, pointer) in [
            (("2026-11-24", "2026-11-24"), None),
            (("2026-11-24", "2027-11-24"), None),
            (("2026-11-24", "2027-11-25"), Some("/ends_on")),
            (("2026-11-25", "2026-11-24"), Some("/ends_on")),
            (("2026-11-23", "2026-11-24"), Some("/starts_on")),
        ] {
            let found = new(days.0, days.1).check(today).err().map(|error| format!("{:?}", error.all_issues()));
            assert_eq!(found.is_some(), pointer.is_some(), "{days:?}");
            assert!(found.zip(pointer).is_none_or(|(found, pointer)| found.contains(pointer)), "{days:?}");
        }
    }

    #[test]
    fn deputyship_ends_immediately_or_never_starts_and_ends_once() {
        let zone = Zone::parse("America/Chicago").unwrap();
        let mut row = DeputyRow::new(Id::new(), Id::new(), Id::new(), &new("2030-07-01", "2030-07-14"), &zone);
        assert_eq!(row.ends_at.to_string(), "2030-07-15T05:00:00.000Z");
        let mut other = row.clone();
        assert!(row.end(Instant::now()) && row.ends_at == row.starts_at && !row.end(Instant::now()));
        let during = Instant::parse("2030-07-03T12:00:00Z").unwrap();
        assert!(other.end(during) && other.ends_at == during && !other.end(during));
    }
}
