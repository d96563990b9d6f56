//! Reads a case file: each kind of record by the rules of its own store, all from one state of the database.

use super::{client, model::*};
use crate::{
    auth::UserId,
    casework::{
        actions::{
            self,
            model::{ActionId, ActionRow},
        },
        assignments, barriers,
        cases::{
            self,
            model::{Case, CaseExpand, CaseId, CaseRow, CaseStatus},
            transition,
        },
        clients::model::ClientId,
        deadlines::{
            self,
            model::{Deadline, DeadlineRow},
        },
        meetings::{
            self,
            commitments::{self, model::Commitment},
            model::{Meeting, MeetingId},
        },
        notes, statements, tasks,
    },
    db::Tx,
    directory::providers::{self, model::ProviderId},
    error::{ApiError, Result},
    http::OneOf,
    identity::{
        organizations,
        users::{self, model::UserRef},
    },
    records::exports::model::{Audience, PrintFormat},
    types::{Instant, Line},
};
use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of bytes of notes in a file. A note may be a hundred times as long as any other record.
const MAX_NOTE_BYTES: usize = 2_000_000;

/// The case, if this caller works on it. A role that sees cases but not their content gets no case file.
pub(super) fn visible(tx: &mut Tx, id: CaseId) -> Result<CaseRow> {
    let row = cases::store::find(tx, id)?;
    if tx.actor()?.role.sees_content() { Ok(row) } else { Err(ApiError::not_found()) }
}

pub fn get(tx: &mut Tx, id: CaseId, reader: Reader) -> Result<CaseFile> {
    let row = visible(tx, id)?;
    tx.audit_read_as("case.file_read", row.id, &[reader.as_str(), "json"]);
    read_file(tx, row, reader)
}

/// The file for this audience, the name of the organization that owns the record, and the caller's name.
///
/// # Errors
/// 409 if the case was entered in error and the audience is a recipient: the record may be of another person.
pub fn printed(tx: &mut Tx, id: CaseId, audience: Audience) -> Result<(PrintedFile, Line<200>, String)> {
    let row = visible(tx, id)?;
    let by = users::store::own(tx)?.display_name.to_string();
    let organization = organizations::store::find(tx)?.name;
    let file = match audience {
        Audience::Internal => PrintedFile::Internal(Box::new(supervision_file(tx, row)?)),
        Audience::Client => PrintedFile::Client(Box::new(client::store::file(tx, row.id)?)),
        Audience::Recipient if row.status == CaseStatus::EnteredInError => {
            return Err(ApiError::conflict("A case that was entered in error cannot be printed for a recipient."));
        }
        Audience::Recipient => PrintedFile::Recipient(Box::new(client::store::recipient_file(tx, row.id)?)),
    };
    Ok((file, organization, by))
}

/// Writes the export to the audit log, and returns the client of the case.
pub fn export(tx: &mut Tx, id: CaseId, audience: Audience, format: PrintFormat) -> Result<Vec<ClientId>> {
    let row = visible(tx, id)?;
    tx.audit_read_as("case.file_exported", row.id, &[audience.as_str(), format.as_str()]);
    Ok(vec![row.client_id])
}

fn read_file(tx: &mut Tx, row: CaseRow, reader: Reader) -> Result<CaseFile> {
    Ok(match reader {
        Reader::Supervision => CaseFile::Supervision(Box::new(supervision_file(tx, row)?)),
        Reader::Client => CaseFile::Client(Box::new(client::store::file(tx, row.id)?)),
    })
}

fn supervision_file(tx: &mut Tx, row: CaseRow) -> Result<SupervisionFile> {
    let mut left_out = LeftOut::default();
    let time_zone = organizations::store::find(tx)?.time_zone;
    let (barriers, actions) = ladders(tx, row.id, &mut left_out)?;
    let meetings = meetings_of(tx, row.id, &mut left_out)?;
    let notes = notes::store::of_case_file(tx, row.id, MAX_NOTE_BYTES)?.noting(&mut left_out.notes);
    let tasks = tasks::store::of_case_file(tx, row.id)?.noting(&mut left_out.tasks);
    let transitions = transition::of_case_file(tx, &row)?.noting(&mut left_out.transitions);
    let assignments = assignments::store::of_case_file(tx, &row)?.noting(&mut left_out.assignments);
    let episodes = transition::episodes(tx, &row)?;
    let statement = statements::store::in_force(tx, row.client_id)?;
    let mut case = Case::for_caller(row, tx.actor()?);
    let both = OneOf(vec![CaseExpand::Client, CaseExpand::LeadAdvocate]);
    cases::store::expand(tx, std::slice::from_mut(&mut case), Some(&both))?;
    let mut file = SupervisionFile {
        as_of: Instant::now(),
        time_zone,
        case,
        story: Vec::new(),
        barriers,
        actions,
        meetings,
        notes,
        tasks: tasks.into_iter().map(Into::into).collect(),
        transitions: transitions.into_iter().map(Into::into).collect(),
        episodes,
        assignments: assignments.into_iter().map(Into::into).collect(),
        statement,
        people: Vec::new(),
        providers: Vec::new(),
        left_out,
    };
    file.story = file.narrative();
    file.people = people(tx, &file)?;
    file.providers = providers_of(tx, &file)?;
    Ok(file)
}

/// The barriers, each with its actions, and the actions without a barrier in the file. Each action has its deadlines.
fn ladders(tx: &mut Tx, case: CaseId, left_out: &mut LeftOut) -> Result<(Vec<FileBarrier>, Vec<FileAction>)> {
    let barriers = barriers::store::of_case_file(tx, case)?.noting(&mut left_out.barriers);
    let actions: Vec<ActionRow> = actions::store::of_case_file(tx, case)?.noting(&mut left_out.actions);
    let deadlines: Vec<DeadlineRow> = deadlines::store::of_case_file(tx, case)?.noting(&mut left_out.deadlines);
    let mut of_actions: BTreeMap<ActionId, Vec<Deadline>> = BTreeMap::new();
    for row in deadlines {
        of_actions.entry(row.action_id).or_default().push(row.into());
    }
    let mut files: Vec<FileBarrier> =
        barriers.into_iter().map(|row| FileBarrier { barrier: row.into(), actions: Vec::new() }).collect();
    let places: BTreeMap<_, _> = files.iter().enumerate().map(|(place, file)| (file.barrier.id, place)).collect();
    let mut of_case = Vec::new();
    for row in actions {
        let file = FileAction { deadlines: of_actions.remove(&row.id).unwrap_or_default(), action: row.into() };
        match file.action.barrier_id.and_then(|id| files.get_mut(*places.get(&id)?)) {
            Some(barrier) => barrier.actions.push(file),
            None => of_case.push(file),
        }
    }
    // The deadlines of an omitted action are omitted, too.
    let lost: usize = of_actions.values().map(Vec::len).sum();
    left_out.deadlines += i64::try_from(lost).unwrap_or(i64::MAX);
    Ok((files, of_case))
}

/// The meetings, each with the promises made in it.
fn meetings_of(tx: &mut Tx, case: CaseId, left_out: &mut LeftOut) -> Result<Vec<Meeting>> {
    let rows = meetings::store::of_case_file(tx, case)?.noting(&mut left_out.meetings);
    let promises = commitments::store::of_case_file(tx, case)?.noting(&mut left_out.commitments);
    let mut of_meetings: BTreeMap<MeetingId, Vec<Commitment>> = BTreeMap::new();
    for row in promises {
        of_meetings.entry(row.meeting_id).or_default().push(row.into());
    }
    let meetings = rows.into_iter().map(|row| {
        let commitments = of_meetings.remove(&row.id).unwrap_or_default();
        Meeting { commitments: Some(commitments), ..row.into() }
    });
    let meetings = meetings.collect();
    let lost: usize = of_meetings.values().map(Vec::len).sum();
    left_out.commitments += i64::try_from(lost).unwrap_or(i64::MAX);
    Ok(meetings)
}

/// The users whose ids are in the file.
fn people(tx: &mut Tx, file: &SupervisionFile) -> Result<Vec<UserRef>> {
    let mut ids: BTreeSet<UserId> = file.case.lead_advocate_id.into_iter().collect();
    ids.extend(file.barriers.iter().map(|file| file.barrier.created_by));
    for FileAction { action, deadlines } in file.every_action() {
        ids.insert(action.created_by);
        ids.extend(deadlines.iter().map(|deadline| deadline.created_by));
    }
    ids.extend(file.meetings.iter().map(|meeting| meeting.created_by));
    for note in &file.notes {
        ids.insert(note.author_id);
        ids.extend(note.amendments.iter().map(|amendment| amendment.author_id));
    }
    ids.extend(file.tasks.iter().flat_map(|task| [Some(task.created_by), task.assignee_id]).flatten());
    ids.extend(file.transitions.iter().flat_map(|step| [Some(step.actor_id), step.given.lead_advocate_id]).flatten());
    ids.extend(file.assignments.iter().flat_map(|assignment| [assignment.user_id, assignment.assigned_by]));
    if let Some(statement) = &file.statement {
        ids.insert(statement.created_by);
        ids.extend(statement.approval.as_ref().map(|approval| approval.recorded_by));
    }
    users::store::refs(tx, ids.into_iter().collect())
}

fn providers_of(tx: &mut Tx, file: &SupervisionFile) -> Result<Vec<FileProvider>> {
    let mut ids: BTreeSet<ProviderId> = file.barriers.iter().filter_map(|file| file.barrier.provider_id).collect();
    ids.extend(file.every_action().filter_map(|file| file.action.provider_id));
    ids.extend(file.meetings.iter().filter_map(|meeting| meeting.provider_id));
    let names = providers::store::names(tx, ids.into_iter().collect())?;
    Ok(names.into_iter().map(|(id, name)| FileProvider { id, name }).collect())
}
