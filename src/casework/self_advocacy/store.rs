//! Queries over a client's meetings, each through the cases that the caller may work in.

use super::model::*;
use crate::{
    casework::{
        clients::{self, model::ClientId},
        meetings::model::MeetingStatus,
    },
    db::{
        Dialect, Tx,
        schema::{cases, meetings},
    },
    error::Result,
    of_visible_case,
};
use diesel::prelude::*;

const LATEST: usize = 200;

/// The meetings of a client's cases that this caller may see.
fn visible(tx: &Tx, client: ClientId) -> meetings::BoxedQuery<'static, Dialect> {
    let own = cases::table.filter(cases::organization_id.eq(tx.organization())).filter(cases::client_id.eq(client));
    meetings::table
        .filter(meetings::organization_id.eq(tx.organization()))
        .filter(of_visible_case!(tx, "meetings"))
        .filter(meetings::case_id.eq_any(own.select(cases::id)))
        .into_boxed()
}

pub fn get(tx: &mut Tx, client: ClientId) -> Result<SelfAdvocacy> {
    let client = clients::store::find(tx, client)?.id;
    let mut rows: Vec<HeldRow> = visible(tx, client)
        .filter(meetings::status.eq(MeetingStatus::Held))
        .order((meetings::starts_at.desc(), meetings::id.desc()))
        .limit(i64::try_from(LATEST + 1).unwrap_or(i64::MAX))
        .select(HeldRow::as_select())
        .load(tx.conn)?;
    let earlier_left_out = rows.len() > LATEST;
    rows.truncate(LATEST);
    tx.saw("client.self_advocacy_read", client);
    tx.saw_all("meeting.listed", rows.iter().map(|row| row.id));
    Ok(SelfAdvocacy::new(client, rows.into_iter().rev().map(HeldMeeting::from).collect(), earlier_left_out))
}
