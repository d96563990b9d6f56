//! Measures of contact: how soon and how often advocates speak with clients.

use super::{super::measure::*, ADVOCACY, INTAKE, LEAD, TEAM};

const GAPS: &[(&str, &str)] = &[
    ("days_0_6", "Within a week"),
    ("days_7_13", "7 to 13 days"),
    ("days_14_29", "14 to 29 days"),
    ("days_30_59", "30 to 59 days"),
    ("days_60_up", "60 days and more"),
    (NONE, "Not yet spoken to"),
];

pub const ALL: &[Measure] = &[
    Measure {
        id: "time_to_first_contact",
        version: 1,
        title: "Time to first contact",
        definition: "Whole days from the opening of a case to the first successful contact with the client, of the cases that were opened \
                     in the period. Cases whose client still waits are shown as waiting, and are not in the median: it speaks of those \
                     who were reached.",
        numerator: None,
        denominator: Some("Cases that were opened in the period and whose client was reached."),
        unit: Unit::Cases,
        time: ReportTime::Period,
        groups: &[TEAM, LEAD, ADVOCACY, INTAKE],
        default_groups: &["team"],
        parts: &[Part {
            facts: Facts::Cases,
            selection: FactSelection::OnRecord,
            condition: "f.opened_at >= {from} AND f.opened_at < {to}",
            counters: &[
                Counter {
                    name: "opened",
                    sql: Count::Where("f.first_contact_at IS NOT NULL OR f.status NOT IN ('declined', 'closed')"),
                },
                Counter { name: "reached", sql: Count::Where("f.first_contact_at IS NOT NULL") },
                Counter {
                    name: "waiting",
                    sql: Count::Where("f.first_contact_at IS NULL AND f.status NOT IN ('declined', 'closed')"),
                },
                Counter {
                    name: "never",
                    sql: Count::Where("f.first_contact_at IS NULL AND f.status IN ('declined', 'closed')"),
                },
            ],
            days: Some(
                "CASE WHEN f.first_contact_at IS NULL THEN NULL WHEN f.first_contact_at < f.opened_at THEN 0 \
                 ELSE (f.first_contact_at - f.opened_at) / 86400000000 END",
            ),
            index_groups: None,
        }],
        statistics: &[
            Statistic {
                name: "median",
                title: "Median days",
                formula: Formula::Quantile { percent: 50, counter: "reached" },
            },
            Statistic {
                name: "p90",
                title: "90th percentile, days",
                formula: Formula::Quantile { percent: 90, counter: "reached" },
            },
            Statistic { name: "reached", title: "Reached", formula: Formula::Count("reached") },
            Statistic { name: "waiting", title: "Still waiting", formula: Formula::Count("waiting") },
        ],
        unit_counter: "opened",
        excluded: &[Exclusion {
            code: "never_reached",
            words: "Declined or closed before the client was reached",
            counter: "never",
        }],
        caution: None,
        reports_entered_in_error: true,
        headline: "median",
        share_determined_by: &[],
        by_time: ByTime::months_and_quarters(
            "By the moment at which the case was opened, whenever its client was reached.",
        ),
    },
    Measure {
        id: "contact_gap",
        version: 1,
        title: "Contact gap",
        definition: "Whole days since the last successful contact with the client, of the active cases. A case is quiet when there was none \
                     for 14 days, or none at all.",
        numerator: Some("Active cases that are quiet."),
        denominator: Some("Active cases."),
        unit: Unit::Cases,
        time: ReportTime::Moment,
        groups: &[
            TEAM,
            LEAD,
            Group {
                name: "gap",
                title: "Time since the last contact",
                sql: "CASE WHEN f.last_contact_at IS NULL THEN 'none' WHEN {at} - f.last_contact_at < 604800000000 THEN 'days_0_6' \
                      WHEN {at} - f.last_contact_at < 1209600000000 THEN 'days_7_13' WHEN {at} - f.last_contact_at < 2592000000000 THEN 'days_14_29' \
                      WHEN {at} - f.last_contact_at < 5184000000000 THEN 'days_30_59' ELSE 'days_60_up' END",
                keys: Keys::Ordered(GAPS),
            },
        ],
        default_groups: &["gap"],
        parts: &[Part {
            facts: Facts::Cases,
            selection: FactSelection::OnRecord,
            condition: "f.status = 'active'",
            counters: &[
                Counter { name: "active", sql: Count::Where("1 = 1") },
                Counter {
                    name: "quiet",
                    sql: Count::Where("f.last_contact_at IS NULL OR {at} - f.last_contact_at >= 1209600000000"),
                },
                Counter { name: "spoken_to", sql: Count::Where("f.last_contact_at IS NOT NULL") },
            ],
            days: Some("CASE WHEN f.last_contact_at > {at} THEN 0 ELSE ({at} - f.last_contact_at) / 86400000000 END"),
            index_groups: None,
        }],
        statistics: &[
            Statistic { name: "cases", title: "Active cases", formula: Formula::Count("active") },
            Statistic {
                name: "quiet",
                title: "Share that is quiet",
                formula: Formula::Share { numerator: "quiet", denominator: "active" },
            },
            Statistic {
                name: "median",
                title: "Median days since the last contact",
                formula: Formula::Quantile { percent: 50, counter: "spoken_to" },
            },
        ],
        unit_counter: "active",
        excluded: &[],
        caution: None,
        reports_entered_in_error: false,
        headline: "quiet",
        share_determined_by: &["gap"],
        by_time: ByTime::STATE_AT_PERIOD_END,
    },
];
