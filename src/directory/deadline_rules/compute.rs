//! The deadline engine: from a rule and its trigger to a due date, step by step. It reads no clock and no database.
//!
//! The day of the trigger is not counted. A deadline is kept until the end of its day in the forum's time zone. Where anything is
//! uncertain, the date that is given is the safe one, and a step says what is uncertain.

use super::{
    holidays::{Holidays, Table},
    model::{DeadlineBound, DeadlineRule, DeadlineUnit, WeekendRule},
};
use crate::{
    error::{ApiError, Result},
    types::{Day, Instant, Zone},
};
use jiff::{Span, civil::Weekday};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

text_enum! {
    /// Where a due date comes from.
    pub enum DeadlineSource {
        /// The notice prints it.
        StatedOnNotice = "stated_on_notice",
        /// A rule gives it.
        Computed = "computed",
        /// Somebody here set it.
        Manual = "manual",
    }
}
text_enum! {
    /// What a step of a computation is about.
    pub enum StepCode {
        Trigger = "trigger",
        /// The day of the trigger is not known: the first possible one is taken.
        TriggerUnknown = "trigger_unknown",
        ReceiptPresumed = "receipt_presumed",
        Counted = "counted",
        MovedToBusinessDay = "moved_to_business_day",
        /// The table of holidays does not reach so far: holidays were not taken into account there.
        HolidaysUnknown = "holidays_unknown",
        /// The rule gives at least so much time.
        Floor = "floor",
        /// The rule leaves a range.
        Range = "range",
        /// The rule gives at most so much time.
        Ceiling = "ceiling",
        StatedOnNotice = "stated_on_notice",
        DiffersFromNotice = "differs_from_notice",
        EndOfDay = "end_of_day",
    }
}

/// One step of a computation, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"code": "counted", "text": "60 calendar days later is Friday, 1 May 2026.", "date": "2026-05-01"}))]
pub struct Step {
    pub code: StepCode,
    pub text: String,
    /// The day that this step comes to.
    pub date: Day,
}

/// What starts the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    On(Day),
    /// It is not known when; not before this day.
    Unknown {
        not_before: Day,
    },
}

impl Trigger {
    /// The day that is counted from.
    pub const fn day(self) -> Day {
        match self {
            Self::On(day) | Self::Unknown { not_before: day } => day,
        }
    }
}

/// A due date and the way it was come by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computation {
    /// The last day, and the one to work towards. While the trigger is unknown, the earliest possible one.
    pub due_on: Day,
    /// The end of that day in the forum's time zone.
    pub due_at: Instant,
    /// The earliest that it can be, where the rule or the trigger leaves it open. Never after `due_on`.
    pub earliest_due_on: Option<Day>,
    /// The latest that it can be, where the rule leaves it open. Never before `due_on`.
    pub latest_due_on: Option<Day>,
    pub source: DeadlineSource,
    /// Whether the notice prints another day than the rule gives.
    pub differs_from_notice: bool,
    /// Whether `due_on` hangs on a trigger that is not known yet.
    pub pending: bool,
    /// Whether every holiday that may matter was known.
    pub holidays_complete: bool,
    pub steps: Vec<Step>,
}

/// When `rule` makes it due. `stated_due_on` is what the notice itself prints: where the two differ, the earlier is taken.
pub fn compute(rule: &DeadlineRule, trigger: Trigger, zone: &Zone, stated_due_on: Option<Day>, holidays: &Holidays) -> Result<Computation> {
    let from = trigger.day();
    if stated_due_on.is_some_and(|stated| stated < from) {
        return Err(ApiError::invalid("/stated_due_on", "before_trigger", "must not lie before what starts the clock"));
    }
    let mut steps = Vec::new();
    let mut step = |code, date, text| steps.push(Step { code, text, date });
    match trigger {
        Trigger::On(_) => {
            step(StepCode::Trigger, from, format!("The clock starts on {}. That day itself is not counted.", words(from)));
        }
        Trigger::Unknown { .. } => step(
            StepCode::TriggerUnknown,
            from,
            format!("It is not known when the clock started. The first possible day, {}, is taken until it is.", words(from)),
        ),
    }
    let start = plus_days(from, rule.receipt_presumption_days)?;
    if start > from {
        let text = format!("Receipt is presumed {} later, on {}.", amount_of(rule.receipt_presumption_days, "day"), words(start));
        step(StepCode::ReceiptPresumed, start, text);
    }

    let clock = Clock { rule, table: holidays.table(rule.holiday_calendar) };
    let counted = clock.run(start, rule.amount)?;
    let text = format!("{} later is {}.", clock.amount(rule.amount), words(counted.plain));
    step(StepCode::Counted, counted.plain, text);
    if counted.due != counted.plain {
        let text = format!("{}, so it moves to {}.", clock.why_free(counted.plain), words(counted.due));
        step(StepCode::MovedToBusinessDay, counted.due, text);
    }
    let latest = rule.max_amount.map(|most| clock.run(start, most)).transpose()?;
    let holidays_complete = counted.holidays_known && latest.is_none_or(|latest| latest.holidays_known);
    if !holidays_complete {
        let text = "Public holidays are not known that far: only weekends are taken into account there. Check the calendar by hand.";
        step(StepCode::HolidaysUnknown, counted.due, text.to_owned());
    }

    // What the rule alone leaves open.
    let (mut earliest_due_on, mut latest_due_on) = (None, latest.map(|latest| latest.due));
    match (rule.bound, latest) {
        (DeadlineBound::Exact, _) => {}
        (DeadlineBound::Floor, Some(latest)) => {
            earliest_due_on = Some(counted.due);
            let text = format!(
                "The time may be set at up to {}, until {}. This is the safe date.",
                clock.amount(latest.amount),
                words(latest.due)
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
        step(StepCode::StatedOnNotice, stated, format!("The notice says {}.", words(stated)));
        // Against a trigger that is not known there is nothing to hold the notice's own date against.
        differs_from_notice = !unknown && stated != counted.due;
        if unknown || stated <= counted.due {
            (due_on, source) = (stated, DeadlineSource::StatedOnNotice);
        }
        if differs_from_notice {
            let text =
                format!("The notice and the rule differ. The earlier, {}, is used: ask for the right date in writing.", words(due_on));
            step(StepCode::DiffersFromNotice, due_on, text);
        }
    }
    let due_at = end_of_day(due_on, zone)?;
    step(StepCode::EndOfDay, due_on, format!("It is due by the end of {} in the time zone {zone}.", words(due_on)));
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

/// The last microsecond of a local day: the one before the first of the next day, whatever the clocks do at midnight.
pub fn end_of_day(day: Day, zone: &Zone) -> Result<Instant> {
    let next = day.jiff().tomorrow().and_then(|next| next.to_zoned_datetime(zone.jiff())).map_err(|_| out_of_range())?;
    Ok(Instant::from_micros(next.timestamp().as_microsecond() - 1))
}

fn out_of_range() -> ApiError {
    ApiError::invalid("/trigger_date", "out_of_range", "the due date would lie beyond the year 2199")
}

/// The last day that is a due date: its end is within the year 2199 in every time zone.
const LAST: Day = Day::from_jiff(jiff::civil::date(2199, 12, 30));

fn plus_days(day: Day, days: i32) -> Result<Day> {
    let date = day.jiff().checked_add(Span::new().days(days)).map_err(|_| out_of_range())?;
    let day = Day::from_jiff(date);
    if day <= LAST { Ok(day) } else { Err(out_of_range()) }
}

fn is_weekend(day: Day) -> bool {
    matches!(day.jiff().weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// `Friday, 1 May 2026`.
fn words(day: Day) -> String {
    day.jiff().strftime("%A, %-d %B %Y").to_string()
}

fn amount_of(amount: i32, unit: &str) -> String {
    format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" })
}

/// A rule's way of counting.
struct Clock<'a> {
    rule: &'a DeadlineRule,
    table: Option<&'a Table>,
}

/// Where counting an amount comes to.
#[derive(Clone, Copy)]
struct Counted {
    amount: i32,
    /// Before the weekend rule.
    plain: Day,
    due: Day,
    holidays_known: bool,
}

impl Clock<'_> {
    fn run(&self, start: Day, amount: i32) -> Result<Counted> {
        let plain = match self.rule.unit {
            DeadlineUnit::CalendarDay => plus_days(start, amount)?,
            DeadlineUnit::Month => {
                // The engine clamps to the last day of a month that is too short.
                let date = start.jiff().checked_add(Span::new().months(amount)).map_err(|_| out_of_range())?;
                plus_days(Day::from_jiff(date), 0)?
            }
            DeadlineUnit::BusinessDay => {
                let (mut day, mut left) = (start, amount);
                while left > 0 {
                    day = plus_days(day, 1)?;
                    left -= i32::from(self.is_business(day));
                }
                day
            }
        };
        let due = match self.rule.weekend_rule {
            WeekendRule::None => plain,
            WeekendRule::NextBusinessDay => {
                let mut day = plain;
                while !self.is_business(day) {
                    day = plus_days(day, 1)?;
                }
                day
            }
            WeekendRule::PreviousBusinessDay => {
                let mut day = plain;
                while day > start && !self.is_business(day) {
                    day = plus_days(day, -1)?;
                }
                // Nothing is due before it began: with no business day since then, the day stays what it is.
                if self.is_business(day) { day } else { plain }
            }
        };
        let looked_at = match (self.rule.unit, self.rule.weekend_rule) {
            (DeadlineUnit::BusinessDay, _) => Some((plus_days(start, 1)?, due)),
            (_, WeekendRule::None) => None,
            _ => Some((plain.min(due), plain.max(due))),
        };
        let known = |day| self.table.is_none_or(|table| table.covers(day));
        Ok(Counted { amount, plain, due, holidays_known: looked_at.is_none_or(|(first, last)| known(first) && known(last)) })
    }

    fn is_business(&self, day: Day) -> bool {
        !is_weekend(day) && self.holiday(day).is_none()
    }
    fn holiday(&self, day: Day) -> Option<&str> {
        self.table.and_then(|table| table.name(day))
    }
    fn why_free(&self, day: Day) -> String {
        match self.holiday(day) {
            Some(name) => format!("That is a public holiday ({name})"),
            None => "That is on a weekend".to_owned(),
        }
    }
    fn amount(&self, amount: i32) -> String {
        amount_of(
            amount,
            match self.rule.unit {
                DeadlineUnit::CalendarDay => "calendar day",
                DeadlineUnit::BusinessDay => "business day",
                DeadlineUnit::Month => "month",
            },
        )
    }
}
