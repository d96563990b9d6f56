//! A deadline rule: versioned data, in the catalogue and in the API.

use super::compute::{Computation, DeadlineSource, Step};
use crate::{
    auth::{OrganizationId, UserId},
    db::schema::deadline_rules,
    error::{Result, Violations},
    http::{Filter, OneOf, Resource},
    types::{
        Day, Id, Instant, Line, Text, Url, Zone,
        code::{ActionType, Jurisdiction, Scheme},
        fold,
    },
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type DeadlineRuleId = Id<DeadlineRule>;

text_enum! {
    /// What starts the clock.
    pub enum DeadlineTrigger {
        /// The date on the notice.
        NoticeDate = "notice_date",
        /// The day on which the notice was received.
        NoticeReceived = "notice_received",
        /// The day of the act or the refusal itself.
        ActOccurred = "act_occurred",
        /// The day on which the person concerned knew, or should have known, of the act.
        ActKnown = "act_known",
        /// The day on which a request, an appeal or a complaint reached the other side.
        RequestReceived = "request_received",
    }
}
text_enum! {
    /// The unit in which the time is counted. The day of the trigger itself is never counted.
    pub enum DeadlineUnit {
        CalendarDay = "calendar_day",
        /// Days that are neither on a weekend nor a holiday of the rule's calendar.
        BusinessDay = "business_day",
        /// To the same day of a later month, or its last day if it has no such day.
        Month = "month",
    }
}
text_enum! {
    /// How firm the amount is.
    pub enum DeadlineBound {
        Exact = "exact",
        /// At least this much: more may be granted.
        Floor = "floor",
        /// At most this much: less may be granted.
        Ceiling = "ceiling",
    }
}
text_enum! {
    /// What happens if the last day falls on a weekend or a holiday.
    pub enum WeekendRule {
        /// It is not moved.
        None = "none",
        NextBusinessDay = "next_business_day",
        PreviousBusinessDay = "previous_business_day",
    }
}
text_enum! {
    /// The calendar of public holidays, which are not business days.
    pub enum HolidayCalendar {
        UsFederal = "us_federal",
        EnglandAndWales = "england_and_wales",
        /// No calendar: weekends only.
        None = "none",
    }
}
text_enum! {
    /// Who must act in time.
    pub enum DeadlineParty {
        /// The client, with our help, files something.
        OurSide = "us",
        /// The other side responds.
        OtherSide = "other_side",
    }
}
text_enum! {
    /// The author of a version of a rule.
    pub enum RuleSource {
        /// It comes with the product.
        BuiltIn = "built_in",
        Organization = "organization",
    }
}

/// A row of `deadline_rules`: one version. It never changes.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = deadline_rules, treat_none_as_default_value = false)]
pub struct RuleRow {
    pub organization_id: OrganizationId,
    pub id: DeadlineRuleId,
    pub version: i32,
    #[diesel(embed)]
    pub terms: NewDeadlineRule,
    pub created_by: UserId,
    pub created_at: Instant,
}
impl RuleRow {
    pub fn new(
        organization_id: OrganizationId,
        id: DeadlineRuleId,
        version: i32,
        created_by: UserId,
        terms: &NewDeadlineRule,
    ) -> Self {
        Self { organization_id, id, version, terms: terms.clone(), created_by, created_at: Instant::now() }
    }
}

/// One version of a deadline rule.
///
/// A version never changes; a newer one replaces it from its first effective day on.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/deadline_rule.json"))))]
pub struct DeadlineRule {
    pub id: DeadlineRuleId,
    /// The name by which the program itself refers to a built-in rule.
    pub code: Option<&'static str>,
    pub version: i32,
    pub source: RuleSource,
    /// The first trigger date to which this version applies.
    pub effective_from: Day,
    /// The last trigger date to which it applies. A version that was replaced from its first day on has
    /// `effective_to` before `effective_from`: it applies to no day.
    pub effective_to: Option<Day>,
    pub name: Line<200>,
    pub jurisdiction: Jurisdiction,
    pub scheme: Scheme,
    pub action_type: ActionType,
    pub trigger: DeadlineTrigger,
    pub amount: i32,
    /// If the law lets the deciding body choose from a range: the most that may be granted.
    pub max_amount: Option<i32>,
    pub unit: DeadlineUnit,
    pub bound: DeadlineBound,
    /// The number of days after the trigger at which receipt is presumed; the clock starts then.
    pub receipt_presumption_days: i32,
    pub weekend_rule: WeekendRule,
    pub holiday_calendar: HolidayCalendar,
    pub party: DeadlineParty,
    /// Whether a law sets it; otherwise it is the organization's own follow-up.
    pub statutory: bool,
    /// Whether it is the time for an expedited step.
    pub expedited: bool,
    pub citation: Option<Line<300>>,
    pub url: Option<Url>,
    pub last_verified_on: Day,
    pub note: Option<Text<2000>>,
}

impl DeadlineRule {
    pub fn new(
        id: DeadlineRuleId,
        code: Option<&'static str>,
        version: i32,
        source: RuleSource,
        terms: NewDeadlineRule,
    ) -> Self {
        Self {
            id,
            code,
            version,
            source,
            effective_from: terms.effective_from,
            effective_to: terms.effective_to,
            name: terms.name,
            jurisdiction: terms.jurisdiction,
            scheme: terms.scheme,
            action_type: terms.action_type,
            trigger: terms.trigger,
            amount: terms.amount,
            max_amount: terms.max_amount,
            unit: terms.unit,
            bound: terms.bound,
            receipt_presumption_days: terms.receipt_presumption_days,
            weekend_rule: terms.weekend_rule,
            holiday_calendar: terms.holiday_calendar,
            party: terms.party,
            statutory: terms.statutory,
            expedited: terms.expedited,
            citation: terms.citation,
            url: terms.url,
            last_verified_on: terms.last_verified_on,
            note: terms.note,
        }
    }

    pub fn is_effective_on(&self, day: Day) -> bool {
        self.effective_from <= day && self.effective_to.is_none_or(|last| day <= last)
    }
}
impl Resource for DeadlineRule {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/deadline-rules/{}", self.id)
    }
}

/// The content of a version of a rule, as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Validate, ToSchema, Queryable, Selectable, Insertable)]
#[diesel(table_name = deadline_rules, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_deadline_rule.json"))))]
pub struct NewDeadlineRule {
    pub name: Line<200>,
    pub jurisdiction: Jurisdiction,
    pub scheme: Scheme,
    pub action_type: ActionType,
    pub trigger: DeadlineTrigger,
    #[validate(range(min = 1, max = 1000))]
    #[schema(minimum = 1, maximum = 1000)]
    pub amount: i32,
    /// If the law lets the deciding body choose from a range: the most that may be granted.
    #[validate(range(min = 1, max = 1000))]
    #[schema(minimum = 1, maximum = 1000)]
    pub max_amount: Option<i32>,
    pub unit: DeadlineUnit,
    pub bound: DeadlineBound,
    #[serde(default)]
    #[validate(range(min = 0, max = 30))]
    #[schema(minimum = 0, maximum = 30)]
    pub receipt_presumption_days: i32,
    pub weekend_rule: WeekendRule,
    pub holiday_calendar: HolidayCalendar,
    pub party: DeadlineParty,
    /// Whether a law sets it: then a citation is required.
    pub statutory: bool,
    #[serde(default)]
    pub expedited: bool,
    pub citation: Option<Line<300>>,
    pub url: Option<Url>,
    /// The day on which somebody last checked it against its source.
    pub last_verified_on: Day,
    pub note: Option<Text<2000>>,
    /// The first trigger date to which it applies; not before that of the previous version.
    pub effective_from: Day,
    /// The last trigger date to which it applies, if it is known to end.
    pub effective_to: Option<Day>,
}

impl NewDeadlineRule {
    /// Checks the rules that involve several members. `after` is the first day of the version that this one follows.
    pub fn check(&self, today: Day, after: Option<Day>) -> Result<()> {
        let mut violations = Violations::default();
        violations.require(
            self.max_amount.is_none_or(|most| most > self.amount),
            "max_amount",
            "out_of_range",
            "must be more than the amount",
        );
        violations.require(
            self.max_amount.is_none() || self.bound == DeadlineBound::Floor,
            "max_amount",
            "not_allowed",
            "only a floor leaves a range: `bound` must be `floor`",
        );
        violations.require(
            !self.statutory || self.citation.is_some(),
            "citation",
            "required",
            "a rule that a law sets says which",
        );
        violations.require(
            self.last_verified_on <= today,
            "last_verified_on",
            "in_the_future",
            "must not be in the future",
        );
        violations.require(
            self.effective_to.is_none_or(|last| last >= self.effective_from),
            "effective_to",
            "before_effective_from",
            "must not lie before `effective_from`",
        );
        violations.require(
            after.is_none_or(|before| self.effective_from >= before),
            "effective_from",
            "before_present_version",
            "must not lie before the first day of the version that it follows",
        );
        violations.into_result()
    }
}

/// Which rules to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DeadlineRuleFilter {
    pub action_type: Option<ActionType>,
    pub jurisdiction: Option<Jurisdiction>,
    pub scheme: Option<Scheme>,
    #[param(value_type = Option<OneOf<DeadlineParty>>, inline)]
    pub party: Option<OneOf<DeadlineParty>>,
    /// Parts of the name, the code or the citation, in any order and spelling.
    pub q: Option<Line<100>>,
}
impl Filter for DeadlineRuleFilter {
    const SORTS: &'static [&'static str] = &["id", "-id"];
}
impl DeadlineRuleFilter {
    pub fn admits(&self, rule: &DeadlineRule) -> bool {
        self.action_type.is_none_or(|code| code == rule.action_type)
            && self.jurisdiction.is_none_or(|code| code == rule.jurisdiction)
            && self.scheme.is_none_or(|code| code == rule.scheme)
            && self.party.as_ref().is_none_or(|OneOf(parties)| parties.contains(&rule.party))
            && self.q.as_ref().is_none_or(|part| {
                let texts =
                    [Some(rule.name.as_str()), rule.code, rule.citation.as_ref().map(|citation| citation.as_str())];
                let words = fold::name_words(texts.into_iter().flatten());
                let terms = fold::parse_query(part.as_str());
                !terms.is_empty() && terms.iter().all(|term| term.is_in(&words))
            })
    }
}

/// Which versions of a rule to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct RuleVersionFilter {}
impl Filter for RuleVersionFilter {
    const SORTS: &'static [&'static str] = &["-version", "version"];
}

/// What to compute a due date from. Nothing is stored.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/deadline_preview_request.json"))))]
pub struct DeadlinePreviewRequest {
    pub rule_id: DeadlineRuleId,
    /// The day of the event that starts the clock; required unless `trigger_not_before` is given.
    pub trigger_date: Option<Day>,
    /// If the day of the trigger is not known: the first day on which it can have been.
    pub trigger_not_before: Option<Day>,
    /// The time zone in which the deadline runs: the forum's. Default: the organization's.
    pub time_zone: Option<Zone>,
    /// The last day as the notice itself states it.
    pub stated_due_on: Option<Day>,
}

/// Shown wherever a computed date is.
pub const DISCLAIMER: &str = "This date is worked out from a rule and the day that you gave. It is no legal advice: \
     check the notice itself and, where much hangs on it, ask a lawyer.";

/// A due date and how it was computed.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/deadline_preview.json"))))]
pub struct DeadlinePreview {
    pub rule_id: DeadlineRuleId,
    pub rule_version: i32,
    /// The last day, and the one to work towards.
    pub due_on: Day,
    /// The end of that day in the forum's time zone.
    pub due_at: Instant,
    /// The earliest possible due date, if the rule or the trigger leaves it open.
    pub earliest_due_on: Option<Day>,
    /// The latest possible due date, if the rule leaves it open.
    pub latest_due_on: Option<Day>,
    pub time_zone: Zone,
    pub source: DeadlineSource,
    /// Whether the notice states another day than the rule yields.
    pub differs_from_notice: bool,
    /// Whether the day of the trigger is unknown, so that the date is the earliest possible one.
    pub pending: bool,
    /// Whether all holidays that may matter were known.
    pub holidays_complete: bool,
    /// How it was computed.
    pub steps: Vec<Step>,
    pub citation: Option<Line<300>>,
    pub url: Option<Url>,
    pub last_verified_on: Day,
    /// Whether no law sets it: it is the organization's own follow-up.
    pub not_statutory: bool,
    #[schema(value_type = String)]
    pub disclaimer: &'static str,
}
impl DeadlinePreview {
    pub fn new(rule: DeadlineRule, computed: Computation, time_zone: Zone) -> Self {
        Self {
            rule_id: rule.id,
            rule_version: rule.version,
            due_on: computed.due_on,
            due_at: computed.due_at,
            earliest_due_on: computed.earliest_due_on,
            latest_due_on: computed.latest_due_on,
            time_zone,
            source: computed.source,
            differs_from_notice: computed.differs_from_notice,
            pending: computed.pending,
            holidays_complete: computed.holidays_complete,
            steps: computed.steps,
            citation: rule.citation,
            url: rule.url,
            last_verified_on: rule.last_verified_on,
            not_statutory: !rule.statutory,
            disclaimer: DISCLAIMER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FieldPath;
    use serde_json::{Value, json};

    fn terms(change: Value) -> NewDeadlineRule {
        let mut body = json!({
            "name": "A rule", "jurisdiction": "us", "scheme": "other", "action_type": "letter",
            "trigger": "notice_date", "amount": 10, "unit": "calendar_day", "bound": "exact", "weekend_rule": "none",
            "holiday_calendar": "none", "party": "us", "statutory": false, "effective_from": "2020-01-01",
            "last_verified_on": "2026-01-05",
        });
        for (member, value) in change.as_object().unwrap() {
            body[member] = value.clone();
        }
        serde_json::from_value(body).unwrap()
    }
    fn wrong(change: Value) -> Vec<String> {
        let day = |text| Day::parse(text).unwrap();
        let refused = terms(change).check(day("2026-02-01"), Some(day("2020-01-01"))).err();
        let issues = refused.map(|error| error.all_issues().to_vec()).unwrap_or_default();
        issues
            .into_iter()
            .map(|issue| match issue.path {
                FieldPath::Pointer(at) => format!("{at} {}", issue.fault.code),
                _ => unreachable!(),
            })
            .collect()
    }

    #[test]
    fn inconsistent_rule_members_are_rejected() {
        assert!(wrong(json!({})).is_empty());
        assert!(wrong(json!({"bound": "floor", "max_amount": 11})).is_empty());
        assert_eq!(wrong(json!({"bound": "floor", "max_amount": 10})), ["/max_amount out_of_range"]);
        assert_eq!(wrong(json!({"max_amount": 11})), ["/max_amount not_allowed"]);
        assert_eq!(wrong(json!({"statutory": true})), ["/citation required"]);
        assert_eq!(wrong(json!({"last_verified_on": "2026-02-02"})), ["/last_verified_on in_the_future"]);
        assert_eq!(wrong(json!({"effective_to": "2019-12-31"})), ["/effective_to before_effective_from"]);
        assert_eq!(wrong(json!({"effective_from": "2019-12-31"})), ["/effective_from before_present_version"]);
    }
}
