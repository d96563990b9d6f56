//! Full-text search: FTS5 on SQLite, a GIN index over lexemes on PostgreSQL, asked in the same words.
//!
//! Both index a word behind the number of the shelf that its document stands on (`17xmedication`), so that one look
//! reads the postings of these shelves and of no other. Words come folded, of letters and digits only: nothing of
//! either query language can be in them, and they are quoted all the same.

use super::{Conn, conn::MultiBackend, schema::search_words};
use crate::{
    auth::{OrganizationId, TeamId},
    types::{
        fold::{Asked, Term},
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

/// Of `search_documents`: the document is one of the newest of the organization's that stand on these shelves and
/// answer each of the terms.
#[derive(Debug, Clone)]
pub struct OnShelves {
    organization: OrganizationId,
    /// What is asked of each shelf. One by one: of one question about all of them, both engines would try every part on
    /// every document.
    postgres: Vec<String>,
    sqlite: Vec<String>,
    newest: i64,
}

/// The terms in the words of an engine: each one of its ways, and of a way each word.
fn in_words(terms: &[Term], [and, or]: [&str; 2], word: impl Fn(&Asked) -> String) -> String {
    let way = |way: &Vec<Asked>| format!("({})", way.iter().map(&word).collect::<Vec<_>>().join(and));
    let term = |term: &Term| format!("({})", term.0.iter().map(way).collect::<Vec<_>>().join(or));
    terms.iter().map(term).collect::<Vec<_>>().join(and)
}

pub fn on_shelves(organization: OrganizationId, shelves: &[i64], terms: &[Term], newest: i64) -> OnShelves {
    let of_postgres = |shelf: &i64| {
        in_words(terms, [" & ", " | "], |asked| {
            format!("'{shelf}x{}'{}", asked.text, if asked.is_whole { "" } else { ":*" })
        })
    };
    let of_sqlite = |shelf: &i64| {
        in_words(terms, [" AND ", " OR "], |asked| {
            format!("\"{shelf}x{}\"{}", asked.text, if asked.is_whole { "" } else { " *" })
        })
    };
    OnShelves {
        organization,
        postgres: shelves.iter().map(of_postgres).collect(),
        sqlite: shelves.iter().map(of_sqlite).collect(),
        newest,
    }
}

impl QueryFragment<Pg> for OnShelves {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // The function is asked before anything else is looked at: the planner, which takes every word for a common
        // one, would otherwise start from the cases of a team and ask the index about each.
        out.push_sql("search_documents.ctid = ANY (search_on_shelves(");
        out.push_bind_param::<Uuid, OrganizationId>(&self.organization)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, Vec<String>>(&self.postgres)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, i64>(&self.newest)?;
        out.push_sql("))");
        Ok(())
    }
}
impl QueryFragment<Sqlite> for OnShelves {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        // The plus keeps SQLite, which thinks an organization small, from reading all its documents to find the few in
        // the index. It stops by itself once it has enough.
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

/// Writes down which words a shelf has.
pub fn enter_words(
    conn: &mut Conn,
    organization: OrganizationId,
    team: TeamId,
    shelf: i64,
    terms: &BTreeSet<String>,
) -> QueryResult<()> {
    match conn {
        Conn::Pg(c) => diesel::sql_query(
            "INSERT INTO search_words SELECT $1, $2, term, $3 FROM unnest($4) AS term ON CONFLICT DO NOTHING",
        )
        .bind::<Uuid, _>(organization)
        .bind::<Uuid, _>(team)
        .bind::<BigInt, _>(shelf)
        .bind::<Array<Text>, _>(terms.iter().collect::<Vec<_>>())
        .execute(c)
        .map(drop),
        Conn::Sqlite(c) => terms.iter().try_for_each(|term| {
            let of = (search_words::organization_id.eq(organization), search_words::team_id.eq(team));
            let row = (of, search_words::term.eq(term), search_words::shelf.eq(shelf));
            diesel::insert_or_ignore_into(search_words::table).values(row).execute(c).map(drop)
        }),
    }
}

/// Writes down which words each shelf of an organization has, once all are there; on SQLite, of every organization.
pub fn enter_all_words(conn: &mut Conn, organization: OrganizationId) -> QueryResult<()> {
    match conn {
        Conn::Pg(c) => diesel::sql_query(
            "INSERT INTO search_words
             SELECT DISTINCT organization_id, team_id, term, shelf FROM search_documents, unnest(string_to_array(btrim(words), ' ')) AS term
             WHERE organization_id = $1 AND shelf IS NOT NULL AND term <> '' ON CONFLICT DO NOTHING",
        )
        .bind::<Uuid, _>(organization)
        .execute(c)
        .map(drop),
        // The index has each once, behind its shelf's number.
        Conn::Sqlite(c) => c.batch_execute(
            "INSERT OR IGNORE INTO search_words SELECT own.organization_id, own.team_id, substr(word.term, instr(word.term, 'x') + 1), own.id
             FROM search_words_fts AS word JOIN search_shelves AS own ON own.id = CAST(substr(word.term, 1, instr(word.term, 'x') - 1) AS INTEGER)",
        ),
    }
}

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
        )?,
        Conn::Pg(_) => {}
    }
    enter_all_words(conn, OrganizationId::NOBODYS)
}

/// Brings together what was added to the index bit by bit, so that a word is looked up in few places: a part of it,
/// which takes milliseconds, or `all`. PostgreSQL does it by itself.
pub fn tidy(conn: &mut Conn, all: bool) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(c) if all => c.batch_execute("INSERT INTO search_fts (search_fts) VALUES ('optimize')"),
        Conn::Sqlite(c) => c.batch_execute("INSERT INTO search_fts (search_fts, rank) VALUES ('merge', 500)"),
        Conn::Pg(_) => Ok(()),
    }
}
