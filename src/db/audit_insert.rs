//! The statement that appends entries to the audit log on PostgreSQL, where each statement costs a round trip.

use crate::{audit::chain::EventRow, auth::OrganizationId, types::sql};
use diesel::{
    PgConnection,
    expression::AsExpression,
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Binary, Nullable, SqlType, Text},
};

/// The statement. Every value in it is a bind parameter.
#[derive(Debug, QueryId)]
pub struct AppendEntries<Id, Sequence, Hash, Columns> {
    organization: Id,
    sequence: Sequence,
    hash: Hash,
    columns: Columns,
}

/// Appends these rows to an organization's hash chain and sets the head of the chain to `sequence` and `hash`. Each
/// column is one array, so the statement is the same for any number of rows and PostgreSQL plans it once.
pub fn of(
    organization: OrganizationId,
    rows: &[EventRow],
    sequence: i64,
    hash: &[u8],
) -> AppendEntries<impl Bind, impl Bind, impl Bind, impl Bind> {
    fn column<'r, ST: SqlType, T>(
        rows: &'r [EventRow],
        of: impl Fn(&'r EventRow) -> T,
    ) -> <Vec<T> as AsExpression<Array<ST>>>::Expression
    where
        Vec<T>: AsExpression<Array<ST>>,
    {
        rows.iter().map(of).collect::<Vec<T>>().as_expression()
    }
    AppendEntries {
        organization: AsExpression::<sql::Uuid>::as_expression(organization),
        sequence: AsExpression::<BigInt>::as_expression(sequence),
        hash: AsExpression::<Binary>::as_expression(hash.to_vec()),
        columns: (
            column::<BigInt, _>(rows, |row| row.sequence),
            column::<sql::Timestamptz, _>(rows, |row| row.at),
            column::<Nullable<sql::Uuid>, _>(rows, |row| row.actor_id),
            column::<Nullable<Text>, _>(rows, |row| row.actor_role),
            column::<Nullable<sql::Uuid>, _>(rows, |row| row.session_id),
            column::<Text, _>(rows, |row| row.source.clone()),
            column::<Text, _>(rows, |row| row.action.clone()),
            column::<Nullable<sql::Uuid>, _>(rows, |row| row.subject_id),
            column::<Text, _>(rows, |row| row.outcome),
            column::<sql::Jsonb, _>(rows, |row| row.fields.clone()),
            column::<sql::Jsonb, _>(rows, |row| row.subjects.clone()),
            column::<sql::Uuid, _>(rows, |row| row.request_id),
            column::<Binary, _>(rows, |row| row.hash.clone()),
        ),
    }
}

pub trait Bind: QueryFragment<Pg> + QueryId {}
impl<T: QueryFragment<Pg> + QueryId> Bind for T {}

impl<Id, Sequence, Hash, Columns> RunQueryDsl<PgConnection> for AppendEntries<Id, Sequence, Hash, Columns> {}
impl<Id: Bind, Sequence: Bind, Hash: Bind, Columns: Bind> QueryFragment<Pg>
    for AppendEntries<Id, Sequence, Hash, Columns>
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH head AS (UPDATE audit_heads SET sequence = ");
        self.sequence.walk_ast(out.reborrow())?;
        out.push_sql(", hash = ");
        self.hash.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE organization_id = ");
        self.organization.walk_ast(out.reborrow())?;
        out.push_sql(
            ") INSERT INTO audit_events (organization_id, sequence, at, actor_id, actor_role, session_id, source, action, subject_id, \
             outcome, fields, subjects, request_id, hash) SELECT ",
        );
        self.organization.walk_ast(out.reborrow())?;
        out.push_sql(", * FROM unnest(");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}
