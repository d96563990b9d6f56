//! The response of a report, and the description of each measure.

use super::{
    aggregate::Figure,
    measure::{Measure, ReportTime, Span, Unit},
    request::{ReportFormat, ReportPeriod, View},
};
use crate::{
    identity::teams::model::TeamId,
    types::{Day, Instant, Zone},
};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type},
    },
};

/// What is left out of the numbers, and how many records that is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Excluded {
    pub code: &'static str,
    /// What is left out, as text.
    pub words: &'static str,
    /// How many; absent if the number is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub n: Option<i64>,
}

/// The name of a group, one of its keys and the label of the key.
pub type GroupKey = (&'static str, String, String);

/// One number of a report, of one group.
#[derive(Debug, Clone)]
pub struct ReportRow {
    /// For each group its name, its key and the label of the key. All numbers of a group share it.
    pub group: Arc<[GroupKey]>,
    pub statistic: &'static str,
    pub figure: Figure,
}

impl Serialize for ReportRow {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        let mut row = s.serialize_map(None)?;
        for (name, key, _) in &*self.group {
            row.serialize_entry(name, key)?;
        }
        if !self.group.is_empty() {
            let labels: BTreeMap<&str, &str> =
                self.group.iter().map(|(name, _, label)| (*name, label.as_str())).collect();
            row.serialize_entry("labels", &labels)?;
        }
        row.serialize_entry("statistic", self.statistic)?;
        let Figure { numerator, denominator, value, hidden } = self.figure;
        if let Some(numerator) = numerator {
            row.serialize_entry("numerator", &numerator)?;
        }
        if let Some(denominator) = denominator {
            row.serialize_entry("denominator", &denominator)?;
        }
        if let Some(value) = value {
            row.serialize_entry("value", &value)?;
        }
        row.serialize_entry("suppressed", &hidden)?;
        row.end()
    }
}
impl PartialSchema for ReportRow {
    fn schema() -> RefOr<Schema> {
        let text = |words: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(words)).build();
        let whole = |words: &str| {
            let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
            ObjectBuilder::new().schema_type(Type::Integer).format(Some(format)).description(Some(words)).build()
        };
        let mut row = ObjectBuilder::new().description(Some(
            "One number, of one group: a member for each group that was asked for, with its key, and under `labels` \
             its name. Records without a value have the key `none`.",
        ));
        let mut groups: BTreeMap<&str, &str> = BTreeMap::new();
        for group in super::measure::all().flat_map(Measure::all_groups) {
            groups.entry(group.name).or_insert(group.title);
        }
        for (name, title) in groups {
            row = row.property(name, text(&format!("{title}: a code or an id.")));
        }
        let labels = ObjectBuilder::new()
            .description(Some("What each key is called."))
            .additional_properties(Some(Schema::from(ObjectBuilder::new().schema_type(Type::String))));
        row.property("labels", labels)
            .property("statistic", text("Which of the measure's numbers this is."))
            .property("numerator", whole("Of a share or a mean."))
            .property("denominator", whole("Of a share or a mean."))
            .property(
                "value",
                ObjectBuilder::new()
                    .schema_type(Type::Number)
                    .description(Some("Absent where it is hidden, or the denominator is 0.")),
            )
            .property(
                "suppressed",
                ObjectBuilder::new().schema_type(Type::Boolean).description(Some("Whether the number is hidden.")),
            )
            .required("statistic")
            .required("suppressed")
            .into()
    }
}
impl ToSchema for ReportRow {}

text_enum! {
    /// Which cases a report covers.
    pub enum ScopeKind {
        /// Every team of the organization.
        AllTeams = "all_teams",
        /// Some of its teams.
        Teams = "teams",
        /// Only the cases that the reader works in.
        OwnCases = "own_cases",
    }
}

/// What a report covers. Every file states it, so that nobody takes a report of one team for a report of all.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"organization": "River Peers", "kind": "teams", "teams": ["North side"], "of_teams": 4}))]
pub struct ReportScope {
    /// The organization's name.
    pub organization: String,
    pub kind: ScopeKind,
    /// The names of the teams. For `own_cases`, the one team that was asked for.
    pub teams: Vec<String>,
    /// How many teams the organization has.
    pub of_teams: usize,
    /// The advocate whose cases they are, for `own_cases`.
    pub advocate: Option<String>,
}

impl ReportScope {
    /// In one line: `All teams (4)`, `Team North side only`, `2 of 4 teams: Hill side, North side`, `Cases of Ana
    /// only`.
    pub fn words(&self) -> String {
        match (self.kind, self.teams.as_slice()) {
            (ScopeKind::AllTeams, _) => format!("All teams ({})", self.of_teams),
            (ScopeKind::Teams, []) => "No team".into(),
            (ScopeKind::Teams, [one]) => format!("Team {one} only"),
            (ScopeKind::Teams, several) => {
                format!("{} of {} teams: {}", several.len(), self.of_teams, several.join(", "))
            }
            (ScopeKind::OwnCases, teams) => {
                let team = teams.first().map_or(String::new(), |team| format!(", team {team}"));
                format!("Cases of {}{team} only", self.advocate.as_deref().unwrap_or("one advocate"))
            }
        }
    }
    /// A suffix for titles, unless the report covers all teams: `North side`, `2 of 4 teams`, `own cases`.
    pub fn short(&self) -> Option<String> {
        match (self.kind, self.teams.as_slice()) {
            (ScopeKind::AllTeams, _) => None,
            (ScopeKind::Teams, []) => Some("no team".into()),
            (ScopeKind::Teams, [one]) => Some(one.clone()),
            (ScopeKind::Teams, several) => Some(format!("{} of {} teams", several.len(), self.of_teams)),
            (ScopeKind::OwnCases, _) => Some("own cases".into()),
        }
    }
}

/// The figures of a month or a quarter, over all groups.
#[derive(Debug, Clone)]
pub struct PeriodFigures {
    pub period: ReportPeriod,
    pub rows: Vec<ReportRow>,
}

/// The parameters as the server understood them.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportFilters {
    pub team: Option<TeamId>,
    pub group_by: Vec<&'static str>,
    pub view: View,
}

/// A measure, counted.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/report.json"))))]
pub struct Report {
    pub id: &'static str,
    /// Increases whenever the same records would give another number.
    pub version: i32,
    pub title: &'static str,
    pub definition: &'static str,
    pub numerator_is: Option<&'static str>,
    pub denominator_is: Option<&'static str>,
    pub caution: Option<&'static str>,
    pub unit: Unit,
    /// The report counts what was on record at this moment. Sent again as `as_of`, it gives the same numbers.
    pub as_of: Instant,
    pub time_zone: Zone,
    pub scope: ReportScope,
    pub from: Option<Day>,
    /// The day after the last day of the period.
    pub to: Option<Day>,
    pub filters: ReportFilters,
    /// How many units are in the numbers; absent if the number is hidden.
    pub n: Option<i64>,
    pub excluded: Vec<Excluded>,
    /// In a protected report, numbers from 1 to one less than this are hidden. The organization may raise it, and
    /// nobody may set it below 11.
    pub threshold: Option<i64>,
    /// In a protected report, the width of a step. Each number is the middle of its step: with a step of 10, 15 stands
    /// for 11 to 20. Shares are computed from these numbers, and days are rounded down to whole weeks.
    pub step: Option<i64>,
    pub rows: Vec<ReportRow>,
    /// The same numbers for all groups together. They are not the sum of the rows where a record may be in several
    /// groups, or where a number is not a count. By month or quarter, the totals cover the whole period, or are as of
    /// its end; they are suppressed if a protected report covers neither a quarter nor a year.
    pub totals: Vec<ReportRow>,
    /// The months or quarters, for charts.
    #[serde(skip)]
    pub periods: Vec<PeriodFigures>,
}

impl Report {
    /// What the audit log stores about the report: the parameters, and how many rows the response has.
    pub fn audit_fields(&self, rows: i64) -> Vec<String> {
        let mut audit_fields = self.parameters();
        audit_fields.insert(0, self.id.to_owned());
        audit_fields.push(format!("rows={rows}"));
        audit_fields
    }

    /// The parameters, each as `name=value`.
    pub fn parameters(&self) -> Vec<String> {
        let mut parameters = vec![format!("as_of={}", self.as_of)];
        parameters.extend(self.from.map(|from| format!("from={from}")));
        parameters.extend(self.to.map(|to| format!("to={to}")));
        parameters.extend(self.filters.team.map(|team| format!("team={team}")));
        parameters.push(format!("group_by={}", self.filters.group_by.join(",")));
        parameters.push(format!("view={}", self.filters.view.as_str()));
        parameters
    }
}

/// A measure that can be reported.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/report_definition.json"))))]
pub struct ReportDefinition {
    pub id: &'static str,
    pub version: i32,
    pub title: &'static str,
    pub definition: &'static str,
    pub numerator: Option<&'static str>,
    pub denominator: Option<&'static str>,
    /// What is not in the numbers.
    pub excludes: Vec<&'static str>,
    pub caution: Option<&'static str>,
    pub unit: Unit,
    pub time: ReportTime,
    pub groups: Vec<Named>,
    pub statistics: Vec<Named>,
    /// The statistic that charts show.
    pub headline: &'static str,
    /// The spans by which it can be grouped; `group_by` takes their names.
    pub spans: Vec<Span>,
    /// Which moment of a record puts it into a month or a quarter, or why there is no report by month.
    pub counts_by: &'static str,
    pub filters: Vec<&'static str>,
    /// Whether the records behind its numbers can be listed.
    pub records: bool,
    pub formats: Vec<ReportFormat>,
}

/// A name for the program, and a title for people.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Named {
    pub name: &'static str,
    pub title: &'static str,
}

/// Every measure.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/report_definitions.json"))))]
pub struct ReportDefinitions {
    pub items: Vec<ReportDefinition>,
}

/// The exclusion that every measure has: its code, and its words.
pub const ENTERED_IN_ERROR: (&str, &str) = ("entered_in_error", "Of cases that were entered in error");

impl From<&'static Measure> for ReportDefinition {
    fn from(measure: &'static Measure) -> Self {
        Self {
            id: measure.id,
            version: measure.version,
            title: measure.title,
            definition: measure.definition,
            numerator: measure.numerator,
            denominator: measure.denominator,
            excludes: measure.excluded.iter().map(|excluded| excluded.words).chain([ENTERED_IN_ERROR.1]).collect(),
            caution: measure.caution,
            unit: measure.unit,
            time: measure.time,
            groups: measure.all_groups().map(|group| Named { name: group.name, title: group.title }).collect(),
            statistics: measure
                .statistics
                .iter()
                .map(|statistic| Named { name: statistic.name, title: statistic.title })
                .collect(),
            headline: measure.headline,
            spans: measure.by_time.spans.to_vec(),
            counts_by: measure.by_time.counts_by,
            filters: vec!["team"],
            records: super::records::are_listed(measure),
            formats: ReportFormat::ALL.to_vec(),
        }
    }
}
