//! Queries over everything that is due. [`visible`] limits the queries over cases, and [`case_visible!`] those over
//! deadlines, meetings, tasks and commitments. [`offered_handovers`] returns what is offered to the caller, also for
//! cases that the caller cannot see yet. [`name_cases`] then reads the case numbers and leads of these items
//! in one query.

use super::model::*;
use crate::{
    auth::{CaseAccess, UserId},
    casework::{
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
    identity::{organizations, users},
    records::visibility,
    types::{Day, Id, Instant},
};
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of entries of each kind.
const MAX_ITEMS: i64 = 30;
const DAY_SECONDS: i64 = 24 * 3600;

/// The condition for cases whose work is on the caller's agenda: the cases that an advocate is assigned to, or the
/// cases of a supervisor's teams.
fn visible(tx: &Tx) -> Condition {
    let condition = match tx.case_access() {
        CaseAccess::Teams(_) => visibility::current_user_teams(tx, "cases.team_id"),
        CaseAccess::Assigned(_) => visibility::assigned_cases(tx, "cases.id"),
        CaseAccess::Organization | CaseAccess::Counted | CaseAccess::Own(_) | CaseAccess::Nothing => {
            Condition::nothing()
        }
    };
    // A case that was entered in error needs no work.
    condition.then(" AND cases.status <> 'entered_in_error'")
}

/// The condition for rows of a table with a `case_id` that are on the caller's agenda. For an advocate it checks the
/// assignments without reading `cases`, because rows of `cases` are long.
macro_rules! case_visible {
    ($tx:expr, $table:literal) => {
        match $tx.case_access() {
            CaseAccess::Assigned(_) => visibility::assigned_cases($tx, concat!($table, ".case_id"))
                .then(" AND ")
                .with(visibility::not_entered_in_error($table)),
            _ => Condition::sql(concat!(
                "EXISTS (SELECT 1 FROM cases WHERE cases.organization_id = ",
                $table,
                ".organization_id AND cases.id = ",
                $table,
                ".case_id AND "
            ))
            .with(visible($tx))
            .then(")"),
        }
    };
}

/// Puts a supervisor's unassigned items first. The other items are queried only if the limit leaves room. For all
/// other callers `unassigned` is empty, because [`agenda`] queries unassigned items only for a supervisor.
fn unassigned_first<T>(
    unassigned: Vec<T>,
    all: impl FnOnce() -> Result<Vec<T>>,
    same: impl Fn(&T, &T) -> bool,
) -> Result<Vec<T>> {
    let most = usize::try_from(MAX_ITEMS).unwrap_or(usize::MAX);
    let mut items = unassigned;
    if items.len() < most {
        let mut all = all()?;
        all.retain(|item| !items.iter().any(|other| same(item, other)));
        items.extend(all);
    }
    items.truncate(most);
    Ok(items)
}

pub fn agenda(tx: &mut Tx, view: &AgendaView) -> Result<Agenda> {
    let as_of = Instant::now();
    let is_supervisor = matches!(tx.case_access(), CaseAccess::Teams(_));
    let zone = organizations::store::find(tx)?.time_zone;
    let today = Day::of(as_of, &zone);
    let quiet_since = as_of.plus_seconds(-DAY_SECONDS * i64::from(view.quiet_days.days()));
    // Work of people who have left is unassigned, too.
    let departed_users = if is_supervisor { users::store::unable_to_work(tx)? } else { Vec::new() };
    let unassigned_deadlines =
        if is_supervisor { unassigned_deadlines(tx, &departed_users, as_of)? } else { Vec::new() };
    let unassigned_tasks =
        if is_supervisor { unassigned_tasks(tx, departed_users.clone(), today)? } else { Vec::new() };
    let mut agenda = Agenda {
        as_of,
        deadlines: unassigned_first(unassigned_deadlines, || open_deadlines(tx, None, as_of), |a, b| a.id == b.id)?,
        meetings: coming_meetings(tx, today.begins(&zone))?,
        tasks: unassigned_first(unassigned_tasks, || due_tasks(tx, Assignee::Anybody, today), |a, b| a.id == b.id)?,
        commitments: due_commitments(tx, today)?,
        quiet_cases: quiet_cases(tx, departed_users, quiet_since)?,
        handovers: offered_handovers(tx)?,
    };
    name_cases(tx, &mut agenda)?;
    tx.audit_read_all("agenda.read", item_ids(&agenda));
    Ok(agenda)
}

/// Fills in case number and lead of every item with a case, in one query.
fn name_cases(tx: &mut Tx, agenda: &mut Agenda) -> Result<()> {
    let mut unnamed: Vec<(CaseId, &mut String, &mut Option<UserId>)> = Vec::new();
    unnamed.extend(
        agenda.deadlines.iter_mut().map(|item| (item.case_id, &mut item.case_number, &mut item.lead_advocate_id)),
    );
    unnamed.extend(
        agenda.meetings.iter_mut().map(|item| (item.case_id, &mut item.case_number, &mut item.lead_advocate_id)),
    );
    unnamed
        .extend(agenda.tasks.iter_mut().map(|item| (item.case_id, &mut item.case_number, &mut item.lead_advocate_id)));
    unnamed.extend(
        agenda.commitments.iter_mut().map(|item| (item.case_id, &mut item.case_number, &mut item.lead_advocate_id)),
    );
    let ids: BTreeSet<CaseId> = unnamed.iter().map(|(case, ..)| *case).collect();
    let named = cases::table.filter(cases::organization_id.eq(tx.organization())).filter(cases::id.eq_any(ids));
    let columns = (cases::id, cases::case_number, cases::lead_advocate_id);
    let named: Vec<(CaseId, String, Option<UserId>)> = named.select(columns).load(tx.conn)?;
    let named: BTreeMap<CaseId, (String, Option<UserId>)> =
        named.into_iter().map(|(id, number, lead)| (id, (number, lead))).collect();
    for (case, number, lead) in unnamed {
        if let Some((case_number, lead_id)) = named.get(&case) {
            number.clone_from(case_number);
            *lead = *lead_id;
        }
    }
    Ok(())
}

/// The ids of all items, for the audit log.
fn item_ids(agenda: &Agenda) -> Vec<Key> {
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

/// The first deadlines of the cases that have no lead or whose lead has left. It is enough to query the cases with the
/// earliest `next_deadline_on`.
fn unassigned_deadlines(tx: &mut Tx, departed_users: &[UserId], as_of: Instant) -> Result<Vec<AgendaDeadline>> {
    let of_caller = |tx: &Tx| {
        let due = cases::table
            .filter(cases::organization_id.eq(tx.organization()))
            .filter(cases::next_deadline_on.is_not_null());
        let due = due.filter(visible(tx)).into_boxed::<Dialect>();
        due.order((cases::next_deadline_on.asc(), cases::id.asc())).select(cases::id).limit(MAX_ITEMS)
    };
    // Written literally, to match the partial index.
    let unassigned = Condition::sql("cases.lead_advocate_id IS NULL AND cases.next_deadline_on IS NOT NULL");
    let mut cases: Vec<CaseId> = of_caller(tx).filter(unassigned).load(tx.conn)?;
    if !departed_users.is_empty() {
        let of_departed_leads =
            of_caller(tx).filter(Condition::sql(OPEN)).filter(cases::lead_advocate_id.eq_any(departed_users.to_vec()));
        cases.extend(of_departed_leads.load::<CaseId>(tx.conn)?);
    }
    if cases.is_empty() { Ok(Vec::new()) } else { open_deadlines(tx, Some(cases), as_of) }
}

fn open_deadlines(tx: &mut Tx, of_cases: Option<Vec<CaseId>>, as_of: Instant) -> Result<Vec<AgendaDeadline>> {
    let mut query = deadlines::table
        .filter(deadlines::organization_id.eq(tx.organization()))
        // Written literally, to match the partial indexes of open deadlines.
        .filter(Condition::sql("deadlines.status IN ('pending_trigger', 'running')"))
        .filter(case_visible!(tx, "deadlines"))
        .into_boxed::<Dialect>();
    if let Some(cases) = of_cases {
        query = query.filter(deadlines::case_id.eq_any(cases));
    }
    let columns = (
        (deadlines::id, deadlines::case_id, deadlines::action_id, deadlines::due_on),
        (deadlines::due_at, deadlines::time_zone, deadlines::status),
    );
    let rows: Vec<(_, _)> =
        query.select(columns).order((deadlines::due_on.asc(), deadlines::id.asc())).limit(MAX_ITEMS).load(tx.conn)?;
    let item = |((id, case_id, action_id, due_on), (due_at, time_zone, status))| {
        let overdue = due_at < as_of;
        let status = if overdue && status == DeadlineStatus::Running { DeadlineStatus::Missed } else { status };
        let (case_number, lead_advocate_id) = UNNAMED;
        AgendaDeadline {
            id,
            case_id,
            case_number,
            lead_advocate_id,
            action_id,
            due_on,
            due_at,
            time_zone,
            status,
            overdue,
        }
    };
    Ok(rows.into_iter().map(item).collect())
}

/// The placeholder that [`name_cases`] replaces.
const UNNAMED: (String, Option<UserId>) = (String::new(), None);

fn coming_meetings(tx: &mut Tx, from: Instant) -> Result<Vec<AgendaMeeting>> {
    let query = meetings::table
        .filter(meetings::organization_id.eq(tx.organization()))
        .filter(meetings::starts_at.ge(from))
        .filter(Condition::sql("meetings.status IN ('proposed', 'booked')"))
        .filter(case_visible!(tx, "meetings"))
        .into_boxed::<Dialect>();
    let columns = (
        (
            meetings::id,
            meetings::case_id,
            meetings::type_,
            meetings::mode,
            meetings::status,
            meetings::starts_at,
            meetings::ends_at,
        ),
        (meetings::time_zone, meetings::purpose, meetings::mandatory_items, meetings::mandatory_done),
    );
    let rows: Vec<(_, _)> =
        query.select(columns).order((meetings::starts_at.asc(), meetings::id.asc())).limit(MAX_ITEMS).load(tx.conn)?;
    let item = |((id, case_id, kind, mode, status, starts_at, ends_at), (time_zone, purpose, mandatory, done))| {
        let ((case_number, lead_advocate_id), readiness) = (UNNAMED, Readiness::new(mandatory, done));
        AgendaMeeting {
            id,
            case_id,
            case_number,
            lead_advocate_id,
            kind,
            mode,
            status,
            starts_at,
            ends_at,
            time_zone,
            purpose,
            readiness,
        }
    };
    Ok(rows.into_iter().map(item).collect())
}

/// The assignees whose tasks are queried.
enum Assignee {
    Anybody,
    Nobody,
    OneOf(Vec<UserId>),
}

/// The due tasks without an assignee and those of people who have left, soonest first.
fn unassigned_tasks(tx: &mut Tx, departed_users: Vec<UserId>, today: Day) -> Result<Vec<AgendaTask>> {
    let mut tasks = due_tasks(tx, Assignee::Nobody, today)?;
    if !departed_users.is_empty() {
        tasks.extend(due_tasks(tx, Assignee::OneOf(departed_users), today)?);
        tasks.sort_by_key(|task| (task.due_on, task.id.uuid()));
    }
    Ok(tasks)
}

fn due_tasks(tx: &mut Tx, assignee: Assignee, today: Day) -> Result<Vec<AgendaTask>> {
    let mut query = tasks::table
        .filter(tasks::organization_id.eq(tx.organization()))
        .filter(Condition::sql("tasks.status = 'open'"))
        .filter(tasks::due_on.le(today))
        .filter(case_visible!(tx, "tasks"))
        .into_boxed::<Dialect>();
    query = match assignee {
        Assignee::Anybody => query,
        Assignee::Nobody => query.filter(tasks::assignee_id.is_null()),
        Assignee::OneOf(people) => query.filter(tasks::assignee_id.eq_any(people)),
    };
    let columns = (tasks::id, tasks::case_id, tasks::assignee_id, tasks::title, tasks::due_on);
    let rows: Vec<_> =
        query.select(columns).order((tasks::due_on.asc(), tasks::id.asc())).limit(MAX_ITEMS).load(tx.conn)?;
    let item = |(id, case_id, assignee_id, title, due_on)| {
        let (case_number, lead_advocate_id) = UNNAMED;
        AgendaTask { id, case_id, case_number, lead_advocate_id, assignee_id, title, due_on, overdue: due_on < today }
    };
    Ok(rows.into_iter().map(item).collect())
}

fn due_commitments(tx: &mut Tx, today: Day) -> Result<Vec<AgendaCommitment>> {
    let of_meeting =
        meetings::organization_id.eq(commitments::organization_id).and(meetings::id.eq(commitments::meeting_id));
    let query = commitments::table
        .inner_join(meetings::table.on(of_meeting))
        .filter(commitments::organization_id.eq(tx.organization()))
        .filter(Condition::sql("commitments.status = 'open'"))
        .filter(commitments::due_on.le(today))
        .filter(case_visible!(tx, "meetings"))
        .into_boxed::<Dialect>();
    let columns = (
        (commitments::id, meetings::case_id, commitments::meeting_id),
        (commitments::party, commitments::text, commitments::due_on.assume_not_null()),
    );
    let rows: Vec<(_, _)> = query
        .select(columns)
        .order((commitments::due_on.asc(), commitments::id.asc()))
        .limit(MAX_ITEMS)
        .load(tx.conn)?;
    let item = |((id, case_id, meeting_id), (party, text, due_on))| {
        let (case_number, lead_advocate_id) = UNNAMED;
        AgendaCommitment {
            id,
            case_id,
            case_number,
            lead_advocate_id,
            meeting_id,
            party,
            text,
            due_on,
            overdue: due_on < today,
        }
    };
    Ok(rows.into_iter().map(item).collect())
}

/// The statuses in which a case still needs work. The text matches the partial index of open cases by lead.
const OPEN: &str = "cases.status IN ('referred', 'triage', 'waitlisted', 'accepted', 'active', 'on_hold', 'closing')";

/// For a supervisor, first the cases whose lead has left and the cases without a lead. Then the active cases in which
/// nobody was ever reached, and those whose last contact is long ago. Each query uses an index of its own.
fn quiet_cases(tx: &mut Tx, departed_users: Vec<UserId>, since: Instant) -> Result<Vec<QuietCase>> {
    let columns = (
        cases::id,
        cases::case_number,
        cases::lead_advocate_id,
        cases::status,
        cases::priority,
        cases::opened_at,
        cases::last_contact_at,
    );
    let of_caller = |tx: &Tx| {
        cases::table.filter(cases::organization_id.eq(tx.organization())).filter(visible(tx)).into_boxed::<Dialect>()
    };
    let active = |tx: &Tx| of_caller(tx).filter(cases::status.eq(CaseStatus::Active));
    let mut queries = Vec::new();
    if !departed_users.is_empty() {
        let of_departed_leads =
            of_caller(tx).filter(Condition::sql(OPEN)).filter(cases::lead_advocate_id.eq_any(departed_users));
        queries.push((QuietReason::LeadLeft, of_departed_leads.order((cases::opened_at.asc(), cases::id.asc()))));
    }
    if matches!(tx.case_access(), CaseAccess::Teams(_)) {
        let no_lead =
            Condition::sql("cases.lead_advocate_id IS NULL AND cases.status IN ('referred', 'triage', 'accepted')");
        // The lead is NULL in all of these rows; it is in the order only to match the index.
        let unassigned = of_caller(tx).filter(no_lead).order((
            cases::lead_advocate_id.asc(),
            cases::opened_at.asc(),
            cases::id.asc(),
        ));
        queries.push((QuietReason::NoLead, unassigned));
    }
    let never =
        active(tx).filter(cases::last_contact_at.is_null()).order((cases::last_contact_at.asc(), cases::id.asc()));
    let long_ago =
        active(tx).filter(cases::last_contact_at.lt(since)).order((cases::last_contact_at.asc(), cases::id.asc()));
    queries.extend([(QuietReason::Quiet, never), (QuietReason::Quiet, long_ago)]);
    let mut quiet: Vec<QuietCase> = Vec::new();
    let most = usize::try_from(MAX_ITEMS).unwrap_or(usize::MAX);
    for (reason, query) in queries {
        if quiet.len() >= most {
            break;
        }
        let rows = query.select(columns).limit(MAX_ITEMS).load(tx.conn)?;
        let items = rows.into_iter().map(
            |(case_id, case_number, lead_advocate_id, status, priority, opened_at, last_contact_at)| QuietCase {
                case_id,
                case_number,
                reason,
                lead_advocate_id,
                status,
                priority,
                opened_at,
                last_contact_at,
            },
        );
        // A case that is already listed keeps its more urgent reason.
        let new: Vec<QuietCase> =
            items.filter(|item| !quiet.iter().any(|other| other.case_id == item.case_id)).collect();
        quiet.extend(new);
    }
    quiet.truncate(most);
    Ok(quiet)
}

/// The handovers that are offered to the caller. The caller may know the case number before they can see the case.
fn offered_handovers(tx: &mut Tx) -> Result<Vec<AgendaHandover>> {
    let query = handovers::table
        .inner_join(
            cases::table
                .on(cases::organization_id.eq(handovers::organization_id).and(cases::id.eq(handovers::case_id))),
        )
        .filter(handovers::organization_id.eq(tx.organization()))
        .filter(handovers::to_user_id.eq(tx.user()?))
        .filter(cases::status.ne(CaseStatus::EnteredInError))
        .filter(handovers::status.eq(HandoverStatus::Offered));
    let columns = (handovers::id, cases::id, cases::case_number, handovers::from_user_id, handovers::offered_at);
    let rows: Vec<_> = query
        .select(columns)
        .order((handovers::offered_at.asc(), handovers::id.asc()))
        .limit(MAX_ITEMS)
        .load(tx.conn)?;
    let item = |(id, case_id, case_number, from_user_id, offered_at)| AgendaHandover {
        id,
        case_id,
        case_number,
        from_user_id,
        offered_at,
    };
    Ok(rows.into_iter().map(item).collect())
}
