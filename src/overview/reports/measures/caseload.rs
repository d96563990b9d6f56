//! Measures of cases: how many there are, how they come and go, how long they take, and which are not taken on.

use super::{super::measure::*, ADVOCACY, INTAKE, LEAD, TEAM};

const STATUS: Group = Group { name: "status", title: "Status", sql: "f.status", keys: Keys::Ordered(STATUSES) };
const PRIORITY: Group = Group {
    name: "priority",
    title: "Priority",
    sql: "f.priority",
    keys: Keys::Ordered(&[("routine", "Routine"), ("high", "High"), ("urgent", "Urgent")]),
};
/// In the order in which a case goes through them.
const STATUSES: &[(&str, &str)] = &[
    ("referred", "Referred"),
    ("triage", "Triage"),
    ("waitlisted", "Waitlisted"),
    ("accepted", "Accepted"),
    ("active", "Active"),
    ("on_hold", "On hold"),
    ("closing", "Closing"),
];

pub const ALL: &[Measure] = &[
    Measure {
        id: "caseload_current",
        version: 1,
        title: "Current caseload",
        definition: "Cases that are accepted, active, on hold or closing at the time of the report. Weighted, a routine case counts once, one of high \
                     priority twice and an urgent one three times.",
        numerator: None,
        denominator: None,
        unit: Unit::Cases,
        time: ReportTime::Moment,
        groups: &[TEAM, LEAD, STATUS, PRIORITY, ADVOCACY, INTAKE],
        default_groups: &["status"],
        parts: &[Part {
            facts: Facts::Cases,
            selection: FactSelection::OnRecord,
            condition: "f.status NOT IN ('closed', 'declined')",
            // Most cases are active and of routine priority: for these, each counter needs one comparison or two.
            counters: &[
                Counter {
                    name: "cases",
                    sql: Count::Where("f.status = 'active' OR f.status IN ('accepted', 'on_hold', 'closing')"),
                },
                Counter {
                    name: "weighted",
                    sql: Count::Sum(
                        "CASE WHEN f.status <> 'active' AND f.status NOT IN ('accepted', 'on_hold', 'closing') THEN 0 \
                         WHEN f.priority = 'routine' THEN 1 WHEN f.priority = 'high' THEN 2 ELSE 3 END",
                    ),
                },
                Counter {
                    name: "not_accepted",
                    sql: Count::Where("f.status <> 'active' AND f.status IN ('referred', 'triage', 'waitlisted')"),
                },
            ],
            days: None,
            index_groups: Some(&["team", "advocate", "status", "priority"]),
        }],
        statistics: &[
            Statistic { name: "cases", title: "Cases", formula: Formula::Count("cases") },
            Statistic {
                name: "weighted",
                title: "Cases, weighted by priority",
                formula: Formula::Weight { sum: "weighted", units: "cases" },
            },
        ],
        unit_counter: "cases",
        excluded: &[Exclusion {
            code: "not_accepted",
            words: "Referred, in triage or waitlisted",
            counter: "not_accepted",
        }],
        caution: None,
        reports_entered_in_error: false,
        headline: "cases",
        share_determined_by: &[],
        by_time: ByTime::STATE_AT_PERIOD_END,
    },
    Measure {
        id: "caseload_flow",
        version: 1,
        title: "Caseload flow",
        definition: "The caseload when the period begins, the cases that came into it and went out of it on its days, and the caseload when \
                     it ends: opening plus in less out is closing. A case that is reopened comes in again.",
        numerator: None,
        denominator: None,
        unit: Unit::Cases,
        time: ReportTime::Period,
        // Only by team: if a case could be grouped by a field that changes, it might come in under one key and go out under
        // another.
        groups: &[TEAM],
        default_groups: &["team"],
        parts: &[Part {
            facts: Facts::Cases,
            selection: FactSelection::History,
            condition: "f.step <> 0 AND f.recorded_at < {to}",
            counters: &[
                Counter {
                    name: "at_beginning",
                    sql: Count::Sum("CASE WHEN f.recorded_at < {from} THEN f.step ELSE 0 END"),
                },
                Counter { name: "in", sql: Count::Where("f.step = 1 AND f.recorded_at >= {from}") },
                Counter { name: "out", sql: Count::Where("f.step = -1 AND f.recorded_at >= {from}") },
                Counter { name: "at_end", sql: Count::Sum("f.step") },
            ],
            days: None,
            index_groups: None,
        }],
        // The published names are terms of accounting: the opening and the closing balance. The statistic `closing` is not
        // the status `closing`.
        statistics: &[
            Statistic {
                name: "opening",
                title: "In the caseload at the beginning",
                formula: Formula::Count("at_beginning"),
            },
            Statistic { name: "in", title: "Came in", formula: Formula::Count("in") },
            Statistic { name: "out", title: "Went out", formula: Formula::Count("out") },
            Statistic { name: "closing", title: "In the caseload at the end", formula: Formula::Count("at_end") },
        ],
        unit_counter: "at_end",
        excluded: &[],
        caution: None,
        reports_entered_in_error: false,
        headline: "closing",
        share_determined_by: &[],
        by_time: ByTime::months_and_quarters(
            "By the moment at which the case came in or went out; the caseload is that of the beginning and of the end \
             of each month or quarter.",
        ),
    },
    Measure {
        id: "time_to_close",
        version: 1,
        title: "Time to close",
        definition: "Whole days from the beginning of a case's episode to its closing, of the episodes that were closed in the period. The \
                     median is the time that half of them did not exceed, the 90th percentile that nine in ten did not.",
        numerator: None,
        denominator: Some("Episodes that were closed in the period."),
        unit: Unit::Cases,
        time: ReportTime::Period,
        groups: &[
            TEAM,
            LEAD,
            ADVOCACY,
            INTAKE,
            Group {
                name: "closing_reason",
                title: "Closing reason",
                sql: "f.closing_reason",
                keys: Keys::Codes("closing_reason"),
            },
            Group { name: "outcome", title: "Outcome", sql: "f.outcome", keys: Keys::Codes("case_outcome") },
        ],
        default_groups: &["closing_reason"],
        parts: &[Part {
            facts: Facts::Cases,
            selection: FactSelection::History,
            condition: "f.step <> 0 AND f.recorded_at >= {from} AND f.recorded_at < {to} AND f.status = 'closed'",
            counters: &[Counter { name: "closed", sql: Count::Where("1 = 1") }],
            days: Some("(f.recorded_at - f.began_at) / 86400000000"),
            index_groups: None,
        }],
        statistics: &[
            Statistic {
                name: "median",
                title: "Median days",
                formula: Formula::Quantile { percent: 50, counter: "closed" },
            },
            Statistic {
                name: "p90",
                title: "90th percentile, days",
                formula: Formula::Quantile { percent: 90, counter: "closed" },
            },
            Statistic { name: "closed", title: "Closed", formula: Formula::Count("closed") },
        ],
        unit_counter: "closed",
        excluded: &[],
        caution: None,
        reports_entered_in_error: false,
        headline: "median",
        share_determined_by: &[],
        by_time: ByTime::months_and_quarters("By the moment at which the case was closed."),
    },
    Measure {
        id: "unmet_need",
        version: 1,
        title: "Unmet need",
        definition: "How often it was decided in the period to decline a case or to put it on the waiting list, by the reason that was \
                     coded. A case that was waitlisted and later declined was decided on twice.",
        numerator: None,
        denominator: None,
        unit: Unit::Decisions,
        time: ReportTime::Period,
        groups: &[
            TEAM,
            Group { name: "reason", title: "Reason", sql: "f.unmet_reason", keys: Keys::Codes("unmet_need_reason") },
            ADVOCACY,
            INTAKE,
        ],
        default_groups: &["reason"],
        parts: &[Part {
            facts: Facts::Cases,
            selection: FactSelection::History,
            condition: "f.status IN ('declined', 'waitlisted') AND f.recorded_at = f.since AND f.since >= {from} AND \
                 f.since < {to}",
            counters: &[
                Counter { name: "decisions", sql: Count::Where("1 = 1") },
                Counter { name: "declined", sql: Count::Where("f.status = 'declined'") },
                Counter { name: "waitlisted", sql: Count::Where("f.status = 'waitlisted'") },
            ],
            days: None,
            index_groups: None,
        }],
        statistics: &[
            Statistic { name: "declined", title: "Declined", formula: Formula::Count("declined") },
            Statistic { name: "waitlisted", title: "Waitlisted", formula: Formula::Count("waitlisted") },
        ],
        unit_counter: "decisions",
        excluded: &[],
        caution: None,
        reports_entered_in_error: false,
        headline: "declined",
        share_determined_by: &[],
        by_time: ByTime::months_and_quarters("By the moment of the decision."),
    },
];
