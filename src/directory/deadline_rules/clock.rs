//! How days are counted: calendar days, business days and months, weekends and holidays, and when a local day ends.

use super::{
    holidays::Table,
    model::{DeadlineRule, DeadlineUnit, WeekendRule},
};
use crate::{
    error::{ApiError, Result},
    types::{Day, Instant, Zone},
};
use jiff::{Span, civil::Weekday};

/// The last microsecond of a local day: the one before the start of the next day, even if the clocks change at
/// midnight.
pub fn end_of_day(day: Day, zone: &Zone) -> Result<Instant> {
    let next =
        day.jiff().tomorrow().and_then(|next| next.to_zoned_datetime(zone.jiff())).map_err(|_| out_of_range())?;
    Ok(Instant::from_micros(next.timestamp().as_microsecond() - 1))
}

pub(super) fn out_of_range() -> ApiError {
    ApiError::invalid("/trigger_date", "out_of_range", "the due date would lie beyond the year 2199")
}

/// The last possible due date: its end is within the year 2199 in every time zone.
const LAST: Day = Day::from_jiff(jiff::civil::date(2199, 12, 30));

pub(super) fn plus_days(day: Day, days: i32) -> Result<Day> {
    let date = day.jiff().checked_add(Span::new().days(days)).map_err(|_| out_of_range())?;
    let day = Day::from_jiff(date);
    if day <= LAST { Ok(day) } else { Err(out_of_range()) }
}

pub(super) fn is_weekend(day: Day) -> bool {
    matches!(day.jiff().weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// `Friday, 1 May 2026`.
pub(super) fn weekday_and_date(day: Day) -> String {
    day.jiff().strftime("%A, %-d %B %Y").to_string()
}

pub(super) fn amount_of(amount: i32, unit: &str) -> String {
    format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" })
}

/// Counts days by a rule and its table of holidays.
pub(super) struct Clock<'a> {
    pub(super) rule: &'a DeadlineRule,
    pub(super) table: Option<&'a Table>,
}

/// The result of counting an amount.
#[derive(Clone, Copy)]
pub(super) struct CountResult {
    pub(super) amount: i32,
    /// The day that counting yields, before the weekend rule moves it.
    pub(super) plain: Day,
    pub(super) due: Day,
    pub(super) holidays_known: bool,
}

impl Clock<'_> {
    pub(super) fn count(&self, start: Day, amount: i32) -> Result<CountResult> {
        let plain = match self.rule.unit {
            DeadlineUnit::CalendarDay => plus_days(start, amount)?,
            DeadlineUnit::Month => {
                // `jiff` clamps to the last day of a month that is too short.
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
                // A deadline must not be due before it starts. If there is no business day in between, the day does not
                // move.
                if self.is_business(day) { day } else { plain }
            }
        };
        let looked_at = match (self.rule.unit, self.rule.weekend_rule) {
            (DeadlineUnit::BusinessDay, _) => Some((plus_days(start, 1)?, due)),
            (_, WeekendRule::None) => None,
            _ => Some((plain.min(due), plain.max(due))),
        };
        let known = |day| self.table.is_none_or(|table| table.covers(day));
        Ok(CountResult {
            amount,
            plain,
            due,
            holidays_known: looked_at.is_none_or(|(first, last)| known(first) && known(last)),
        })
    }

    pub(super) fn is_business(&self, day: Day) -> bool {
        !is_weekend(day) && self.holiday(day).is_none()
    }
    pub(super) fn holiday(&self, day: Day) -> Option<&str> {
        self.table.and_then(|table| table.name(day))
    }
    pub(super) fn why_not_business_day(&self, day: Day) -> String {
        match self.holiday(day) {
            Some(name) => format!("That is a public holiday ({name})"),
            None => "That is on a weekend".to_owned(),
        }
    }
    pub(super) fn amount(&self, amount: i32) -> String {
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
