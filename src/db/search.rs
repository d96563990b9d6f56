//! Full-text search: FTS5 on SQLite, a GIN index over lexemes on PostgreSQL, asked in the same words.
//!
//! Both index a word behind the number of the shelf that its document stands on (`17xmedication`), so that one look reads the
//! postings of these shelves and of no other. Words come folded, of letters and digits only: nothing of either query language
//! can be in them, and they are quoted all the same.

use super::conn::MultiBackend;
use crate::{auth::OrganizationId, types::sql::Uuid};
use diesel::{
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate},
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Bool, Text},
    sqlite::Sqlite,
};

/// Of `search_documents`: the document is the organization's, stands on one of these shelves, and has a word that begins with each
/// of the terms.
#[derive(Debug, Clone)]
pub struct OnShelves {
    organization: OrganizationId,
    /// What is asked of each shelf. One by one: of one question about all of them, both engines would try every part on every
    /// document.
    postgres: Vec<String>,
    sqlite: Vec<String>,
}

pub fn on_shelves(organization: OrganizationId, shelves: &[i64], terms: &[String]) -> OnShelves {
    let all = |term: &dyn Fn(i64, &str) -> String, and: &str| {
        let of_shelf = |shelf: &i64| terms.iter().map(|word| term(*shelf, word)).collect::<Vec<_>>().join(and);
        shelves.iter().map(of_shelf).collect()
    };
    OnShelves {
        organization,
        postgres: all(&|shelf, word| format!("'{shelf}x{word}':*"), " & "),
        sqlite: all(&|shelf, word| format!("\"{shelf}x{word}\" *"), " AND "),
    }
}

impl QueryFragment<Pg> for OnShelves {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // An array is made before anything else is looked at: the planner, which takes every word for a common one, would otherwise
        // start from the cases of a team and ask the index about each.
        out.push_sql("search_documents.ctid = ANY (ARRAY(SELECT own.ctid FROM search_documents AS own WHERE own.organization_id = ");
        out.push_bind_param::<Uuid, OrganizationId>(&self.organization)?;
        out.push_sql(" AND own.shelf IS NOT NULL AND (FALSE");
        for question in &self.postgres {
            out.push_sql(" OR search_lexemes(own.words, own.shelf) @@ ");
            out.push_bind_param::<Text, String>(question)?;
            out.push_sql("::tsquery");
        }
        out.push_sql(")))");
        Ok(())
    }
}
impl QueryFragment<Sqlite> for OnShelves {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        // The plus keeps SQLite, which thinks an organization small, from reading all its documents to find the few in the index.
        out.push_sql("(+search_documents.organization_id = ");
        out.push_bind_param::<Uuid, OrganizationId>(&self.organization)?;
        out.push_sql(" AND search_documents.number IN (");
        for (place, question) in self.sqlite.iter().enumerate() {
            out.push_sql(if place == 0 { "" } else { " UNION ALL " });
            out.push_sql("SELECT rowid FROM search_fts WHERE search_fts MATCH ");
            out.push_bind_param::<Text, String>(question)?;
        }
        out.push_sql("))");
        Ok(())
    }
}
impl QueryFragment<MultiBackend> for OnShelves {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        MultiBackend::walk_variant_ast(self, out)
    }
}
impl QueryId for OnShelves {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl Expression for OnShelves {
    type SqlType = Bool;
}
impl<Group> ValidGrouping<Group> for OnShelves {
    type IsAggregate = is_aggregate::No;
}
impl<From> SelectableExpression<From> for OnShelves {}
impl<From> AppearsOnTable<From> for OnShelves {}
