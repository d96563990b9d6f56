//! Measures of barriers: which are open, how they end, which providers they come from, and on what grounds.

use super::{super::measure::*, ADVOCATE, BARRIER_TYPE, PROVIDER, TEAM};

const SERVICE: Group = Group { name: "service", title: "Service", sql: "f.service_id", keys: Keys::Service };
const SERVICE_TYPE: Group = Group {
    name: "service_type",
    title: "Type of service",
    sql: "f.service_type",
    keys: Keys::Codes("open_eligibility"),
};
const SEVERITY: Group = Group {
    name: "severity",
    title: "Severity",
    sql: "f.severity",
    keys: Keys::Ordered(&[("low", "Low"), ("medium", "Medium"), ("high", "High"), ("crisis", "Crisis")]),
};

/// Barriers by a provider in the 180 days up to the moment.
const OF_A_PROVIDER: &str = "f.provider_id IS NOT NULL \
    AND (f.occurred_on > {day} - 180 AND f.occurred_on <= {day} OR f.occurred_on IS NULL AND f.opened_at > {at} - 15552000000000)";

pub const ALL: &[Measure] = &[
    Measure {
        id: "barriers_open",
        version: 1,
        title: "Open barriers",
        definition: "Barriers that have not ended at the time of the report. Age is counted from the day on which a barrier was \
             entered.",
        numerator: None,
        denominator: None,
        unit: Unit::Barriers,
        time: ReportTime::Moment,
        groups: &[
            TEAM,
            ADVOCATE,
            BARRIER_TYPE,
            SERVICE_TYPE,
            SERVICE,
            PROVIDER,
            Group {
                name: "age",
                title: "Age",
                sql: "CASE WHEN {at} - f.opened_at < 2592000000000 THEN 'days_0_29' WHEN {at} - f.opened_at < 7776000000000 THEN 'days_30_89' \
                      WHEN {at} - f.opened_at < 15552000000000 THEN 'days_90_179' ELSE 'days_180_up' END",
                keys: Keys::Ordered(&[
                    ("days_0_29", "Under 30 days"),
                    ("days_30_89", "30 to 89 days"),
                    ("days_90_179", "90 to 179 days"),
                    ("days_180_up", "180 days and more"),
                ]),
            },
            SEVERITY,
        ],
        default_groups: &["type"],
        parts: &[Part {
            facts: Facts::Barriers,
            selection: FactSelection::OnRecord,
            condition: "f.ended_at IS NULL",
            counters: &[Counter { name: "open", sql: Count::Where("1 = 1") }],
            days: None,
            index_groups: Some(&["team", "severity", "provider"]),
        }],
        statistics: &[Statistic { name: "open", title: "Open barriers", formula: Formula::Count("open") }],
        unit_counter: "open",
        excluded: &[],
        caution: None,
        reports_entered_in_error: true,
        headline: "open",
        share_determined_by: &[],
        by_time: ByTime::STATE_AT_PERIOD_END,
    },
    Measure {
        id: "barrier_resolution",
        version: 1,
        title: "Barriers resolved",
        definition: "Of the barriers that ended in the period, the share that was resolved, in full, in part or by a way around; and the \
                     share of which the client was the judge.",
        numerator: Some("Barriers that were resolved in full, resolved in part, or that a way around was found for."),
        denominator: Some("Barriers that ended in the period."),
        unit: Unit::Barriers,
        time: ReportTime::Period,
        groups: &[
            TEAM,
            ADVOCATE,
            BARRIER_TYPE,
            SERVICE_TYPE,
            PROVIDER,
            SEVERITY,
            Group { name: "disposition", title: "What became of it", sql: "f.disposition", keys: Keys::FixedCodes },
            Group { name: "judged_by", title: "Judged by", sql: "f.judged_by", keys: Keys::FixedCodes },
        ],
        default_groups: &["type"],
        parts: &[Part {
            facts: Facts::Barriers,
            selection: FactSelection::OnRecord,
            condition: "f.ended_at >= {from} AND f.ended_at < {to}",
            counters: &[
                Counter { name: "ended", sql: Count::Where("1 = 1") },
                Counter {
                    name: "resolved",
                    sql: Count::Where("f.disposition IN ('resolved_full', 'resolved_partial', 'workaround_found')"),
                },
                Counter { name: "in_full", sql: Count::Where("f.disposition = 'resolved_full'") },
                Counter { name: "by_client", sql: Count::Where("f.judged_by = 'client'") },
            ],
            days: None,
            index_groups: None,
        }],
        statistics: &[
            Statistic {
                name: "resolved",
                title: "Share resolved",
                formula: Formula::Share { numerator: "resolved", denominator: "ended" },
            },
            Statistic {
                name: "in_full",
                title: "Share resolved in full",
                formula: Formula::Share { numerator: "in_full", denominator: "ended" },
            },
            Statistic {
                name: "judged_by_client",
                title: "Share judged by the client",
                formula: Formula::Share { numerator: "by_client", denominator: "ended" },
            },
        ],
        unit_counter: "ended",
        excluded: &[],
        caution: None,
        reports_entered_in_error: true,
        headline: "resolved",
        share_determined_by: &["disposition"],
        by_time: ByTime::months_and_quarters("By the moment at which the barrier ended."),
    },
    Measure {
        id: "provider_pattern",
        version: 2,
        title: "Provider patterns",
        definition: "Different clients with a barrier by the same provider on the 180 days up to the day of the report, by the day on which \
                     it happened, or was entered where no day is known. A provider with three clients or more is flagged: one barrier that \
                     hits many is a policy to change. In every row, and in all, the providers that are flagged are counted. Barriers that \
                     name no provider are not looked at.",
        numerator: None,
        denominator: None,
        unit: Unit::Clients,
        time: ReportTime::Moment,
        groups: &[PROVIDER, BARRIER_TYPE, SERVICE_TYPE],
        default_groups: &["provider"],
        parts: &[
            Part {
                facts: Facts::Barriers,
                selection: FactSelection::OnRecord,
                condition: OF_A_PROVIDER,
                counters: &[Counter { name: "clients", sql: Count::Distinct("f.client_id") }],
                days: None,
                index_groups: None,
            },
            Part {
                facts: Facts::Barriers,
                selection: FactSelection::PerProvider(&[("hit", "count(DISTINCT f.client_id)")]),
                condition: OF_A_PROVIDER,
                counters: &[Counter { name: "flagged", sql: Count::Where("f.hit >= 3") }],
                days: None,
                index_groups: None,
            },
        ],
        statistics: &[
            Statistic { name: "clients", title: "Clients", formula: Formula::Count("clients") },
            Statistic {
                name: "flagged",
                title: "Providers flagged",
                formula: Formula::Flagged { providers: "flagged", units: "clients" },
            },
        ],
        unit_counter: "clients",
        excluded: &[],
        caution: Some("A client may have barriers by several providers: a sum over them is not the number of clients."),
        reports_entered_in_error: false,
        headline: "clients",
        share_determined_by: &[],
        by_time: ByTime::months_and_quarters("As of the end of each month or quarter, over the 180 days up to it."),
    },
    Measure {
        id: "discrimination_by_basis",
        version: 1,
        title: "Discrimination by ground",
        definition: "Barriers that happened in the period and name at least one ground of discrimination; by the day on which it happened, \
                     or was entered where no day is known.",
        numerator: None,
        denominator: None,
        unit: Unit::Barriers,
        time: ReportTime::Period,
        groups: &[
            TEAM,
            Group { name: "basis", title: "Ground", sql: "f.bases", keys: Keys::SeveralCodes("discrimination_basis") },
            BARRIER_TYPE,
            PROVIDER,
        ],
        default_groups: &["basis"],
        parts: &[Part {
            facts: Facts::Barriers,
            selection: FactSelection::OnRecord,
            condition: "(f.occurred_on >= {from_day} AND f.occurred_on < {to_day} \
                    OR f.occurred_on IS NULL AND f.opened_at >= {from} AND f.opened_at < {to})",
            counters: &[
                Counter { name: "barriers", sql: Count::Where("f.bases <> '[]'") },
                Counter { name: "no_ground", sql: Count::Where("f.bases = '[]'") },
            ],
            days: None,
            index_groups: None,
        }],
        statistics: &[Statistic { name: "barriers", title: "Barriers", formula: Formula::Count("barriers") }],
        unit_counter: "barriers",
        excluded: &[Exclusion { code: "no_ground", words: "Barriers that name no ground", counter: "no_ground" }],
        caution: Some("A barrier may name several grounds: a sum over them is not the number of barriers."),
        reports_entered_in_error: true,
        headline: "barriers",
        share_determined_by: &[],
        by_time: ByTime::months_and_quarters("By the day on which it happened, or was entered where no day is known."),
    },
];
