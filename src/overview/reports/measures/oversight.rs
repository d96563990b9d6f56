//! Measures for oversight: cases that nobody looks after, and data that is missing from the records.

use super::{super::measure::*, LEAD, TEAM};

pub const ALL: &[Measure] = &[
    Measure {
        id: "supervision",
        version: 1,
        title: "Supervision",
        definition: "Open cases that nobody looks after: in the caseload without a lead advocate, with one who no longer signs in, referred \
                     and not looked at for a week, or in a team without a supervisor who signs in or is deputised now.",
        numerator: None,
        denominator: Some("Cases that are referred, in triage, waitlisted or in the caseload."),
        unit: Unit::Cases,
        time: ReportTime::Now,
        groups: &[TEAM, LEAD],
        default_groups: &["team"],
        parts: &[Part {
            facts: Facts::Cases,
            selection: FactSelection::OnRecord,
            condition: "f.status NOT IN ('closed', 'declined')",
            counters: &[
                Counter { name: "open", sql: Count::Where("1 = 1") },
                Counter {
                    name: "unassigned",
                    sql: Count::Where("f.lead_id IS NULL AND f.status IN ('accepted', 'active', 'on_hold', 'closing')"),
                },
                Counter {
                    name: "lead_gone",
                    sql: Count::Where(
                        "f.lead_id IN (SELECT users.id FROM users WHERE users.organization_id = {organization} AND \
                         users.status <> 'active')",
                    ),
                },
                Counter {
                    name: "untriaged",
                    sql: Count::Where("f.status = 'referred' AND f.since < {at} - 604800000000"),
                },
                Counter {
                    name: "unsupervised",
                    sql: Count::Where(
                        "f.team_id NOT IN (SELECT m.team_id FROM team_members AS m JOIN users ON users.organization_id = m.organization_id AND users.id = m.user_id \
                         WHERE m.organization_id = {organization} AND users.role = 'supervisor' AND users.status = 'active' \
                         UNION SELECT d.team_id FROM team_deputies AS d JOIN users ON users.organization_id = d.organization_id AND users.id = d.user_id \
                         WHERE d.organization_id = {organization} AND users.role = 'supervisor' AND users.status = 'active' \
                         AND d.starts_at <= {instant} AND d.ends_at > {instant})",
                    ),
                },
            ],
            days: None,
            index_groups: None,
        }],
        statistics: &[
            Statistic { name: "open", title: "Open cases", formula: Formula::Count("open") },
            Statistic { name: "unassigned", title: "Without a lead advocate", formula: Formula::Count("unassigned") },
            Statistic {
                name: "lead_gone",
                title: "Lead advocate no longer signs in",
                formula: Formula::Count("lead_gone"),
            },
            Statistic { name: "untriaged", title: "Referred for a week", formula: Formula::Count("untriaged") },
            Statistic {
                name: "unsupervised",
                title: "In a team without a supervisor",
                formula: Formula::Count("unsupervised"),
            },
        ],
        unit_counter: "open",
        excluded: &[],
        caution: Some("Who supervises a team is not kept for the past: this is asked for as of now."),
        reports_entered_in_error: false,
        headline: "unassigned",
        share_determined_by: &[],
        by_time: ByTime {
            spans: &[],
            ..ByTime::months_and_quarters("Not reported by month: who supervises a team is not kept for the past.")
        },
    },
    Measure {
        id: "data_quality",
        version: 1,
        title: "Data quality",
        definition: "What the records do not say: the share of open records that lack something, or that say only \
             `other`.",
        numerator: Some("Records that lack it."),
        denominator: Some("Cases in the caseload; barriers that have not ended; actions that wait for their decision."),
        unit: Unit::Records,
        time: ReportTime::Moment,
        groups: &[TEAM],
        default_groups: &[],
        parts: &[
            Part {
                facts: Facts::Cases,
                selection: FactSelection::OnRecord,
                condition: "f.status IN ('accepted', 'active', 'on_hold', 'closing')",
                counters: &[
                    Counter { name: "cases", sql: Count::Where("1 = 1") },
                    Counter { name: "no_contact", sql: Count::Where("f.first_contact_at IS NULL") },
                    Counter { name: "other_intake", sql: Count::Where("f.intake_source = 'other'") },
                ],
                days: None,
                index_groups: None,
            },
            Part {
                facts: Facts::Barriers,
                selection: FactSelection::OnRecord,
                condition: "f.ended_at IS NULL",
                counters: &[
                    Counter { name: "barriers", sql: Count::Where("1 = 1") },
                    Counter { name: "no_provider", sql: Count::Where("f.provider_id IS NULL") },
                    Counter {
                        name: "no_service",
                        sql: Count::Where("f.service_type IS NULL AND f.service_id IS NULL"),
                    },
                    Counter { name: "other_type", sql: Count::Where("f.type = 'other'") },
                ],
                days: None,
                index_groups: None,
            },
            Part {
                facts: Facts::Actions,
                selection: FactSelection::OnRecord,
                condition: "f.status IN ('filed', 'in_progress')",
                counters: &[
                    Counter { name: "actions", sql: Count::Where("1 = 1") },
                    Counter { name: "no_scheme", sql: Count::Where("f.scheme IS NULL") },
                ],
                days: None,
                index_groups: Some(&["team"]),
            },
        ],
        statistics: &[
            Statistic {
                name: "case_without_contact",
                title: "Cases without a contact",
                formula: Formula::Share { numerator: "no_contact", denominator: "cases" },
            },
            Statistic {
                name: "case_intake_other",
                title: "Cases whose intake source is other",
                formula: Formula::Share { numerator: "other_intake", denominator: "cases" },
            },
            Statistic {
                name: "barrier_without_provider",
                title: "Barriers without a provider",
                formula: Formula::Share { numerator: "no_provider", denominator: "barriers" },
            },
            Statistic {
                name: "barrier_without_service",
                title: "Barriers without a service",
                formula: Formula::Share { numerator: "no_service", denominator: "barriers" },
            },
            Statistic {
                name: "barrier_type_other",
                title: "Barriers whose type is other",
                formula: Formula::Share { numerator: "other_type", denominator: "barriers" },
            },
            Statistic {
                name: "action_without_scheme",
                title: "Actions without a scheme",
                formula: Formula::Share { numerator: "no_scheme", denominator: "actions" },
            },
        ],
        unit_counter: "cases",
        excluded: &[],
        caution: Some("Each row counts records of its own kind: they are not added."),
        reports_entered_in_error: false,
        headline: "case_without_contact",
        share_determined_by: &[],
        by_time: ByTime::STATE_AT_PERIOD_END,
    },
];
