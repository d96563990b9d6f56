//! Queries over notes. Every one starts from [`visible`].

use super::model::*;
use crate::{
    auth::Role,
    casework::{
        assignments,
        cases::{
            self, contacts,
            model::{CaseId, CaseRow},
        },
        clients,
    },
    db::{
        Dialect, PortableDsl as _, Tx,
        dialect::row_after,
        save,
        schema::{note_amendments as amendments, notes},
        versioned,
    },
    error::{ApiError, Code, Result},
    http::{Body, IfMatch, List, Page},
    records::{Capped, capped::MAX_RECORDS, search, timeline, visibility},
    types::{Day, Id, Instant, Json},
};
use diesel::prelude::*;

versioned! {
    NoteRow, notes, updated_at;
    always [body, direction, mode, minutes, version, created_at, updated_at]
    if_changed [case_id, kind, occurred_at, successful, author_id]
}

/// The notes of the cases that this caller may work in, without kinds that the caller may not read.
fn visible(tx: &Tx) -> Result<notes::BoxedQuery<'static, Dialect>> {
    Ok(notes::table
        .filter(notes::organization_id.eq(tx.organization()))
        .filter(visibility::in_visible_case(tx, "notes"))
        .filter(visibility::readable_notes(tx, "notes.kind", "notes.author_id")?)
        .into_boxed())
}

fn filtered(tx: &Tx, case: CaseId, filter: &NoteFilter) -> Result<notes::BoxedQuery<'static, Dialect>> {
    let query = visible(tx)?.filter(notes::case_id.eq(case));
    Ok(match &filter.kind {
        None => query,
        Some(kinds) => query.filter(notes::kind.eq_any(kinds.0.clone())),
    })
}

pub fn page(tx: &mut Tx, case: CaseId, list: &List<NoteFilter>) -> Result<Page<Note>> {
    let (actor, case) = (tx.actor()?, cases::store::find(tx, case)?.id);
    let query = list.keyset(
        actor,
        filtered(tx, case, &list.filter)?,
        (notes::occurred_at, notes::id),
        Instant::from_micros,
        NoteId::from_uuid,
    )?;
    let rows: Vec<NoteRow> = query.select(NoteRow::as_select()).load(tx.conn)?;
    let total =
        if list.include_total { Some(filtered(tx, case, &list.filter)?.count().get_result(tx.conn)?) } else { None };
    let mut page = list.page(
        actor,
        rows,
        total,
        |row| (row.occurred_at.micros(), row.id.uuid()),
        |row| Note::from_row(row, Vec::new()),
    );
    add_amendments(tx, &mut page.items)?;
    tx.audit_read_all("note.listed", page.items.iter().map(|note| note.id));
    Ok(page)
}

/// The batch size for a case file. It is small because notes may be long.
const AT_ONCE: i64 = 100;

/// The newest notes of a case for its case file, with their amendments, up to `most_text` bytes of text, oldest first,
/// with the count of omitted ones. Includes only notes that the caller may read.
pub fn of_case_file(tx: &mut Tx, case: CaseId, most_text: usize) -> Result<Capped<Note>> {
    let (mut notes, mut room): (Vec<Note>, usize) = (Vec::new(), most_text);
    let all = loop {
        let mut query = visible(tx)?.filter(notes::case_id.eq(case));
        if let Some(last) = notes.last() {
            query = query.filter(row_after((notes::occurred_at, notes::id), (last.occurred_at, last.id), true));
        }
        let order = (notes::occurred_at.desc(), notes::id.desc());
        let rows: Vec<NoteRow> = query.order(order).select(NoteRow::as_select()).limit(AT_ONCE).load(tx.conn)?;
        let last = i64::try_from(rows.len()).is_ok_and(|count| count < AT_ONCE);
        let mut views: Vec<Note> = rows.into_iter().map(|row| Note::from_row(row, Vec::new())).collect();
        add_amendments(tx, &mut views)?;
        let before = notes.len();
        let read = views.len();
        for view in views {
            let text = view.body.as_str().len()
                + view.amendments.iter().map(|amendment| amendment.body.as_str().len()).sum::<usize>();
            let full = i64::try_from(notes.len()).is_ok_and(|count| count >= MAX_RECORDS);
            let Some(rest) = room.checked_sub(text).filter(|_| !full) else { break };
            room = rest;
            notes.push(view);
        }
        match (notes.len() - before < read, last) {
            (true, _) => break visible(tx)?.filter(notes::case_id.eq(case)).count().get_result::<i64>(tx.conn)?,
            (false, true) => break i64::try_from(notes.len()).unwrap_or(i64::MAX),
            (false, false) => {}
        }
    };
    notes.reverse();
    tx.audit_read_all("note.listed", notes.iter().map(|note| note.id));
    Ok(Capped::of(notes, all))
}

/// Adds the amendments to all notes in one query.
fn add_amendments(tx: &mut Tx, views: &mut [Note]) -> Result<()> {
    let ids: Vec<NoteId> = views.iter().map(|view| view.id).collect();
    let of_these = amendments::table
        .filter(amendments::organization_id.eq(tx.organization()))
        .filter(amendments::note_id.eq_any(ids));
    let rows: Vec<AmendmentRow> =
        of_these.order((amendments::note_id, amendments::id)).select(AmendmentRow::as_select()).load(tx.conn)?;
    for row in rows {
        if let Some(view) = views.iter_mut().find(|view| view.id == row.note_id) {
            view.amendments.push(row.into());
        }
    }
    Ok(())
}

/// The view with its amendments.
fn with_amendments(tx: &mut Tx, row: NoteRow) -> Result<Note> {
    let mut note = Note::from_row(row, Vec::new());
    add_amendments(tx, std::slice::from_mut(&mut note))?;
    Ok(note)
}

fn find(tx: &mut Tx, id: NoteId) -> Result<NoteRow> {
    Ok(visible(tx)?.filter(notes::id.eq(id)).select(NoteRow::as_select()).first(tx.conn)?)
}

/// The same, locked until the transaction ends.
fn lock_for_update(tx: &mut Tx, id: NoteId) -> Result<NoteRow> {
    Ok(visible(tx)?.filter(notes::id.eq(id)).select(NoteRow::as_select()).locked().get_result(tx.conn)?)
}

pub fn get(tx: &mut Tx, id: NoteId) -> Result<Note> {
    let row = find(tx, id)?;
    tx.audit_read("note.read", row.id);
    with_amendments(tx, row)
}

/// Derives the contact times of a case again if a note's contact has changed. The caller has locked the case.
fn derive_contacts(tx: &mut Tx, case: &mut CaseRow, before: Option<Instant>, now: Option<Instant>) -> Result<()> {
    if before == now { Ok(()) } else { contacts::update(tx, case) }
}

pub fn create<const LIMIT: usize>(tx: &mut Tx, case: CaseId, new: &Body<NewNote, LIMIT>) -> Result<Note> {
    let mut case = cases::store::lock_for_update(tx, case)?;
    let row = NoteRow::new(case.organization_id, case.id, tx.user()?, new);
    row.check(new.occurred_at.is_some())?;
    if let Some(at) = new.occurred_at {
        clients::store::check_born(tx, case.client_id, Day::latest_of(at), "/occurred_at")?;
    }
    diesel::insert_into(notes::table).values(&row).execute(tx.conn)?;
    derive_contacts(tx, &mut case, None, row.reached_at())?;
    timeline::add_note(tx, case.id, "note.created", row.id, row.kind)?;
    tx.record("note.created", row.id, new.members());
    let note = Note::from_row(row, Vec::new());
    search::store::add(tx, case.team_id, &note)?;
    Ok(note)
}

pub fn update<const LIMIT: usize>(
    tx: &mut Tx,
    id: NoteId,
    version: &IfMatch,
    patch: &Body<NotePatch, LIMIT>,
) -> Result<Note> {
    // Locks the case before the note, as everywhere, so that two requests cannot deadlock.
    let case = find(tx, id)?.case_id;
    let mut case = cases::store::lock_for_update(tx, case)?;
    let mut row = lock_for_update(tx, id)?;
    if row.author_id != tx.user()? {
        return Err(ApiError::forbidden("Only the author can change a note."));
    }
    version.check(row.version)?;
    if row.is_locked() {
        return Err(ApiError::new(
            Code::NoteLocked,
            "A note is locked 24 hours after it was written. Add an amendment instead.",
        ));
    }
    let before = row.reached_at();
    row.apply(patch);
    row.check(true)?;
    if let Some(at) = patch.occurred_at.0 {
        clients::store::check_born(tx, case.client_id, Day::latest_of(at), "/occurred_at")?;
    }
    save(tx, &mut row)?;
    derive_contacts(tx, &mut case, before, row.reached_at())?;
    timeline::add_note(tx, row.case_id, "note.updated", row.id, row.kind)?;
    tx.record("note.updated", row.id, patch.members());
    let note = with_amendments(tx, row)?;
    search::store::replace(tx, &note)?;
    Ok(note)
}

/// Checks who may correct a contact: the author and, if the author no longer works on the case, a supervisor of it.
/// Everybody who can read the note may add text.
fn check_may_correct(tx: &mut Tx, case: &CaseRow, note: &NoteRow) -> Result<()> {
    let actor = tx.actor()?;
    if note.author_id == actor.user
        || actor.role == Role::Supervisor && !assignments::store::is_working_on(tx, case, note.author_id)?
    {
        return Ok(());
    }
    Err(ApiError::forbidden(
        "Only the author can correct a note, or a supervisor if the author no longer works on the case.",
    ))
}

pub fn amend<const LIMIT: usize>(tx: &mut Tx, id: NoteId, new: &Body<NewAmendment, LIMIT>) -> Result<Note> {
    let case = find(tx, id)?.case_id;
    let mut case = cases::store::lock_for_update(tx, case)?;
    let mut row = lock_for_update(tx, id)?;
    if !row.is_locked() {
        return Err(ApiError::conflict("The note is not locked yet: its author can change it."));
    }
    let before = row.reached_at();
    let correction = row.correct(new);
    if correction.is_some() {
        check_may_correct(tx, &case, &row)?;
        row.check(true)?;
    }
    if let Some(at) = new.occurred_at {
        clients::store::check_born(tx, case.client_id, Day::latest_of(at), "/occurred_at")?;
    }
    let event = if correction.is_some() { "note.corrected" } else { "note.amended" };
    let (corrected, replaced) = correction.unzip();
    let amendment = AmendmentRow {
        organization_id: row.organization_id,
        id: Id::new(),
        note_id: row.id,
        body: new.body.clone(),
        author_id: tx.user()?,
        created_at: Instant::now(),
        corrected: corrected.map(Json),
        replaced: replaced.map(Json),
    };
    diesel::insert_into(amendments::table).values(&amendment).execute(tx.conn)?;
    save(tx, &mut row)?;
    derive_contacts(tx, &mut case, before, row.reached_at())?;
    timeline::add_note(tx, row.case_id, event, row.id, row.kind)?;
    tx.record(event, row.id, new.members());
    let note = with_amendments(tx, row)?;
    search::store::replace(tx, &note)?;
    Ok(note)
}
