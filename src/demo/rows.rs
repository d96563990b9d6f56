//! The generated rows: plain columns, in one batch for many cases.

use crate::{
    casework::{deadlines::model::Basis, handovers::model::OpenWork},
    db::{Conn, dialect::Key, schema::*},
    error::Result,
    insert_all,
    types::{Day, Instant, Json},
};
use diesel::prelude::*;
use serde_json::Value;

type Word = &'static str;

/// Declares the rows, and a batch with the rows of every table in an order in which they can be written: each table
/// after those that it references.
macro_rules! rows {
    ($batch:ident { $($list:ident: $name:ident in $table:ident { $($column:ident: $type:ty,)* })* }) => {
        $(
            #[derive(Insertable)]
            #[diesel(table_name = $table, treat_none_as_default_value = false)]
            pub struct $name { $(pub $column: $type),* }
        )*
        #[derive(Default)]
        pub struct $batch { $(pub $list: Vec<$name>),* }
        impl $batch {
            /// Sorts each table's rows by key, because they are written fastest in this order.
            pub fn sort(&mut self) {
                $(self.$list.sort_by_key($name::key);)*
            }
            pub fn write(&self, conn: &mut Conn) -> Result<()> {
                let copies = conn.may_copy()?;
                $(insert_all!(conn, $table::table, self.$list, copies)?;)*
                Ok(())
            }
        }
    };
}

rows! {
    OrganizationRows {
        teams: TeamRow in teams { organization_id: Key, id: Key, name: String, version: i32, created_at: Instant, updated_at: Instant, }
        users: UserRow in users {
            organization_id: Key, id: Key, email: String, display_name: String, role: Word, status: Word, password_hash: Option<String>,
            version: i32, created_at: Instant, updated_at: Instant,
        }
        names: NameRow in login_names { email: String, organization_id: Key, user_id: Key, }
        members: MemberRow in team_members { organization_id: Key, team_id: Key, user_id: Key, added_at: Instant, }
        providers: ProviderRow in providers {
            organization_id: Key, id: Key, name: String, description: Option<String>, url: Option<String>, phone: Option<String>,
            version: i32, created_at: Instant, updated_at: Instant, words: String,
        }
        services: ServiceRow in services {
            organization_id: Key, id: Key, provider_id: Key, name: Word, status: Word, service_type: Option<Json<Value>>,
            eligibility_description: Option<Word>, wait_time: Option<Word>, version: i32, created_at: Instant, updated_at: Instant, words: String,
        }
        templates: TemplateRow in preparation_templates {
            organization_id: Key, meeting_type: Word, items: Json<Value>, version: i32, updated_at: Instant,
        }
    }
}

rows! {
    Batch {
        clients: ClientRow in clients {
            organization_id: Key, id: Key, team_id: Key, preferred_name: String, legal_name: Option<String>, pronouns: Option<Word>,
            date_of_birth: Option<Day>, phone: Option<String>, language: Option<Word>, interpreter_needed: bool,
            safe_contact: Json<Value>, created_by: Key, version: i32, created_at: Instant, updated_at: Instant,
        }
        cases: CaseRow in cases {
            organization_id: Key, id: Key, case_number: String, client_id: Key, team_id: Key, lead_advocate_id: Option<Key>,
            advocacy_type: Word, instruction: Word, non_instructed_basis: Option<Word>, non_instructed_reason: Option<Word>,
            intake_source: Word, status: Word, priority: Word, priority_reason: Option<Word>, client_goal: String, tags: Json<Vec<String>>,
            opened_at: Instant, closed_at: Option<Instant>, closing_reason: Option<Word>, closing_summary: Option<Word>,
            outcome: Option<Word>, review_on: Option<Day>, first_contact_at: Option<Instant>, last_contact_at: Option<Instant>,
            undisposed_barriers: i32, open_deadlines: i32, next_deadline_on: Option<Day>, episode: i32, version: i32, created_at: Instant, updated_at: Instant,
            unmet_reason: Option<Word>,
        }
        episodes: EpisodeRow in case_episodes {
            organization_id: Key, case_id: Key, episode: i32, opened_at: Instant, closed_at: Option<Instant>,
            closing_reason: Option<Word>, closing_summary: Option<Word>, outcome: Option<Word>,
        }
        transitions: TransitionRow in case_transitions {
            organization_id: Key, id: Key, case_id: Key, from_status: Option<Word>, to_status: Word, reason: Option<Word>,
            given: Json<Value>, actor_id: Key, at: Instant,
        }
        assignments: AssignmentRow in assignments {
            organization_id: Key, id: Key, case_id: Key, user_id: Key, role: Word, assigned_by: Key, started_at: Instant,
            ended_at: Option<Instant>, version: i32,
        }
        barriers: BarrierRow in barriers {
            organization_id: Key, id: Key, case_id: Key, type_: Word, bases: Json<Vec<String>>, service_type: Option<Json<Value>>,
            provider_id: Option<Key>, service_id: Option<Key>, occurred_on: Option<Day>, ongoing: bool, description: String,
            severity: Word, verification: Word, status: Word, disposition: Option<Word>, judged_by: Option<Word>, opened_at: Instant,
            resolved_at: Option<Instant>, created_by: Key, version: i32, updated_at: Instant,
        }
        actions: ActionRow in actions {
            organization_id: Key, id: Key, case_id: Key, barrier_id: Option<Key>, provider_id: Option<Key>, type_: Word, forum: Word,
            scheme: Option<Word>, level: Option<i32>, parent_action_id: Option<Key>, escalation_reason: Option<Word>, status: Word,
            filed_on: Option<Day>, method: Option<Word>, decision: Option<Word>, decided_on: Option<Day>, late_filing: bool,
            created_by: Key, version: i32, created_at: Instant, updated_at: Instant,
        }
        deadlines: DeadlineRow in deadlines {
            organization_id: Key, id: Key, case_id: Key, action_id: Key, rule_id: Option<Key>, rule_version: Option<i32>,
            trigger_date: Option<Day>, due_on: Day, due_at: Instant, time_zone: Word, source: Word, differs_from_notice: bool,
            computation: Option<Json<Basis>>, status: Word, satisfied_by: Option<Key>, satisfied_on: Option<Day>, late_filing: bool,
            created_by: Key, version: i32, created_at: Instant, updated_at: Instant,
        }
        meetings: MeetingRow in meetings {
            organization_id: Key, id: Key, case_id: Key, type_: Word, mode: Word, starts_at: Instant, ends_at: Instant, time_zone: Word,
            provider_id: Option<Key>, place: Option<Word>, participants: Json<Value>, purpose: Word, status: Word,
            who_spoke: Option<Word>, outcomes: Json<Vec<String>>, summary: Option<Word>, views_recorded_by_provider: Option<Word>,
            ratings_before: Option<Json<Value>>, ratings_after: Option<Json<Value>>, mandatory_items: i32, mandatory_done: i32,
            created_by: Key, version: i32, created_at: Instant, updated_at: Instant,
        }
        items: ItemRow in preparation_items {
            organization_id: Key, id: Key, meeting_id: Key, position: i32, category: Word, text: Word, mandatory: bool, owner: Word,
            done_at: Option<Instant>, done_by: Option<Key>, version: i32,
        }
        commitments: CommitmentRow in commitments {
            organization_id: Key, id: Key, meeting_id: Key, party: Word, text: Word, due_on: Option<Day>, status: Word, version: i32,
            created_at: Instant, updated_at: Instant,
        }
        notes: NoteRow in notes {
            organization_id: Key, id: Key, case_id: Key, kind: Word, body: String, occurred_at: Instant, direction: Option<Word>,
            mode: Option<Word>, successful: Option<bool>, minutes: Option<i32>, author_id: Key, version: i32, created_at: Instant,
            updated_at: Instant,
        }
        tasks: TaskRow in tasks {
            organization_id: Key, id: Key, case_id: Key, title: Word, due_on: Day, assignee_id: Option<Key>, status: Word,
            done_at: Option<Instant>, created_by: Key, version: i32, created_at: Instant, updated_at: Instant,
        }
        statements: StatementRow in statements {
            organization_id: Key, id: Key, client_id: Key, number: i32, status: Word, sections: Json<Value>, created_by: Key,
            approved_by: Option<Word>, approval_method: Option<Word>, approved_on: Option<Day>, recorded_by: Option<Key>,
            recorded_at: Option<Instant>, version: i32, created_at: Instant, updated_at: Instant,
        }
        handovers: HandoverRow in handovers {
            organization_id: Key, id: Key, case_id: Key, from_user_id: Key, to_user_id: Key, offered_by: Key, note: Word, status: Word,
            open_work: Json<OpenWork>, offered_at: Instant, version: i32,
        }
        accounts: AccountRow in client_accounts { organization_id: Key, client_id: Key, user_id: Key, created_at: Instant, }
        timeline: TimelineRow in timeline_entries {
            organization_id: Key, id: Key, case_id: Key, at: Instant, event: Word, subject_id: Key, actor_id: Key, detail: Option<Word>,
            note_kind: Option<Word>,
        }
        documents: DocumentRow in search_documents {
            organization_id: Key, id: Key, kind: Word, team_id: Key, case_id: Option<Key>, note_kind: Option<Word>,
            author_id: Option<Key>, segment: Option<i64>, title: String, body: String, words: Option<String>,
        }
    }
}

/// The column by which a table is clustered within its organization.
macro_rules! keys {
    ($($name:ident: $column:ident,)*) => {$(impl $name { fn key(&self) -> Key { self.$column } })*};
}
keys! {
    TeamRow: id, UserRow: id, MemberRow: team_id, ProviderRow: id, ServiceRow: id,
    NameRow: user_id, TemplateRow: organization_id,
    ClientRow: id, CaseRow: id, EpisodeRow: case_id, TransitionRow: id, AssignmentRow: id, BarrierRow: id, ActionRow: id, DeadlineRow: id, MeetingRow: id,
    StatementRow: id, HandoverRow: id, AccountRow: client_id, ItemRow: id, CommitmentRow: id, NoteRow: id, TaskRow: id, TimelineRow: id,
    DocumentRow: id,
}
