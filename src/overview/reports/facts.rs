//! Report facts: an append-only history of the fields of each record that reports count.
//!
//! [`TABLES`] declares them, one entry for each kind of record. From the declaration `tests/api/report_facts.rs` writes
//! the tables, the views and the triggers for both engines, and compares them with what the migrations made.

use crate::{
    auth::OrganizationId,
    db::{Condition, Conn},
    error::Result,
};

/// The report facts of one kind of record: the table `<kind>_facts`, and the view `<kind>_history`, which derives the
/// same rows from the records alone.
#[derive(Debug)]
pub struct FactTable {
    pub kind: &'static str,
    /// The table of the records.
    pub records: &'static str,
    pub history: History,
    /// In the order of the columns, after those that each table has: organization, team, end, id, begin, case, client.
    pub fields: &'static [Field],
    /// Columns of the record that are no field, but whose change begins a new row.
    pub also_changed_by: &'static [&'static str],
    /// The indexes for single measures. Each table has two more: its key, and `<kind>_facts_by_case`.
    pub indexes: &'static [Index],
}

/// An index `<kind>_facts_<name>` of a part of the facts.
#[derive(Debug)]
pub struct Index {
    pub name: &'static str,
    /// The columns after the organization and the team.
    pub columns: &'static str,
    /// Which facts it has.
    pub condition: &'static str,
}

/// What the records tell of their past.
#[derive(Debug)]
pub enum History {
    /// All of it, from the transitions, contacts and assignments of the case. The test holds the SQL.
    OfCase,
    /// How the record began, at the time in the column `began`, and how it is now.
    BeginAndEnd {
        began: &'static str,
        /// Which records `b` have ended.
        ended: &'static str,
        /// When they ended.
        at: &'static str,
    },
}

#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub value: Value,
    pub required: bool,
    pub before_end: BeforeEnd,
}

/// Where a field comes from. Moments are microseconds since 1970 and days are counted from 1970 on both engines, so
/// that reports compute with them in the same SQL.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    Id(&'static str),
    Text(&'static str),
    Number(&'static str),
    Flag(&'static str),
    Moment(&'static str),
    Day(&'static str),
    /// A JSON value, as text.
    Json(&'static str),
    /// The member `code` of a JSON object.
    Code(&'static str),
    /// The change of one rating from before the meeting to after it.
    RatingChange(&'static str),
    /// The type of the action that a deadline belongs to.
    TypeOfAction,
    /// A moment or a number that the triggers of a case compute.
    ComputedMoment,
    ComputedNumber,
}

/// What a field was before the record ended, as far as the record tells.
#[derive(Debug)]
pub enum BeforeEnd {
    Same,
    Null,
    Sql(&'static str),
}

const fn required(name: &'static str, value: Value) -> Field {
    Field { name, value, required: true, before_end: BeforeEnd::Same }
}
const fn optional(name: &'static str, value: Value) -> Field {
    Field { name, value, required: false, before_end: BeforeEnd::Same }
}
impl Field {
    const fn null_before_end(self) -> Self {
        Self { before_end: BeforeEnd::Null, ..self }
    }
    const fn before_end(self, sql: &'static str) -> Self {
        Self { before_end: BeforeEnd::Sql(sql), ..self }
    }
}

use Value::{
    Code, ComputedMoment, ComputedNumber, Day, Flag, Id, Json, Moment, Number, RatingChange, Text, TypeOfAction,
};

pub const TABLES: [FactTable; 6] = [
    // A case is in the caseload while it is accepted, active, on hold or closing: `step` is 1 where it enters the
    // caseload with this row, and -1 where it leaves. `since` is when its status began, `began_at` when its episode did.
    FactTable {
        kind: "case",
        records: "cases",
        history: History::OfCase,
        fields: &[
            optional("lead_id", Id("lead_advocate_id")),
            required("status", Text("status")),
            required("since", ComputedMoment),
            required("step", ComputedNumber),
            required("began_at", ComputedMoment),
            required("priority", Text("priority")),
            required("advocacy_type", Text("advocacy_type")),
            required("intake_source", Text("intake_source")),
            required("opened_at", Moment("opened_at")),
            optional("first_contact_at", Moment("first_contact_at")),
            optional("last_contact_at", Moment("last_contact_at")),
            optional("closing_reason", Text("closing_reason")),
            optional("outcome", Text("outcome")),
            optional("unmet_reason", Text("unmet_reason")),
        ],
        also_changed_by: &["episode"],
        indexes: &[
            Index {
                name: "steps",
                columns: "recorded_at, step, status, voided_at, advocacy_type, intake_source",
                condition: "step <> 0",
            },
            Index {
                name: "unmet",
                columns: "since, recorded_at, status, unmet_reason, voided_at",
                condition: "status IN ('declined', 'waitlisted')",
            },
            Index {
                name: "open",
                columns: "voided_at, lead_id, status, priority",
                condition: "status NOT IN ('closed', 'declined') AND replaced_at = 9223372036854775807",
            },
        ],
    },
    FactTable {
        kind: "barrier",
        records: "barriers",
        history: History::BeginAndEnd { began: "opened_at", ended: "b.resolved_at IS NOT NULL", at: "b.resolved_at" },
        fields: &[
            required("type", Text("type")),
            required("bases", Json("bases")),
            optional("service_type", Code("service_type")),
            optional("provider_id", Id("provider_id")),
            optional("service_id", Id("service_id")),
            required("severity", Text("severity")),
            optional("occurred_on", Day("occurred_on")),
            required("opened_at", Moment("opened_at")),
            optional("ended_at", Moment("resolved_at")).null_before_end(),
            optional("disposition", Text("disposition")).null_before_end(),
            optional("judged_by", Text("judged_by")).null_before_end(),
        ],
        also_changed_by: &[],
        // `ended_at` is always NULL here. SQLite reads only the index if it has every column that the query names.
        indexes: &[Index {
            name: "open",
            columns: "voided_at, severity, provider_id, ended_at",
            condition: "ended_at IS NULL AND replaced_at = 9223372036854775807",
        }],
    },
    FactTable {
        kind: "action",
        records: "actions",
        history: History::BeginAndEnd {
            began: "created_at",
            ended: "b.status IN ('decided', 'withdrawn', 'entered_in_error')",
            at: "b.updated_at",
        },
        fields: &[
            required("type", Text("type")),
            optional("scheme", Text("scheme")),
            optional("provider_id", Id("provider_id")),
            required("status", Text("status")).before_end("CASE WHEN b.filed_on IS NULL THEN 'draft' ELSE 'filed' END"),
            optional("filed_on", Day("filed_on")),
            optional("decision", Text("decision")).null_before_end(),
            optional("decided_on", Day("decided_on")).null_before_end(),
        ],
        also_changed_by: &[],
        indexes: &[Index {
            name: "pending",
            columns: "voided_at",
            condition: "status IN ('filed', 'in_progress') AND replaced_at = 9223372036854775807",
        }],
    },
    FactTable {
        kind: "deadline",
        records: "deadlines",
        history: History::BeginAndEnd {
            began: "created_at",
            ended: "b.status NOT IN ('running', 'pending_trigger')",
            at: "b.updated_at",
        },
        fields: &[
            required("action_type", TypeOfAction),
            required("source", Text("source")),
            required("due_on", Day("due_on")),
            required("due_at", Moment("due_at")),
            required("status", Text("status")).before_end("'running'"),
            optional("satisfied_on", Day("satisfied_on")).null_before_end(),
            required("late_filing", Flag("late_filing")).before_end("0"),
        ],
        also_changed_by: &[],
        indexes: &[Index {
            name: "open",
            columns: "voided_at",
            condition: "status IN ('running', 'pending_trigger') AND replaced_at = 9223372036854775807",
        }],
    },
    FactTable {
        kind: "meeting",
        records: "meetings",
        history: History::BeginAndEnd {
            began: "created_at",
            ended: "b.status NOT IN ('proposed', 'booked')",
            at: "b.updated_at",
        },
        fields: &[
            required("type", Text("type")),
            optional("provider_id", Id("provider_id")),
            required("starts_at", Moment("starts_at")),
            required("status", Text("status")).before_end("'booked'"),
            optional("who_spoke", Text("who_spoke")).null_before_end(),
            required("mandatory_items", Number("mandatory_items")),
            required("mandatory_done", Number("mandatory_done")),
            optional("prepared", RatingChange("prepared")).null_before_end(),
            optional("understood_options", RatingChange("understood_options")).null_before_end(),
            optional("heard", RatingChange("heard")).null_before_end(),
            optional("confidence", RatingChange("confidence")).null_before_end(),
        ],
        also_changed_by: &[],
        indexes: &[],
    },
    FactTable {
        kind: "task",
        records: "tasks",
        history: History::BeginAndEnd {
            began: "created_at",
            ended: "b.status <> 'open'",
            at: "coalesce(b.done_at, b.updated_at)",
        },
        fields: &[
            optional("assignee_id", Id("assignee_id")),
            required("due_on", Day("due_on")),
            required("status", Text("status")).before_end("'open'"),
        ],
        also_changed_by: &[],
        indexes: &[],
    },
];

/// Rebuilds the facts of an organization from its records.
///
/// This loses the history that the records themselves do not keep: it is for an organization that was just filled.
pub fn rebuild(conn: &mut Conn, organization: OrganizationId) -> Result<()> {
    conn.set_organization(organization)?;
    for FactTable { kind, .. } in TABLES {
        let of_organization = || Condition::sql(" WHERE organization_id = ").id(organization.uuid());
        let facts = || Condition::sql("").then(kind).then("_facts");
        conn.run(Condition::sql("DELETE FROM ").with(facts()).with(of_organization()))?;
        let insert = Condition::sql("INSERT INTO ").with(facts()).then(" SELECT * FROM ").then(kind).then("_history");
        // In the order of the table, which is faster than inserting in a random order.
        let insert =
            insert.with(of_organization()).then(" AND recorded_at < replaced_at ORDER BY team_id, replaced_at, ");
        conn.run(insert.then(kind).then("_id"))?;
    }
    Ok(())
}
