//! Queries over search documents. Every one starts from [`visible`].
//!
//! What an advocate may see is little, and is read from their cases. What a supervisor may see is much: there the words lead, from
//! the newest shelf of the own teams to the oldest, until there are enough to rank.

use super::{model::*, words};
use crate::{
    auth::{Role, Scope},
    casework::{
        cases::{self, model::CaseId},
        clients,
        notes::model::NoteKind,
    },
    db::{
        Dialect, Tx,
        dialect::{Key, contains},
        schema::{search_documents as documents, search_shelves as shelves, teams},
        search::on_shelves,
    },
    error::Result,
    http::{List, Page},
    identity::teams::model::TeamId,
    of_visible_case,
};
use diesel::{dsl::exists, prelude::*};

/// How many records are ranked, the newest of those that match.
const RANKED: usize = 300;
/// How many shelves are read at once: few first, for a word that is everywhere, then more, for one that is rare.
const FIRST_SHELVES: usize = 2;
const MOST_SHELVES: usize = 128;

type Documents = documents::BoxedQuery<'static, Dialect>;

/// The documents of the organization that are of these kinds.
fn of_kinds(tx: &Tx, kinds: Vec<SearchKind>) -> Documents {
    documents::table.filter(documents::organization_id.eq(tx.organization())).filter(documents::kind.eq_any(kinds)).into_boxed()
}

/// The cases that this caller may work in and what is in them, without the notes that are not for them.
fn of_cases(tx: &Tx, filter: &SearchFilter) -> Result<Documents> {
    let actor = tx.actor()?;
    let kinds = filter.kinds().into_iter().filter(|kind| *kind != SearchKind::Client).collect();
    let all = of_kinds(tx, kinds).filter(of_visible_case!(tx, "search_documents"));
    Ok(match actor.role {
        Role::Supervisor => all,
        // What has no kind is no note.
        _ => all.filter(
            documents::note_kind
                .is_null()
                .or(documents::note_kind.assume_not_null().eq_any(NoteKind::FOR_ALL.to_vec()))
                .or(documents::author_id.assume_not_null().eq(actor.user)),
        ),
    })
}

/// The clients that this caller may see.
fn of_clients(tx: &Tx, filter: &SearchFilter) -> Documents {
    let kinds = filter.kinds().into_iter().filter(|kind| *kind == SearchKind::Client).collect();
    of_kinds(tx, kinds).filter(exists(clients::store::of_search_document(tx)))
}

/// The documents that this caller may see: those of cases, and those of clients. Two queries, since each leads to its rows by
/// another way.
fn visible(tx: &Tx, filter: &SearchFilter) -> Result<[Documents; 2]> {
    Ok([of_cases(tx, filter)?, of_clients(tx, filter)])
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

/// Reads what the query gives, the newest first, up to as many as are ranked.
fn read(tx: &mut Tx, query: Documents, found: &mut Vec<Found>) -> Result<()> {
    let newest = query.order(documents::number.desc()).limit(i64::try_from(RANKED).unwrap_or(i64::MAX));
    found.extend(newest.select(Found::as_select()).load::<Found>(tx.conn)?);
    Ok(())
}

/// Looks into each document that the query gives.
fn with_words(query: Documents, terms: &[String]) -> Documents {
    terms.iter().fold(query, |query, term| query.filter(contains(documents::words.assume_not_null(), &format!(" {term}"))))
}

/// The shelves of the teams of which this caller may see anything, the newest first.
fn shelves_of_caller(tx: &mut Tx, filter: &SearchFilter) -> Result<Vec<(i64, SearchKind)>> {
    let own = teams::table.filter(teams::organization_id.eq(tx.organization()));
    let own = own.filter(exists(cases::store::of_team(tx)).or(exists(clients::store::of_team(tx))));
    let own: Vec<TeamId> = own.select(teams::id).load(tx.conn)?;
    let all = shelves::table.filter(shelves::organization_id.eq(tx.organization())).filter(shelves::team_id.eq_any(own));
    let wanted = all.filter(shelves::kind.eq_any(filter.kinds())).order((shelves::newest.desc(), shelves::id));
    Ok(wanted.select((shelves::id, shelves::kind)).load(tx.conn)?)
}

/// The newest documents that have the words and that this caller may see.
fn candidates(tx: &mut Tx, filter: &SearchFilter) -> Result<Vec<Found>> {
    let (terms, mut found) = (filter.q.terms(), Vec::new());
    if let Scope::Assigned(_) = tx.scope() {
        for query in visible(tx, filter)? {
            read(tx, with_words(query, terms), &mut found)?;
        }
    } else {
        for query in visible(tx, filter)? {
            read(tx, with_words(query.filter(documents::shelf.is_null()), terms), &mut found)?;
        }
        let all = shelves_of_caller(tx, filter)?;
        let (mut rest, mut many) = (all.as_slice(), FIRST_SHELVES);
        while found.len() < RANKED && !rest.is_empty() {
            let (now, later) = rest.split_at(many.min(rest.len()));
            let (of_clients, of_cases): (Vec<_>, Vec<_>) = now.iter().copied().partition(|(_, kind)| *kind == SearchKind::Client);
            for (query, shelves) in visible(tx, filter)?.into_iter().zip([of_cases, of_clients]) {
                if !shelves.is_empty() {
                    let shelves: Vec<i64> = shelves.into_iter().map(|(shelf, _)| shelf).collect();
                    read(tx, query.filter(on_shelves(&shelves, terms)), &mut found)?;
                }
            }
            (rest, many) = (later, (many * 4).min(MOST_SHELVES));
        }
    }
    found.sort_unstable_by_key(|document| std::cmp::Reverse(document.number));
    found.truncate(RANKED);
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
    let mut page = list.page(actor, ranked, total, position, view);
    add_snippets(tx, filter, &mut page.items)?;
    tx.saw_all("search.performed", page.items.iter().map(|found| found.id));
    Ok(page)
}

/// Adds to each result the part of its text where the words are, all of them read at once.
fn add_snippets(tx: &mut Tx, filter: &SearchFilter, results: &mut [SearchResult]) -> Result<()> {
    let ids: Vec<Key> = results.iter().map(|result| result.id).collect();
    let mut bodies: Vec<(Key, String)> = Vec::new();
    for query in visible(tx, filter)? {
        bodies.extend(
            query.filter(documents::id.eq_any(ids.clone())).select((documents::id, documents::body)).load::<(Key, String)>(tx.conn)?,
        );
    }
    for result in results {
        let body = bodies.iter().find(|(id, _)| *id == result.id).map_or("", |(_, body)| body.as_str());
        result.snippet = words::snippet(body, filter.q.terms());
    }
    Ok(())
}

/// Takes a new record in. Whoever writes one calls this, in the same transaction.
pub fn add<R: Searchable>(tx: &mut Tx, team: TeamId, record: &R) -> Result<()> {
    let document = Document::of(tx.organization(), team, record);
    diesel::insert_into(documents::table).values(&document).execute(tx.conn)?;
    Ok(())
}

/// Takes over what has changed in a record: its old words are found no more. Whoever changes one calls this.
pub fn replace<R: Searchable>(tx: &mut Tx, record: &R) -> Result<()> {
    let content = Content::of(record);
    let own = documents::table.filter(documents::organization_id.eq(tx.organization())).filter(documents::id.eq(record.key()));
    let other = documents::body.ne(content.body.clone()).or(documents::title.ne(content.title.clone())).or(documents::words.is_null());
    // Off its shelf, until it is put on another with its new words.
    diesel::update(own.filter(other)).set((&content, documents::shelf.eq(None::<i64>))).execute(tx.conn)?;
    Ok(())
}
