//! Handlers for notes.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadNotes, WriteNotes},
    },
    casework::cases::model::CaseId,
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, body::NOTE_LIMIT, create_idempotent, ok_page, ok_record},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the notes of a case
///
/// An advocate sees contact notes, progress notes and all notes that they wrote; a supervisor sees every note.
#[utoipa::path(
    tag = "Notes",
    params(("id" = CaseId, Path), List<NoteFilter>),
    responses((status = 200, body = Page<Note>)),
    security(("bearer" = ["notes:read"])),
)]
#[get("/cases/{id}/notes")]
pub async fn list_notes(
    who: Allowed<ReadNotes>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<NoteFilter>,
) -> Reply<Page<Note>> {
    ok_page(db.read(&who, move |tx| store::page(tx, *id, &list)).await?)
}

/// Write a note
///
/// A contact note says when the contact was, in which direction, how, and whether somebody was reached. The request
/// body may have 256 KiB.
#[utoipa::path(
    tag = "Notes",
    params(("id" = CaseId, Path), IdempotencyKey),
    request_body = NewNote,
    responses((status = 201, body = Note)),
    security(("bearer" = ["notes:write"])),
)]
#[post("/cases/{id}/notes")]
pub async fn create_note(
    who: Allowed<WriteNotes>,
    db: Data<Db>,
    id: Path<CaseId>,
    key: IdempotencyKey,
    body: Body<NewNote, NOTE_LIMIT>,
) -> Reply<Note> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create(tx, *id, new)).await
}

/// Fetch one note
///
/// With its amendments applied and listed. From `locks_at` on a note can be amended but not changed.
#[utoipa::path(
    tag = "Notes",
    params(("id" = NoteId, Path)),
    responses((status = 200, body = Note)),
    security(("bearer" = ["notes:read"])),
)]
#[get("/notes/{id}")]
pub async fn get_note(who: Allowed<ReadNotes>, db: Data<Db>, id: Path<NoteId>) -> Reply<Note> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Change a note
///
/// A JSON merge patch. Only by the author, until the note is locked.
#[utoipa::path(
    tag = "Notes",
    params(("id" = NoteId, Path), IfMatch),
    request_body = NotePatch,
    responses((status = 200, body = Note)),
    security(("bearer" = ["notes:write"])),
)]
#[patch("/notes/{id}")]
pub async fn update_note(
    who: Allowed<WriteNotes>,
    db: Data<Db>,
    id: Path<NoteId>,
    version: IfMatch,
    patch: Body<NotePatch, NOTE_LIMIT>,
) -> Reply<Note> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}

/// Amend a note
///
/// Adds text to a note that is locked, and may correct when a contact was and how it went. The note then shows the
/// corrected values, and so do its case and the reports; each amendment keeps the values that it replaced, so the first
/// version stays readable. Everybody who can read the note may add text. Its author may correct it, and a supervisor of
/// the case once the author no longer works on the case. Before the note is locked, its author changes the note itself.
#[utoipa::path(
    tag = "Notes",
    params(("id" = NoteId, Path), IdempotencyKey),
    request_body = NewAmendment,
    responses((status = 201, body = Note)),
    security(("bearer" = ["notes:write"])),
)]
#[post("/notes/{id}/amendments")]
pub async fn amend_note(
    who: Allowed<WriteNotes>,
    db: Data<Db>,
    id: Path<NoteId>,
    key: IdempotencyKey,
    body: Body<NewAmendment, NOTE_LIMIT>,
) -> Reply<Note> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::amend(tx, *id, new)).await
}
