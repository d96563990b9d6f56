//! The parameters of a report, and how they are interpreted.

use super::{
    measure::{Group, Measure, ReportTime, Span},
    model::ReportScope,
    sql::Moments,
    suppression::Threshold,
};
use crate::{
    db::aggregate::MAX_GROUP_COLUMNS,
    error::{ApiError, Result},
    http::query::listed,
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
        /// Every number as it is: for callers who may see the cases.
        Exact = "exact",
        /// Small numbers are hidden and the others given in steps: for callers who may not see the cases, and for
        /// reports that are handed to others.
        Protected = "protected",
    }
}
text_enum! {
    /// The format of a report.
    pub enum ReportFormat { Json = "json", Csv = "csv", Xlsx = "xlsx", Pdf = "pdf", Svg = "svg" }
}

text_enum! {
    /// The format of a list of records.
    pub enum RecordsFormat { Csv = "csv", Xlsx = "xlsx" }
}
impl RecordsFormat {
    /// The media type of each format, the default first.
    pub const MEDIA: &'static [(&'static str, Self)] =
        &[("text/csv", Self::Csv), ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Self::Xlsx)];
    /// The name of the format in the list of exports. It differs from the formats of reports, which are in the same list.
    pub const fn export_name(self) -> &'static str {
        match self {
            Self::Csv => "records_csv",
            Self::Xlsx => "records_xlsx",
        }
    }
}

/// The moment that a report is as of: a day, which means the end of that day, or a moment.
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
        parsed.map_err(|_| {
            Fault::new("invalid", "must be a day, YYYY-MM-DD, or an RFC 3339 date and time with an offset").serde()
        })
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
    /// The first day of the period, in the organization's time zone. Required for measures of a period, and for reports
    /// by month or quarter.
    pub from: Option<Day>,
    /// The day after the last day of the period.
    pub to: Option<Day>,
    /// The report counts what was on record then, so it gives the same numbers whenever it is requested; now, if
    /// absent. A day means the end of that day.
    #[param(inline)]
    pub as_of: Option<AsOf>,
    /// One of the caller's teams. An administrator must leave it out: they get reports of all teams.
    pub team: Option<TeamId>,
    /// Up to four of the measure's groups; an empty value groups by nothing. `month` or `quarter` shows each month or
    /// quarter of the period, also those with 0, with the numbers that a report of it alone has; a measure of a moment
    /// is shown as of the end of each. `GET /reports` says by which moment each measure counts.
    #[serde(deserialize_with = "listed")]
    #[param(value_type = Option<Vec<String>>, max_items = 4)]
    pub group_by: Option<String>,
    /// If absent, JSON is `exact` for callers who may see the cases, and `protected` for all others. CSV, XLSX, PDF and
    /// SVG are `protected` unless `exact` is requested; an exact file says on every page that it is internal. A
    /// protected report covers a whole quarter or year, or is as of the last day of a month, and covers one team only
    /// for callers who may see it. It is grouped by quarter, and by month only if the measure is of a moment.
    #[param(inline)]
    pub view: Option<View>,
    /// Takes precedence over `Accept`.
    #[param(inline)]
    pub format: Option<ReportFormat>,
    /// Why the file is made, at least 5 characters. It is kept: do not name anybody in it. Required for `csv`, `xlsx`
    /// and `pdf`, as is a password entered within the last ten minutes.
    pub reason: Option<Line<500>>,
}

/// Which records to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordsQuery {
    /// The first day of the period, as for the report.
    pub from: Option<Day>,
    /// The day after the last day of the period.
    pub to: Option<Day>,
    /// As for the report; now, if absent.
    #[param(inline)]
    pub as_of: Option<AsOf>,
    /// One of the caller's teams.
    pub team: Option<TeamId>,
    /// Takes precedence over `Accept`.
    #[param(inline)]
    pub format: Option<RecordsFormat>,
    /// Why the list is made, at least 5 characters. It is kept: do not name anybody in it.
    #[param(value_type = String, min_length = 5, max_length = 500)]
    pub reason: Line<500>,
}

impl ReportQuery {
    pub fn is_for_file(&self) -> bool {
        self.format.is_some_and(|format| format != ReportFormat::Json)
    }
}

impl From<&RecordsQuery> for ReportQuery {
    fn from(query: &RecordsQuery) -> Self {
        let RecordsQuery { from, to, as_of, team, .. } = query.clone();
        Self { from, to, as_of, team, group_by: Some(String::new()), view: Some(View::Exact), ..Self::default() }
    }
}

impl ReportFormat {
    /// The media type of each format, the default first.
    pub const MEDIA: &'static [(&'static str, Self)] = &[
        ("application/json", Self::Json),
        ("text/csv", Self::Csv),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Self::Xlsx),
        ("application/pdf", Self::Pdf),
        ("image/svg+xml", Self::Svg),
    ];
    /// Whether it is an export (FX-02).
    pub const fn is_export(self) -> bool {
        matches!(self, Self::Csv | Self::Xlsx | Self::Pdf)
    }
}

/// A request with all defaults resolved.
#[derive(Debug, Clone)]
pub struct ReportRequest {
    pub measure: &'static Measure,
    pub groups: Vec<&'static Group>,
    pub moments: Moments,
    pub zone: Zone,
    pub team: Option<TeamId>,
    pub view: View,
    pub threshold: Threshold,
    /// The slices that are counted one after the other.
    pub slices: Vec<Slice>,
    /// The months or quarters, if it is grouped by them.
    pub periods: Vec<ReportPeriod>,
    /// What the report covers: the names of the organization and of the teams.
    pub scope: ReportScope,
}

/// A month or a quarter of a report, or the part of it that is in the period and has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportPeriod {
    /// `2026-03`.
    pub key: String,
    /// `March 2026`.
    pub label: String,
    /// `Mar`, and its year.
    pub short: (String, i32),
    /// Whether it covers only a part of the month or quarter.
    pub is_part: bool,
    pub moments: Moments,
}

impl ReportRequest {
    /// The groups that SQL counts by: all but months and quarters.
    pub fn sql_groups(&self) -> Vec<&'static Group> {
        self.groups.iter().copied().filter(|group| group.keys.span().is_none()).collect()
    }
    /// Whether it reads only indexes of what it counts now. A caller's own cases are few, and found by case.
    pub fn is_indexed(&self) -> bool {
        self.moments.is_now
            && self.periods.is_empty()
            && self.measure.is_indexed(&self.groups)
            && self.slices.iter().all(|slice| matches!(slice, Slice::Teams(_)))
    }
    /// Whether the numbers of the whole period are shown. In a protected report by quarter they are shown only for a
    /// period of a quarter or a year, as in every protected report.
    pub fn shows_whole_period(&self) -> bool {
        match (self.view, self.measure.time, self.moments.from, self.moments.to) {
            (View::Protected, ReportTime::Period, Some((from, _)), Some((to, _))) => is_quarter_or_year(from, to),
            _ => true,
        }
    }
}

/// A part of what the caller may see. One SQL statement counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slice {
    Teams(Vec<TeamId>),
    /// The cases that the caller works in, of one team or of all.
    Assigned(Option<TeamId>),
}

/// Which counts of a slice are computed. If the groups do not add up to the total, the total is counted separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestedCounts {
    Both,
    Groups,
    Total,
}

/// The requested groups, or the default groups of the measure.
pub fn groups(measure: &'static Measure, asked: Option<&str>) -> Result<Vec<&'static Group>> {
    let names: Vec<&str> = match asked {
        None => measure.default_groups.to_vec(),
        Some(names) => names.split(',').filter(|name| !name.is_empty()).collect(),
    };
    let known: Vec<&str> = measure.all_groups().map(|group| group.name).collect();
    let wrong = |code, detail: String| Err(ApiError::parameter("group_by", code, detail));
    if names.len() > MAX_GROUP_COLUMNS {
        return wrong("too_many", format!("must be at most {MAX_GROUP_COLUMNS}"));
    }
    let mut groups = Vec::new();
    for (i, name) in names.iter().enumerate() {
        match measure.group(name) {
            Some(_) if names.iter().take(i).any(|before| before == name) => {
                return wrong("duplicate", "names a group twice".into());
            }
            Some(group) if group.keys.span().is_some() && span(&groups).is_some() => {
                return wrong("too_many", "takes month or quarter, and not both".into());
            }
            Some(group) => groups.push(group),
            None if Span::ALL.iter().any(|span| span.as_str() == *name) => {
                return wrong("not_taken", measure.by_time.counts_by.into());
            }
            None => return wrong("unknown_group", format!("this measure is grouped by: {}", known.join(", "))),
        }
    }
    Ok(groups)
}

/// The span of the calendar by which the report is grouped, if any.
pub fn span(groups: &[&Group]) -> Option<Span> {
    groups.iter().find_map(|group| group.keys.span())
}

/// The most months or quarters of a report.
const MAX_PERIODS: usize = 60;

/// The end of an error message about a protected file, if the request did not name a view.
const PROTECTED_BY_DEFAULT_HINT: &str = "; a file is protected unless view=exact is asked for";

/// The moments and the period of a report, from the request and the organization's time zone. `now` is a parameter, so
/// that tests can set it.
pub fn moments(
    measure: &Measure,
    span: Option<Span>,
    query: &ReportQuery,
    view: View,
    organization: &OrganizationRow,
    now: Instant,
) -> Result<Moments> {
    let zone = &organization.time_zone;
    let hint = if query.view.is_none() && query.is_for_file() { PROTECTED_BY_DEFAULT_HINT } else { "" };
    let wrong = |name: &'static str, code, detail: &str| Err(ApiError::parameter(name, code, detail.to_owned()));
    let too_fine =
        |name: &'static str, detail: &str| Err(ApiError::parameter(name, "too_fine", format!("{detail}{hint}")));
    // Rounded down to the millisecond, as the response shows it. So a later report as of this moment counts the same
    // records: records that are written later within the millisecond are in neither.
    let now = Instant::from_micros(now.micros() / 1000 * 1000);
    let today = Day::of(now, zone);
    // The state at the end of each month or quarter of a period.
    let ends = measure.time == ReportTime::Moment && span.is_some();
    let at = match query.as_of {
        None if ends => now,
        None if view == View::Protected && measure.time != ReportTime::Now => first_of_month(today).begins(zone),
        None => now,
        Some(_) if measure.time == ReportTime::Now => {
            return wrong("as_of", "not_taken", "this measure has no history: it can be counted for the present only");
        }
        Some(_) if ends => {
            return wrong(
                "as_of",
                "not_taken",
                "cannot be combined with group_by=month or quarter, where each group is counted at its own end: give \
                 from and to instead",
            );
        }
        Some(AsOf::Moment(_)) if view == View::Protected => return too_fine("as_of", PROTECTED_MOMENT),
        Some(AsOf::Moment(at)) if at > now => return wrong("as_of", "in_the_future", "must not lie in the future"),
        Some(AsOf::Moment(at)) => at,
        Some(AsOf::Day(day)) if day > today => return wrong("as_of", "in_the_future", "must not lie in the future"),
        Some(AsOf::Day(day)) => {
            let ends = day.plus_days(1);
            if view == View::Protected && ends != first_of_month(ends) {
                return too_fine("as_of", PROTECTED_MOMENT);
            }
            ends.begins(zone).min(now)
        }
    };
    // The moment at which a day ends belongs to that day, not to the next one.
    let moments = |at: Instant, from, to| Moments {
        organization: organization.id,
        at,
        is_now: at == now,
        day: Day::of(Instant::from_micros(at.micros() - 1), zone),
        from,
        to,
    };
    let (from, to) = match (measure.time == ReportTime::Period || ends, query.from, query.to) {
        (true, Some(from), Some(to)) if from < to => (from, to),
        (true, Some(_), Some(_)) => return wrong("to", "before_from", "must be after `from`"),
        (true, None, _) => {
            return wrong("from", "required", "is required: the report covers a period, and this is its first day");
        }
        (true, _, None) => {
            return wrong(
                "to",
                "required",
                "is required: the report covers a period, and this is the day after its last day",
            );
        }
        (false, None, None) => return Ok(moments(at, None, None)),
        (false, Some(_), _) => {
            return wrong(
                "from",
                "not_taken",
                "this measure counts at one moment: it takes a period only with group_by=month or quarter",
            );
        }
        (false, _, Some(_)) => {
            return wrong(
                "to",
                "not_taken",
                "this measure counts at one moment: it takes a period only with group_by=month or quarter",
            );
        }
    };
    let (begins, over) = (from.begins(zone), to.begins(zone));
    if ends && begins >= now {
        return wrong("from", "in_the_future", "must not lie in the future");
    }
    if view == View::Protected && ends {
        if from != first_of_month(from) || to != first_of_month(to) {
            return too_fine(
                "to",
                "a protected report by month or quarter must begin and end on the first day of a month",
            );
        }
        if over > now {
            return wrong("to", "in_the_future", "a protected report covers only months that have ended");
        }
    } else if view == View::Protected {
        match span {
            Some(Span::Month) => {
                return too_fine("group_by", "a protected report of a period can be grouped by quarter, not by month");
            }
            Some(Span::Quarter) if !is_quarters(from, to) => {
                return too_fine("to", "a protected report by quarter must cover whole quarters");
            }
            None if !is_quarter_or_year(from, to) => {
                return too_fine("to", "a protected report must cover one whole calendar quarter or one whole year");
            }
            _ => {}
        }
        if over > at {
            return wrong("to", "in_the_future", "a protected report covers only a period that had ended by its as_of");
        }
    }
    let at = if ends { over.min(now) } else { at };
    Ok(moments(at, Some((from, begins)), Some((to, over))))
}

/// The months or quarters of a period that had begun by the moment of the report, in order.
pub fn periods(measure: &Measure, span: Span, whole: &Moments, zone: &Zone) -> Result<Vec<ReportPeriod>> {
    let (Some((from, _)), Some((to, _))) = (whole.from, whole.to) else { return Ok(Vec::new()) };
    let is_stock = measure.time == ReportTime::Moment;
    let mut periods = Vec::new();
    let mut first = span.first(from);
    while first < to {
        let next = span.next(first);
        let (begins, ends) = (first.max(from), next.min(to));
        let (starts, over) = (begins.begins(zone), ends.begins(zone));
        if starts >= whole.at {
            break;
        }
        if periods.len() == MAX_PERIODS {
            let detail =
                format!("is too far from the first day: a report has at most {MAX_PERIODS} months or quarters");
            return Err(ApiError::parameter("to", "too_long", detail));
        }
        let at = if is_stock { over.min(whole.at) } else { whole.at };
        let day = Day::of(Instant::from_micros(at.micros() - 1), zone);
        // The state at the end of a month does not depend on when the period begins.
        let is_part = ends != next || over > whole.at || begins != first && !is_stock;
        let label = span.label(first);
        periods.push(ReportPeriod {
            key: span.key(first),
            label: if is_part { format!("{label} (part)") } else { label },
            short: (span.short(first), first.year()),
            is_part,
            moments: Moments { at, is_now: false, day, from: Some((begins, starts)), to: Some((ends, over)), ..*whole },
        });
        first = next;
    }
    Ok(periods)
}

const PROTECTED_MOMENT: &str = "a protected report is counted at the end of a month: give the last day of a month";

fn first_of_month(day: Day) -> Day {
    Day::from_jiff(day.jiff().first_of_month())
}

fn is_quarters(from: Day, to: Day) -> bool {
    Span::Quarter.first(from) == from && Span::Quarter.first(to) == to
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
    use crate::overview::reports::measure::find;

    fn organization() -> OrganizationRow {
        let line = |text: &str| Line::parse(text).unwrap();
        OrganizationRow::new(Line::parse("River Peers").unwrap(), Zone::parse("America/Chicago").unwrap(), line("peer"))
    }
    fn asked(id: &str, query: &str, view: View) -> std::result::Result<(String, String), String> {
        let query: ReportQuery = crate::http::query::parse_filter(form_urlencoded::parse(query.as_bytes())).unwrap();
        let now = Instant::parse("2026-11-26T12:00:00Z").unwrap();
        let groups = groups(find(id).unwrap(), query.group_by.as_deref()).unwrap();
        moments(find(id).unwrap(), span(&groups), &query, view, &organization(), now)
            .map(|moments| (moments.at.to_string(), moments.to.map(|(_, to)| to.to_string()).unwrap_or_default()))
            .map_err(|error| error.all_issues().first().map(|issue| issue.fault.code.to_string()).unwrap_or_default())
    }

    #[test]
    fn as_of_is_now_or_the_end_of_a_local_day() {
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
    fn period_is_half_open() {
        let to = |query: &str| asked("time_to_close", query, View::Exact).map(|(_, to)| to);
        assert_eq!(to("from=2026-10-01&to=2026-11-02").unwrap(), "2026-11-02T06:00:00.000Z");
        assert_eq!(to("from=2026-10-01&to=2026-10-01").unwrap_err(), "before_from");
        assert_eq!(to("to=2026-10-01").unwrap_err(), "required");
        assert_eq!(to("from=2026-10-01").unwrap_err(), "required");
    }

    #[test]
    fn protected_reports_require_coarse_periods() {
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
    #[test]
    fn protected_reports_group_by_quarter_and_by_month_end() {
        let period = |query: &str| asked("time_to_close", query, View::Protected).map(|(at, _)| at);
        let eight_quarters = "from=2024-10-01&to=2026-10-01&group_by=quarter";
        assert_eq!(period(eight_quarters).unwrap(), "2026-11-01T05:00:00.000Z");
        assert_eq!(period("from=2024-11-01&to=2026-10-01&group_by=quarter").unwrap_err(), "too_fine");
        assert_eq!(period("from=2026-07-01&to=2026-10-01&group_by=month").unwrap_err(), "too_fine");
        assert_eq!(period("from=2026-10-01&to=2027-01-01&group_by=quarter").unwrap_err(), "in_the_future");
        let ends = |query: &str| asked("barriers_open", query, View::Protected).map(|(at, _)| at);
        assert_eq!(ends("from=2026-08-01&to=2026-11-01&group_by=month").unwrap(), "2026-11-01T05:00:00.000Z");
        assert_eq!(ends("from=2026-08-01&to=2026-11-02&group_by=month").unwrap_err(), "too_fine");
        assert_eq!(ends("from=2026-08-01&to=2026-12-01&group_by=month").unwrap_err(), "in_the_future");
        let exact = |query: &str| asked("barriers_open", query, View::Exact).map(|(at, _)| at);
        assert_eq!(exact("from=2026-08-01&to=2026-12-01&group_by=month").unwrap(), "2026-11-26T12:00:00.000Z");
        assert_eq!(exact("group_by=month").unwrap_err(), "required");
        assert_eq!(exact("from=2026-08-01&to=2026-12-01&group_by=month&as_of=2026-10-01").unwrap_err(), "not_taken");
        assert_eq!(exact("from=2026-11-27&to=2026-12-01&group_by=month").unwrap_err(), "in_the_future");
    }

    /// Months begin in the organization's time zone. Those that have not begun are left out, and a partial month is
    /// marked.
    #[test]
    fn period_is_split_into_months() {
        let parted = |id: &str, span: Span, query: &str| {
            let query: ReportQuery =
                crate::http::query::parse_filter(form_urlencoded::parse(query.as_bytes())).unwrap();
            let (measure, now) = (find(id).unwrap(), Instant::parse("2026-11-26T12:00:00Z").unwrap());
            let whole = moments(measure, Some(span), &query, View::Exact, &organization(), now)?;
            periods(measure, span, &whole, &organization().time_zone)
        };
        let shown = |id: &str, span: Span, query: &str| -> Vec<(String, String, String)> {
            let of = |period: ReportPeriod| {
                let (from, to) = (period.moments.from.unwrap().1, period.moments.to.unwrap().1);
                (period.label, from.to_string(), if id == "barriers_open" { period.moments.at } else { to }.to_string())
            };
            parted(id, span, query).unwrap().into_iter().map(of).collect()
        };
        let line = |label: &str, from: &str, to: &str| (label.to_owned(), from.to_owned(), to.to_owned());
        let months = [
            line("September 2026 (part)", "2026-09-15T05:00:00.000Z", "2026-10-01T05:00:00.000Z"),
            line("October 2026", "2026-10-01T05:00:00.000Z", "2026-11-01T05:00:00.000Z"),
            line("November 2026 (part)", "2026-11-01T05:00:00.000Z", "2026-12-01T06:00:00.000Z"),
        ];
        assert_eq!(shown("time_to_close", Span::Month, "from=2026-09-15&to=2027-02-01"), months);
        let ends = [
            line("September 2026", "2026-09-15T05:00:00.000Z", "2026-10-01T05:00:00.000Z"),
            line("October 2026", "2026-10-01T05:00:00.000Z", "2026-11-01T05:00:00.000Z"),
            line("November 2026 (part)", "2026-11-01T05:00:00.000Z", "2026-11-26T12:00:00.000Z"),
        ];
        assert_eq!(shown("barriers_open", Span::Month, "from=2026-09-15&to=2027-02-01"), ends);
        let quarters = shown("time_to_close", Span::Quarter, "from=2026-01-01&to=2026-10-01");
        assert_eq!(
            quarters.iter().map(|(label, ..)| label.as_str()).collect::<Vec<_>>(),
            ["Q1 2026", "Q2 2026", "Q3 2026"]
        );
        assert_eq!(parted("time_to_close", Span::Month, "from=2021-11-01&to=2026-11-01").unwrap().len(), 60);
        assert!(parted("time_to_close", Span::Month, "from=2021-10-01&to=2026-11-01").is_err());
    }
}
