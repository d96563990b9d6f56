//! Queries over everything that is due, each joined to its case and narrowed by [`visible`].

use super::model::*;
use crate::{
    auth::{Scope, UserId},
    casework::{
        assignments,
        cases::model::{CaseId, CaseStatus},
        deadlines::model::DeadlineStatus,
        handovers::model::HandoverStatus,
        meetings::model::Readiness,
    },
    db::{
        Condition, Dialect, Tx,
        dialect::Key,
        schema::{cases, commitments, deadlines, handovers, meetings, tasks},
    },
    error::Result,
    identity::{organizations, teams},
    types::{Day, Id, Instant},
};
use diesel::prelude::*;

/// As many of each kind.
const MOST: i64 = 50;
const DAY_SECONDS: i64 = 24 * 3600;

/// The cases whose work is on the caller's agenda: those that an advocate is assigned to, those of the teams that a supervisor
/// oversees.
fn visible(tx: &Tx) -> Condition {
    let seen = match tx.scope() {
        Scope::Teams(_) => teams::store::own(tx, "cases.team_id"),
        Scope::Assigned(_) => assignments::store::worked(tx, "cases.id"),
        Scope::Organization | Scope::Nothing => Condition::nothing(),
    };
    // What should never have been is nobody's work.
    seen.then(" AND cases.status <> 'entered_in_error'")
}

/// Which cases a list is asked for, so that a supervisor has those that nobody leads first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Led {
    Either,
    ByNobody,
    BySomebody,
}

/// Asks once for an advocate, who leads or helps; for a supervisor first for what nobody leads, and then for the rest.
fn unassigned_first<T>(tx: &mut Tx, ask: impl Fn(&mut Tx, Led, i64) -> Result<Vec<T>>) -> Result<Vec<T>> {
    if !matches!(tx.scope(), Scope::Teams(_)) {
        return ask(tx, Led::Either, MOST);
    }
    let mut items = ask(tx, Led::ByNobody, MOST)?;
    let room = MOST.saturating_sub(i64::try_from(items.len()).unwrap_or(MOST));
    if room > 0 {
        items.extend(ask(tx, Led::BySomebody, room)?);
    }
    Ok(items)
}

pub fn agenda(tx: &mut Tx, view: &AgendaView) -> Result<Agenda> {
    let as_of = Instant::now();
    let zone = organizations::store::find(tx)?.time_zone;
    let today = Day::of(as_of, &zone);
    let quiet_since = as_of.plus_seconds(-DAY_SECONDS * i64::from(view.quiet_days.days()));
    let agenda = Agenda {
        as_of,
        deadlines: unassigned_first(tx, |tx, led, limit| open_deadlines(tx, led, limit, as_of))?,
        meetings: coming_meetings(tx, today.begins(&zone))?,
        tasks: unassigned_first(tx, |tx, led, limit| due_tasks(tx, led, limit, today))?,
        commitments: due_commitments(tx, today)?,
        quiet_cases: quiet_cases(tx, quiet_since)?,
        handovers: offered(tx)?,
    };
    tx.saw_all("agenda.read", shown(&agenda));
    Ok(agenda)
}

/// The ids of everything on it, for the trace.
fn shown(agenda: &Agenda) -> Vec<Key> {
    fn key<K: 'static>(id: Id<K>) -> Key {
        Key::from_uuid(id.uuid())
    }
    let mut ids: Vec<Key> = agenda.deadlines.iter().map(|item| key(item.id)).collect();
    ids.extend(agenda.meetings.iter().map(|item| key(item.id)));
    ids.extend(agenda.tasks.iter().map(|item| key(item.id)));
    ids.extend(agenda.commitments.iter().map(|item| key(item.id)));
    ids.extend(agenda.quiet_cases.iter().map(|item| key(item.case_id)));
    ids.extend(agenda.handovers.iter().map(|item| key(item.id)));
    ids
}

fn open_deadlines(tx: &mut Tx, led: Led, limit: i64, as_of: Instant) -> Result<Vec<AgendaDeadline>> {
    let mut query = deadlines::table
        .inner_join(cases::table.on(cases::organization_id.eq(deadlines::organization_id).and(cases::id.eq(deadlines::case_id))))
        .filter(deadlines::organization_id.eq(tx.organization()))
        // Spelled out, so that the index of open deadlines serves it.
        .filter(Condition::sql("deadlines.status IN ('pending_trigger', 'running')"))
        .filter(visible(tx))
        .into_boxed::<Dialect>();
    query = match led {
        Led::Either => query,
        // The index of the cases that nobody leads holds the few that have a deadline.
        Led::ByNobody => query.filter(Condition::sql("cases.lead_advocate_id IS NULL AND cases.next_deadline_on IS NOT NULL")),
        Led::BySomebody => query.filter(cases::lead_advocate_id.is_not_null()),
    };
    let columns = (
        (deadlines::id, deadlines::action_id, deadlines::due_on, deadlines::due_at, deadlines::time_zone, deadlines::status),
        (cases::id, cases::case_number, cases::lead_advocate_id),
    );
    let rows: Vec<(_, Heading)> = query.select(columns).order((deadlines::due_on.asc(), deadlines::id.asc())).limit(limit).load(tx.conn)?;
    let item = |((id, action_id, due_on, due_at, time_zone, status), (case_id, case_number, lead_advocate_id)): (_, Heading)| {
        let overdue = due_at < as_of;
        let status = if overdue && status == DeadlineStatus::Running { DeadlineStatus::Missed } else { status };
        AgendaDeadline { id, case_id, case_number, lead_advocate_id, action_id, due_on, due_at, time_zone, status, overdue }
    };
    Ok(rows.into_iter().map(item).collect())
}

/// What each item says of its case.
type Heading = (CaseId, String, Option<UserId>);

fn coming_meetings(tx: &mut Tx, from: Instant) -> Result<Vec<AgendaMeeting>> {
    let query = meetings::table
        .inner_join(cases::table.on(cases::organization_id.eq(meetings::organization_id).and(cases::id.eq(meetings::case_id))))
        .filter(meetings::organization_id.eq(tx.organization()))
        .filter(meetings::starts_at.ge(from))
        .filter(Condition::sql("meetings.status IN ('proposed', 'booked')"))
        .filter(visible(tx))
        .into_boxed::<Dialect>();
    let columns = (
        (meetings::id, meetings::type_, meetings::mode, meetings::status, meetings::starts_at, meetings::ends_at),
        (meetings::time_zone, meetings::purpose, meetings::mandatory_items, meetings::mandatory_done),
        (cases::id, cases::case_number, cases::lead_advocate_id),
    );
    let rows: Vec<(_, _, Heading)> =
        query.select(columns).order((meetings::starts_at.asc(), meetings::id.asc())).limit(MOST).load(tx.conn)?;
    let item = |((id, kind, mode, status, starts_at, ends_at), (time_zone, purpose, mandatory, done), heading): (_, _, Heading)| {
        let ((case_id, case_number, lead_advocate_id), readiness) = (heading, Readiness::of(mandatory, done));
        AgendaMeeting { id, case_id, case_number, lead_advocate_id, kind, mode, status, starts_at, ends_at, time_zone, purpose, readiness }
    };
    Ok(rows.into_iter().map(item).collect())
}

fn due_tasks(tx: &mut Tx, led: Led, limit: i64, today: Day) -> Result<Vec<AgendaTask>> {
    let mut query = tasks::table
        .inner_join(cases::table.on(cases::organization_id.eq(tasks::organization_id).and(cases::id.eq(tasks::case_id))))
        .filter(tasks::organization_id.eq(tx.organization()))
        .filter(Condition::sql("tasks.status = 'open'"))
        .filter(tasks::due_on.le(today))
        .filter(visible(tx))
        .into_boxed::<Dialect>();
    query = match led {
        Led::Either => query,
        Led::ByNobody => query.filter(tasks::assignee_id.is_null()),
        Led::BySomebody => query.filter(tasks::assignee_id.is_not_null()),
    };
    let columns = ((tasks::id, tasks::assignee_id, tasks::title, tasks::due_on), (cases::id, cases::case_number, cases::lead_advocate_id));
    let rows: Vec<(_, Heading)> = query.select(columns).order((tasks::due_on.asc(), tasks::id.asc())).limit(limit).load(tx.conn)?;
    let item = |((id, assignee_id, title, due_on), (case_id, case_number, lead_advocate_id)): (_, Heading)| AgendaTask {
        id,
        case_id,
        case_number,
        lead_advocate_id,
        assignee_id,
        title,
        due_on,
        overdue: due_on < today,
    };
    Ok(rows.into_iter().map(item).collect())
}

fn due_commitments(tx: &mut Tx, today: Day) -> Result<Vec<AgendaCommitment>> {
    let of_meeting = meetings::organization_id.eq(commitments::organization_id).and(meetings::id.eq(commitments::meeting_id));
    let query = commitments::table
        .inner_join(meetings::table.on(of_meeting))
        .inner_join(cases::table.on(cases::organization_id.eq(meetings::organization_id).and(cases::id.eq(meetings::case_id))))
        .filter(commitments::organization_id.eq(tx.organization()))
        .filter(Condition::sql("commitments.status = 'open'"))
        .filter(commitments::due_on.le(today))
        .filter(visible(tx))
        .into_boxed::<Dialect>();
    let columns = (
        (commitments::id, commitments::meeting_id, commitments::party, commitments::text, commitments::due_on.assume_not_null()),
        (cases::id, cases::case_number, cases::lead_advocate_id),
    );
    let rows: Vec<(_, Heading)> =
        query.select(columns).order((commitments::due_on.asc(), commitments::id.asc())).limit(MOST).load(tx.conn)?;
    let item = |((id, meeting_id, party, text, due_on), (case_id, case_number, lead_advocate_id)): (_, Heading)| AgendaCommitment {
        id,
        case_id,
        case_number,
        lead_advocate_id,
        meeting_id,
        party,
        text,
        due_on,
        overdue: due_on < today,
    };
    Ok(rows.into_iter().map(item).collect())
}

/// For a supervisor first what nobody leads yet; then the active cases in which nobody was ever reached, and those in which it has
/// been long. Each is a walk of an index of its own.
fn quiet_cases(tx: &mut Tx, since: Instant) -> Result<Vec<QuietCase>> {
    let columns =
        (cases::id, cases::case_number, cases::lead_advocate_id, cases::status, cases::priority, cases::opened_at, cases::last_contact_at);
    let of_caller = |tx: &Tx| cases::table.filter(cases::organization_id.eq(tx.organization())).filter(visible(tx)).into_boxed::<Dialect>();
    let active = |tx: &Tx| of_caller(tx).filter(cases::status.eq(CaseStatus::Active));
    let mut queries = Vec::new();
    if matches!(tx.scope(), Scope::Teams(_)) {
        let nobodys = Condition::sql("cases.lead_advocate_id IS NULL AND cases.status IN ('referred', 'triage', 'accepted')");
        queries.push(of_caller(tx).filter(nobodys).order((cases::opened_at.asc(), cases::id.asc())));
    }
    queries.push(active(tx).filter(cases::last_contact_at.is_null()).order((cases::last_contact_at.asc(), cases::id.asc())));
    queries.push(active(tx).filter(cases::last_contact_at.lt(since)).order((cases::last_contact_at.asc(), cases::id.asc())));
    let mut quiet: Vec<QuietCase> = Vec::new();
    for query in queries {
        let room = MOST.saturating_sub(i64::try_from(quiet.len()).unwrap_or(MOST));
        if room > 0 {
            let rows = query.select(columns).limit(room).load(tx.conn)?;
            quiet.extend(rows.into_iter().map(|(case_id, case_number, lead_advocate_id, status, priority, opened_at, last_contact_at)| {
                QuietCase { case_id, case_number, lead_advocate_id, status, priority, opened_at, last_contact_at }
            }));
        }
    }
    Ok(quiet)
}

/// The offers to the caller, who may know of the number of a case before they see the case.
fn offered(tx: &mut Tx) -> Result<Vec<AgendaHandover>> {
    let query = handovers::table
        .inner_join(cases::table.on(cases::organization_id.eq(handovers::organization_id).and(cases::id.eq(handovers::case_id))))
        .filter(handovers::organization_id.eq(tx.organization()))
        .filter(handovers::to_user_id.eq(tx.user()?))
        .filter(cases::status.ne(CaseStatus::EnteredInError))
        .filter(handovers::status.eq(HandoverStatus::Offered));
    let columns = (handovers::id, cases::id, cases::case_number, handovers::from_user_id, handovers::offered_at);
    let rows: Vec<_> = query.select(columns).order((handovers::offered_at.asc(), handovers::id.asc())).limit(MOST).load(tx.conn)?;
    let item = |(id, case_id, case_number, from_user_id, offered_at)| AgendaHandover { id, case_id, case_number, from_user_id, offered_at };
    Ok(rows.into_iter().map(item).collect())
}
