//! Queries over search documents. Every query starts from [`visible`] or from one of its two parts.
//!
//! An advocate may see few documents, so the search starts from their cases. A supervisor may see many, so the search
//! starts from the words: it reads the index segments of their teams, from the newest to the oldest, until there are
//! enough documents to rank.

use super::{model::*, words};
use crate::{
    auth::CaseAccess,
    auth::TeamId,
    db::{
        Condition, Dialect, Tx,
        dialect::Key,
        rewrite,
        schema::{clients, search_documents as documents, search_segments as segments},
        search::in_segments,
    },
    error::Result,
    http::{List, OneOf, Page},
    records::{
        ids::{CaseId, ClientId},
        visibility,
    },
    types::{
        Id,
        fold::{QueryWord, Term},
    },
};
use diesel::{dsl::exists, prelude::*};
use std::collections::BTreeMap;

/// How many records of each kind are ranked: the newest of those that match.
const RANKED: usize = 50;
/// How many documents the segments of the first read hold, and the largest factor by which that number grows with each
/// read. For a common word a few segments are enough, and a word that is not found in them is rare.
const FIRST_DOCUMENTS: i32 = 2_048;
const TIMES_MORE: i32 = 8;
/// The most segments that one query reads.
const MAX_SEGMENTS: usize = 16;

type Documents = documents::BoxedQuery<'static, Dialect>;

/// The index segments that a query reads.
#[derive(Debug, Clone)]
enum Segments<'a> {
    /// All documents of the organization; the query adds conditions.
    All,
    /// The newest documents in these segments that have the words, at most so many.
    Listed(&'a [i64], i64),
}

fn at(tx: &Tx, filter: &SearchFilter, segments: &Segments<'_>) -> Documents {
    match segments {
        Segments::All => documents::table.filter(documents::organization_id.eq(tx.organization())).into_boxed(),
        Segments::Listed(ids, newest) => {
            documents::table.filter(in_segments(tx.organization(), ids, filter.q.terms(), *newest)).into_boxed()
        }
    }
}

/// The cases that this caller may see and the records in them, without the notes that the caller may not read.
fn of_cases(tx: &Tx, filter: &SearchFilter, segments: &Segments<'_>) -> Result<Documents> {
    let seen = match tx.case_access() {
        // A document stores the team of its case, which never changes, so the query need not read the case.
        CaseAccess::Teams(_) => visibility::current_user_teams(tx, "search_documents.team_id"),
        _ => visibility::in_visible_case(tx, "search_documents"),
    };
    let all = at(tx, filter, segments).filter(documents::case_id.is_not_null()).filter(seen);
    Ok(all.filter(visibility::readable_notes(tx, "search_documents.note_kind", "search_documents.author_id")?))
}

/// The clients that this caller may see.
fn of_clients(tx: &Tx, filter: &SearchFilter, segments: &Segments<'_>) -> Documents {
    let all = at(tx, filter, segments).filter(documents::kind.eq(SearchKind::Client));
    all.filter(exists(
        visibility::clients_of_caller(tx)
            .filter(Condition::sql("clients.id = search_documents.id"))
            .select(clients::id),
    ))
}

/// The documents of a kind that this caller may see.
fn of_kind(tx: &Tx, filter: &SearchFilter, kind: SearchKind, segments: &Segments<'_>) -> Result<Documents> {
    match kind {
        SearchKind::Client => Ok(of_clients(tx, filter, segments)),
        _ => of_cases(tx, filter, segments),
    }
}

/// All documents that this caller may see: those of cases, and those of clients. Two queries, because each finds its
/// rows by a different path.
fn visible(tx: &Tx, filter: &SearchFilter) -> Result<[Documents; 2]> {
    Ok([of_cases(tx, filter, &Segments::All)?, of_clients(tx, filter, &Segments::All)])
}

/// What ranking needs of a document.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = documents)]
struct Found {
    number: i64,
    id: Key,
    kind: SearchKind,
    case_id: Option<CaseId>,
    title: String,
    words: Option<String>,
}

/// How many more documents of a kind are wanted.
fn wanted(kind: SearchKind, found: &[Found]) -> usize {
    RANKED.saturating_sub(found.iter().filter(|document| document.kind == kind).count())
}

/// Reads the newest documents of one kind from the query, as many as are still wanted.
fn read(tx: &mut Tx, kind: SearchKind, query: Documents, found: &mut Vec<Found>) -> Result<()> {
    let newest = query
        .filter(documents::kind.eq(kind))
        .order(documents::number.desc())
        .limit(i64::try_from(wanted(kind, found)).unwrap_or(0));
    found.extend(newest.select(Found::as_select()).load::<Found>(tx.conn)?);
    Ok(())
}

/// The same for cases and the records in them, if they are few: all kinds in one query, or kind by kind if more match
/// than are ranked.
fn read_few(
    tx: &mut Tx,
    filter: &SearchFilter,
    query: impl Fn(&Tx) -> Result<Documents>,
    found: &mut Vec<Found>,
) -> Result<()> {
    let few = RANKED * SearchKind::ALL.len();
    let newest = query(tx)?.order(documents::number.desc()).limit(i64::try_from(few).unwrap_or(i64::MAX));
    let rows: Vec<Found> = newest.select(Found::as_select()).load(tx.conn)?;
    if rows.len() == few {
        let mut kinds = filter.kinds().into_iter().filter(|kind| *kind != SearchKind::Client);
        return kinds.try_for_each(|kind| query(tx).and_then(|query| read(tx, kind, query, found)));
    }
    for row in rows {
        if filter.wants(row.kind) && wanted(row.kind, found) > 0 {
            found.push(row);
        }
    }
    Ok(())
}

/// Searches the words of each document that the query returns, without the index.
fn matching_words(query: Documents, filter: &SearchFilter) -> Documents {
    query.filter(Condition::matches_terms("search_documents.words", filter.q.terms(), false))
}

/// An index segment: its number, and how many documents it holds.
type Segment = (i64, i32);

/// A condition on `search_segments`: for each term, the segment has the words of one of its alternatives. It does not
/// read the words of other teams, because its duration would reveal whether they use one.
fn with_words(tx: &Tx, terms: &[Term]) -> Condition {
    let organization = tx.organization().uuid();
    let has_word = |query_word: &QueryWord| {
        // `IS TRUE` keeps PostgreSQL from turning the list into a join, which it would evaluate for each segment. It
        // builds a list once.
        let own = Condition::sql(
            "(search_segments.id IN (SELECT word.segment FROM teams CROSS JOIN search_words AS word WHERE \
             teams.organization_id = ",
        )
        .id(organization)
        .then(" AND ")
        .with(visibility::current_user_teams(tx, "teams.id"))
        .then(" AND word.organization_id = ")
        .id(organization)
        .then(" AND word.team_id = teams.id AND word.term ");
        let found = if query_word.is_whole {
            own.then("= ").text(query_word.text.clone())
        } else {
            own.then(">= ")
                .text(query_word.text.clone())
                .then(" AND word.term < ")
                .text(format!("{}\u{10ffff}", query_word.text))
        };
        found.then(")) IS TRUE")
    };
    let has_alternative = |alternative: &Vec<QueryWord>| {
        alternative.iter().fold(Condition::everything(), |all, query_word| all.then(" AND ").with(has_word(query_word)))
    };
    terms.iter().fold(Condition::everything(), |all, term| {
        let alternatives = term.0.iter().fold(Condition::nothing(), |any, alternative| {
            any.then(" OR (").with(has_alternative(alternative)).then(")")
        });
        all.then(" AND (").with(alternatives).then(")")
    })
}

/// A condition: the record whose id is in `column`, an SQL name, has stored words that match the terms in any part. For
/// lists that are filtered by `q`. It does not check who may see the record.
pub fn stored_words_match(tx: &Tx, column: &'static str, terms: &[Term]) -> Condition {
    // A scalar subquery, not `EXISTS`: PostgreSQL would turn `EXISTS` into a join and read every document of the
    // organization.
    Condition::sql("coalesce((SELECT ")
        .with(Condition::matches_terms("search_documents.words", terms, true))
        .then(" FROM search_documents WHERE search_documents.organization_id = ")
        .id(tx.organization().uuid())
        .then(" AND search_documents.id = ")
        .then(column)
        .then("), 1 = 0)")
}

/// The segments of each kind that have the words, of the teams that a supervisor oversees, the newest first.
fn segments_of_caller(tx: &mut Tx, filter: &SearchFilter) -> Result<BTreeMap<SearchKind, Vec<Segment>>> {
    let own = match tx.case_access() {
        CaseAccess::Teams(_) => visibility::current_user_teams(tx, "search_segments.team_id"),
        _ => Condition::nothing(),
    };
    let all = segments::table.filter(segments::organization_id.eq(tx.organization())).filter(own);
    let all = all.filter(with_words(tx, filter.q.terms()));
    let wanted = all.order((segments::newest.desc(), segments::id));
    let mut of_kinds: BTreeMap<SearchKind, Vec<Segment>> = BTreeMap::new();
    for (kind, segment) in
        wanted.select((segments::kind, (segments::id, segments::documents))).load::<(SearchKind, Segment)>(tx.conn)?
    {
        of_kinds.entry(kind).or_default().push(segment);
    }
    Ok(of_kinds)
}

/// Reads segment after segment, until there are enough documents.
fn read_segments(
    tx: &mut Tx,
    filter: &SearchFilter,
    kind: SearchKind,
    segments: &[Segment],
    found: &mut Vec<Found>,
) -> Result<()> {
    let (mut rest, mut many) = (segments.iter(), FIRST_DOCUMENTS);
    while wanted(kind, found) > 0 {
        let (mut now, mut held) = (Vec::new(), 0_i32);
        while held < many && now.len() < MAX_SEGMENTS {
            let Some((segment, documents)) = rest.next() else { break };
            now.push(*segment);
            held = held.saturating_add(*documents);
        }
        if now.is_empty() {
            break;
        }
        let newest = i64::try_from(wanted(kind, found)).unwrap_or(0);
        let query = of_kind(tx, filter, kind, &Segments::Listed(&now, newest))?;
        let before = found.len();
        read(tx, kind, query, found)?;
        let most = many.saturating_mul(TIMES_MORE);
        many = match i64::try_from(found.len() - before).unwrap_or(0) {
            0 => most,
            // As many as have the rest, if the word is as frequent there, and half as many again.
            of_these => {
                i32::try_from(i64::from(held) * (newest - of_these) * 3 / (of_these * 2)).unwrap_or(most).min(most)
            }
        };
    }
    Ok(())
}

/// The newest documents of each kind that have the words and that this caller may see.
fn candidates(tx: &mut Tx, filter: &SearchFilter) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    if let CaseAccess::Assigned(_) = tx.case_access() {
        read_few(tx, filter, |tx| Ok(matching_words(of_cases(tx, filter, &Segments::All)?, filter)), &mut found)?;
        if filter.wants(SearchKind::Client) {
            let own: Vec<Key> = visibility::client_ids_of_advocate(tx)?
                .into_iter()
                .map(|client| Key::from_uuid(client.uuid()))
                .collect();
            let of_clients =
                matching_words(of_clients(tx, filter, &Segments::All), filter).filter(documents::id.eq_any(own));
            read(tx, SearchKind::Client, of_clients, &mut found)?;
        }
    } else {
        let segments = segments_of_caller(tx, filter)?;
        let fresh = |tx: &Tx| {
            Ok(matching_words(of_cases(tx, filter, &Segments::All)?, filter).filter(documents::segment.is_null()))
        };
        read_few(tx, filter, fresh, &mut found)?;
        if filter.wants(SearchKind::Client) {
            let fresh =
                matching_words(of_clients(tx, filter, &Segments::All), filter).filter(documents::segment.is_null());
            read(tx, SearchKind::Client, fresh, &mut found)?;
        }
        for kind in filter.kinds() {
            read_segments(tx, filter, kind, segments.get(&kind).map_or(&[], Vec::as_slice), &mut found)?;
        }
    }
    Ok(found)
}

pub fn page(tx: &mut Tx, list: &List<SearchFilter>) -> Result<Page<SearchResult>> {
    let (actor, filter) = (tx.actor()?, &list.filter);
    let terms = filter.q.terms();
    let ranked = candidates(tx, filter)?.into_iter().filter_map(|document| {
        let score = words::score(&document.title, document.words.as_deref().unwrap_or_default(), terms)?;
        Some((score, document))
    });
    let mut ranked: Vec<(i32, Found)> = ranked.collect();
    ranked.sort_by_key(|(score, document)| std::cmp::Reverse((*score, document.id)));
    let total = list.include_total.then(|| i64::try_from(ranked.len()).unwrap_or(i64::MAX));
    if let Some((score, id)) = list.after(actor)? {
        ranked.retain(|(own, document)| (i64::from(*own), document.id.uuid()) < (score, id));
    }
    ranked.truncate(usize::try_from(list.fetch()).unwrap_or(usize::MAX));
    let position = |(score, document): &(i32, Found)| (i64::from(*score), document.id.uuid());
    let view = |(score, document): (i32, Found)| SearchResult {
        kind: document.kind,
        id: document.id,
        case_id: document.case_id,
        title: document.title,
        snippet: String::new(),
        score,
    };
    let numbers = ranked.iter().map(|(_, document)| document.number).collect();
    let mut page = list.page(actor, ranked, total, position, view);
    add_snippets(tx, filter, numbers, &mut page.items)?;
    tx.audit_read_all("search.performed", page.items.iter().map(|found| found.id));
    Ok(page)
}

/// Adds to each result the part of its text where the words are. Reads all texts at once, by their ids and by the
/// numbers of their documents: by ids alone, SQLite would start from an advocate's cases.
fn add_snippets(tx: &mut Tx, filter: &SearchFilter, numbers: Vec<i64>, results: &mut [SearchResult]) -> Result<()> {
    let ids: Vec<Key> = results.iter().map(|result| result.id).collect();
    let mut bodies: Vec<(Key, String)> = Vec::new();
    let of_clients = results.iter().filter(|result| result.kind == SearchKind::Client).count();
    let [cases, clients] = visible(tx, filter)?;
    for (query, there_are) in [(cases, of_clients < results.len()), (clients, of_clients > 0)] {
        if !there_are {
            continue;
        }
        let these = query.filter(documents::id.eq_any(ids.clone())).filter(documents::number.eq_any(numbers.clone()));
        bodies.extend(these.select((documents::id, documents::body)).load::<(Key, String)>(tx.conn)?);
    }
    for result in results {
        let body = bodies.iter().find(|(id, _)| *id == result.id).map_or("", |(_, body)| body.as_str());
        result.snippet = words::snippet(body, filter.q.terms());
    }
    Ok(())
}

/// The newest clients that the caller may see and that match one of the alternatives of a term.
pub fn matching_clients(tx: &mut Tx, term: Term) -> Result<Vec<ClientId>> {
    let filter = SearchFilter { q: QueryTerms::of(vec![term]), kind: Some(OneOf(vec![SearchKind::Client])) };
    Ok(candidates(tx, &filter)?.into_iter().map(|found| ClientId::from_uuid(found.id.uuid())).collect())
}

/// Removes a record that is no longer shown.
pub fn remove<K: 'static>(tx: &mut Tx, id: Id<K>) -> Result<()> {
    let own = documents::table.find((tx.organization(), Key::from_uuid(id.uuid())));
    diesel::delete(own).execute(tx.conn)?;
    Ok(())
}

/// Adds a new record. Code that creates a record calls this in the same transaction.
pub fn add<R: Searchable>(tx: &mut Tx, team: TeamId, record: &R) -> Result<()> {
    let document = Document::of(tx.organization(), team, record);
    diesel::insert_into(documents::table).values(&document).execute(tx.conn)?;
    Ok(())
}

/// Stores what has changed in a record, so that its old words no longer find it. Code that changes a record calls this.
pub fn replace<R: Searchable>(tx: &mut Tx, record: &R) -> Result<()> {
    let content = Content::of(record);
    let own = documents::table
        .filter(documents::organization_id.eq(tx.organization()))
        .filter(documents::id.eq(record.key()));
    // A telephone number is in the words only.
    let other = documents::words.is_null().or(documents::words.ne(content.words.clone()));
    let other = other.or(documents::title.ne(content.title.clone())).or(documents::body.ne(content.body.clone()));
    // Out of its segment, until the indexer assigns it to another with its new words.
    rewrite(own.filter(other), (&content, documents::segment.eq(None::<i64>))).execute(tx.conn)?;
    Ok(())
}

/// The same for a change of any members. It often leaves the text as it was, and then needs no statement.
pub fn replace_if_changed<R: Searchable>(tx: &mut Tx, before: &R, record: &R) -> Result<()> {
    let text = |record: &R| (record.title(), record.body(), record.more());
    if text(before) == text(record) { Ok(()) } else { replace(tx, record) }
}
