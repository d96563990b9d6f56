//! Reads the client's version of a case file, column by column. Like the portal, it leaves out records that were
//! entered in error.

use super::model::*;
use crate::{
    casework::{
        actions::model::{ActionId, ActionStatus},
        cases::model::{CaseId, CaseRow},
        clients,
        deadlines::model::as_of,
        meetings::commitments::model::CommitmentStatus,
        notes::model::NoteKind,
        statements,
    },
    db::{
        Dialect, Tx,
        schema::{actions, barriers, case_transitions, cases, commitments, deadlines, meetings, notes},
    },
    error::Result,
    identity::{organizations, users},
    overview::case_file::store as whole,
    portal::{
        cases::model::{MyCase, MyCaseRow, MyPromise},
        meetings::model::MyMeeting,
    },
    records::Capped,
    types::Instant,
};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// The case, if this caller works in it.
fn visible(tx: &mut Tx, id: CaseId) -> Result<CaseRow> {
    whole::visible(tx, id)
}

/// The client's version of the file. Checks once that the caller works on the case; all other records are read by the
/// id of this case.
pub fn file(tx: &mut Tx, id: CaseId) -> Result<ClientFile> {
    let mut file = recipient_file(tx, id)?;
    let contacts = contacts(tx, id)?.noting(&mut file.left_out.contacts);
    let steps = steps(tx, id)?.noting(&mut file.left_out.transitions);
    let client = visible(tx, id)?.client_id;
    file.contacts = contacts.into_iter().map(Into::into).collect();
    file.statement = statements::store::in_force(tx, client)?.map(Into::into);
    file.story = file.narrative(&steps);
    Ok(file)
}

/// The part of the file that a recipient outside may get, without contacts, statement and narrative. The query
/// does not even read these.
pub fn recipient_file(tx: &mut Tx, id: CaseId) -> Result<ClientFile> {
    let client = visible(tx, id)?.client_id;
    let mut left_out = ClientLeftOut::default();
    let row: MyCaseRow = cases::table.find((tx.organization(), id)).select(MyCaseRow::as_select()).first(tx.conn)?;
    let lead = users::store::refs(tx, row.lead_advocate_id.into_iter().collect())?.pop();
    let (barriers, actions) = ladders(tx, id, &mut left_out)?;
    let meetings = meetings_of(tx, id)?.noting(&mut left_out.meetings);
    let promises = promises(tx, id)?.noting(&mut left_out.promises);
    Ok(ClientFile {
        as_of: Instant::now(),
        time_zone: organizations::store::find(tx)?.time_zone,
        name: clients::store::refs(tx, vec![client])?.pop().map(|client| client.preferred_name),
        case: MyCase::from_row(row, lead.map(|lead| lead.display_name)),
        story: Vec::new(),
        barriers,
        actions,
        meetings,
        promises,
        contacts: Vec::new(),
        statement: None,
        left_out,
    })
}

/// The barriers with the actions against them, and the other actions.
fn ladders(tx: &mut Tx, case: CaseId, left_out: &mut ClientLeftOut) -> Result<(Vec<ClientBarrier>, Vec<ClientAction>)> {
    let own = tx.organization();
    let of_case = || {
        barriers::table
            .filter(barriers::organization_id.eq(own))
            .filter(barriers::case_id.eq(case))
            .into_boxed::<Dialect>()
    };
    let rows = crate::newest!(tx, BarrierForClient, (barriers::opened_at.desc(), barriers::id.desc()), of_case());
    let rows = rows.noting(&mut left_out.barriers);
    tx.audit_read_all("barrier.listed", rows.iter().map(|row| row.id));
    let places: BTreeMap<_, _> = rows.iter().enumerate().map(|(place, row)| (row.id, place)).collect();
    let mut barriers: Vec<ClientBarrier> = rows.into_iter().map(Into::into).collect();

    let of_case = || {
        let all = actions::table.filter(actions::organization_id.eq(own)).filter(actions::case_id.eq(case));
        all.filter(actions::status.ne(ActionStatus::EnteredInError)).into_boxed::<Dialect>()
    };
    let rows = crate::newest!(tx, ActionForClient, (actions::created_at.desc(), actions::id.desc()), of_case());
    let rows = rows.noting(&mut left_out.actions);
    tx.audit_read_all("action.listed", rows.iter().map(|row| row.id));
    let mut days = deadlines_of(tx, case, left_out)?;
    let mut of_case = Vec::new();
    for row in rows {
        let place = row.barrier_id.and_then(|id| places.get(&id).copied());
        let deadlines = days.remove(&row.id).unwrap_or_default();
        let action = ClientAction::from_row(row, deadlines);
        match place.and_then(|place| barriers.get_mut(place)) {
            Some(barrier) => barrier.actions.push(action),
            None => of_case.push(action),
        }
    }
    // The deadlines of an omitted action are omitted, too.
    let lost: usize = days.values().map(Vec::len).sum();
    left_out.deadlines += i64::try_from(lost).unwrap_or(i64::MAX);
    Ok((barriers, of_case))
}

fn deadlines_of(
    tx: &mut Tx,
    case: CaseId,
    left_out: &mut ClientLeftOut,
) -> Result<BTreeMap<ActionId, Vec<ClientDeadline>>> {
    let own = tx.organization();
    let of_case = || {
        let right = actions::table
            .filter(actions::organization_id.eq(own))
            .filter(actions::status.ne(ActionStatus::EnteredInError));
        let all = deadlines::table.filter(deadlines::organization_id.eq(own)).filter(deadlines::case_id.eq(case));
        all.filter(deadlines::action_id.eq_any(right.select(actions::id))).into_boxed::<Dialect>()
    };
    let rows = crate::newest!(tx, DeadlineForClient, (deadlines::due_on.desc(), deadlines::id.desc()), of_case());
    let rows = rows.noting(&mut left_out.deadlines);
    tx.audit_read_all("deadline.listed", rows.iter().map(|row| row.id));
    let (now, mut days) = (Instant::now(), BTreeMap::<ActionId, Vec<ClientDeadline>>::new());
    for row in rows {
        let (status, satisfied_on, late_filing) =
            (as_of(row.status, row.due_at, now), row.satisfied_on, row.late_filing);
        days.entry(row.action_id).or_default().push(ClientDeadline {
            due_on: row.due_on,
            status,
            satisfied_on,
            late_filing,
        });
    }
    Ok(days)
}

fn meetings_of(tx: &mut Tx, case: CaseId) -> Result<Capped<MyMeeting>> {
    let own = tx.organization();
    let of_case = || {
        meetings::table
            .filter(meetings::organization_id.eq(own))
            .filter(meetings::case_id.eq(case))
            .into_boxed::<Dialect>()
    };
    let newest = crate::newest!(tx, MyMeeting, (meetings::starts_at.desc(), meetings::id.desc()), of_case());
    tx.audit_read_all("meeting.listed", newest.rows.iter().map(|row| row.id));
    Ok(newest)
}

/// The same promises as in the portal, without waived ones.
fn promises(tx: &mut Tx, case: CaseId) -> Result<Capped<MyPromise>> {
    let own = tx.organization();
    let of_case = || {
        let theirs = meetings::table
            .filter(meetings::organization_id.eq(own))
            .filter(meetings::case_id.eq(case))
            .select(meetings::id);
        let all = commitments::table
            .filter(commitments::organization_id.eq(own))
            .filter(commitments::meeting_id.eq_any(theirs));
        all.filter(commitments::status.ne(CommitmentStatus::Waived)).into_boxed::<Dialect>()
    };
    let newest = crate::newest!(tx, MyPromise, (commitments::created_at.desc(), commitments::id.desc()), of_case());
    tx.audit_read_all("commitment.listed", newest.rows.iter().map(|row| row.id));
    Ok(newest)
}

fn contacts(tx: &mut Tx, case: CaseId) -> Result<Capped<ContactForClient>> {
    let own = tx.organization();
    let of_case = || {
        let all = notes::table.filter(notes::organization_id.eq(own)).filter(notes::case_id.eq(case));
        all.filter(notes::kind.eq(NoteKind::Contact)).into_boxed::<Dialect>()
    };
    let newest = crate::newest!(tx, ContactForClient, (notes::occurred_at.desc(), notes::id.desc()), of_case());
    tx.audit_read_all("note.listed", newest.rows.iter().map(|row| row.id));
    Ok(newest)
}

fn steps(tx: &mut Tx, case: CaseId) -> Result<Capped<StepForClient>> {
    let own = tx.organization();
    let of_case = || {
        let all = case_transitions::table.filter(case_transitions::organization_id.eq(own));
        all.filter(case_transitions::case_id.eq(case)).into_boxed::<Dialect>()
    };
    tx.audit_read("case.transitions_read", case);
    Ok(crate::newest!(tx, StepForClient, (case_transitions::at.desc(), case_transitions::id.desc()), of_case()))
}
