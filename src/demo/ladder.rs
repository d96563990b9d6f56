//! The escalation of one case: a sequence of actions and their deadlines, some of them in the future.

use super::{
    case::{Story, Teller},
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
        self.0.get(code)?.iter().rfind(|rule| rule.holds_on(day))
    }
}

/// The approximate length of a rule, in days.
fn length(rule: &DeadlineRule) -> i64 {
    let amount = i64::from(rule.amount);
    match rule.unit {
        DeadlineUnit::CalendarDay => amount,
        DeadlineUnit::BusinessDay => amount * 7 / 5,
        DeadlineUnit::Month => amount * 30,
    }
}

/// The state of an action.
struct Stand {
    status: Word,
    filed: Option<i64>,
    decided: Option<(i64, Word)>,
}

pub fn tell(teller: &mut Teller<'_>, story: &mut Story, batch: &mut Batch) {
    if !matches!(story.status, CaseStatus::Active | CaseStatus::OnHold | CaseStatus::Closing | CaseStatus::Closed) {
        return;
    }
    let Some(ladder) = LADDERS.get(teller.dice.below(LADDERS.len())).copied() else { return };
    let count = teller.dice.weighed(&[(5, 0), (25, 1), (40, 2), (30, 3)], 2);
    let open = story.status == CaseStatus::Active && teller.dice.percent(65);
    let (mut at, mut parent) = (story.contact + 60, None);
    for (place, rung) in ladder.iter().take(count).enumerate() {
        let last = place + 1 == count;
        let room = story.until - HOUR - at;
        // The times of one action fit into the remaining time of the case.
        let mut step = |teller: &mut Teller<'_>| {
            at += teller.dice.between(60, (room / 8).clamp(61, 20 * DAY));
            at
        };
        let created = step(teller);
        let stand = if last && open {
            Stand { status: "draft", filed: None, decided: None }
        } else {
            let filed = step(teller);
            if last && story.status != CaseStatus::Closed && teller.dice.percent(40) {
                Stand { status: teller.dice.pick(&["filed", "in_progress"]), filed: Some(filed), decided: None }
            } else {
                let decision = teller.dice.weighed(if last { ENDINGS } else { DENIALS }, "denied");
                Stand { status: "decided", filed: Some(filed), decided: Some((step(teller), decision)) }
            }
        };
        let id = action(teller, story, batch, *rung, place, parent, created, &stand);
        deadline(teller, story, batch, rung.3, id, created, &stand);
        parent = Some(id);
    }
}

#[expect(clippy::too_many_arguments, reason = "they are what the row is made of")]
fn action(
    teller: &mut Teller<'_>,
    story: &Story,
    batch: &mut Batch,
    (kind, scheme, forum, _): Rung,
    place: usize,
    parent: Option<Key>,
    created: i64,
    stand: &Stand,
) -> Key {
    let barrier = batch
        .barriers
        .iter()
        .rev()
        .take(3)
        .find(|barrier| barrier.case_id == story.case && barrier.provider_id.is_some());
    let (barrier_id, provider_id) = barrier.map_or((None, None), |barrier| (Some(barrier.id), barrier.provider_id));
    let dice = &mut teller.dice;
    let id = dice.id(created);
    let changed = stand.decided.map(|(at, _)| at).or(stand.filed).unwrap_or(created);
    batch.actions.push(ActionRow {
        organization_id: teller.world.organization,
        id,
        case_id: story.case,
        barrier_id,
        provider_id,
        type_: kind,
        forum,
        scheme,
        level: i32::try_from(place + 1).ok(),
        parent_action_id: parent,
        escalation_reason: parent.map(|_| dice.pick(REASONS)),
        status: stand.status,
        filed_on: stand.filed.map(day),
        method: stand.filed.map(|_| dice.pick(METHODS)),
        decision: stand.decided.map(|(_, decision)| decision),
        decided_on: stand.decided.map(|(at, _)| day(at)),
        late_filing: false,
        created_by: story.worker,
        version: 1 + i32::from(stand.filed.is_some()) + i32::from(stand.decided.is_some()),
        created_at: instant(created),
        updated_at: instant(changed),
    });
    teller.entry(batch, story, created, "action.created", id, story.worker, Some(kind), None);
    if let Some(filed) = stand.filed {
        teller.entry(batch, story, filed, "action.filed", id, story.worker, None, None);
    }
    if let Some((decided, decision)) = stand.decided {
        teller.entry(batch, story, decided, "action.decided", id, story.worker, Some(decision), None);
    }
    id
}

/// The filing deadline of an action. A draft is due in the next weeks, and sometimes overdue; a filed action was filed
/// in time.
fn deadline(
    teller: &mut Teller<'_>,
    story: &mut Story,
    batch: &mut Batch,
    code: Option<Word>,
    action: Key,
    created: i64,
    stand: &Stand,
) {
    let (Some(code), today) = (code, teller.world.today) else { return };
    let Some(days) = teller.rules.on(code, day(created)).map(length) else { return };
    let missed = stand.filed.is_none() && created < today - 45 * DAY && teller.dice.percent(12);
    let trigger = match stand.filed {
        Some(filed) => filed - teller.dice.between(1, days * 2 / 3) * DAY,
        None if missed => today - (days + teller.dice.between(12, 40)) * DAY,
        None => today - (days - teller.dice.between(1, days.min(60))) * DAY,
    };
    let trigger_date = day(trigger);
    let Some(rule) = teller.rules.on(code, trigger_date) else { return };
    let Ok(computed) = compute(rule, Trigger::On(trigger_date), &teller.world.zone, None, Holidays::built_in()) else {
        return;
    };
    let (due_on, due_at) = (computed.due_on, computed.due_at);
    // A deadline cannot be entered before the event that starts it.
    let entered = created.max(trigger) + 1;
    let (status, changed) = match stand.filed {
        Some(filed) => ("satisfied", filed),
        None if missed => ("missed", today - HOUR),
        None => ("running", entered),
    };
    if status == "running" {
        story.open_deadlines += 1;
        story.next_deadline = Some(story.next_deadline.map_or(due_on, |next| next.min(due_on)));
    }
    let id = teller.dice.id(entered);
    batch.deadlines.push(DeadlineRow {
        organization_id: teller.world.organization,
        id,
        case_id: story.case,
        action_id: action,
        rule_id: Some(Key::from_uuid(rule.id.uuid())),
        rule_version: Some(rule.version),
        trigger_date: Some(trigger_date),
        due_on,
        due_at,
        time_zone: ZONE,
        source: computed.source.as_str(),
        differs_from_notice: computed.differs_from_notice,
        computation: Some(Json(Basis::of(rule, computed))),
        status,
        satisfied_by: stand.filed.map(|_| action),
        satisfied_on: stand.filed.map(day),
        late_filing: false,
        created_by: story.worker,
        version: if status == "running" { 1 } else { 2 },
        created_at: instant(entered),
        updated_at: instant(changed.max(entered)),
    });
    teller.entry(batch, story, entered, "deadline.created", id, story.worker, Some("running"), None);
    match status {
        "satisfied" => teller.entry(batch, story, changed, "deadline.satisfied", id, story.worker, None, None),
        "missed" => teller.entry(batch, story, changed, "deadline.missed", id, story.worker, None, None),
        _ => {}
    }
}
