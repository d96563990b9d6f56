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
use std::collections::BTreeMap;

/// How many records of each kind are ranked, the newest of those that match.
const RANKED: usize = 100;
/// How many are read at once, at most.
const READ: i64 = 4_096;
/// How many shelves of each kind are read first, how many times more each time, and how many at once at most: few for a word that
/// is everywhere, soon all for one that is rare.
const FIRST_SHELVES: usize = 1;
const TIMES_MORE: usize = 6;
const MOST_SHELVES: usize = 256;

type Documents = documents::BoxedQuery<'static, Dialect>;

/// Which documents are looked at.
#[derive(Debug, Clone)]
enum Place<'a> {
    /// All of the organization's; the query goes on to say which.
    Anywhere,
    /// Those that have the words, on these shelves.
    Shelves(&'a [i64]),
}

fn of_kinds(tx: &Tx, filter: &SearchFilter, place: &Place<'_>, fits: impl Fn(SearchKind) -> bool) -> Documents {
    let kinds: Vec<SearchKind> = filter.kinds().into_iter().filter(|kind| fits(*kind)).collect();
    let all = documents::table.filter(documents::kind.eq_any(kinds)).into_boxed();
    match place {
        Place::Anywhere => all.filter(documents::organization_id.eq(tx.organization())),
        Place::Shelves(shelves) => all.filter(on_shelves(tx.organization(), shelves, filter.q.terms())),
    }
}

/// The cases that this caller may work in and what is in them, without the notes that are not for them.
fn of_cases(tx: &Tx, filter: &SearchFilter, place: &Place<'_>) -> Result<Documents> {
    let actor = tx.actor()?;
    let all = of_kinds(tx, filter, place, |kind| kind != SearchKind::Client).filter(of_visible_case!(tx, "search_documents"));
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
fn of_clients(tx: &Tx, filter: &SearchFilter, place: &Place<'_>) -> Documents {
    of_kinds(tx, filter, place, |kind| kind == SearchKind::Client).filter(exists(clients::store::of_search_document(tx)))
}

/// The documents that this caller may see: those of cases, and those of clients. Two queries, since each leads to its rows by
/// another way.
fn visible(tx: &Tx, filter: &SearchFilter) -> Result<[Documents; 2]> {
    Ok([of_cases(tx, filter, &Place::Anywhere)?, of_clients(tx, filter, &Place::Anywhere)])
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

/// Reads what the query gives, the newest first.
fn read(tx: &mut Tx, query: Documents, found: &mut Vec<Found>) -> Result<()> {
    let newest = query.order(documents::number.desc()).limit(READ);
    found.extend(newest.select(Found::as_select()).load::<Found>(tx.conn)?);
    Ok(())
}

/// Looks into each document that the query gives.
fn with_words(query: Documents, filter: &SearchFilter) -> Documents {
    let each = filter.q.terms().iter();
    each.fold(query, |query, term| query.filter(contains(documents::words.assume_not_null(), &format!(" {term}"))))
}

/// The shelves of a kind, of the teams of which this caller may see anything, the newest first.
fn shelves_of_caller(tx: &mut Tx, filter: &SearchFilter) -> Result<BTreeMap<SearchKind, Vec<i64>>> {
    let own = teams::table.filter(teams::organization_id.eq(tx.organization()));
    let own = own.filter(exists(cases::store::of_team(tx)).or(exists(clients::store::of_team(tx))));
    let own: Vec<TeamId> = own.select(teams::id).load(tx.conn)?;
    let all = shelves::table.filter(shelves::organization_id.eq(tx.organization())).filter(shelves::team_id.eq_any(own));
    let wanted = all.filter(shelves::kind.eq_any(filter.kinds())).order((shelves::newest.desc(), shelves::id));
    let mut of_kinds: BTreeMap<SearchKind, Vec<i64>> = BTreeMap::new();
    for (kind, shelf) in wanted.select((shelves::kind, shelves::id)).load::<(SearchKind, i64)>(tx.conn)? {
        of_kinds.entry(kind).or_default().push(shelf);
    }
    Ok(of_kinds)
}

/// Reads shelf after shelf, of each kind until there are enough of it.
fn read_shelves(tx: &mut Tx, filter: &SearchFilter, found: &mut Vec<Found>) -> Result<()> {
    let mut rest = shelves_of_caller(tx, filter)?;
    let mut many = FIRST_SHELVES;
    loop {
        rest.retain(|kind, shelves| !shelves.is_empty() && found.iter().filter(|document| document.kind == *kind).count() < RANKED);
        if rest.is_empty() {
            return Ok(());
        }
        let (mut of_the_cases, mut of_the_clients) = (Vec::new(), Vec::new());
        for (kind, shelves) in &mut rest {
            let now = shelves.drain(..many.min(shelves.len()));
            if *kind == SearchKind::Client { of_the_clients.extend(now) } else { of_the_cases.extend(now) }
        }
        for now in of_the_cases.chunks(MOST_SHELVES) {
            read(tx, of_cases(tx, filter, &Place::Shelves(now))?, found)?;
        }
        for now in of_the_clients.chunks(MOST_SHELVES) {
            read(tx, of_clients(tx, filter, &Place::Shelves(now)), found)?;
        }
        many = (many * TIMES_MORE).min(MOST_SHELVES);
    }
}

/// The newest documents of each kind that have the words and that this caller may see.
fn candidates(tx: &mut Tx, filter: &SearchFilter) -> Result<Vec<Found>> {
    tx.conn.expect_few_rows()?;
    let mut found = Vec::new();
    if let Scope::Assigned(_) = tx.scope() {
        let clients = if filter.wants(SearchKind::Client) { clients::store::own(tx)? } else { Vec::new() };
        let own: Vec<Key> = clients.into_iter().map(|client| Key::from_uuid(client.uuid())).collect();
        let [of_cases, of_clients] = visible(tx, filter)?;
        read(tx, with_words(of_cases, filter), &mut found)?;
        read(tx, with_words(of_clients.filter(documents::id.eq_any(own)), filter), &mut found)?;
    } else {
        for query in visible(tx, filter)? {
            read(tx, with_words(query.filter(documents::shelf.is_null()), filter), &mut found)?;
        }
        read_shelves(tx, filter, &mut found)?;
    }
    found.sort_unstable_by_key(|document| std::cmp::Reverse(document.number));
    let mut count: BTreeMap<SearchKind, usize> = BTreeMap::new();
    found.retain(|document| {
        let before = count.entry(document.kind).or_default();
        *before += 1;
        *before <= RANKED
    });
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
