//! What a report is asked, and how it is understood.

use super::{
    measure::{Group, Measure, ReportTime},
    protect::Threshold,
    query::Moments,
};
use crate::{
    db::tally::MOST_GROUPS,
    error::{ApiError, Result},
    identity::{organizations::model::OrganizationRow, teams::model::TeamId},
    types::{Day, Instant, Line, Zone, fault::Fault},
};
use serde::{Deserialize, Deserializer};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

text_enum! {
    /// How exact the numbers are.
    pub enum View {
        /// Every number as it is: for those who see the cases.
        Exact = "exact",
        /// Small numbers hidden and the others told in steps: for those who do not see the cases, and to hand to others.
        Protected = "protected",
    }
}
text_enum! {
    /// What a report comes as.
    pub enum ReportFormat { Json = "json", Csv = "csv", Xlsx = "xlsx", Pdf = "pdf", Svg = "svg" }
}

text_enum! {
    /// What a list of records comes as.
    pub enum RecordsFormat { Csv = "csv", Xlsx = "xlsx" }
}
impl RecordsFormat {
    /// The media type of each, the usual one first.
    pub const MEDIA: &'static [(&'static str, Self)] =
        &[("text/csv", Self::Csv), ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Self::Xlsx)];
    /// As it stands in the list of exports, beside the formats of reports.
    pub const fn of_export(self) -> &'static str {
        match self {
            Self::Csv => "records_csv",
            Self::Xlsx => "records_xlsx",
        }
    }
}

/// As of when: a day, which is meant to its end, or a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    Day(Day),
    Moment(Instant),
}
impl<'de> Deserialize<'de> for AsOf {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let moment = || Instant::parse(&text).map(Self::Moment);
        let parsed = if text.len() == 10 { Day::parse(&text).map(Self::Day) } else { moment() };
        parsed.map_err(|_| Fault::new("invalid", "must be a day, YYYY-MM-DD, or an RFC 3339 date and time with an offset").serde())
    }
}
impl PartialSchema for AsOf {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A day, which is meant to its end, or a moment; not in the future."))
            .pattern(Some("^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}(T.+)?$"))
            .examples([serde_json::json!("2026-09-30")])
            .into()
    }
}
impl ToSchema for AsOf {}

/// What to report.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ReportQuery {
    /// The first day of the period, where the organization is. Needed by measures of a period, and by no others.
    pub from: Option<Day>,
    /// The day after its last.
    pub to: Option<Day>,
    /// Reports what was on record then, and so the same whenever it is asked; now, unless said. A day is meant to its end.
    #[param(inline)]
    pub as_of: Option<AsOf>,
    /// One team of the caller's. An administrator names none: what they are told is of all teams.
    pub team: Option<TeamId>,
    /// Up to four of the measure's groups, with commas; an empty value groups by nothing.
    #[param(max_length = 200)]
    pub group_by: Option<String>,
    /// `exact` for those who see the cases, unless said; `protected` for all others. A protected report is of a whole quarter or year, or of the last day of a month, and of one team only for those who see it.
    #[param(inline)]
    pub view: Option<View>,
    /// Goes before `Accept`.
    #[param(inline)]
    pub format: Option<ReportFormat>,
    /// Why the file is made, at least 5 characters, which is kept: name nobody in it. Needed for `csv`, `xlsx` and `pdf`, as is a password given within ten minutes.
    pub reason: Option<Line<500>>,
}

/// Which records to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordsQuery {
    /// The first day of the period, as for the report.
    pub from: Option<Day>,
    /// The day after its last.
    pub to: Option<Day>,
    /// As for the report; now, unless said.
    #[param(inline)]
    pub as_of: Option<AsOf>,
    /// One team of the caller's.
    pub team: Option<TeamId>,
    /// Goes before `Accept`.
    #[param(inline)]
    pub format: Option<RecordsFormat>,
    /// Why the list is made, at least 5 characters, which is kept: name nobody in it.
    #[param(value_type = String, min_length = 5, max_length = 500)]
    pub reason: Line<500>,
}

impl From<&RecordsQuery> for ReportQuery {
    fn from(query: &RecordsQuery) -> Self {
        let RecordsQuery { from, to, as_of, team, .. } = query.clone();
        Self { from, to, as_of, team, group_by: Some(String::new()), view: Some(View::Exact), ..Self::default() }
    }
}

impl ReportFormat {
    /// The media type of each, the usual one first.
    pub const MEDIA: &'static [(&'static str, Self)] = &[
        ("application/json", Self::Json),
        ("text/csv", Self::Csv),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Self::Xlsx),
        ("application/pdf", Self::Pdf),
        ("image/svg+xml", Self::Svg),
    ];
    /// Whether it is taken out of the house (FX-02).
    pub const fn is_export(self) -> bool {
        matches!(self, Self::Csv | Self::Xlsx | Self::Pdf)
    }
}

/// The question in full: nothing is open any more.
#[derive(Debug, Clone)]
pub struct Question {
    pub measure: &'static Measure,
    pub groups: Vec<&'static Group>,
    pub moments: Moments,
    pub zone: Zone,
    pub team: Option<TeamId>,
    pub view: View,
    pub threshold: Threshold,
    /// Of what, one after the other, it is counted.
    pub slices: Vec<Slice>,
}

/// A part of what the caller may see that one statement goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slice {
    Teams(Vec<TeamId>),
    /// The cases that the caller works in, of one team or of all.
    Assigned(Option<TeamId>),
}

/// What of a slice is counted: where groups do not make the total, it is counted by itself, beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Both,
    Groups,
    Total,
}

/// The groups that are asked for, or the usual ones.
pub fn groups(measure: &'static Measure, asked: Option<&str>) -> Result<Vec<&'static Group>> {
    let names: Vec<&str> = match asked {
        None => measure.usual.to_vec(),
        Some(names) => names.split(',').filter(|name| !name.is_empty()).collect(),
    };
    let known: Vec<&str> = measure.groups.iter().map(|group| group.name).collect();
    let wrong = |code, detail: String| Err(ApiError::parameter("group_by", code, detail));
    if names.len() > MOST_GROUPS {
        return wrong("too_many", format!("must be at most {MOST_GROUPS}"));
    }
    let mut groups = Vec::new();
    for (i, name) in names.iter().enumerate() {
        match measure.group(name) {
            Some(_) if names.iter().take(i).any(|before| before == name) => return wrong("duplicate", "names a group twice".into()),
            Some(group) => groups.push(group),
            None => return wrong("unknown_group", format!("this measure is grouped by: {}", known.join(", "))),
        }
    }
    Ok(groups)
}

/// When: from what was asked to moments, by the organization's days. `now` is given, so that a rule can be tried.
pub fn moments(measure: &Measure, query: &ReportQuery, view: View, organization: &OrganizationRow, now: Instant) -> Result<Moments> {
    let zone = &organization.time_zone;
    let wrong = |name: &'static str, code, detail: &str| Err(ApiError::parameter(name, code, detail.to_owned()));
    // To the millisecond, as it is told: what was written within it is in no report of it, now or later.
    let now = Instant::from_micros(now.micros() / 1000 * 1000);
    let today = Day::of(now, zone);
    let at = match query.as_of {
        None if view == View::Protected && measure.time != ReportTime::Now => first_of_month(today).begins(zone),
        None => now,
        Some(_) if measure.time == ReportTime::Now => {
            return wrong("as_of", "not_taken", "this measure is of now: what it looks at is not kept");
        }
        Some(AsOf::Moment(_)) if view == View::Protected => return wrong("as_of", "too_fine", PROTECTED_MOMENT),
        Some(AsOf::Moment(at)) if at > now => return wrong("as_of", "in_the_future", "must not lie in the future"),
        Some(AsOf::Moment(at)) => at,
        Some(AsOf::Day(day)) if day > today => return wrong("as_of", "in_the_future", "must not lie in the future"),
        Some(AsOf::Day(day)) => {
            let ends = day.plus_days(1);
            if view == View::Protected && ends != first_of_month(ends) {
                return wrong("as_of", "too_fine", PROTECTED_MOMENT);
            }
            ends.begins(zone).min(now)
        }
    };
    // The end of a day is told as that day.
    let day = Day::of(Instant::from_micros(at.micros() - 1), zone);
    let (from, to) = match (measure.time, query.from, query.to) {
        (ReportTime::Period, Some(from), Some(to)) if from < to => (from, to),
        (ReportTime::Period, Some(_), Some(_)) => return wrong("to", "before_from", "must lie after the day on which the period begins"),
        (ReportTime::Period, None, _) => return wrong("from", "required", "this measure is of a period: say on which day it begins"),
        (ReportTime::Period, _, None) => return wrong("to", "required", "this measure is of a period: say on which day it is over"),
        (_, None, None) => return Ok(Moments { organization: organization.id, at, day, from: None, to: None }),
        (_, Some(_), _) => return wrong("from", "not_taken", "this measure is of a moment, and not of a period"),
        (_, _, Some(_)) => return wrong("to", "not_taken", "this measure is of a moment, and not of a period"),
    };
    if view == View::Protected {
        if !is_quarter_or_year(from, to) {
            return wrong("to", "too_fine", "a protected report is of a whole quarter of the calendar, or of a whole year");
        }
        if to.begins(zone) > at {
            return wrong("to", "in_the_future", "a protected report is of a period that was over by the end of the month it is as of");
        }
    }
    Ok(Moments { organization: organization.id, at, day, from: Some((from, from.begins(zone))), to: Some((to, to.begins(zone))) })
}

const PROTECTED_MOMENT: &str = "a protected report is as of the last day of a month";

fn first_of_month(day: Day) -> Day {
    Day::from_jiff(day.jiff().first_of_month())
}

fn is_quarter_or_year(from: Day, to: Day) -> bool {
    let (first, months) = (from.jiff(), |many: i32| from.jiff().saturating_add(jiff::Span::new().months(many)));
    let quarter = first.month() % 3 == 1 && to.jiff() == months(3);
    let year = first.month() == 1 && to.jiff() == months(12);
    first.day() == 1 && (quarter || year)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oversight::reports::measure::find;

    fn organization() -> OrganizationRow {
        let line = |text: &str| Line::parse(text).unwrap();
        OrganizationRow::new(Line::parse("River Peers").unwrap(), Zone::parse("America/Chicago").unwrap(), line("peer"))
    }
    fn asked(id: &str, query: &str, view: View) -> std::result::Result<(String, String), String> {
        let query: ReportQuery = serde_urlencoded::from_str(query).unwrap();
        let now = Instant::parse("2026-11-26T12:00:00Z").unwrap();
        moments(find(id).unwrap(), &query, view, &organization(), now)
            .map(|moments| (moments.at.to_string(), moments.to.map(|(_, to)| to.to_string()).unwrap_or_default()))
            .map_err(|error| error.all_issues().first().map(|issue| issue.fault.code.to_string()).unwrap_or_default())
    }

    #[test]
    fn a_moment_is_now_or_the_end_of_a_day_where_the_organization_is() {
        let at = |query: &str| asked("barriers_open", query, View::Exact).map(|(at, _)| at);
        assert_eq!(at("").unwrap(), "2026-11-26T12:00:00.000Z");
        assert_eq!(at("as_of=2026-11-25").unwrap(), "2026-11-26T06:00:00.000Z");
        assert_eq!(at("as_of=2026-11-26").unwrap(), "2026-11-26T12:00:00.000Z", "a day that is not over");
        assert_eq!(at("as_of=2026-11-27").unwrap_err(), "in_the_future");
        assert_eq!(at("as_of=2026-11-26T12:00:01Z").unwrap_err(), "in_the_future");
        assert_eq!(at("from=2026-11-01").unwrap_err(), "not_taken");
        assert_eq!(asked("supervision", "as_of=2026-11-25", View::Exact).unwrap_err(), "not_taken");
    }

    #[test]
    fn a_period_is_half_open() {
        let to = |query: &str| asked("time_to_close", query, View::Exact).map(|(_, to)| to);
        assert_eq!(to("from=2026-10-01&to=2026-11-02").unwrap(), "2026-11-02T06:00:00.000Z");
        assert_eq!(to("from=2026-10-01&to=2026-10-01").unwrap_err(), "before_from");
        assert_eq!(to("to=2026-10-01").unwrap_err(), "required");
        assert_eq!(to("from=2026-10-01").unwrap_err(), "required");
    }

    #[test]
    fn what_is_protected_is_coarse() {
        let period = |query: &str| asked("time_to_close", query, View::Protected);
        assert_eq!(period("from=2026-07-01&to=2026-10-01").unwrap().0, "2026-11-01T05:00:00.000Z");
        assert!(period("from=2025-01-01&to=2026-01-01").is_ok());
        for fine in [
            "from=2026-07-02&to=2026-10-01",
            "from=2026-07-01&to=2026-10-02",
            "from=2026-08-01&to=2026-11-01",
            "from=2026-04-01&to=2026-10-01",
        ] {
            assert_eq!(period(fine).unwrap_err(), "too_fine", "{fine}");
        }
        assert_eq!(period("from=2026-10-01&to=2027-01-01").unwrap_err(), "in_the_future");
        let moment = |query: &str| asked("barriers_open", query, View::Protected).map(|(at, _)| at);
        assert_eq!(moment("").unwrap(), "2026-11-01T05:00:00.000Z");
        assert_eq!(moment("as_of=2026-09-30").unwrap(), "2026-10-01T05:00:00.000Z");
        assert_eq!(moment("as_of=2026-09-29").unwrap_err(), "too_fine");
        assert_eq!(moment("as_of=2026-10-01T05:00:00Z").unwrap_err(), "too_fine");
    }
}
