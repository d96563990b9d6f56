//! Measures of meetings: how they were prepared, and who spoke in them.

use super::{super::measure::*, ADVOCATE, PROVIDER, TEAM};

const TYPE: Group = Group { name: "type", title: "Meeting type", sql: "f.type", keys: Keys::Codes("meeting_type") };

/// The rank on the ladder of self-advocacy, as in `WhoSpoke::rank`.
macro_rules! rank {
    () => {
        "CASE f.who_spoke WHEN 'spoke_for_self' THEN 4 WHEN 'spoke_with_support' THEN 3 WHEN \
         'advocate_spoke_as_instructed' THEN 2 ELSE 1 END"
    };
}

pub const ALL: &[Measure] = &[
    Measure {
        id: "meeting_prep",
        version: 1,
        title: "Meetings prepared",
        definition: "Of the meetings that were held in the period and have a mandatory item, the share in which every mandatory item was done; \
                     and of all mandatory items the share that was done.",
        numerator: Some("Meetings with every mandatory item done."),
        denominator: Some("Meetings that were held in the period and have a mandatory item."),
        unit: Unit::Meetings,
        time: ReportTime::Period,
        groups: &[TEAM, ADVOCATE, TYPE, PROVIDER],
        default_groups: &["type"],
        parts: &[Part {
            facts: Facts::Meetings,
            selection: FactSelection::OnRecord,
            condition: "f.status = 'held' AND f.starts_at >= {from} AND f.starts_at < {to}",
            counters: &[
                Counter { name: "with_mandatory_items", sql: Count::Where("f.mandatory_items > 0") },
                Counter {
                    name: "prepared",
                    sql: Count::Where("f.mandatory_items > 0 AND f.mandatory_done >= f.mandatory_items"),
                },
                Counter { name: "items", sql: Count::Sum("f.mandatory_items") },
                Counter { name: "done", sql: Count::Sum("f.mandatory_done") },
                Counter { name: "without", sql: Count::Where("f.mandatory_items = 0") },
            ],
            days: None,
            index_groups: None,
        }],
        statistics: &[
            Statistic {
                name: "prepared",
                title: "Share fully prepared",
                formula: Formula::Share { numerator: "prepared", denominator: "with_mandatory_items" },
            },
            Statistic {
                name: "readiness",
                title: "Share of mandatory items done",
                formula: Formula::Mean { sum: "done", count: "items", units: "with_mandatory_items" },
            },
        ],
        unit_counter: "with_mandatory_items",
        excluded: &[Exclusion { code: "no_checklist", words: "Meetings without a mandatory item", counter: "without" }],
        caution: None,
        reports_entered_in_error: true,
        headline: "prepared",
        share_determined_by: &[],
        by_time: ByTime::months_and_quarters("By the moment at which the meeting began."),
    },
    Measure {
        id: "self_advocacy_shift",
        version: 2,
        title: "Shift to self-advocacy",
        definition: "Of the clients with at least two meetings in the period in which they were present, the share who spoke more for \
                     themselves in the last than in the first. The ladder: acted for without instruction, advocate spoke as instructed, \
                     spoke with support, spoke for themselves. Of several meetings at one moment the one on the lowest rung is taken.",
        numerator: Some("Clients who stood higher on the ladder in the last meeting than in the first."),
        denominator: Some(
            "Clients with at least two meetings that were held in the period and in which they were present.",
        ),
        unit: Unit::Clients,
        time: ReportTime::Period,
        groups: &[TEAM],
        default_groups: &[],
        parts: &[Part {
            facts: Facts::Meetings,
            selection: FactSelection::PerClient(&[
                // The lowest three bits hold the rank, so the earliest and the latest moment carry the rank of their
                // meeting. 2^56, a multiple of eight, keeps a moment before 1970 above zero. If two meetings have the
                // same moment, both expressions give the lower rank: that is no shift.
                ("first_rank", concat!("min(f.starts_at * 8 + 72057594037927936 + ", rank!(), ") % 8")),
                ("last_rank", concat!("7 - max(f.starts_at * 8 + 72057594037927943 - ", rank!(), ") % 8")),
                ("met", "count(*)"),
            ]),
            condition: "f.status = 'held' AND f.starts_at >= {from} AND f.starts_at < {to} \
                    AND f.who_spoke IN ('non_instructed_representation', 'advocate_spoke_as_instructed', 'spoke_with_support', 'spoke_for_self')",
            counters: &[
                Counter { name: "clients", sql: Count::Where("f.met > 1") },
                Counter { name: "more", sql: Count::Where("f.met > 1 AND f.last_rank > f.first_rank") },
                Counter { name: "same", sql: Count::Where("f.met > 1 AND f.last_rank = f.first_rank") },
                Counter { name: "less", sql: Count::Where("f.met > 1 AND f.last_rank < f.first_rank") },
                Counter { name: "once", sql: Count::Where("f.met = 1") },
            ],
            days: None,
            index_groups: None,
        }],
        statistics: &[
            Statistic {
                name: "more",
                title: "Share who spoke more for themselves",
                formula: Formula::Share { numerator: "more", denominator: "clients" },
            },
            Statistic {
                name: "same",
                title: "Share who spoke as before",
                formula: Formula::Share { numerator: "same", denominator: "clients" },
            },
            Statistic {
                name: "less",
                title: "Share who spoke less for themselves",
                formula: Formula::Share { numerator: "less", denominator: "clients" },
            },
        ],
        unit_counter: "clients",
        excluded: &[Exclusion { code: "one_meeting", words: "Clients with one such meeting", counter: "once" }],
        caution: Some("Who spoke is what the advocate recorded."),
        reports_entered_in_error: false,
        headline: "more",
        share_determined_by: &[],
        by_time: ByTime {
            spans: &[Span::Quarter],
            ..ByTime::months_and_quarters(
                "By the moment at which the meetings began; the first and the last are those of the quarter. A month \
                 is too short to compare them.",
            )
        },
    },
];
