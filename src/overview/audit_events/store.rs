//! Queries over the audit log of the caller's organization.

use super::model::*;
use crate::{
    audit::chain::{self, EventRow},
    auth::UserId,
    db::{
        Condition, Dialect, Tx,
        schema::{audit_events as events, sessions},
    },
    error::Result,
    http::{List, Page},
};
use diesel::prelude::*;

/// The entries that the caller may see.
fn visible(tx: &Tx) -> events::BoxedQuery<'static, Dialect> {
    events::table.filter(events::organization_id.eq(tx.organization())).into_boxed()
}

fn filtered(tx: &mut Tx, filter: &AuditFilter) -> Result<events::BoxedQuery<'static, Dialect>> {
    let mut query = visible(tx);
    if let Some(actor) = filter.actor_id {
        query = query.filter(events::actor_id.eq(actor));
    }
    if let Some(subject) = filter.subject_id {
        query = query.filter(events::subject_id.eq(subject));
    }
    if let Some(session) = filter.session_id {
        // Filters by the session's user too, because an index exists on the user and none on the session.
        let own =
            sessions::table.filter(sessions::organization_id.eq(tx.organization())).filter(sessions::id.eq(session));
        let user: Option<UserId> = own.select(sessions::user_id).first(tx.conn).optional()?;
        query = match user {
            Some(user) => query.filter(events::actor_id.eq(user)).filter(events::session_id.eq(session)),
            None => query.filter(Condition::nothing()),
        };
    }
    if let Some(source) = &filter.source {
        query = query.filter(events::source.eq(source.as_str().to_owned()));
    }
    if let Some(action) = &filter.action {
        query = query.filter(events::action.eq(action.as_str().to_owned()));
    }
    if let Some(from) = filter.at_gte {
        query = query.filter(events::at.ge(from));
    }
    if let Some(before) = filter.at_lt {
        query = query.filter(events::at.lt(before));
    }
    Ok(query)
}

pub fn page(tx: &mut Tx, list: &List<AuditFilter>) -> Result<Page<AuditEvent>> {
    let actor = tx.actor()?;
    let mut query = filtered(tx, &list.filter)?;
    if let Some((sequence, _)) = list.after(actor)? {
        query = if list.down() {
            query.filter(events::sequence.lt(sequence))
        } else {
            query.filter(events::sequence.gt(sequence))
        };
    }
    query = if list.down() { query.order(events::sequence.desc()) } else { query.order(events::sequence.asc()) };
    let rows: Vec<EventRow> = query.select(EventRow::as_select()).limit(list.fetch()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter)?.count().get_result(tx.conn)?) } else { None };
    tx.audit_read("audit.read", actor.organization);
    Ok(list.page(actor, rows, total, |row| (row.sequence, row.request_id.uuid()), AuditEvent::from))
}

pub fn verify(tx: &mut Tx) -> Result<Verification> {
    let organization = tx.organization();
    let finding = chain::verify(tx.conn, organization)?;
    tx.audit_read("audit.verified", organization);
    Ok(finding.into())
}
