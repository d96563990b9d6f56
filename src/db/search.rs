//! Full-text search: FTS5 on SQLite, a GIN index over lexemes on PostgreSQL, queried with the same terms.
//!
//! Both engines index a word with the number of the document's index segment as a prefix (`17xmedication`), so that one
//! lookup reads the postings of the requested segments only. Words are folded to letters and digits, so they contain no
//! syntax of either query language; they are quoted all the same.

use super::{Conn, conn::MultiBackend, schema::search_words};
use crate::{
    auth::{OrganizationId, TeamId},
    types::{
        fold::{QueryWord, Term},
        sql::Uuid,
    },
};
use diesel::{
    connection::SimpleConnection as _,
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate},
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Bool, Text},
    sqlite::Sqlite,
};
use std::collections::BTreeSet;

/// A condition on `search_documents`: the document is one of the newest of the organization that are in these index
/// segments and match each of the terms.
#[derive(Debug, Clone)]
pub struct InSegments {
    organization: OrganizationId,
    /// One query for each segment. With one query for all segments, both engines would test every part of it on every
    /// document.
    postgres: Vec<String>,
    sqlite: Vec<String>,
    newest: i64,
}

/// The terms in an engine's query syntax: a term matches if one of its alternatives does, and an alternative if all of
/// its words do.
fn in_words(terms: &[Term], [and, or]: [&str; 2], word: impl Fn(&QueryWord) -> String) -> String {
    let alternative =
        |alternative: &Vec<QueryWord>| format!("({})", alternative.iter().map(&word).collect::<Vec<_>>().join(and));
    let term = |term: &Term| format!("({})", term.0.iter().map(alternative).collect::<Vec<_>>().join(or));
    terms.iter().map(term).collect::<Vec<_>>().join(and)
}

pub fn in_segments(organization: OrganizationId, segments: &[i64], terms: &[Term], newest: i64) -> InSegments {
    let of_postgres = |segment: &i64| {
        in_words(terms, [" & ", " | "], |query_word| {
            format!("'{segment}x{}'{}", query_word.text, if query_word.is_whole { "" } else { ":*" })
        })
    };
    let of_sqlite = |segment: &i64| {
        in_words(terms, [" AND ", " OR "], |query_word| {
            format!("\"{segment}x{}\"{}", query_word.text, if query_word.is_whole { "" } else { " *" })
        })
    };
    InSegments {
        organization,
        postgres: segments.iter().map(of_postgres).collect(),
        sqlite: segments.iter().map(of_sqlite).collect(),
        newest,
    }
}

impl QueryFragment<Pg> for InSegments {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // The function forces the full-text index to be read first. The planner assumes that every word is common and
        // would otherwise start from the cases of a team and query the index for each.
        out.push_sql("search_documents.ctid = ANY (search_in_segments(");
        out.push_bind_param::<Uuid, OrganizationId>(&self.organization)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, Vec<String>>(&self.postgres)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, i64>(&self.newest)?;
        out.push_sql("))");
        Ok(())
    }
}
impl QueryFragment<Sqlite> for InSegments {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        // The plus stops SQLite from using the organization's index: it assumes that an organization is small and would
        // read all its documents to find the few in the full-text index. SQLite stops by itself when it has enough
        // rows.
        out.push_sql("(+search_documents.organization_id = ");
        out.push_bind_param::<Uuid, OrganizationId>(&self.organization)?;
        out.push_sql(" AND search_documents.number IN (");
        for (index, query) in self.sqlite.iter().enumerate() {
            out.push_sql(if index == 0 { "" } else { " UNION ALL " });
            out.push_sql("SELECT rowid FROM search_fts WHERE search_fts MATCH ");
            out.push_bind_param::<Text, String>(query)?;
        }
        out.push_sql("))");
        Ok(())
    }
}
impl QueryFragment<MultiBackend> for InSegments {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        MultiBackend::walk_variant_ast(self, out)
    }
}
impl QueryId for InSegments {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl Expression for InSegments {
    type SqlType = Bool;
}
impl<Group> ValidGrouping<Group> for InSegments {
    type IsAggregate = is_aggregate::No;
}
impl<From> SelectableExpression<From> for InSegments {}
impl<From> AppearsOnTable<From> for InSegments {}

/// Records which words an index segment contains.
pub fn insert_words(
    conn: &mut Conn,
    organization: OrganizationId,
    team: TeamId,
    segment: i64,
    terms: &BTreeSet<String>,
) -> QueryResult<()> {
    match conn {
        Conn::Pg(c) => diesel::sql_query(
            "INSERT INTO search_words SELECT $1, $2, term, $3 FROM unnest($4) AS term ON CONFLICT DO NOTHING",
        )
        .bind::<Uuid, _>(organization)
        .bind::<Uuid, _>(team)
        .bind::<BigInt, _>(segment)
        .bind::<Array<Text>, _>(terms.iter().collect::<Vec<_>>())
        .execute(c)
        .map(drop),
        Conn::Sqlite(c) => terms.iter().try_for_each(|term| {
            let of = (search_words::organization_id.eq(organization), search_words::team_id.eq(team));
            let row = (of, search_words::term.eq(term), search_words::segment.eq(segment));
            diesel::insert_or_ignore_into(search_words::table).values(row).execute(c).map(drop)
        }),
    }
}

/// Records which words each index segment of an organization contains, after all documents are there; on SQLite, for
/// every organization.
pub fn insert_all_words(conn: &mut Conn, organization: OrganizationId) -> QueryResult<()> {
    match conn {
        Conn::Pg(c) => diesel::sql_query(
            "INSERT INTO search_words
             SELECT DISTINCT organization_id, team_id, term, segment FROM search_documents, unnest(string_to_array(btrim(words), ' ')) AS term
             WHERE organization_id = $1 AND segment IS NOT NULL AND term <> '' ON CONFLICT DO NOTHING",
        )
        .bind::<Uuid, _>(organization)
        .execute(c)
        .map(drop),
        // The full-text vocabulary has each word once, with its segment's number as a prefix.
        Conn::Sqlite(c) => c.batch_execute(
            "INSERT OR IGNORE INTO search_words SELECT own.organization_id, own.team_id, substr(word.term, instr(word.term, 'x') + 1), own.id
             FROM search_words_fts AS word JOIN search_segments AS own ON own.id = CAST(substr(word.term, 1, instr(word.term, 'x') - 1) AS INTEGER)",
        ),
    }
}

/// Indexes every document that belongs to a segment, in an index that is still empty. PostgreSQL indexes documents as
/// they are inserted.
pub fn index_all(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        // SQLite sorts up to 64 MiB before it writes, instead of the usual 1 MiB.
        Conn::Sqlite(c) => c.batch_execute(
            "INSERT INTO search_fts (search_fts, rank) VALUES ('hashsize', 67108864);
             INSERT INTO search_fts (rowid, words)
                 SELECT number, replace(rtrim(words), ' ', ' ' || segment || 'x') FROM search_documents WHERE segment IS NOT NULL ORDER BY number;
             INSERT INTO search_fts (search_fts, rank) VALUES ('hashsize', 1048576);
             INSERT INTO search_fts (search_fts) VALUES ('optimize');",
        )?,
        Conn::Pg(_) => {}
    }
    insert_all_words(conn, OrganizationId::NIL)
}

/// Merges the parts of the index that were added one by one, so that a lookup reads few parts: some of them, which
/// takes milliseconds, or `all`. PostgreSQL does this by itself.
pub fn tidy(conn: &mut Conn, all: bool) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(c) if all => c.batch_execute("INSERT INTO search_fts (search_fts) VALUES ('optimize')"),
        Conn::Sqlite(c) => c.batch_execute("INSERT INTO search_fts (search_fts, rank) VALUES ('merge', 500)"),
        Conn::Pg(_) => Ok(()),
    }
}
