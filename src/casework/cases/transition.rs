//! Transitions: the change of a case's status, and its history.

use super::{
    contacts,
    lifecycle::{self, Guard, GuardInput},
    model::{Case, CaseId, CaseRow, CaseStatus},
    store,
};
use crate::{
    auth::{OrganizationId, UserId},
    casework::{assignments, clients, conflicts, deadlines, handovers},
    db::{
        Dialect, Tx, rewrite, save,
        schema::{case_episodes, case_transitions},
    },
    error::{ApiError, Code, FieldPath, Issue, Result},
    http::{Body, Filter, IfMatch, List, Page},
    identity::{organizations, users},
    records::{Capped, search, timeline},
    types::{
        Day, Id, Instant, Json, Text,
        code::{CaseOutcome, ClosingReason, UnmetNeedReason},
        fault::Fault,
    },
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type TransitionId = Id<TransitionRow>;

/// The values that a transition carries besides the new status. The guards say which are required.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Given {
    pub review_on: Option<Day>,
    pub signpost: Option<Text<1000>>,
    pub reason_code: Option<UnmetNeedReason>,
    pub client_agreement: Option<bool>,
    pub conflict_check: Option<bool>,
    pub lead_advocate_id: Option<UserId>,
    pub first_contact: Option<Instant>,
    pub closing_reason: Option<ClosingReason>,
    pub closing_summary: Option<Text<8000>>,
    pub outcome: Option<CaseOutcome>,
    pub waive_deadlines: Option<bool>,
}

/// A change of the status. `available_transitions` of the case says what else is required, guard by guard.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/transition.json"))))]
pub struct Transition {
    pub to: CaseStatus,
    pub reason: Option<Text<2000>>,
    /// When the hold is reviewed: a day within 90 days.
    pub review_on: Option<Day>,
    /// The place to which a person whom we cannot help was referred.
    pub signpost: Option<Text<1000>>,
    /// Why a case is declined or waitlisted, as a code for reports. Give the details in `reason`.
    pub reason_code: Option<UnmetNeedReason>,
    /// That the client has agreed to the advocacy.
    pub client_agreement: Option<bool>,
    /// That somebody has checked for conflicts of interest. A recorded conflict check counts, too; if it found
    /// conflicts, they must be decided first.
    pub conflict_check: Option<bool>,
    /// The user who will lead the case.
    pub lead_advocate_id: Option<UserId>,
    /// When somebody first spoke with the client, if no contact note says it. If several transitions have it, the
    /// latest counts.
    pub first_contact: Option<Instant>,
    pub closing_reason: Option<ClosingReason>,
    pub closing_summary: Option<Text<8000>>,
    pub outcome: Option<CaseOutcome>,
    /// Closes the case in spite of open deadlines; requires a reason.
    pub waive_deadlines: Option<bool>,
}

impl Transition {
    fn given(&self) -> Given {
        let own = self.clone();
        Given {
            review_on: own.review_on,
            signpost: own.signpost,
            reason_code: own.reason_code,
            client_agreement: own.client_agreement,
            conflict_check: own.conflict_check,
            lead_advocate_id: own.lead_advocate_id,
            first_contact: own.first_contact,
            closing_reason: own.closing_reason,
            closing_summary: own.closing_summary,
            outcome: own.outcome,
            waive_deadlines: own.waive_deadlines,
        }
    }

    /// The input of the guards: the values of the case and of the request.
    fn guard_input(&self, row: &CaseRow, today: Day, mover: UserId, second_person_closes: bool) -> GuardInput {
        let case = row.guard_input();
        GuardInput {
            client_agreement: case.client_agreement || self.client_agreement == Some(true),
            conflict_check: case.conflict_check || self.conflict_check == Some(true),
            lead: self.lead_advocate_id.or(case.lead),
            reason: self.reason.is_some(),
            signpost: self.signpost.is_some(),
            first_contact: case.first_contact || self.first_contact.is_some(),
            review_on: self.review_on,
            waive_deadlines: self.waive_deadlines == Some(true),
            closing_reason: self.closing_reason.is_some(),
            closing_summary: self.closing_summary.is_some(),
            outcome: self.outcome.is_some(),
            second_person_closes,
            mover: Some(mover),
            today: Some(today),
            ..case
        }
    }
}

/// A row of `case_transitions`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = case_transitions, treat_none_as_default_value = false)]
pub struct TransitionRow {
    pub organization_id: OrganizationId,
    pub id: TransitionId,
    pub case_id: CaseId,
    pub from_status: Option<CaseStatus>,
    pub to_status: CaseStatus,
    pub reason: Option<Text<2000>>,
    pub given: Json<Given>,
    pub actor_id: UserId,
    pub at: Instant,
}

/// One change of a case's status.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/case_transition.json"))))]
pub struct CaseTransition {
    pub id: TransitionId,
    /// Absent for the first, which opened the case.
    pub from: Option<CaseStatus>,
    pub to: CaseStatus,
    pub reason: Option<Text<2000>>,
    /// The values of the transition.
    pub given: Given,
    pub actor_id: UserId,
    pub at: Instant,
}

/// A period in which a case was open: the columns of `case_episodes` that are shown.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize, Queryable, Selectable, ToSchema)]
#[diesel(table_name = case_episodes)]
#[schema(as = CaseEpisode, example = json!({"episode": 1, "opened_at": "2026-11-23T14:30:00.000Z"}))]
pub struct EpisodeRow {
    pub episode: i32,
    pub opened_at: Instant,
    pub closed_at: Option<Instant>,
    pub closing_reason: Option<ClosingReason>,
    pub closing_summary: Option<Text<8000>>,
    pub outcome: Option<CaseOutcome>,
}

/// The history has no filter.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct TransitionFilter {}
impl Filter for TransitionFilter {
    const SORTS: &'static [&'static str] = &["-at", "at"];
}

/// Inserts a transition into the history.
pub fn insert_transition(
    tx: &mut Tx,
    row: &CaseRow,
    from: Option<CaseStatus>,
    reason: Option<Text<2000>>,
    given: Given,
) -> Result<()> {
    let transition = TransitionRow {
        organization_id: row.organization_id,
        id: Id::new(),
        case_id: row.id,
        from_status: from,
        to_status: row.status,
        reason,
        given: Json(given),
        actor_id: tx.user()?,
        at: Instant::now(),
    };
    diesel::insert_into(case_transitions::table).values(&transition).execute(tx.conn)?;
    Ok(())
}

/// Inserts the episode that the row's `episode` counts.
pub fn begin_episode(tx: &mut Tx, row: &CaseRow) -> Result<()> {
    let values = (
        case_episodes::organization_id.eq(row.organization_id),
        case_episodes::case_id.eq(row.id),
        case_episodes::episode.eq(row.episode),
        case_episodes::opened_at.eq(row.updated_at),
    );
    diesel::insert_into(case_episodes::table).values(values).execute(tx.conn)?;
    Ok(())
}

fn end_episode(tx: &mut Tx, row: &CaseRow) -> Result<()> {
    let values = (
        case_episodes::closed_at.eq(row.closed_at),
        case_episodes::closing_reason.eq(row.closing_reason),
        case_episodes::closing_summary.eq(&row.closing_summary),
        case_episodes::outcome.eq(row.outcome),
    );
    rewrite(case_episodes::table.find((row.organization_id, row.id, row.episode)), values).execute(tx.conn)?;
    Ok(())
}

/// Changes the status of a case if the lifecycle has the transition, the caller may make it, and every guard holds. The
/// row is locked from the first read to the commit, so parallel requests run one after the other.
pub fn perform(tx: &mut Tx, id: CaseId, version: Option<&IfMatch>, wanted: &Body<Transition>) -> Result<Case> {
    let actor = tx.actor()?;
    // The table has no transition from `entered_in_error`, so a case in that status may be locked here.
    let mut row = store::lock_in_any_status(tx, id)?;
    if let Some(version) = version {
        version.check(row.version)?;
    }
    let from = row.status;
    let Some((by, guards)) = lifecycle::find(from, wanted.to) else {
        let targets: Vec<&str> = lifecycle::transitions_from(from).map(|(to, ..)| to.as_str()).collect();
        let detail = format!(
            "From {} a case can go to {}.",
            from.as_str(),
            if targets.is_empty() { "nowhere".into() } else { targets.join(", ") }
        );
        return Err(ApiError::new(Code::TransitionNotAllowed, detail).issues(vec![Issue {
            path: FieldPath::Pointer("/to".into()),
            fault: Fault::new("transition_not_allowed", "the case cannot go there from where it is"),
        }]));
    };
    if !lifecycle::may_perform(actor, row.lead_advocate_id, by) {
        let who: Vec<&str> = by.iter().map(|mover| mover.as_str()).collect();
        return Err(ApiError::forbidden(format!("This step is for: {}.", who.join(", "))));
    }
    let organization = organizations::store::find(tx)?;
    let today = Day::today(&organization.time_zone);
    if wanted.first_contact.is_some_and(|at| !at.has_come()) {
        return Err(ApiError::invalid("/first_contact", "in_the_future", "must not lie in the future"));
    }
    if let Some(at) = wanted.first_contact {
        clients::store::check_born(tx, row.client_id, Day::latest_of(at), "/first_contact")?;
    }
    let mut input = wanted.guard_input(&row, today, actor.user, organization.second_person_closes);
    if guards.contains(&Guard::ConflictCheck) && conflicts::store::has_open_conflict(tx, &row, wanted.lead_advocate_id)?
    {
        input.open_conflict = true;
    }
    let unmet: Vec<Issue> = guards
        .iter()
        .filter(|guard| !guard.holds(&input))
        .map(|guard| Issue {
            path: FieldPath::Pointer(guard.pointer().into()),
            fault: Fault::new(guard.as_str(), guard.advice()),
        })
        .collect();
    if !unmet.is_empty() {
        return Err(ApiError::new(Code::GuardsUnmet, "A guard is not met.").issues(unmet));
    }
    if let Some(lead) = wanted.lead_advocate_id.filter(|_| wanted.to == CaseStatus::Accepted) {
        users::store::worker(tx, lead, "/lead_advocate_id")?;
        if row.lead_advocate_id != Some(lead) {
            assignments::store::replace_lead(tx, &mut row, lead)?;
        }
    }
    if let Some(reason) =
        wanted.reason.as_ref().filter(|_| wanted.to == CaseStatus::Closing && wanted.waive_deadlines == Some(true))
    {
        deadlines::store::waive_open(tx, &mut row, reason)?;
    }
    apply_transition(&mut row, wanted);
    if wanted.first_contact.is_some() {
        contacts::derive(tx, &mut row, wanted.first_contact)?;
    }
    save(tx, &mut row)?;
    match (from, wanted.to) {
        // The closing summary is in the search index only while the case is closed.
        (_, CaseStatus::Closed) => {
            end_episode(tx, &row)?;
            search::store::replace(tx, &row)?;
        }
        (CaseStatus::Closed, CaseStatus::Active) => {
            begin_episode(tx, &row)?;
            search::store::replace(tx, &row)?;
        }
        (_, CaseStatus::EnteredInError) => handovers::store::withdraw_open_offer(tx, &row)?,
        _ => {}
    }
    insert_transition(tx, &row, Some(from), wanted.reason.clone(), wanted.given())?;
    timeline::add(tx, row.id, "case.transitioned", row.id, Some(wanted.to.as_str()))?;
    tx.record("case.transitioned", row.id, vec!["status".into()]);
    Ok(Case::with_transitions(row, actor))
}

/// The changes of a case row that enters a status.
fn apply_transition(row: &mut CaseRow, wanted: &Transition) {
    let from = std::mem::replace(&mut row.status, wanted.to);
    row.review_on = None;
    row.unmet_reason = None;
    match wanted.to {
        CaseStatus::Active if from == CaseStatus::Closed => {
            row.episode += 1;
            (row.closed_at, row.closing_reason, row.closing_summary, row.outcome) = (None, None, None, None);
        }
        CaseStatus::OnHold => row.review_on = wanted.review_on,
        CaseStatus::Declined | CaseStatus::Waitlisted => row.unmet_reason = wanted.reason_code,
        CaseStatus::Closed => {
            row.closed_at = Some(Instant::now());
            row.closing_reason = wanted.closing_reason;
            row.closing_summary.clone_from(&wanted.closing_summary);
            row.outcome = wanted.outcome;
        }
        _ => {}
    }
}

impl From<TransitionRow> for CaseTransition {
    fn from(row: TransitionRow) -> Self {
        Self {
            id: row.id,
            from: row.from_status,
            to: row.to_status,
            reason: row.reason,
            given: row.given.0,
            actor_id: row.actor_id,
            at: row.at,
        }
    }
}

/// The transitions of a case. The caller has already checked access to it.
fn transitions_of(case: &CaseRow) -> case_transitions::BoxedQuery<'static, Dialect> {
    case_transitions::table
        .filter(case_transitions::organization_id.eq(case.organization_id))
        .filter(case_transitions::case_id.eq(case.id))
        .into_boxed()
}

/// The newest transitions of a case for its case file, oldest first, with the count of omitted ones.
pub fn of_case_file(tx: &mut Tx, case: &CaseRow) -> Result<Capped<TransitionRow>> {
    tx.audit_read("case.transitions_read", case.id);
    Ok(crate::newest!(
        tx,
        TransitionRow,
        (case_transitions::at.desc(), case_transitions::id.desc()),
        transitions_of(case)
    ))
}

/// The episodes of a case for its file.
pub fn episodes(tx: &mut Tx, case: &CaseRow) -> Result<Vec<EpisodeRow>> {
    let all = case_episodes::table
        .filter(case_episodes::organization_id.eq(case.organization_id))
        .filter(case_episodes::case_id.eq(case.id));
    Ok(all
        .order(case_episodes::episode)
        .select(EpisodeRow::as_select())
        .limit(crate::records::capped::MAX_RECORDS)
        .load(tx.conn)?)
}

/// The history of a case that the caller may see.
pub fn history(tx: &mut Tx, id: CaseId, list: &List<TransitionFilter>) -> Result<Page<CaseTransition>> {
    let (actor, case) = (tx.actor()?, store::find(tx, id)?);
    let all = || transitions_of(&case);
    let query = list.keyset(
        actor,
        all(),
        (case_transitions::at, case_transitions::id),
        Instant::from_micros,
        TransitionId::from_uuid,
    )?;
    let rows: Vec<TransitionRow> = query.select(TransitionRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(all().count().get_result(tx.conn)?) } else { None };
    tx.audit_read("case.transitions_read", case.id);
    let content = actor.role.sees_content();
    let view = |row: TransitionRow| match CaseTransition::from(row) {
        transition if content => transition,
        transition => CaseTransition { reason: None, given: Given::default(), ..transition },
    };
    Ok(list.page(actor, rows, total, |row| (row.at.micros(), row.id.uuid()), view))
}
