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
        usual: &["team"],
        parts: &[Part {
            facts: Facts::Cases,
            selection: FactSelection::OnRecord,
            among: "f.status NOT IN ('closed', 'declined')",
            counters: &[
                Counter { name: "open", sql: Count::Of("1 = 1") },
                Counter {
                    name: "unassigned",
                    sql: Count::Of("f.lead_id IS NULL AND f.status IN ('accepted', 'active', 'on_hold', 'closing')"),
                },
                Counter {
                    name: "lead_gone",
                    sql: Count::Of(
                        "f.lead_id IN (SELECT users.id FROM users WHERE users.organization_id = {organization} AND \
                         users.status <> 'active')",
                    ),
                },
                Counter {
                    name: "untriaged",
                    sql: Count::Of("f.status = 'referred' AND f.since < {at} - 604800000000"),
                },
                Counter {
                    name: "unsupervised",
                    sql: Count::Of(
                        "f.team_id NOT IN (SELECT m.team_id FROM team_members AS m JOIN users ON users.organization_id = m.organization_id AND users.id = m.user_id \
                         WHERE m.organization_id = {organization} AND users.role = 'supervisor' AND users.status = 'active' \
                         UNION SELECT d.team_id FROM team_deputies AS d JOIN users ON users.organization_id = d.organization_id AND users.id = d.user_id \
                         WHERE d.organization_id = {organization} AND users.role = 'supervisor' AND users.status = 'active' \
                         AND d.starts_at <= {instant} AND d.ends_at > {instant})",
                    ),
                },
            ],
            days: None,
        }],
        statistics: &[
            Statistic { name: "open", title: "Open cases", makes: Makes::Count("open") },
            Statistic { name: "unassigned", title: "Without a lead advocate", makes: Makes::Count("unassigned") },
            Statistic {
                name: "lead_gone",
                title: "Lead advocate no longer signs in",
                makes: Makes::Count("lead_gone"),
            },
            Statistic { name: "untriaged", title: "Referred for a week", makes: Makes::Count("untriaged") },
            Statistic {
                name: "unsupervised",
                title: "In a team without a supervisor",
                makes: Makes::Count("unsupervised"),
            },
        ],
        n: "open",
        excluded: &[],
        caution: Some("Who supervises a team is not kept for the past: this is asked for as of now."),
        says_left_out: false,
        headline: "unassigned",
        decided_by: &[],
        by_time: ByTime {
            spans: &[],
            ..ByTime::of("Not reported by month: who supervises a team is not kept for the past.")
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
        usual: &[],
        parts: &[
            Part {
                facts: Facts::Cases,
                selection: FactSelection::OnRecord,
                among: "f.status IN ('accepted', 'active', 'on_hold', 'closing')",
                counters: &[
                    Counter { name: "cases", sql: Count::Of("1 = 1") },
                    Counter { name: "no_contact", sql: Count::Of("f.first_contact_at IS NULL") },
                    Counter { name: "other_intake", sql: Count::Of("f.intake_source = 'other'") },
                ],
                days: None,
            },
            Part {
                facts: Facts::Barriers,
                selection: FactSelection::OnRecord,
                among: "f.ended_at IS NULL",
                counters: &[
                    Counter { name: "barriers", sql: Count::Of("1 = 1") },
                    Counter { name: "no_provider", sql: Count::Of("f.provider_id IS NULL") },
                    Counter { name: "no_service", sql: Count::Of("f.service_type IS NULL AND f.service_id IS NULL") },
                    Counter { name: "other_type", sql: Count::Of("f.type = 'other'") },
                ],
                days: None,
            },
            Part {
                facts: Facts::Actions,
                selection: FactSelection::OnRecord,
                among: "f.status IN ('filed', 'in_progress')",
                counters: &[
                    Counter { name: "actions", sql: Count::Of("1 = 1") },
                    Counter { name: "no_scheme", sql: Count::Of("f.scheme IS NULL") },
                ],
                days: None,
            },
        ],
        statistics: &[
            Statistic {
                name: "case_without_contact",
                title: "Cases without a contact",
                makes: Makes::Share { of: "no_contact", among: "cases" },
            },
            Statistic {
                name: "case_intake_other",
                title: "Cases whose intake source is other",
                makes: Makes::Share { of: "other_intake", among: "cases" },
            },
            Statistic {
                name: "barrier_without_provider",
                title: "Barriers without a provider",
                makes: Makes::Share { of: "no_provider", among: "barriers" },
            },
            Statistic {
                name: "barrier_without_service",
                title: "Barriers without a service",
                makes: Makes::Share { of: "no_service", among: "barriers" },
            },
            Statistic {
                name: "barrier_type_other",
                title: "Barriers whose type is other",
                makes: Makes::Share { of: "other_type", among: "barriers" },
            },
            Statistic {
                name: "action_without_scheme",
                title: "Actions without a scheme",
                makes: Makes::Share { of: "no_scheme", among: "actions" },
            },
        ],
        n: "cases",
        excluded: &[],
        caution: Some("Each row counts records of its own kind: they are not added."),
        says_left_out: false,
        headline: "case_without_contact",
        decided_by: &[],
        by_time: ByTime::STOCK,
    },
];
