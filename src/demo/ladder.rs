//! The escalation of one case: a sequence of actions and their deadlines, some of them in the future.

use super::{
    case::{CaseGenerator, CaseState},
    organization::ZONE,
    rng::{DAY, HOUR, day, instant},
    rows::{ActionRow, Batch, DeadlineRow},
};
use crate::{
    casework::{cases::model::CaseStatus, deadlines::model::Basis},
    db::dialect::Key,
    directory::deadline_rules::{
        catalogue,
        compute::{Trigger, compute},
        holidays::Holidays,
        model::{DeadlineRule, DeadlineUnit},
    },
    types::{Day, Json},
};
use std::collections::BTreeMap;

type Word = &'static str;

/// One step: kind, programme, forum, and the code of its deadline rule.
type Rung = (Word, Option<Word>, Word, Option<Word>);

#[rustfmt::skip]
const LADDERS: &[&[Rung]] = &[
    &[
        ("internal_appeal", Some("medicaid_managed_care"), "The plan's appeals unit", Some("medicaid_mco_plan_appeal")),
        ("fair_hearing", Some("medicaid_managed_care"), "The state's hearing office", Some("medicaid_mco_state_fair_hearing")),
        ("legal_onward_referral", None, "Legal aid", None),
    ],
    &[
        ("internal_appeal", Some("employer_plan"), "The plan's administrator", Some("employer_plan_internal_appeal")),
        ("external_review", Some("employer_plan"), "The independent reviewer", Some("employer_plan_external_review")),
        ("regulator_complaint", None, "The federal regulator", None),
    ],
    &[
        ("internal_appeal", Some("ssa"), "The local office", Some("ssa_reconsideration")),
        ("fair_hearing", Some("ssa"), "The hearing office", Some("ssa_hearing")),
        ("internal_appeal", Some("ssa"), "The appeals council", Some("ssa_appeals_council")),
    ],
    &[
        ("reasonable_accommodation_request", Some("reasonable_accommodation"), "The program's manager", None),
        ("grievance", None, "The program's grievance officer", None),
        ("civil_rights_complaint", Some("hhs_ocr"), "HHS Office for Civil Rights", Some("hhs_ocr_complaint")),
    ],
    &[
        ("informal_resolution", None, "The intake desk", None),
        ("records_request", Some("hipaa"), "The records office", None),
        ("privacy_complaint", Some("hipaa"), "HHS Office for Civil Rights", Some("hipaa_privacy_complaint")),
    ],
];
/// The weights of the decisions of an action that another one follows, and of a last action.
const DENIALS: &[(u32, Word)] = &[(70, "denied"), (15, "partly_granted"), (15, "no_response")];
const ENDINGS: &[(u32, Word)] = &[(45, "granted"), (20, "partly_granted"), (15, "settled"), (20, "denied")];
const METHODS: &[Word] = &["post", "email", "fax", "portal", "in_person", "phone"];
const REASONS: &[Word] =
    &["The answer changed nothing.", "The answer did not come in time.", "Only a part was granted."];

/// The deadline rules of the ladders, each with its versions.
pub struct Rules(BTreeMap<Word, Vec<DeadlineRule>>);

impl Rules {
    pub fn read() -> Self {
        let mut all = catalogue::with_own(Vec::new());
        let codes = LADDERS.iter().copied().flatten().filter_map(|(.., code)| *code);
        Self(codes.filter_map(|code| Some((code, all.remove(&catalogue::id_of(code)?)?))).collect())
    }
    fn on(&self, code: Word, day: Day) -> Option<&DeadlineRule> {
        self.0.get(code)?.iter().rfind(|rule| rule.is_effective_on(day))
    }
}

/// The approximate number of days that a rule allows.
fn approximate_days(rule: &DeadlineRule) -> i64 {
    let amount = i64::from(rule.amount);
    match rule.unit {
        DeadlineUnit::CalendarDay => amount,
        DeadlineUnit::BusinessDay => amount * 7 / 5,
        DeadlineUnit::Month => amount * 30,
    }
}

/// The state of an action.
struct ActionState {
    status: Word,
    filed: Option<i64>,
    decided: Option<(i64, Word)>,
}

/// Adds the actions of the case, and their deadlines.
pub fn generate(generator: &mut CaseGenerator<'_>, state: &mut CaseState, batch: &mut Batch) {
    if !matches!(state.status, CaseStatus::Active | CaseStatus::OnHold | CaseStatus::Closing | CaseStatus::Closed) {
        return;
    }
    let Some(ladder) = LADDERS.get(generator.rng.below(LADDERS.len())).copied() else { return };
    let count = generator.rng.weighted(&[(5, 0), (25, 1), (40, 2), (30, 3)], 2);
    let open = state.status == CaseStatus::Active && generator.rng.percent(65);
    let (mut at, mut parent) = (state.contact + 60, None);
    for (place, rung) in ladder.iter().take(count).enumerate() {
        let last = place + 1 == count;
        let room = state.until - HOUR - at;
        // Each step takes at most an eighth of the time that the case has left, so that all steps fit into it.
        let mut step = |generator: &mut CaseGenerator<'_>| {
            at += generator.rng.between(60, (room / 8).clamp(61, 20 * DAY));
            at
        };
        let created = step(generator);
        let action_state = if last && open {
            ActionState { status: "draft", filed: None, decided: None }
        } else {
            let filed = step(generator);
            if last && state.status != CaseStatus::Closed && generator.rng.percent(40) {
                ActionState { status: generator.rng.pick(&["filed", "in_progress"]), filed: Some(filed), decided: None }
            } else {
                let decision = generator.rng.weighted(if last { ENDINGS } else { DENIALS }, "denied");
                ActionState { status: "decided", filed: Some(filed), decided: Some((step(generator), decision)) }
            }
        };
        let id = add_action(generator, state, batch, *rung, place, parent, created, &action_state);
        add_deadline(generator, state, batch, rung.3, id, created, &action_state);
        parent = Some(id);
    }
}

#[expect(clippy::too_many_arguments, reason = "they are what the row is made of")]
fn add_action(
    generator: &mut CaseGenerator<'_>,
    state: &CaseState,
    batch: &mut Batch,
    (kind, scheme, forum, _): Rung,
    place: usize,
    parent: Option<Key>,
    created: i64,
    action_state: &ActionState,
) -> Key {
    let barrier = batch
        .barriers
        .iter()
        .rev()
        .take(3)
        .find(|barrier| barrier.case_id == state.case && barrier.provider_id.is_some());
    let (barrier_id, provider_id) = barrier.map_or((None, None), |barrier| (Some(barrier.id), barrier.provider_id));
    let rng = &mut generator.rng;
    let id = rng.id(created);
    let changed = action_state.decided.map(|(at, _)| at).or(action_state.filed).unwrap_or(created);
    batch.actions.push(ActionRow {
        organization_id: generator.context.organization,
        id,
        case_id: state.case,
        barrier_id,
        provider_id,
        type_: kind,
        forum,
        scheme,
        level: i32::try_from(place + 1).ok(),
        parent_action_id: parent,
        escalation_reason: parent.map(|_| rng.pick(REASONS)),
        status: action_state.status,
        filed_on: action_state.filed.map(day),
        method: action_state.filed.map(|_| rng.pick(METHODS)),
        decision: action_state.decided.map(|(_, decision)| decision),
        decided_on: action_state.decided.map(|(at, _)| day(at)),
        late_filing: false,
        created_by: state.worker,
        version: 1 + i32::from(action_state.filed.is_some()) + i32::from(action_state.decided.is_some()),
        created_at: instant(created),
        updated_at: instant(changed),
    });
    generator.add_timeline_entry(batch, state, created, "action.created", id, state.worker, Some(kind), None);
    if let Some(filed) = action_state.filed {
        generator.add_timeline_entry(batch, state, filed, "action.filed", id, state.worker, None, None);
    }
    if let Some((decided, decision)) = action_state.decided {
        generator.add_timeline_entry(batch, state, decided, "action.decided", id, state.worker, Some(decision), None);
    }
    id
}

/// The filing deadline of an action. A draft is due in the next weeks, and sometimes overdue; a filed action was filed
/// in time.
fn add_deadline(
    generator: &mut CaseGenerator<'_>,
    state: &mut CaseState,
    batch: &mut Batch,
    code: Option<Word>,
    action: Key,
    created: i64,
    action_state: &ActionState,
) {
    let (Some(code), today) = (code, generator.context.today) else { return };
    let Some(days) = generator.rules.on(code, day(created)).map(approximate_days) else { return };
    let missed = action_state.filed.is_none() && created < today - 45 * DAY && generator.rng.percent(12);
    let trigger = match action_state.filed {
        Some(filed) => filed - generator.rng.between(1, days * 2 / 3) * DAY,
        None if missed => today - (days + generator.rng.between(12, 40)) * DAY,
        None => today - (days - generator.rng.between(1, days.min(60))) * DAY,
    };
    let trigger_date = day(trigger);
    let Some(rule) = generator.rules.on(code, trigger_date) else { return };
    let Ok(computed) = compute(rule, Trigger::On(trigger_date), &generator.context.zone, None, Holidays::built_in())
    else {
        return;
    };
    let (due_on, due_at) = (computed.due_on, computed.due_at);
    // A deadline cannot be created before the event that starts it.
    let deadline_created = created.max(trigger) + 1;
    let (status, changed) = match action_state.filed {
        Some(filed) => ("satisfied", filed),
        None if missed => ("missed", today - HOUR),
        None => ("running", deadline_created),
    };
    if status == "running" {
        state.open_deadlines += 1;
        state.next_deadline = Some(state.next_deadline.map_or(due_on, |next| next.min(due_on)));
    }
    let id = generator.rng.id(deadline_created);
    batch.deadlines.push(DeadlineRow {
        organization_id: generator.context.organization,
        id,
        case_id: state.case,
        action_id: action,
        rule_id: Some(Key::from_uuid(rule.id.uuid())),
        rule_version: Some(rule.version),
        trigger_date: Some(trigger_date),
        due_on,
        due_at,
        time_zone: ZONE,
        source: computed.source.as_str(),
        differs_from_notice: computed.differs_from_notice,
        computation: Some(Json(Basis::new(rule, computed))),
        status,
        satisfied_by: action_state.filed.map(|_| action),
        satisfied_on: action_state.filed.map(day),
        late_filing: false,
        created_by: state.worker,
        version: if status == "running" { 1 } else { 2 },
        created_at: instant(deadline_created),
        updated_at: instant(changed.max(deadline_created)),
    });
    generator.add_timeline_entry(
        batch,
        state,
        deadline_created,
        "deadline.created",
        id,
        state.worker,
        Some("running"),
        None,
    );
    match status {
        "satisfied" => {
            generator.add_timeline_entry(batch, state, changed, "deadline.satisfied", id, state.worker, None, None)
        }
        "missed" => {
            generator.add_timeline_entry(batch, state, changed, "deadline.missed", id, state.worker, None, None)
        }
        _ => {}
    }
}
