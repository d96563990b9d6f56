//! Public holidays: data files, each with the years for which it is complete. Outside those years no holiday is
//! guessed.

use super::model::HolidayCalendar;
use crate::types::Day;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

/// The holidays of one calendar, on the days on which they are observed.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "File")]
pub struct Table {
    complete: std::ops::RangeInclusive<i32>,
    days: BTreeMap<Day, String>,
}

/// A table in the format of its file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "calendar")]
    _calendar: String,
    #[serde(rename = "source")]
    _source: String,
    complete_from: i32,
    complete_to: i32,
    days: Vec<Holiday>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Holiday {
    date: Day,
    name: String,
}
impl From<File> for Table {
    fn from(file: File) -> Self {
        let days = file.days.into_iter().map(|holiday| (holiday.date, holiday.name)).collect();
        Self { complete: file.complete_from..=file.complete_to, days }
    }
}

impl Table {
    /// The name of the holiday on this day, if there is one.
    pub fn name(&self, day: Day) -> Option<&str> {
        self.days.get(&day).map(String::as_str)
    }
    /// Whether every holiday of the day's year is known.
    pub fn covers(&self, day: Day) -> bool {
        self.complete.contains(&day.year())
    }
    pub fn days(&self) -> impl Iterator<Item = Day> {
        self.days.keys().copied()
    }
}

/// The tables that a computation may use.
#[derive(Debug, Clone)]
pub struct Holidays {
    pub us_federal: Table,
    pub england_and_wales: Table,
}

impl Holidays {
    /// The built-in tables.
    #[expect(clippy::expect_used, reason = "the files are compiled in, and a unit test reads them")]
    pub fn built_in() -> &'static Self {
        static BUILT_IN: LazyLock<Holidays> = LazyLock::new(|| Holidays {
            us_federal: serde_json::from_str(include_str!("holidays/us_federal.json")).expect("us_federal.json"),
            england_and_wales: serde_json::from_str(include_str!("holidays/england_and_wales.json"))
                .expect("england_and_wales.json"),
        });
        &BUILT_IN
    }

    /// The table of a calendar. The calendar `none` has weekends only, and needs no table.
    pub const fn table(&self, calendar: HolidayCalendar) -> Option<&Table> {
        match calendar {
            HolidayCalendar::UsFederal => Some(&self.us_federal),
            HolidayCalendar::EnglandAndWales => Some(&self.england_and_wales),
            HolidayCalendar::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Weekday;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn every_holiday_is_on_a_weekday_of_a_complete_year() {
        for table in [&Holidays::built_in().us_federal, &Holidays::built_in().england_and_wales] {
            assert!((2020..=2030).all(|year| table.complete.contains(&year)));
            for holiday in table.days() {
                assert!(table.covers(holiday), "{holiday}");
                assert!(!matches!(holiday.jiff().weekday(), Weekday::Saturday | Weekday::Sunday), "{holiday}");
            }
        }
    }

    #[test]
    fn moved_and_one_time_holidays_are_known() {
        let (us, ew) = (&Holidays::built_in().us_federal, &Holidays::built_in().england_and_wales);
        for (date, name) in [
            ("2021-06-18", "Juneteenth"),
            ("2021-12-24", "Christmas"),
            ("2021-12-31", "New Year"),
            ("2026-07-03", "Independence"),
            ("2026-11-11", "Veterans"),
            ("2026-11-26", "Thanksgiving"),
        ] {
            assert!(us.name(day(date)).is_some_and(|known| known.starts_with(name)), "{date}");
        }
        assert!(us.name(day("2020-06-19")).is_none(), "Juneteenth became a holiday in 2021");
        for date in [
            "2020-05-08",
            "2022-06-02",
            "2022-06-03",
            "2022-09-19",
            "2023-05-08",
            "2026-04-03",
            "2026-12-28",
            "2027-12-27",
            "2027-12-28",
        ] {
            assert!(ew.name(day(date)).is_some(), "{date}");
        }
        for date in ["2020-05-04", "2022-05-30"] {
            assert!(ew.name(day(date)).is_none(), "{date} was moved away");
        }
    }
}
