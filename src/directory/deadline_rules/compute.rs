//! The deadline engine: from a rule and its trigger to a due date, step by step. It reads no clock and no database.
//!
//! The day of the trigger is not counted. A deadline runs until the end of its day in the forum's time zone. If
//! anything is uncertain, the computed date is the safe one, and a step says what is uncertain.

pub use super::clock::end_of_day;
use super::{
    clock::{Clock, amount_of, plus_days, weekday_and_date},
    holidays::Holidays,
    model::{DeadlineBound, DeadlineRule},
};
use crate::{
    error::{ApiError, Result},
    types::{Day, Instant, Zone},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

text_enum! {
    /// Where a due date comes from.
    pub enum DeadlineSource {
        /// The notice states it.
        StatedOnNotice = "stated_on_notice",
        /// A rule yields it.
        Computed = "computed",
        /// A user set it.
        Manual = "manual",
    }
}
text_enum! {
    /// What a step of a computation is about.
    pub enum StepCode {
        Trigger = "trigger",
        /// The day of the trigger is not known: the first possible one is used.
        TriggerUnknown = "trigger_unknown",
        ReceiptPresumed = "receipt_presumed",
        Counted = "counted",
        MovedToBusinessDay = "moved_to_business_day",
        /// The table of holidays does not cover this period: holidays were not considered there.
        HolidaysUnknown = "holidays_unknown",
        /// The rule grants at least this much time.
        Floor = "floor",
        /// The rule leaves a range.
        Range = "range",
        /// The rule grants at most this much time.
        Ceiling = "ceiling",
        StatedOnNotice = "stated_on_notice",
        DiffersFromNotice = "differs_from_notice",
        EndOfDay = "end_of_day",
    }
}

/// One step of a computation, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/step.json"))))]
pub struct Step {
    pub code: StepCode,
    pub text: String,
    /// The day that this step yields.
    pub date: Day,
}

/// What starts the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    On(Day),
    /// The day is not known, but it is not before this one.
    Unknown {
        not_before: Day,
    },
}

impl Trigger {
    /// The trigger that a request body gives, as `trigger_date` or as `trigger_not_before`. A trigger in the future is
    /// refused.
    pub fn from_request(trigger_date: Option<Day>, trigger_not_before: Option<Day>, today: Day) -> Result<Self> {
        match (trigger_date, trigger_not_before) {
            (Some(day), None) if day <= today => Ok(Self::On(day)),
            (Some(_), None) => Err(ApiError::invalid("/trigger_date", "in_the_future", "has not happened yet")),
            (None, Some(not_before)) => Ok(Self::Unknown { not_before }),
            (None, None) => {
                Err(ApiError::invalid("/trigger_date", "required", "must be given, or `trigger_not_before` instead"))
            }
            (Some(_), Some(_)) => Err(ApiError::invalid(
                "/trigger_not_before",
                "not_allowed",
                "must not be given together with `trigger_date`",
            )),
        }
    }

    /// The day that counting starts from.
    pub const fn day(self) -> Day {
        match self {
            Self::On(day) | Self::Unknown { not_before: day } => day,
        }
    }
}

/// A due date and how it was computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computation {
    /// The last day, and the one to work towards. While the trigger is unknown, the earliest possible one.
    pub due_on: Day,
    /// The end of that day in the forum's time zone.
    pub due_at: Instant,
    /// The earliest possible due date, if the rule or the trigger leaves it open. Never after `due_on`.
    pub earliest_due_on: Option<Day>,
    /// The latest possible due date, if the rule leaves it open. Never before `due_on`.
    pub latest_due_on: Option<Day>,
    pub source: DeadlineSource,
    /// Whether the notice states another day than the rule yields.
    pub differs_from_notice: bool,
    /// Whether `due_on` depends on a trigger that is not known yet.
    pub pending: bool,
    /// Whether all holidays that may matter were known.
    pub holidays_complete: bool,
    pub steps: Vec<Step>,
}

/// Computes the due date by `rule`. `stated_due_on` is the date that the notice itself states: if the two differ, the
/// earlier one is used.
pub fn compute(
    rule: &DeadlineRule,
    trigger: Trigger,
    zone: &Zone,
    stated_due_on: Option<Day>,
    holidays: &Holidays,
) -> Result<Computation> {
    let from = trigger.day();
    if stated_due_on.is_some_and(|stated| stated < from) {
        return Err(ApiError::invalid("/stated_due_on", "before_trigger", "must not lie before what starts the clock"));
    }
    let mut steps = Vec::new();
    let mut step = |code, date, text| steps.push(Step { code, text, date });
    match trigger {
        Trigger::On(_) => {
            step(
                StepCode::Trigger,
                from,
                format!("The clock starts on {}. That day itself is not counted.", weekday_and_date(from)),
            );
        }
        Trigger::Unknown { .. } => step(
            StepCode::TriggerUnknown,
            from,
            format!(
                "It is not known when the clock started. The first possible day, {}, is taken until it is.",
                weekday_and_date(from)
            ),
        ),
    }
    let start = plus_days(from, rule.receipt_presumption_days)?;
    if start > from {
        let text = format!(
            "Receipt is presumed {} later, on {}.",
            amount_of(rule.receipt_presumption_days, "day"),
            weekday_and_date(start)
        );
        step(StepCode::ReceiptPresumed, start, text);
    }

    let clock = Clock { rule, table: holidays.table(rule.holiday_calendar) };
    let counted = clock.count(start, rule.amount)?;
    let text = format!("{} later is {}.", clock.amount(rule.amount), weekday_and_date(counted.plain));
    step(StepCode::Counted, counted.plain, text);
    if counted.due != counted.plain {
        let text =
            format!("{}, so it moves to {}.", clock.why_not_business_day(counted.plain), weekday_and_date(counted.due));
        step(StepCode::MovedToBusinessDay, counted.due, text);
    }
    let latest = rule.max_amount.map(|most| clock.count(start, most)).transpose()?;
    let holidays_complete = counted.holidays_known && latest.is_none_or(|latest| latest.holidays_known);
    if !holidays_complete {
        let text = "Public holidays are not known that far: only weekends are taken into account there. Check the \
             calendar by hand.";
        step(StepCode::HolidaysUnknown, counted.due, text.to_owned());
    }

    // What the rule itself leaves open.
    let (mut earliest_due_on, mut latest_due_on) = (None, latest.map(|latest| latest.due));
    match (rule.bound, latest) {
        (DeadlineBound::Exact, _) => {}
        (DeadlineBound::Floor, Some(latest)) => {
            earliest_due_on = Some(counted.due);
            let text = format!(
                "The time may be set at up to {}, until {}. This is the safe date.",
                clock.amount(latest.amount),
                weekday_and_date(latest.due)
            );
            step(StepCode::Range, latest.due, text);
        }
        (DeadlineBound::Floor, None) => {
            earliest_due_on = Some(counted.due);
            let text = "At least this much time is given, and more may be. This is the safe date.";
            step(StepCode::Floor, counted.due, text.to_owned());
        }
        (DeadlineBound::Ceiling, _) => {
            latest_due_on = Some(counted.due);
            let text = "At most this much time is given, and less may be. Look for an earlier date on the notice.";
            step(StepCode::Ceiling, counted.due, text.to_owned());
        }
    }
    let unknown = matches!(trigger, Trigger::Unknown { .. });
    if unknown {
        (earliest_due_on, latest_due_on) = (Some(counted.due), None);
    }

    let (mut due_on, mut source, mut differs_from_notice) = (counted.due, DeadlineSource::Computed, false);
    if let Some(stated) = stated_due_on {
        step(StepCode::StatedOnNotice, stated, format!("The notice says {}.", weekday_and_date(stated)));
        // With an unknown trigger there is no date to compare the notice's date with.
        differs_from_notice = !unknown && stated != counted.due;
        if unknown || stated <= counted.due {
            (due_on, source) = (stated, DeadlineSource::StatedOnNotice);
        }
        if differs_from_notice {
            let text = format!(
                "The notice and the rule differ. The earlier, {}, is used: ask for the right date in writing.",
                weekday_and_date(due_on)
            );
            step(StepCode::DiffersFromNotice, due_on, text);
        }
    }
    let due_at = end_of_day(due_on, zone)?;
    step(
        StepCode::EndOfDay,
        due_on,
        format!("It is due by the end of {} in the time zone {zone}.", weekday_and_date(due_on)),
    );
    Ok(Computation {
        due_on,
        due_at,
        earliest_due_on: earliest_due_on.map(|earliest| earliest.min(due_on)),
        latest_due_on: latest_due_on.map(|latest| latest.max(due_on)),
        source,
        differs_from_notice,
        pending: unknown && stated_due_on.is_none(),
        holidays_complete,
        steps,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::deadline_rules::clock::is_weekend;
    use crate::directory::deadline_rules::model::{DeadlineUnit, NewDeadlineRule, RuleSource, WeekendRule};
    use crate::types::Id;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }
    fn zone(name: &str) -> Zone {
        Zone::parse(name).unwrap()
    }
    fn rule(change: Value) -> DeadlineRule {
        let mut terms = json!({
            "name": "A rule", "jurisdiction": "us", "scheme": "other", "action_type": "letter",
            "trigger": "notice_date", "amount": 10, "unit": "calendar_day", "bound": "exact", "weekend_rule": "none",
            "holiday_calendar": "us_federal", "party": "us", "statutory": false, "effective_from": "1900-01-01",
            "last_verified_on": "2026-01-05",
        });
        for (member, value) in change.as_object().unwrap() {
            terms[member] = value.clone();
        }
        let terms: NewDeadlineRule = serde_json::from_value(terms).unwrap();
        DeadlineRule::new(Id::new(), None, 1, RuleSource::Organization, terms)
    }
    fn run(rule: &DeadlineRule, trigger: Trigger, stated: Option<&str>) -> Computation {
        compute(rule, trigger, &zone("America/Chicago"), stated.map(day), Holidays::built_in()).unwrap()
    }
    fn due(change: Value, trigger: &str) -> String {
        run(&rule(change), Trigger::On(day(trigger)), None).due_on.to_string()
    }
    fn codes(computed: &Computation) -> Vec<&'static str> {
        computed.steps.iter().map(|step| step.code.as_str()).collect()
    }

    #[test]
    fn months_are_clamped_to_the_last_day_of_a_short_month() {
        assert_eq!(due(json!({"unit": "month", "amount": 1}), "2026-01-31"), "2026-02-28");
        assert_eq!(due(json!({"unit": "month", "amount": 1}), "2028-01-31"), "2028-02-29");
        assert_eq!(due(json!({"unit": "month", "amount": 12}), "2028-02-29"), "2029-02-28");
        assert_eq!(due(json!({"unit": "month", "amount": 48}), "2024-02-29"), "2028-02-29");
        // 2100 is not a leap year.
        assert_eq!(due(json!({"unit": "month", "amount": 24}), "2098-02-28"), "2100-02-28");
    }

    #[test]
    fn due_date_on_a_day_off_moves_as_the_weekend_rule_says() {
        // Friday, 3 July 2026 is the observed Independence Day.
        for (weekend, expected) in
            [("none", "2026-07-04"), ("next_business_day", "2026-07-06"), ("previous_business_day", "2026-07-02")]
        {
            assert_eq!(due(json!({"weekend_rule": weekend}), "2026-06-24"), expected, "{weekend}");
        }
        let back = rule(json!({"weekend_rule": "previous_business_day", "amount": 1}));
        // A Saturday, with no business day in between: the due date stays on Sunday.
        assert_eq!(run(&back, Trigger::On(day("2026-08-01")), None).due_on, day("2026-08-02"));
        assert_eq!(run(&back, Trigger::On(day("2026-07-31")), None).due_on, day("2026-07-31"));
    }

    #[test]
    fn end_of_day_is_local_across_clock_changes() {
        for (date, name, end) in [
            ("2026-05-01", "UTC", "2026-05-01T23:59:59.999Z"),
            ("2026-05-01", "Etc/GMT+12", "2026-05-02T11:59:59.999Z"),
            ("2026-05-01", "Pacific/Kiritimati", "2026-05-01T09:59:59.999Z"),
            // The clocks go forward, and back.
            ("2026-03-07", "America/Chicago", "2026-03-08T05:59:59.999Z"),
            ("2026-03-08", "America/Chicago", "2026-03-09T04:59:59.999Z"),
            ("2026-11-01", "America/Chicago", "2026-11-02T05:59:59.999Z"),
            ("2026-10-25", "Europe/London", "2026-10-25T23:59:59.999Z"),
            // Midnight itself is skipped: the next day begins at one o'clock.
            ("2018-11-03", "America/Sao_Paulo", "2018-11-04T02:59:59.999Z"),
            // The hour after midnight repeats, so midnight comes twice: the day ends before the first.
            ("2025-11-01", "America/Havana", "2025-11-02T03:59:59.999Z"),
            // A whole day is skipped.
            ("2011-12-29", "Pacific/Apia", "2011-12-30T09:59:59.999Z"),
        ] {
            assert_eq!(end_of_day(day(date), &zone(name)).unwrap().to_string(), end, "{date} {name}");
        }
    }

    #[test]
    fn floor_ceiling_and_range_report_earliest_and_latest_dates() {
        let on = Trigger::On(day("2026-06-12"));
        let range = run(&rule(json!({"amount": 90, "max_amount": 120, "bound": "floor"})), on, None);
        assert_eq!(
            (range.earliest_due_on, range.due_on, range.latest_due_on),
            (Some(day("2026-09-10")), day("2026-09-10"), Some(day("2026-10-10")))
        );
        assert_eq!(codes(&range), ["trigger", "counted", "range", "end_of_day"]);
        let floor = run(&rule(json!({"amount": 90, "bound": "floor"})), on, None);
        assert_eq!((floor.earliest_due_on, floor.latest_due_on), (Some(floor.due_on), None));
        let ceiling = run(&rule(json!({"amount": 90, "bound": "ceiling"})), on, None);
        assert_eq!((ceiling.earliest_due_on, ceiling.latest_due_on), (None, Some(ceiling.due_on)));
        assert_eq!(codes(&ceiling), ["trigger", "counted", "ceiling", "end_of_day"]);
    }

    #[test]
    fn earlier_of_notice_and_rule_is_used_and_differences_are_flagged() {
        let (rule, on) = (rule(json!({"amount": 60})), Trigger::On(day("2026-03-02")));
        for (stated, due, source, differs) in [
            ("2026-05-01", "2026-05-01", DeadlineSource::StatedOnNotice, false),
            ("2026-04-15", "2026-04-15", DeadlineSource::StatedOnNotice, true),
            ("2026-05-11", "2026-05-01", DeadlineSource::Computed, true),
        ] {
            let found = run(&rule, on, Some(stated));
            assert_eq!(
                (found.due_on, found.source, found.differs_from_notice),
                (day(due), source, differs),
                "{stated}"
            );
            assert_eq!(codes(&found).contains(&"differs_from_notice"), differs, "{stated}");
        }
        let refused = compute(&rule, on, &Zone::utc(), Some(day("2026-03-01")), Holidays::built_in()).unwrap_err();
        assert_eq!(refused.all_issues()[0].fault.code, "before_trigger");
    }

    #[test]
    fn unknown_trigger_gives_the_earliest_possible_date() {
        let unknown = Trigger::Unknown { not_before: day("2026-03-02") };
        let rule = rule(json!({"amount": 60, "receipt_presumption_days": 5}));
        let found = run(&rule, unknown, None);
        assert_eq!(
            (found.pending, found.due_on, found.earliest_due_on),
            (true, day("2026-05-06"), Some(day("2026-05-06")))
        );
        assert_eq!(codes(&found), ["trigger_unknown", "receipt_presumed", "counted", "end_of_day"]);
        // The date on the notice does not depend on the trigger.
        let stated = run(&rule, unknown, Some("2026-05-20"));
        assert_eq!((stated.pending, stated.due_on, stated.differs_from_notice), (false, day("2026-05-20"), false));
        assert_eq!(stated.source, DeadlineSource::StatedOnNotice);
    }

    #[test]
    fn dates_beyond_the_holiday_table_are_reported_as_incomplete() {
        for change in [json!({"unit": "business_day"}), json!({"weekend_rule": "next_business_day"})] {
            let rule = rule(change);
            let known = run(&rule, Trigger::On(day("2030-06-03")), None);
            assert!(known.holidays_complete && !codes(&known).contains(&"holidays_unknown"));
            let unknown = run(&rule, Trigger::On(day("2030-12-30")), None);
            assert!(!unknown.holidays_complete && codes(&unknown).contains(&"holidays_unknown"));
        }
        // If no holiday can matter, nothing is missing.
        assert!(run(&rule(json!({})), Trigger::On(day("2030-12-30")), None).holidays_complete);
        assert!(
            run(
                &rule(json!({"unit": "business_day", "holiday_calendar": "none"})),
                Trigger::On(day("2030-12-30")),
                None
            )
            .holidays_complete
        );
    }

    #[test]
    fn date_beyond_the_calendar_is_refused() {
        for unit in ["calendar_day", "business_day", "month"] {
            let rule = rule(json!({"unit": unit, "amount": 1000}));
            let refused =
                compute(&rule, Trigger::On(day("2199-12-31")), &Zone::utc(), None, Holidays::built_in()).unwrap_err();
            assert_eq!(refused.all_issues()[0].fault.code, "out_of_range", "{unit}");
        }
    }

    #[test]
    fn computation_survives_a_json_round_trip() {
        let found = run(&rule(json!({"bound": "floor"})), Trigger::On(day("2026-03-02")), Some("2026-03-05"));
        let mut read: Computation = serde_json::from_value(serde_json::to_value(&found).unwrap()).unwrap();
        // JSON has milliseconds.
        assert_eq!(read.due_at.micros() / 1000, found.due_at.micros() / 1000);
        read.due_at = found.due_at;
        assert_eq!(read, found);
    }

    const ZONES: &[&str] = &[
        "Etc/GMT+12",
        "Pacific/Honolulu",
        "America/Chicago",
        "America/Sao_Paulo",
        "America/Havana",
        "UTC",
        "Europe/London",
        "Asia/Tehran",
        "Asia/Kolkata",
        "Asia/Beirut",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Pacific/Apia",
        "Pacific/Kiritimati",
    ];

    prop_compose! {
        /// Any rule, with a trigger between 2012 (before that, some zones skipped whole days) and 2059, and a zone
        /// between -12 and +14.
        fn any_clock()(
            amount in 1..400_i32,
            presumed in 0..10_i32,
            unit in prop::sample::select(DeadlineUnit::ALL),
            bound in prop::sample::select(DeadlineBound::ALL),
            weekend_rule in prop::sample::select(WeekendRule::ALL),
            calendar in prop::sample::select(&["us_federal", "england_and_wales", "none"][..]),
            number in 15_340_i64..32_873,
            zone in prop::sample::select(ZONES),
        ) -> (DeadlineRule, Day, Zone) {
            let amount = if unit == DeadlineUnit::Month { amount % 60 + 1 } else { amount };
            let change = json!({
                "amount": amount, "unit": unit, "bound": bound, "weekend_rule": weekend_rule,
                "holiday_calendar": calendar, "receipt_presumption_days": presumed,
            });
            (rule(change), Day::from_epoch_day(number).unwrap(), Zone::parse(zone).unwrap())
        }
    }
    fn at(rule: &DeadlineRule, trigger: Day, zone: &Zone) -> Computation {
        compute(rule, Trigger::On(trigger), zone, None, Holidays::built_in()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn due_date_is_never_before_the_trigger((rule, trigger, zone) in any_clock()) {
            let found = at(&rule, trigger, &zone);
            prop_assert!(found.due_on >= trigger);
            prop_assert!(found.earliest_due_on.is_none_or(|earliest| earliest <= found.due_on));
            prop_assert!(found.latest_due_on.is_none_or(|latest| latest >= found.due_on));
            prop_assert!(found.steps.iter().all(|step| step.date >= trigger));
        }

        #[test]
        fn floor_is_not_later_than_exact_and_ceiling_not_earlier((rule, trigger, zone) in any_clock()) {
            let by = |bound| at(&DeadlineRule { bound, ..rule.clone() }, trigger, &zone).due_on;
            prop_assert!(by(DeadlineBound::Floor) <= by(DeadlineBound::Exact));
            prop_assert!(by(DeadlineBound::Exact) <= by(DeadlineBound::Ceiling));
        }

        #[test]
        fn due_time_is_the_end_of_the_day_in_every_time_zone((rule, trigger, zone) in any_clock()) {
            let found = at(&rule, trigger, &zone);
            prop_assert_eq!(Day::of(found.due_at, &zone), found.due_on);
            prop_assert!(Day::of(Instant::from_micros(found.due_at.micros() + 1), &zone) > found.due_on);
        }

        #[test]
        fn longer_period_or_later_trigger_is_never_due_earlier((rule, trigger, zone) in any_clock()) {
            let found = at(&rule, trigger, &zone).due_on;
            let longer = DeadlineRule { amount: rule.amount + 1, ..rule.clone() };
            prop_assert!(at(&longer, trigger, &zone).due_on >= found);
            prop_assert!(at(&rule, trigger.plus_days(1), &zone).due_on >= found);
        }

        #[test]
        fn business_day_deadlines_never_end_on_a_day_off((rule, trigger, zone) in any_clock()) {
            let found = at(&rule, trigger, &zone);
            if rule.unit == DeadlineUnit::BusinessDay || rule.weekend_rule == WeekendRule::NextBusinessDay {
                prop_assert!(!is_weekend(found.due_on));
                let table = Holidays::built_in().table(rule.holiday_calendar);
                prop_assert!(table.is_none_or(|table| table.name(found.due_on).is_none()));
            }
        }

        #[test]
        fn date_on_the_notice_never_delays_the_due_date((rule, trigger, zone) in any_clock(), days in 0..500_i32) {
            let stated = trigger.plus_days(days);
            let computed = at(&rule, trigger, &zone).due_on;
            let found = compute(&rule, Trigger::On(trigger), &zone, Some(stated), Holidays::built_in()).unwrap();
            prop_assert_eq!(found.due_on, computed.min(stated));
            prop_assert_eq!(found.differs_from_notice, computed != stated);
        }
    }
}
