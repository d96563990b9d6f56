//! Records that are older than the test. They are written without the API at the given times, so that results over time
//! can be computed by hand. The triggers of the database run for them too.

use super::User;
use alongside::{
    auth::UserId,
    casework::{
        actions::model::ActionRow,
        barriers::model::{BarrierId, BarrierRow, Severity},
        cases::model::{CaseRow, CaseStatus},
        deadlines::model::DeadlineRow,
        meetings::model::MeetingRow,
        tasks::model::TaskRow,
    },
    db::{Conn, Versioned as _, schema::*},
    insert_all,
    types::{Day, Id, Instant, Line, Zone},
};
use diesel::prelude::*;
use serde_json::{Value, json};

pub fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}
pub fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}
/// 15:00 UTC on that day. In Chicago it is the same day.
fn noon(day: &str) -> Instant {
    at(&format!("{day}T15:00:00Z"))
}
fn with(mut fields: Value, more: Value) -> Value {
    fields.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    fields
}

/// Writes the past records of one team.
pub struct PastRecords<'s> {
    pub by: &'s User<'s>,
    conn: Conn,
    numbers: u32,
}

macro_rules! insert_and_change {
    ($($(#[$doc:meta])* $put:ident, $change:ident: $row:ident in $table:ident;)+) => {
        $(
            fn $put(&mut self, row: $row) -> $row {
                diesel::insert_into($table::table).values(&row).execute(&mut self.conn).unwrap();
                row
            }
            $(#[$doc])*
            pub fn $change(&mut self, row: &mut $row, on: &str, change: impl FnOnce(&mut $row)) {
                change(row);
                row.updated_at = noon(on);
                row.write_row(&mut self.conn).unwrap();
            }
        )+
    };
}

impl<'s> PastRecords<'s> {
    pub fn of(by: &'s User<'s>) -> Self {
        Self { by, conn: by.server.database.open(), numbers: 0 }
    }

    insert_and_change! {
        put_case, case_changes: CaseRow in cases;
        put_barrier, barrier_changes: BarrierRow in barriers;
        put_action, action_changes: ActionRow in actions;
        put_deadline, deadline_changes: DeadlineRow in deadlines;
        put_meeting, meeting_changes: MeetingRow in meetings;
        put_task, task_changes: TaskRow in tasks;
    }

    /// A case that is referred on this day, of a new client unless one is given.
    pub async fn case(&mut self, on: &str, lead: Option<UserId>, more: Value) -> CaseRow {
        let client = match more.get("client_id") {
            Some(client) => client.as_str().unwrap().to_owned(),
            None => self.by.new_client().await,
        };
        let new = json!({
            "client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "Keep my medication.",
        });
        let team = more.get("team_id").map_or(self.by.server.team, |team| Id::parse(team.as_str().unwrap()).unwrap());
        self.numbers += 1;
        let number = format!("1999-{:06}", self.numbers);
        let mut row = CaseRow::open(
            self.by.actor.organization,
            team,
            number,
            lead,
            &serde_json::from_value(with(new, more)).unwrap(),
        );
        (row.opened_at, row.created_at, row.updated_at) = (noon(on), noon(on), noon(on));
        self.put_case(row)
    }

    /// The transitions of a case, each on its day.
    pub fn steps(&mut self, case: &mut CaseRow, steps: &[(&str, CaseStatus)]) {
        for (on, to) in steps {
            self.case_changes(case, on, |case| {
                case.status = *to;
                case.closed_at = (*to == CaseStatus::Closed).then(|| noon(on));
            });
        }
    }

    pub fn barrier(&mut self, case: &CaseRow, on: &str, more: Value) -> BarrierRow {
        let new = with(json!({"type": "cost", "description": "d"}), more);
        let mut row =
            BarrierRow::new(case.organization_id, case.id, self.by.actor.user, &serde_json::from_value(new).unwrap());
        (row.opened_at, row.updated_at) = (noon(on), noon(on));
        self.put_barrier(row)
    }

    /// More barriers at once than a page holds.
    pub fn many_barriers(&mut self, case: &CaseRow, on: &str, many: usize) {
        let first = self.barrier(case, on, json!({}));
        let rows: Vec<BarrierRow> = (1..many).map(|_| BarrierRow { id: Id::new(), ..first.clone() }).collect();
        insert_all!(&mut self.conn, barriers::table, rows, false).unwrap();
    }

    /// Every barrier of a case whose index by id is divisible by `step`, and the last one.
    pub fn some_barriers(&mut self, case: &CaseRow, step: usize) -> Vec<BarrierId> {
        use barriers::dsl;
        let of_case =
            dsl::barriers.filter(dsl::organization_id.eq(case.organization_id)).filter(dsl::case_id.eq(case.id));
        let ids: Vec<BarrierId> = of_case.order(dsl::id).select(dsl::id).load(&mut self.conn).unwrap();
        ids.iter().copied().step_by(step).chain(ids.last().copied()).collect()
    }

    /// Changes these barriers now, and returns their number.
    pub fn change_barriers(&mut self, ids: Vec<BarrierId>) -> usize {
        use barriers::dsl;
        let change = (dsl::severity.eq(Severity::High), dsl::updated_at.eq(Instant::now()));
        diesel::update(dsl::barriers.filter(dsl::id.eq_any(ids))).set(change).execute(&mut self.conn).unwrap()
    }

    pub fn action(&mut self, case: &CaseRow, on: &str, more: Value) -> ActionRow {
        let new = with(json!({"type": "grievance", "forum": "The clinic"}), more);
        let user = self.by.actor.user;
        let mut row =
            ActionRow::new(case.organization_id, case.id, None, user, &serde_json::from_value(new).unwrap()).unwrap();
        (row.created_at, row.updated_at) = (noon(on), noon(on));
        self.put_action(row)
    }

    pub fn deadline(&mut self, action: &ActionRow, on: &str, due: &str) -> DeadlineRow {
        let zone = Zone::parse("America/Chicago").unwrap();
        let new =
            serde_json::from_value(json!({"due_on": due, "time_zone": "America/Chicago", "source": "manual"})).unwrap();
        let mut row = DeadlineRow::new(action, self.by.actor.user, zone, day(due), &new).unwrap();
        (row.created_at, row.updated_at) = (noon(on), noon(on));
        self.put_deadline(row)
    }

    pub fn meeting(&mut self, case: &CaseRow, on: &str, starts: &str, more: Value) -> MeetingRow {
        let new = json!({
            "type": "discharge_planning", "mode": "phone", "starts_at": noon(starts),
            "ends_at": noon(starts).plus_seconds(3600), "time_zone": "America/Chicago", "purpose": "Plan.",
        });
        let mut row = MeetingRow::new(case, self.by.actor.user, &serde_json::from_value(with(new, more)).unwrap());
        (row.created_at, row.updated_at) = (noon(on), noon(on));
        self.put_meeting(row)
    }

    pub fn task(&mut self, case: &CaseRow, on: &str, due: &str, assignee: Option<UserId>) -> TaskRow {
        let title = Line::parse("Call back").unwrap();
        let mut row = TaskRow::new(case.organization_id, case.id, self.by.actor.user, title, day(due));
        (row.assignee_id, row.created_at, row.updated_at) = (assignee, noon(on), noon(on));
        self.put_task(row)
    }
}
