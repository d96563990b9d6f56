//! Queries over a client's meetings, each through the cases that the caller may work in.

use super::model::*;
use crate::{
    casework::{
        clients::{self, model::ClientId},
        meetings::model::MeetingStatus,
    },
    db::{Condition, Dialect, Tx, schema::meetings},
    error::Result,
    records::visibility,
};
use diesel::prelude::*;

const MAX_MEETINGS: usize = 200;

/// The meetings of a client's cases that this caller may see.
fn visible(tx: &Tx, client: ClientId) -> meetings::BoxedQuery<'static, Dialect> {
    // Selects ids in subqueries that indexes can answer alone. Otherwise SQLite, which has only the fixed
    // statistics that `db::migrate` writes, may read every meeting of the organization.
    let of_client = Condition::new(
        &[
            "meetings.id IN (SELECT named.id FROM meetings AS named WHERE named.organization_id = ",
            " AND named.case_id IN (SELECT cases.id FROM cases WHERE cases.organization_id = ",
            " AND cases.client_id = ",
            "))",
        ],
        &[tx.organization().uuid(), tx.organization().uuid(), client.uuid()],
    );
    meetings::table
        .filter(meetings::organization_id.eq(tx.organization()))
        .filter(visibility::in_visible_case(tx, "meetings"))
        .filter(of_client)
        .into_boxed()
}

pub fn get(tx: &mut Tx, client: ClientId) -> Result<SelfAdvocacy> {
    let client = clients::store::find(tx, client)?.id;
    let held = visible(tx, client).filter(meetings::status.eq(MeetingStatus::Held));
    let mut rows: Vec<HeldRow> = held.select(HeldRow::as_select()).load(tx.conn)?;
    // Sorted here and not in SQL, for the same reason.
    rows.sort_unstable_by_key(|row| (row.starts_at, row.id));
    let left_out = rows.len().saturating_sub(MAX_MEETINGS);
    rows.drain(..left_out);
    tx.audit_read("client.self_advocacy_read", client);
    tx.audit_read_all("meeting.listed", rows.iter().map(|row| row.id));
    Ok(SelfAdvocacy::new(client, rows.into_iter().map(HeldMeeting::from).collect(), left_out > 0))
}
