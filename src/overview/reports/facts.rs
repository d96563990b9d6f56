//! Builds report facts from the records themselves: for data that was inserted without them, and to compare the two.

use crate::{
    auth::OrganizationId,
    db::{Condition, Conn},
    error::Result,
};

/// Each table of facts, with the view that derives them from the records, and the last column of its key.
const KINDS: [Kind; 6] = [
    Kind { table: "case_facts", history: "case_history", order: "case_id" },
    Kind { table: "barrier_facts", history: "barrier_history", order: "barrier_id" },
    Kind { table: "action_facts", history: "action_history", order: "action_id" },
    Kind { table: "deadline_facts", history: "deadline_history", order: "deadline_id" },
    Kind { table: "meeting_facts", history: "meeting_history", order: "meeting_id" },
    Kind { table: "task_facts", history: "task_history", order: "task_id" },
];

struct Kind {
    table: &'static str,
    history: &'static str,
    order: &'static str,
}

/// Rebuilds the facts of an organization from its records.
///
/// This loses the history that the records themselves do not keep: it is for an organization that was just filled.
pub fn enter(conn: &mut Conn, organization: OrganizationId) -> Result<()> {
    conn.set_organization(organization)?;
    for kind in KINDS {
        let own = || Condition::sql(" WHERE organization_id = ").id(organization.uuid());
        conn.run(Condition::sql("DELETE FROM ").then(kind.table).with(own()))?;
        // In the order of the table, which is faster than inserting in a random order.
        let made =
            Condition::sql("INSERT INTO ").then(kind.table).then(" SELECT * FROM ").then(kind.history).with(own());
        let made = made.then(" AND recorded_at < replaced_at ORDER BY team_id, replaced_at, ").then(kind.order);
        conn.run(made)?;
    }
    Ok(())
}
