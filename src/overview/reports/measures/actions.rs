//! Measures of actions: how they were decided.

use super::{super::measure::*, ACTION_TYPE, ADVOCATE, PROVIDER, TEAM};

pub const ALL: &[Measure] = &[Measure {
    id: "action_success",
    version: 1,
    title: "Actions that succeeded",
    definition: "Of the actions that were decided in the period, the share that was granted, partly granted or settled. Actions that were \
                 filed before its end and wait for their decision are shown as pending.",
    numerator: Some("Actions that were granted, partly granted or settled."),
    denominator: Some("Actions that were decided in the period, those without a response among them."),
    unit: Unit::Actions,
    time: ReportTime::Period,
    groups: &[
        TEAM,
        ADVOCATE,
        ACTION_TYPE,
        Group { name: "scheme", title: "Scheme", sql: "f.scheme", keys: Keys::Codes("scheme") },
        PROVIDER,
    ],
    default_groups: &["type"],
    parts: &[Part {
        facts: Facts::Actions,
        selection: FactSelection::OnRecord,
        condition: "(f.status = 'decided' AND f.decided_on >= {from_day} AND f.decided_on < {to_day} \
                OR f.status IN ('filed', 'in_progress') AND f.filed_on < {to_day} \
                OR f.status = 'withdrawn' AND f.filed_on IS NOT NULL AND f.recorded_at >= {from} AND f.recorded_at < {to})",
        counters: &[
            Counter { name: "decided", sql: Count::Where("f.status = 'decided' AND f.decision <> 'withdrawn'") },
            Counter {
                name: "succeeded",
                sql: Count::Where("f.status = 'decided' AND f.decision IN ('granted', 'partly_granted', 'settled')"),
            },
            Counter { name: "pending", sql: Count::Where("f.status IN ('filed', 'in_progress')") },
            Counter {
                name: "withdrawn",
                sql: Count::Where("f.status = 'withdrawn' OR f.status = 'decided' AND f.decision = 'withdrawn'"),
            },
        ],
        days: None,
        index_groups: None,
    }],
    statistics: &[
        Statistic {
            name: "succeeded",
            title: "Share that succeeded",
            formula: Formula::Share { numerator: "succeeded", denominator: "decided" },
        },
        Statistic { name: "pending", title: "Pending", formula: Formula::Count("pending") },
    ],
    unit_counter: "decided",
    excluded: &[Exclusion {
        code: "withdrawn",
        words: "Withdrawn in the period before a decision",
        counter: "withdrawn",
    }],
    caution: None,
    reports_entered_in_error: true,
    headline: "succeeded",
    share_determined_by: &[],
    by_time: ByTime {
        totals_only: &["pending"],
        ..ByTime::months_and_quarters("By the day on which the action was decided.")
    },
}];
