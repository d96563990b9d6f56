//! The model of a task: the database row and the API view.

use crate::{
    auth::{OrganizationId, UserId},
    casework::cases::model::CaseId,
    db::{dialect::Key, schema::tasks},
    http::{Filter, OneOf, Resource},
    types::{Change, Day, Id, Instant, Line, Patch, Text},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type TaskId = Id<TaskRow>;

text_enum! {
    /// Whether a task is still to be done.
    pub enum TaskStatus { Open = "open", Done = "done", Cancelled = "cancelled" }
}

/// A row of `tasks`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = tasks, treat_none_as_default_value = false)]
pub struct TaskRow {
    pub organization_id: OrganizationId,
    pub id: TaskId,
    pub case_id: CaseId,
    pub meeting_id: Option<Key>,
    pub title: Line<200>,
    pub description: Option<Text<4000>>,
    pub due_on: Day,
    pub assignee_id: Option<UserId>,
    pub status: TaskStatus,
    pub done_at: Option<Instant>,
    pub created_by: UserId,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl TaskRow {
    pub fn new(
        organization_id: OrganizationId,
        case_id: CaseId,
        created_by: UserId,
        title: Line<200>,
        due_on: Day,
    ) -> Self {
        let now = Instant::now();
        Self {
            organization_id,
            id: Id::new(),
            case_id,
            meeting_id: None,
            title,
            description: None,
            due_on,
            assignee_id: Some(created_by),
            status: TaskStatus::Open,
            done_at: None,
            created_by,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Sets `done_at` when the patch completes the task, and clears it when the task is not done.
    pub fn apply(&mut self, patch: &TaskPatch) {
        let patch = patch.clone();
        patch.title.apply(&mut self.title);
        patch.description.apply(&mut self.description);
        patch.due_on.apply(&mut self.due_on);
        patch.assignee_id.apply(&mut self.assignee_id);
        patch.status.apply(&mut self.status);
        self.done_at =
            if self.status == TaskStatus::Done { self.done_at.or_else(|| Some(Instant::now())) } else { None };
    }
}

/// Work of a staff member, with a due date.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/task.json"))))]
pub struct Task {
    pub id: TaskId,
    pub case_id: CaseId,
    /// The meeting that the task follows from.
    pub meeting_id: Option<Key>,
    pub title: Line<200>,
    pub description: Option<Text<4000>>,
    pub due_on: Day,
    /// Absent if the task has no assignee yet.
    pub assignee_id: Option<UserId>,
    pub status: TaskStatus,
    pub done_at: Option<Instant>,
    pub created_by: UserId,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl From<TaskRow> for Task {
    fn from(row: TaskRow) -> Self {
        Self {
            id: row.id,
            case_id: row.case_id,
            meeting_id: row.meeting_id,
            title: row.title,
            description: row.description,
            due_on: row.due_on,
            assignee_id: row.assignee_id,
            status: row.status,
            done_at: row.done_at,
            created_by: row.created_by,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Task {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/tasks/{}", self.id)
    }
}

/// A new task.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_task.json"))))]
pub struct NewTask {
    pub title: Line<200>,
    pub description: Option<Text<4000>>,
    pub due_on: Day,
    /// By default the caller. An active advocate or supervisor of the organization.
    pub assignee_id: Option<UserId>,
}

/// Changes to a task.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"status": "done"}))]
pub struct TaskPatch {
    pub title: Change<Line<200>>,
    pub description: Patch<Text<4000>>,
    pub due_on: Change<Day>,
    /// An active advocate or supervisor of the organization.
    pub assignee_id: Patch<UserId>,
    pub status: Change<TaskStatus>,
}

/// Which tasks of a case to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct CaseTaskFilter {
    #[param(value_type = Option<OneOf<TaskStatus>>, inline)]
    pub status: Option<OneOf<TaskStatus>>,
}
impl Filter for CaseTaskFilter {
    const SORTS: &'static [&'static str] = TaskFilter::SORTS;
}

/// Which tasks to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct TaskFilter {
    pub assignee: Option<UserId>,
    /// With `true`: only the caller's own tasks.
    pub mine: Option<bool>,
    #[param(value_type = Option<OneOf<TaskStatus>>, inline)]
    pub status: Option<OneOf<TaskStatus>>,
    /// Due before this day.
    pub due_before: Option<Day>,
    pub case: Option<CaseId>,
}
impl Filter for TaskFilter {
    const SORTS: &'static [&'static str] = &["due_on", "-due_on"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_at_is_set_only_while_a_task_is_done() {
        let mut row =
            TaskRow::new(Id::new(), Id::new(), Id::new(), Line::parse("x").unwrap(), Day::parse("2026-11-27").unwrap());
        let mut patch = |json: serde_json::Value| {
            row.apply(&serde_json::from_value(json).unwrap());
            (row.status, row.done_at)
        };
        let (status, done) = patch(serde_json::json!({"status": "done"}));
        assert!(status == TaskStatus::Done && done.is_some());
        assert_eq!(patch(serde_json::json!({"title": "y"})), (TaskStatus::Done, done));
        assert_eq!(patch(serde_json::json!({"status": "cancelled"})), (TaskStatus::Cancelled, None));
        assert_eq!(patch(serde_json::json!({"status": "open"})), (TaskStatus::Open, None));
    }
}
