//! Measures of deadlines and tasks: deadlines that are due, deadlines that were met, and tasks that are late.

use super::{super::measure::*, ADVOCATE, TEAM};

const ACTION: Group =
    Group { name: "action_type", title: "Action type", sql: "f.action_type", keys: Keys::Codes("action_type") };
const SOURCE: Group =
    Group { name: "source", title: "Where the day comes from", sql: "f.source", keys: Keys::FixedCodes };

pub const ALL: &[Measure] = &[
    Measure {
        id: "deadlines_due",
        version: 1,
        title: "Deadlines due",
        definition: "Open deadlines by their due date, in the organization's time zone. A deadline is overdue when its due date is over in \
                     the forum's time zone, and no result is recorded.",
        numerator: None,
        denominator: None,
        unit: Unit::Deadlines,
        time: ReportTime::Moment,
        groups: &[TEAM, ADVOCATE, ACTION, SOURCE],
        default_groups: &["team"],
        parts: &[Part {
            facts: Facts::Deadlines,
            selection: FactSelection::OnRecord,
            condition: "f.status IN ('running', 'pending_trigger')",
            counters: &[
                Counter { name: "open", sql: Count::Where("1 = 1") },
                Counter { name: "overdue", sql: Count::Where("f.status = 'running' AND f.due_at < {at}") },
                Counter {
                    name: "week",
                    sql: Count::Where("f.status = 'running' AND f.due_at >= {at} AND f.due_on < {day} + 7"),
                },
                Counter {
                    name: "month",
                    sql: Count::Where(
                        "f.status = 'running' AND f.due_at >= {at} AND f.due_on >= {day} + 7 AND f.due_on < {day} + 30",
                    ),
                },
                Counter {
                    name: "later",
                    sql: Count::Where("f.status = 'running' AND f.due_at >= {at} AND f.due_on >= {day} + 30"),
                },
                Counter { name: "pending", sql: Count::Where("f.status = 'pending_trigger'") },
            ],
            days: None,
            index_groups: Some(&["team", "advocate", "action_type", "source"]),
        }],
        statistics: &[
            Statistic { name: "overdue", title: "Overdue", formula: Formula::Count("overdue") },
            Statistic { name: "within_7_days", title: "Due within 7 days", formula: Formula::Count("week") },
            Statistic { name: "within_30_days", title: "Due in 7 to 29 days", formula: Formula::Count("month") },
            Statistic { name: "later", title: "Due later", formula: Formula::Count("later") },
            Statistic { name: "pending_trigger", title: "Clock not started", formula: Formula::Count("pending") },
        ],
        unit_counter: "open",
        excluded: &[],
        caution: Some("Computed days are no legal advice."),
        reports_entered_in_error: true,
        headline: "overdue",
        share_determined_by: &[],
        by_time: ByTime::STATE_AT_PERIOD_END,
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
        default_groups: &["action_type"],
        parts: &[Part {
            facts: Facts::Deadlines,
            selection: FactSelection::OnRecord,
            condition: "f.due_on >= {from_day} AND f.due_on < {to_day}",
            counters: &[
                Counter {
                    name: "due",
                    sql: Count::Where(
                        "f.status IN ('satisfied', 'missed') OR f.status = 'running' AND f.due_at < {at}",
                    ),
                },
                Counter {
                    name: "in_time",
                    sql: Count::Where(
                        "f.status = 'satisfied' AND f.late_filing = 0 AND (f.satisfied_on IS NULL OR f.satisfied_on <= \
                         f.due_on)",
                    ),
                },
                Counter {
                    name: "late",
                    sql: Count::Where("f.status = 'satisfied' AND (f.late_filing = 1 OR f.satisfied_on > f.due_on)"),
                },
                Counter {
                    name: "missed",
                    sql: Count::Where("f.status = 'missed' OR f.status = 'running' AND f.due_at < {at}"),
                },
                Counter { name: "excused", sql: Count::Where("f.status = 'excused'") },
                Counter { name: "superseded", sql: Count::Where("f.status = 'superseded'") },
                Counter {
                    name: "not_due",
                    sql: Count::Where("f.status = 'pending_trigger' OR f.status = 'running' AND f.due_at >= {at}"),
                },
            ],
            days: None,
            index_groups: None,
        }],
        statistics: &[
            Statistic {
                name: "in_time",
                title: "Share met in time",
                formula: Formula::Share { numerator: "in_time", denominator: "due" },
            },
            Statistic { name: "late", title: "Met late", formula: Formula::Count("late") },
            Statistic { name: "missed", title: "Missed", formula: Formula::Count("missed") },
        ],
        unit_counter: "due",
        excluded: &[
            Exclusion { code: "excused", words: "Waived with a reason", counter: "excused" },
            Exclusion { code: "superseded", words: "Another deadline took its place", counter: "superseded" },
            Exclusion { code: "not_due_yet", words: "Not due yet, or its clock has not started", counter: "not_due" },
        ],
        caution: None,
        reports_entered_in_error: true,
        headline: "in_time",
        share_determined_by: &[],
        by_time: ByTime::months_and_quarters("By the day on which the deadline was due."),
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
                keys: Keys::Ordered(&[
                    ("not_due", "Not due yet"),
                    ("days_1_7", "1 to 7 days"),
                    ("days_8_30", "8 to 30 days"),
                    ("days_31_up", "31 days and more"),
                ]),
            },
        ],
        default_groups: &["lateness"],
        parts: &[Part {
            facts: Facts::Tasks,
            selection: FactSelection::OnRecord,
            condition: "f.status = 'open'",
            counters: &[
                Counter { name: "open", sql: Count::Where("1 = 1") },
                Counter { name: "overdue", sql: Count::Where("f.due_on < {day}") },
            ],
            days: None,
            index_groups: None,
        }],
        statistics: &[
            Statistic { name: "overdue", title: "Overdue", formula: Formula::Count("overdue") },
            Statistic {
                name: "share",
                title: "Share that is overdue",
                formula: Formula::Share { numerator: "overdue", denominator: "open" },
            },
        ],
        unit_counter: "open",
        excluded: &[],
        caution: None,
        reports_entered_in_error: true,
        headline: "overdue",
        share_determined_by: &["lateness"],
        by_time: ByTime::STATE_AT_PERIOD_END,
    },
];
