//! Full-text search: FTS5 on SQLite, a GIN index over lexemes on PostgreSQL, asked in the same words.
//!
//! Both index a word behind the number of the shelf that its document stands on (`17xmedication`), so that one look reads the
//! postings of these shelves and of no other. Words come folded, of letters and digits only: nothing of either query language
//! can be in them, and they are quoted all the same.

use super::{Conn, conn::MultiBackend};
use crate::{auth::OrganizationId, types::sql::Uuid};
use diesel::{
    connection::SimpleConnection as _,
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
    /// The words, as they are in the index.
    sqlite: Vec<Vec<String>>,
}

pub fn on_shelves(organization: OrganizationId, shelves: &[i64], terms: &[String]) -> OnShelves {
    let of_shelf = |shelf: &i64| terms.iter().map(|word| format!("'{shelf}x{word}':*")).collect::<Vec<_>>().join(" & ");
    let one_by_one = |shelf: &i64| terms.iter().map(|word| format!("{shelf}x{word}")).collect();
    OnShelves { organization, postgres: shelves.iter().map(of_shelf).collect(), sqlite: shelves.iter().map(one_by_one).collect() }
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
        for (place, words) in self.sqlite.iter().enumerate() {
            out.push_sql(if place == 0 { "" } else { " UNION ALL " });
            out.push_sql("SELECT found.rowid FROM (SELECT 1");
            // FTS5 gathers all documents of a beginning before it looks at the next. So it is asked about several only where the
            // shelf has each at all, which the list of words tells at once.
            for (term, word) in words.iter().enumerate().filter(|_| words.len() > 1) {
                out.push_sql(if term == 0 { " WHERE " } else { " AND " });
                out.push_sql("EXISTS (SELECT 1 FROM search_words_fts WHERE term >= ");
                out.push_bind_param::<Text, String>(word)?;
                out.push_sql(" AND term < ");
                out.push_bind_param::<Text, String>(word)?;
                out.push_sql(" || char(0x10ffff))");
            }
            out.push_sql(") CROSS JOIN search_fts AS found WHERE found.search_fts MATCH ");
            for (term, word) in words.iter().enumerate() {
                out.push_sql(if term == 0 { "'\"' || " } else { " || ' AND \"' || " });
                out.push_bind_param::<Text, String>(word)?;
                out.push_sql(" || '\" *'");
            }
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

/// Indexes every document that stands on a shelf, in an index that has none yet. PostgreSQL does it as they come.
pub fn index_all(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        // As much as fits into 64 MiB is sorted before it is written; as a rule, one MiB.
        Conn::Sqlite(c) => c.batch_execute(
            "INSERT INTO search_fts (search_fts, rank) VALUES ('hashsize', 67108864);
             INSERT INTO search_fts (rowid, words)
                 SELECT number, replace(rtrim(words), ' ', ' ' || shelf || 'x') FROM search_documents WHERE shelf IS NOT NULL ORDER BY number;
             INSERT INTO search_fts (search_fts, rank) VALUES ('hashsize', 1048576);
             INSERT INTO search_fts (search_fts) VALUES ('optimize');",
        ),
        Conn::Pg(_) => Ok(()),
    }
}

/// Brings together what was added to the index bit by bit, so that a word is looked up in few places: a part of it, which takes
/// milliseconds, or `all`. PostgreSQL does it by itself.
pub fn tidy(conn: &mut Conn, all: bool) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(c) if all => c.batch_execute("INSERT INTO search_fts (search_fts) VALUES ('optimize')"),
        Conn::Sqlite(c) => c.batch_execute("INSERT INTO search_fts (search_fts, rank) VALUES ('merge', 500)"),
        Conn::Pg(_) => Ok(()),
    }
}
