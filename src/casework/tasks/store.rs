//! Queries over tasks. Every one starts from [`visible`].

use super::model::*;
use crate::{
    auth::UserId,
    casework::cases::{
        self,
        model::{CaseId, CaseRow},
    },
    db::{Dialect, PortableDsl as _, Tx, dialect::Key, save, schema::tasks, versioned},
    error::Result,
    http::{Body, Filter, IfMatch, List, Page},
    identity::users,
    records::{Capped, timeline, visibility},
    types::{Day, Line, Text},
};
use diesel::prelude::*;

versioned! {
    TaskRow, tasks, updated_at;
    always [title, description, done_at, version, created_at, updated_at]
    if_changed [case_id, meeting_id, due_on, assignee_id, status, created_by]
}

/// The tasks of the cases that this caller may work in.
fn visible(tx: &Tx) -> tasks::BoxedQuery<'static, Dialect> {
    tasks::table
        .filter(tasks::organization_id.eq(tx.organization()))
        .filter(visibility::in_visible_case(tx, "tasks"))
        .into_boxed()
}

fn filtered(tx: &Tx, filter: &TaskFilter) -> Result<tasks::BoxedQuery<'static, Dialect>> {
    let mut query = visible(tx);
    if let Some(case) = filter.case {
        query = query.filter(tasks::case_id.eq(case));
    }
    if let Some(assignee) = filter.assignee {
        query = query.filter(tasks::assignee_id.eq(assignee));
    }
    if filter.mine == Some(true) {
        query = query.filter(tasks::assignee_id.eq(tx.user()?));
    }
    if let Some(statuses) = &filter.status {
        // With `=` instead of `IN`, the index on the status also gives the order.
        query = match statuses.0.as_slice() {
            [one] => query.filter(tasks::status.eq(*one)),
            several => query.filter(tasks::status.eq_any(several.to_vec())),
        };
    }
    if let Some(before) = filter.due_before {
        query = query.filter(tasks::due_on.lt(before));
    }
    Ok(query)
}

fn listed<F: Filter>(tx: &mut Tx, list: &List<F>, filter: &TaskFilter) -> Result<Page<Task>> {
    let actor = tx.actor()?;
    let query =
        list.keyset(actor, filtered(tx, filter)?, (tasks::due_on, tasks::id), Day::from_cursor, TaskId::from_uuid)?;
    let rows: Vec<TaskRow> = query.select(TaskRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, filter)?.count().get_result(tx.conn)?) } else { None };
    let page = list.page(actor, rows, total, |row| (row.due_on.epoch_day(), row.id.uuid()), Task::from);
    tx.audit_read_all("task.listed", page.items.iter().map(|task| task.id));
    Ok(page)
}

pub fn page(tx: &mut Tx, list: &List<TaskFilter>) -> Result<Page<Task>> {
    listed(tx, list, &list.filter)
}

pub fn page_of_case(tx: &mut Tx, case: CaseId, list: &List<CaseTaskFilter>) -> Result<Page<Task>> {
    let case = cases::store::find(tx, case)?;
    let filter = TaskFilter { case: Some(case.id), status: list.filter.status.clone(), ..TaskFilter::default() };
    listed(tx, list, &filter)
}

/// The newest tasks of a case for its case file, oldest first, with the count of omitted ones.
pub fn of_case_file(tx: &mut Tx, case: CaseId) -> Result<Capped<TaskRow>> {
    let newest = crate::newest!(
        tx,
        TaskRow,
        (tasks::due_on.desc(), tasks::id.desc()),
        visible(tx).filter(tasks::case_id.eq(case))
    );
    tx.audit_read_all("task.listed", newest.rows.iter().map(|row| row.id));
    Ok(newest)
}

pub fn get(tx: &mut Tx, id: TaskId) -> Result<TaskRow> {
    let row: TaskRow = visible(tx).filter(tasks::id.eq(id)).select(TaskRow::as_select()).first(tx.conn)?;
    tx.audit_read("task.read", row.id);
    Ok(row)
}

/// The open tasks of a case, soonest first, at most 200, for a handover of the case.
pub fn open_of_case(tx: &mut Tx, case: CaseId) -> Result<Vec<(TaskId, Day)>> {
    let all = visible(tx).filter(tasks::case_id.eq(case)).filter(tasks::status.eq(TaskStatus::Open));
    Ok(all.order((tasks::due_on, tasks::id)).select((tasks::id, tasks::due_on)).limit(200).load(tx.conn)?)
}

/// Assigns the open tasks of these users in a case to the user who has just taken over the case.
pub fn reassign_open(tx: &mut Tx, case: CaseId, from: Vec<UserId>, to: UserId) -> Result<()> {
    let open = visible(tx).filter(tasks::case_id.eq(case)).filter(tasks::status.eq(TaskStatus::Open));
    let theirs = open.filter(tasks::assignee_id.eq_any(from));
    let rows: Vec<TaskRow> = theirs.order(tasks::id).select(TaskRow::as_select()).locked().load(tx.conn)?;
    for mut row in rows {
        row.assignee_id = Some(to);
        save(tx, &mut row)?;
        timeline::add(tx, row.case_id, "task.updated", row.id, None)?;
        tx.record("task.updated", row.id, vec!["assignee_id".into()]);
    }
    Ok(())
}

/// Inserts a task into a case that the caller has locked, and writes it to the audit log and the timeline.
/// `users::store::worker` must have accepted the assignee; `None` means no assignee yet.
pub fn insert(
    tx: &mut Tx,
    case: &CaseRow,
    meeting_id: Option<Key>,
    title: Line<200>,
    description: Option<Text<4000>>,
    due_on: Day,
    assignee: Option<UserId>,
) -> Result<TaskRow> {
    let bare = TaskRow::new(case.organization_id, case.id, tx.user()?, title, due_on);
    insert_row(tx, TaskRow { meeting_id, description, assignee_id: assignee, ..bare }, Vec::new())
}

fn insert_row(tx: &mut Tx, row: TaskRow, members: Vec<String>) -> Result<TaskRow> {
    diesel::insert_into(tasks::table).values(&row).execute(tx.conn)?;
    timeline::add(tx, row.case_id, "task.created", row.id, None)?;
    tx.record("task.created", row.id, members);
    Ok(row)
}

pub fn create(tx: &mut Tx, case: CaseId, new: &Body<NewTask>) -> Result<Task> {
    let case = cases::store::lock_for_update(tx, case)?;
    let own = tx.user()?;
    let assignee = match new.assignee_id {
        Some(named) => users::store::worker(tx, named, "/assignee_id")?.id,
        None => own,
    };
    let bare = TaskRow::new(case.organization_id, case.id, own, new.title.clone(), new.due_on);
    let row = TaskRow { description: new.description.clone(), assignee_id: Some(assignee), ..bare };
    Ok(insert_row(tx, row, new.members())?.into())
}

pub fn update(tx: &mut Tx, id: TaskId, version: &IfMatch, patch: &Body<TaskPatch>) -> Result<Task> {
    // Locks the case before the task, as everywhere.
    let case: CaseId = visible(tx).filter(tasks::id.eq(id)).select(tasks::case_id).first(tx.conn)?;
    cases::store::lock_for_update(tx, case)?;
    let mut row =
        visible(tx).filter(tasks::id.eq(id)).select(TaskRow::as_select()).locked().get_result::<TaskRow>(tx.conn)?;
    version.check(row.version)?;
    if let Some(named) = patch.assignee_id.set() {
        users::store::worker(tx, *named, "/assignee_id")?;
    }
    let before = row.status;
    row.apply(patch);
    save(tx, &mut row)?;
    match row.status {
        TaskStatus::Done if before != TaskStatus::Done => timeline::add(tx, row.case_id, "task.done", row.id, None)?,
        now => timeline::add(tx, row.case_id, "task.updated", row.id, (now != before).then(|| now.as_str()))?,
    }
    tx.record("task.updated", row.id, patch.members());
    Ok(row.into())
}
