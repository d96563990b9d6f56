//! The model of a case: the database row and the API view.

use super::lifecycle::{self, AvailableTransition, GuardInput};
use crate::{
    auth::{Actor, OrganizationId, Role, UserId},
    casework::clients::model::{ClientId, ClientRef},
    db::{dialect::Key, schema::cases},
    directory::providers::model::ProviderId,
    error::{Result, Violations},
    http::{Filter, OneOf, Resource},
    identity::{teams::model::TeamId, users::model::UserRef},
    records::search::model::{SearchKind, Searchable, lines, of_case_number},
    types::{
        Change, Day, Id, Instant, Json, Line, Patch, Text,
        code::{
            AdvocacyType, BarrierType, CaseOutcome, ClosingReason, IntakeSource, NonInstructedBasis, UnmetNeedReason,
        },
    },
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub use crate::records::ids::CaseId;

text_enum! {
    /// The status of a case.
    pub enum CaseStatus {
        Referred = "referred",
        Triage = "triage",
        Waitlisted = "waitlisted",
        Declined = "declined",
        Accepted = "accepted",
        Active = "active",
        OnHold = "on_hold",
        Closing = "closing",
        Closed = "closed",
        EnteredInError = "entered_in_error",
    }
}
text_enum! {
    /// How soon the case needs attention.
    pub enum Priority { Routine = "routine", High = "high", Urgent = "urgent" }
}
text_enum! {
    /// Whether the client instructs the advocate.
    pub enum Instruction { Instructed = "instructed", NonInstructed = "non_instructed" }
}

/// A row of `cases`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = cases, treat_none_as_default_value = false)]
pub struct CaseRow {
    pub organization_id: OrganizationId,
    pub id: CaseId,
    pub case_number: String,
    pub client_id: ClientId,
    /// Never changes, because the search finds records by team without reading the case (`overview::search`).
    pub team_id: TeamId,
    pub lead_advocate_id: Option<UserId>,
    pub advocacy_type: AdvocacyType,
    pub instruction: Instruction,
    pub non_instructed_basis: Option<NonInstructedBasis>,
    pub non_instructed_reason: Option<Text<2000>>,
    pub intake_source: IntakeSource,
    pub intake_source_text: Option<Line<200>>,
    pub status: CaseStatus,
    pub priority: Priority,
    pub priority_reason: Option<Text<1000>>,
    pub client_goal: Text<4000>,
    pub tags: Json<Vec<Line<40>>>,
    pub opened_at: Instant,
    pub closed_at: Option<Instant>,
    pub closing_reason: Option<ClosingReason>,
    pub closing_summary: Option<Text<8000>>,
    pub outcome: Option<CaseOutcome>,
    pub review_on: Option<Day>,
    /// `contacts` derives this and the next member from the notes and the transitions.
    pub first_contact_at: Option<Instant>,
    /// Not shown, so that a note of a later contact makes no new version of the case.
    pub last_contact_at: Option<Instant>,
    /// `barriers` maintains it, so that the guards need no other table.
    pub undisposed_barriers: i32,
    /// `deadlines` maintains this and the next member.
    pub open_deadlines: i32,
    pub next_deadline_on: Option<Day>,
    pub episode: i32,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
    /// `conflicts` maintains it: whether the latest check found nothing or was decided. `None` before the first check.
    pub conflicts_settled: Option<bool>,
    pub unmet_reason: Option<UnmetNeedReason>,
    /// The time of the last change of the row, which the triggers of report facts use. It differs from `updated_at`,
    /// which changes only with the version. `None` before the first change.
    pub kept_at: Option<Instant>,
}

impl CaseRow {
    pub fn open(
        organization_id: OrganizationId,
        team_id: TeamId,
        case_number: String,
        lead: Option<UserId>,
        new: &NewCase,
    ) -> Self {
        let (now, new) = (Instant::now(), new.clone());
        Self {
            organization_id,
            id: Id::new(),
            case_number,
            client_id: new.client_id,
            team_id,
            lead_advocate_id: lead,
            advocacy_type: new.advocacy_type,
            instruction: new.instruction.unwrap_or(Instruction::Instructed),
            non_instructed_basis: new.non_instructed_basis,
            non_instructed_reason: new.non_instructed_reason,
            intake_source: new.intake_source,
            intake_source_text: new.intake_source_text,
            status: CaseStatus::Referred,
            priority: new.priority.unwrap_or(Priority::Routine),
            priority_reason: new.priority_reason,
            client_goal: new.client_goal,
            tags: Json(new.tags),
            opened_at: now,
            closed_at: None,
            closing_reason: None,
            closing_summary: None,
            outcome: None,
            review_on: None,
            first_contact_at: None,
            last_contact_at: None,
            undisposed_barriers: 0,
            open_deadlines: 0,
            next_deadline_on: None,
            episode: 1,
            version: 1,
            created_at: now,
            updated_at: now,
            conflicts_settled: None,
            unmet_reason: None,
            kept_at: None,
        }
    }

    pub fn apply(&mut self, patch: &CasePatch) {
        let patch = patch.clone();
        patch.advocacy_type.apply(&mut self.advocacy_type);
        patch.instruction.apply(&mut self.instruction);
        patch.non_instructed_basis.apply(&mut self.non_instructed_basis);
        patch.non_instructed_reason.apply(&mut self.non_instructed_reason);
        patch.intake_source.apply(&mut self.intake_source);
        patch.intake_source_text.apply(&mut self.intake_source_text);
        patch.priority.apply(&mut self.priority);
        patch.priority_reason.apply(&mut self.priority_reason);
        patch.client_goal.apply(&mut self.client_goal);
        patch.tags.apply(&mut self.tags.0);
    }

    /// Checks the rules that involve several members of the body, for a new and for a changed case.
    pub fn check(&self) -> Result<()> {
        let mut violations = Violations::default();
        violations.require(
            self.priority != Priority::Urgent || self.priority_reason.is_some(),
            "priority_reason",
            "required",
            "an urgent case says why",
        );
        let non_instructed = self.instruction == Instruction::NonInstructed;
        violations.require(
            !non_instructed || self.non_instructed_basis.is_some(),
            "non_instructed_basis",
            "required",
            "acting without instruction needs a basis",
        );
        violations.require(
            !non_instructed || self.non_instructed_reason.is_some(),
            "non_instructed_reason",
            "required",
            "acting without instruction needs a reason",
        );
        violations.require(
            !self.intake_source.needs_text() || self.intake_source_text.is_some(),
            "intake_source_text",
            "required",
            "this code says nothing without words",
        );
        violations.into_result()
    }

    /// The guards' input that comes from the case itself.
    pub fn guard_input(&self) -> GuardInput {
        GuardInput {
            client_agreement: self.instruction == Instruction::NonInstructed && self.non_instructed_basis.is_some(),
            conflict_check: self.conflicts_settled == Some(true),
            open_conflict: self.conflicts_settled == Some(false),
            lead: self.lead_advocate_id,
            first_contact: self.first_contact_at.is_some(),
            // Every case has the client's goal, and the goal cannot be cleared.
            barrier_or_goal: true,
            undisposed_barriers: self.undisposed_barriers,
            open_deadlines: self.open_deadlines,
            next_deadline_on: self.next_deadline_on,
            ..GuardInput::default()
        }
    }

    pub fn available_transitions(&self, actor: Actor) -> Vec<AvailableTransition> {
        let own = self.guard_input();
        // Only supervisors may see the result of a conflict check. For all others the guard appears as unmet.
        let conflict_check = own.conflict_check && actor.role == Role::Supervisor;
        let input = GuardInput { mover: Some(actor.user), conflict_check, ..own };
        lifecycle::transitions_from(self.status)
            .map(|(to, by, guards)| AvailableTransition {
                to,
                by: by.to_vec(),
                permitted: lifecycle::may_perform(actor, self.lead_advocate_id, by),
                unmet: guards.iter().copied().filter(|guard| !guard.holds(&input)).collect(),
            })
            .collect()
    }
}

/// One episode of advocacy for one client.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/case.json"))))]
pub struct Case {
    pub id: CaseId,
    /// Unique in the organization; begins with the year.
    pub case_number: String,
    pub client_id: ClientId,
    pub team_id: TeamId,
    pub lead_advocate_id: Option<UserId>,
    pub advocacy_type: AdvocacyType,
    pub instruction: Instruction,
    pub non_instructed_basis: Option<NonInstructedBasis>,
    pub non_instructed_reason: Option<Text<2000>>,
    pub intake_source: IntakeSource,
    pub intake_source_text: Option<Line<200>>,
    pub status: CaseStatus,
    pub priority: Priority,
    pub priority_reason: Option<Text<1000>>,
    /// In the client's own words. Not shown to an administrator, who sees the case but not its content.
    pub client_goal: Option<Text<4000>>,
    pub tags: Vec<Line<40>>,
    pub opened_at: Instant,
    pub closed_at: Option<Instant>,
    pub closing_reason: Option<ClosingReason>,
    pub closing_summary: Option<Text<8000>>,
    pub outcome: Option<CaseOutcome>,
    /// Why a case that is declined or waitlisted is not taken on, if a code was given.
    pub unmet_reason: Option<UnmetNeedReason>,
    /// When a case on hold is reviewed.
    pub review_on: Option<Day>,
    /// When the client was first reached, from contact notes and transitions.
    pub first_contact_at: Option<Instant>,
    /// The number of times that the case was opened.
    pub episode: i32,
    /// The possible next statuses and their guards. Not in lists.
    pub available_transitions: Option<Vec<AvailableTransition>>,
    /// With `expand=client`, if the caller may see the client.
    pub client: Option<ClientRef>,
    /// With `expand=lead_advocate`.
    pub lead_advocate: Option<UserRef>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl Case {
    /// The view for this caller: an administrator and an integration get no content (AZ-07).
    pub fn for_caller(row: CaseRow, actor: Actor) -> Self {
        let content = actor.role.sees_content();
        Self {
            id: row.id,
            case_number: row.case_number,
            client_id: row.client_id,
            team_id: row.team_id,
            lead_advocate_id: row.lead_advocate_id,
            advocacy_type: row.advocacy_type,
            instruction: row.instruction,
            non_instructed_basis: row.non_instructed_basis,
            non_instructed_reason: row.non_instructed_reason.filter(|_| content),
            intake_source: row.intake_source,
            intake_source_text: row.intake_source_text.filter(|_| content),
            status: row.status,
            priority: row.priority,
            priority_reason: row.priority_reason.filter(|_| content),
            client_goal: Some(row.client_goal).filter(|_| content),
            tags: if content { row.tags.0 } else { Vec::new() },
            opened_at: row.opened_at,
            closed_at: row.closed_at,
            closing_reason: row.closing_reason,
            closing_summary: row.closing_summary.filter(|_| content),
            outcome: row.outcome,
            unmet_reason: row.unmet_reason,
            review_on: row.review_on,
            first_contact_at: row.first_contact_at,
            episode: row.episode,
            available_transitions: None,
            client: None,
            lead_advocate: None,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }

    /// The view with the possible transitions.
    pub fn with_transitions(row: CaseRow, actor: Actor) -> Self {
        let available_transitions = Some(row.available_transitions(actor));
        Self { available_transitions, ..Self::for_caller(row, actor) }
    }
}
impl Resource for Case {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/cases/{}", self.id)
    }
}

/// A new case.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_case.json"))))]
pub struct NewCase {
    pub client_id: ClientId,
    /// By default the caller's only team.
    pub team_id: Option<TeamId>,
    /// An advocate leads the case that they open. A supervisor may name a lead or leave the case without one.
    pub lead_advocate_id: Option<UserId>,
    pub advocacy_type: AdvocacyType,
    pub instruction: Option<Instruction>,
    pub non_instructed_basis: Option<NonInstructedBasis>,
    pub non_instructed_reason: Option<Text<2000>>,
    pub intake_source: IntakeSource,
    pub intake_source_text: Option<Line<200>>,
    pub priority: Option<Priority>,
    /// Required if the priority is urgent.
    pub priority_reason: Option<Text<1000>>,
    /// In the client's own words.
    pub client_goal: Text<4000>,
    #[serde(default)]
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    pub tags: Vec<Line<40>>,
}

/// Changes to a case. Use a transition to change the status, an assignment to change the lead.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"priority": "high", "tags": ["clinic-move", "moud"]}))]
pub struct CasePatch {
    pub advocacy_type: Change<AdvocacyType>,
    pub instruction: Change<Instruction>,
    pub non_instructed_basis: Patch<NonInstructedBasis>,
    pub non_instructed_reason: Patch<Text<2000>>,
    pub intake_source: Change<IntakeSource>,
    pub intake_source_text: Patch<Line<200>>,
    pub priority: Change<Priority>,
    pub priority_reason: Patch<Text<1000>>,
    pub client_goal: Change<Text<4000>>,
    /// At most 20; replaces the whole list.
    pub tags: Change<Vec<Line<40>>>,
}

/// Which cases to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct CaseFilter {
    #[param(value_type = Option<OneOf<CaseStatus>>, inline)]
    pub status: Option<OneOf<CaseStatus>>,
    #[param(value_type = Option<OneOf<Priority>>, inline)]
    pub priority: Option<OneOf<Priority>>,
    /// The lead advocate.
    pub advocate: Option<UserId>,
    pub team: Option<TeamId>,
    pub client: Option<ClientId>,
    /// Cases with a barrier at this provider.
    pub provider: Option<ProviderId>,
    /// Cases with a barrier of this type.
    pub barrier_type: Option<BarrierType>,
    pub tag: Option<Line<40>>,
    /// Opened at this time or later.
    pub opened_at_gte: Option<Instant>,
    /// Opened before this time.
    pub opened_at_lt: Option<Instant>,
    /// Without a successful contact since this time.
    pub last_contact_before: Option<Instant>,
    /// Parts of the case number, of the case's content, or of the client's search terms, in any order and spelling.
    pub q: Option<Line<100>>,
    /// `client`, `lead_advocate`, or both with a comma: adds their short views.
    #[param(value_type = Option<OneOf<CaseExpand>>, inline)]
    pub expand: Option<OneOf<CaseExpand>>,
}
impl CaseFilter {
    /// The name of the first filter in use that needs access to the content of cases (AZ-07).
    pub fn content_filter_in_use(&self) -> Option<&'static str> {
        let asked = [
            ("q", self.q.is_some()),
            ("tag", self.tag.is_some()),
            ("barrier_type", self.barrier_type.is_some()),
            ("provider", self.provider.is_some()),
            ("last_contact_before", self.last_contact_before.is_some()),
        ];
        asked.into_iter().find(|(_, asked)| *asked).map(|(name, _)| name)
    }
}
impl Filter for CaseFilter {
    const SORTS: &'static [&'static str] = &["-opened_at", "opened_at"];
}

text_enum! {
    /// The views that can be added to a case.
    pub enum CaseExpand { Client = "client", LeadAdvocate = "lead_advocate" }
}

/// The parameters of a case view.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct CaseView {
    /// `client`, `lead_advocate`, or both with a comma: adds their short views.
    #[param(value_type = Option<OneOf<CaseExpand>>, inline)]
    pub expand: Option<OneOf<CaseExpand>>,
}

impl Searchable for CaseRow {
    const KIND: SearchKind = SearchKind::Case;
    fn key(&self) -> Key {
        Key::from_uuid(self.id.uuid())
    }
    fn case(&self) -> Option<CaseId> {
        Some(self.id)
    }
    fn title(&self) -> String {
        self.case_number.clone()
    }
    fn body(&self) -> String {
        let more = [
            self.priority_reason.as_ref().map(|text| text.as_str()),
            self.closing_summary.as_ref().map(|text| text.as_str()),
        ];
        lines(
            [Some(self.client_goal.as_str())]
                .into_iter()
                .chain(more)
                .chain(self.tags.0.iter().map(|tag| Some(tag.as_str()))),
        )
    }
    fn more(&self) -> BTreeSet<String> {
        of_case_number(&self.case_number)
    }
}
