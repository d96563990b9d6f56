//! Measures of deadlines and tasks: deadlines that are due, deadlines that were met, and tasks that are late.

use super::{super::measure::*, ADVOCATE, TEAM};

const ACTION: Group =
    Group { name: "action_type", title: "Action type", sql: "f.action_type", keys: Keys::Codes("action_type") };
const SOURCE: Group = Group { name: "source", title: "Where the day comes from", sql: "f.source", keys: Keys::Words };

pub const ALL: &[Measure] = &[
    Measure {
        id: "deadlines_due",
        version: 1,
        title: "Deadlines due",
        definition: "Open deadlines by when they are due, as days go where the organization is. A deadline is overdue when its last day is \
                     over where it has to be met, and nobody has said what became of it.",
        numerator: None,
        denominator: None,
        unit: Unit::Deadlines,
        time: ReportTime::Moment,
        groups: &[TEAM, ADVOCATE, ACTION, SOURCE],
        usual: &["team"],
        parts: &[Part {
            facts: Facts::Deadlines,
            selection: FactSelection::OnRecord,
            among: "f.status IN ('running', 'pending_trigger')",
            counters: &[
                Counter { name: "open", sql: Count::Of("1 = 1") },
                Counter { name: "overdue", sql: Count::Of("f.status = 'running' AND f.due_at < {at}") },
                Counter {
                    name: "week",
                    sql: Count::Of("f.status = 'running' AND f.due_at >= {at} AND f.due_on < {day} + 7"),
                },
                Counter {
                    name: "month",
                    sql: Count::Of(
                        "f.status = 'running' AND f.due_at >= {at} AND f.due_on >= {day} + 7 AND f.due_on < {day} + 30",
                    ),
                },
                Counter {
                    name: "later",
                    sql: Count::Of("f.status = 'running' AND f.due_at >= {at} AND f.due_on >= {day} + 30"),
                },
                Counter { name: "pending", sql: Count::Of("f.status = 'pending_trigger'") },
            ],
            days: None,
        }],
        statistics: &[
            Statistic { name: "overdue", title: "Overdue", makes: Makes::Count("overdue") },
            Statistic { name: "within_7_days", title: "Due within 7 days", makes: Makes::Count("week") },
            Statistic { name: "within_30_days", title: "Due in 7 to 29 days", makes: Makes::Count("month") },
            Statistic { name: "later", title: "Due later", makes: Makes::Count("later") },
            Statistic { name: "pending_trigger", title: "Clock not started", makes: Makes::Count("pending") },
        ],
        n: "open",
        excluded: &[],
        caution: Some("Computed days are no legal advice."),
        says_left_out: true,
        headline: "overdue",
        decided_by: &[],
        by_time: ByTime::STOCK,
    },
    Measure {
        id: "deadline_compliance",
        version: 1,
        title: "Deadlines met",
        definition: "Of the deadlines that fell due in the period, the share that was met in time.",
        numerator: Some("Deadlines that were met on their last day or before."),
        denominator: Some("Deadlines that were due in the period and were met in time, met late, or missed."),
        unit: Unit::Deadlines,
        time: ReportTime::Period,
        groups: &[TEAM, ADVOCATE, ACTION, SOURCE],
        usual: &["action_type"],
        parts: &[Part {
            facts: Facts::Deadlines,
            selection: FactSelection::OnRecord,
            among: "f.due_on >= {from_day} AND f.due_on < {to_day}",
            counters: &[
                Counter {
                    name: "due",
                    sql: Count::Of("f.status IN ('satisfied', 'missed') OR f.status = 'running' AND f.due_at < {at}"),
                },
                Counter {
                    name: "in_time",
                    sql: Count::Of(
                        "f.status = 'satisfied' AND f.late_filing = 0 AND (f.satisfied_on IS NULL OR f.satisfied_on <= \
                         f.due_on)",
                    ),
                },
                Counter {
                    name: "late",
                    sql: Count::Of("f.status = 'satisfied' AND (f.late_filing = 1 OR f.satisfied_on > f.due_on)"),
                },
                Counter {
                    name: "missed",
                    sql: Count::Of("f.status = 'missed' OR f.status = 'running' AND f.due_at < {at}"),
                },
                Counter { name: "excused", sql: Count::Of("f.status = 'excused'") },
                Counter { name: "superseded", sql: Count::Of("f.status = 'superseded'") },
                Counter {
                    name: "not_due",
                    sql: Count::Of("f.status = 'pending_trigger' OR f.status = 'running' AND f.due_at >= {at}"),
                },
            ],
            days: None,
        }],
        statistics: &[
            Statistic {
                name: "in_time",
                title: "Share met in time",
                makes: Makes::Share { of: "in_time", among: "due" },
            },
            Statistic { name: "late", title: "Met late", makes: Makes::Count("late") },
            Statistic { name: "missed", title: "Missed", makes: Makes::Count("missed") },
        ],
        n: "due",
        excluded: &[
            Exclusion { code: "excused", words: "Waived with a reason", counter: "excused" },
            Exclusion { code: "superseded", words: "Another deadline took its place", counter: "superseded" },
            Exclusion { code: "not_due_yet", words: "Not due yet, or its clock has not started", counter: "not_due" },
        ],
        caution: None,
        says_left_out: true,
        headline: "in_time",
        decided_by: &[],
        by_time: ByTime::of("By the day on which the deadline was due."),
    },
    Measure {
        id: "overdue_followups",
        version: 1,
        title: "Overdue follow-ups",
        definition: "Open tasks whose day is over.",
        numerator: Some("Open tasks that were due before the day of the report."),
        denominator: Some("Open tasks."),
        unit: Unit::Tasks,
        time: ReportTime::Moment,
        groups: &[
            TEAM,
            Group { name: "assignee", title: "Assigned to", sql: "f.assignee_id", keys: Keys::User },
            Group {
                name: "lateness",
                title: "How late",
                sql: "CASE WHEN f.due_on >= {day} THEN 'not_due' WHEN f.due_on >= {day} - 7 THEN 'days_1_7' \
                      WHEN f.due_on >= {day} - 30 THEN 'days_8_30' ELSE 'days_31_up' END",
                keys: Keys::Steps(&[
                    ("not_due", "Not due yet"),
                    ("days_1_7", "1 to 7 days"),
                    ("days_8_30", "8 to 30 days"),
                    ("days_31_up", "31 days and more"),
                ]),
            },
        ],
        usual: &["lateness"],
        parts: &[Part {
            facts: Facts::Tasks,
            selection: FactSelection::OnRecord,
            among: "f.status = 'open'",
            counters: &[
                Counter { name: "open", sql: Count::Of("1 = 1") },
                Counter { name: "overdue", sql: Count::Of("f.due_on < {day}") },
            ],
            days: None,
        }],
        statistics: &[
            Statistic { name: "overdue", title: "Overdue", makes: Makes::Count("overdue") },
            Statistic {
                name: "share",
                title: "Share that is overdue",
                makes: Makes::Share { of: "overdue", among: "open" },
            },
        ],
        n: "open",
        excluded: &[],
        caution: None,
        says_left_out: true,
        headline: "overdue",
        decided_by: &["lateness"],
        by_time: ByTime::STOCK,
    },
];
