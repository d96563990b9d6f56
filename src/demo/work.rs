//! The work on one case: barriers, meetings with their commitments, notes, tasks.

use super::{
    case::{CaseGenerator, CaseState},
    organization::{Provider, ZONE},
    prepared_cases,
    rng::{DAY, HOUR, day, in_office_hours, in_waking_hours, instant},
    rows::{BarrierRow, Batch, CommitmentRow, MeetingRow, NoteRow, TaskRow},
    words,
};
use crate::{casework::cases::model::CaseStatus, db::dialect::Key, types::Json};
use serde_json::{Value, json};

const DISPOSITIONS: &[(u32, &str)] = &[
    (40, "resolved_full"),
    (25, "resolved_partial"),
    (15, "workaround_found"),
    (8, "withdrawn_by_client"),
    (6, "not_resolved"),
    (4, "referred_on"),
    (2, "unknown_lost_contact"),
];
const MEETING_MODES: &[(u32, &str)] =
    &[(45, "in_person"), (25, "phone"), (20, "video"), (5, "home_visit"), (5, "in_facility")];
const CONTACT_MODES: &[(u32, &str)] =
    &[(45, "phone"), (25, "in_person"), (20, "text_message"), (5, "email"), (5, "home_visit")];
const SPEAKERS: &[(u32, &str)] = &[
    (30, "spoke_for_self"),
    (40, "spoke_with_support"),
    (25, "advocate_spoke_as_instructed"),
    (3, "absent_by_choice"),
    (2, "excluded"),
];
const COMMITMENT_STATUSES: &[(u32, &str)] = &[(60, "kept"), (15, "late"), (15, "broken"), (7, "open"), (3, "waived")];

type Word = &'static str;

/// Adds the work on the case.
pub fn generate(generator: &mut CaseGenerator<'_>, state: &mut CaseState, batch: &mut Batch) {
    for _ in 0..3 {
        add_barrier(generator, state, batch);
    }
    super::ladder::generate(generator, state, batch);
    add_held_meeting(generator, state, batch, true);
    if state.status == CaseStatus::Active {
        add_booked_meeting(generator, state, batch);
    } else {
        add_held_meeting(generator, state, batch, false);
    }
    for place in 0..5 {
        add_note(generator, state, batch, place == 0);
    }
    add_task(generator, state, batch);
}

fn has_ended(state: &CaseState) -> bool {
    matches!(state.status, CaseStatus::Closing | CaseStatus::Closed)
}

fn pick_provider<'a>(generator: &mut CaseGenerator<'a>) -> Option<&'a Provider> {
    let all = &generator.context.providers;
    all.get(generator.rng.below(all.len()))
}

fn add_barrier(generator: &mut CaseGenerator<'_>, state: &mut CaseState, batch: &mut Batch) {
    let provider = pick_provider(generator).filter(|_| generator.rng.percent(80));
    let service_id =
        provider.and_then(|provider| provider.services.get(generator.rng.below(provider.services.len() * 2)).copied());
    let (rng, codes) = (&mut generator.rng, &generator.codes);
    let opened = rng.between(state.contact, (state.contact + 40 * DAY).min(state.until - HOUR));
    let id = rng.id(opened);
    let disposed = has_ended(state) || rng.percent(30);
    let disposition = disposed.then(|| rng.weighted(DISPOSITIONS, "not_resolved"));
    let resolved = disposed.then(|| rng.between(opened, state.until));
    state.undisposed += i32::from(!disposed);
    let status = match disposition {
        Some("resolved_full" | "resolved_partial" | "workaround_found") => "resolved",
        Some(_) => "closed_unresolved",
        None => rng.weighted(
            &[(30, "open"), (40, "in_progress"), (20, "awaiting_provider"), (10, "awaiting_decision")],
            "open",
        ),
    };
    let kind = rng.pick(&codes.barrier);
    let bases = if kind == "discrimination" || rng.percent(15) { 1 + rng.below(2) } else { 0 };
    let bases: std::collections::BTreeSet<Word> = (0..bases).map(|_| rng.pick(&codes.ground)).collect();
    let ongoing = rng.percent(40);
    batch.barriers.push(BarrierRow {
        organization_id: generator.context.organization,
        id,
        case_id: state.case,
        type_: kind,
        bases: Json(bases.into_iter().map(str::to_owned).collect()),
        service_type: rng
            .percent(50)
            .then(|| Json(json!({"system": "open_eligibility", "code": rng.pick(&codes.service)}))),
        provider_id: provider.map(|provider| provider.id),
        service_id,
        occurred_on: (!ongoing).then(|| day(opened - rng.between(0, 60) * DAY)),
        ongoing,
        description: format!(
            "{} {}. {}",
            rng.pick(words::BARRIER_ACTORS),
            rng.pick(words::BARRIER_ACTS),
            rng.pick(words::BARRIER_EFFECTS)
        ),
        severity: rng.weighted(&[(25, "low"), (45, "medium"), (25, "high"), (5, "crisis")], "medium"),
        verification: rng.weighted(
            &[
                (20, "not_assessed"),
                (45, "reported_by_client"),
                (20, "supported_by_document"),
                (8, "witnessed"),
                (5, "confirmed_by_provider"),
                (2, "not_verified"),
            ],
            "not_assessed",
        ),
        status,
        disposition,
        judged_by: disposition.map(|_| rng.weighted(&[(75, "client"), (20, "advocate"), (5, "supervisor")], "client")),
        opened_at: instant(opened),
        resolved_at: resolved.map(instant),
        created_by: state.worker,
        version: 1 + i32::from(disposed),
        updated_at: instant(resolved.unwrap_or(opened)),
    });
    generator.add_timeline_entry(batch, state, opened, "barrier.created", id, state.worker, None, None);
    if let Some(resolved) = resolved {
        generator.add_timeline_entry(batch, state, resolved, "barrier.updated", id, state.worker, Some(status), None);
    }
}

/// The common fields of a meeting; it is booked and has no outcome yet.
fn new_meeting(generator: &mut CaseGenerator<'_>, state: &CaseState, created: i64, starts: i64) -> MeetingRow {
    let provider = pick_provider(generator);
    let (rng, codes) = (&mut generator.rng, &generator.codes);
    MeetingRow {
        organization_id: generator.context.organization,
        id: rng.id(created),
        case_id: state.case,
        type_: rng.pick(&codes.meeting),
        mode: rng.weighted(MEETING_MODES, "in_person"),
        starts_at: instant(starts),
        // At most an hour and a half, so that it ends by 17:00.
        ends_at: instant(starts + rng.between(1, 4) * HOUR / 2),
        time_zone: ZONE,
        provider_id: provider.map(|provider| provider.id),
        place: rng.percent(80).then(|| rng.pick(words::PLACES_TO_MEET)),
        participants: Json(json!([
            {"name": state.client, "party": "client"},
            {"name": format!("{} {}", rng.pick(words::GIVEN_NAMES), rng.pick(words::FAMILY_NAMES)), "role": "Coordinator", "party": "provider"},
        ])),
        purpose: rng.pick(words::PURPOSES),
        status: "booked",
        who_spoke: None,
        outcomes: Json(Vec::new()),
        summary: None,
        views_recorded_by_provider: None,
        ratings_before: None,
        ratings_after: None,
        mandatory_items: 0,
        mandatory_done: 0,
        created_by: state.worker,
        version: 1,
        created_at: instant(created),
        updated_at: instant(created),
    }
}

fn ratings(generator: &mut CaseGenerator<'_>, low: i64) -> Option<Json<Value>> {
    let mut rating = || generator.rng.between(low, low + 3);
    Some(Json(json!({"prepared": rating(), "understood_options": rating(), "heard": rating(), "confidence": rating()})))
}

fn add_held_meeting(generator: &mut CaseGenerator<'_>, state: &CaseState, batch: &mut Batch, with_commitment: bool) {
    let last = state.until - 4 * HOUR;
    // A case may be too new to have had a meeting in office hours.
    let Some(starts) = (0..4).find_map(|_| {
        let (drawn, half_hours) = (generator.rng.between(state.contact, last), generator.rng.between(0, 16));
        let starts = in_office_hours(drawn, half_hours, &generator.context.zone, false);
        (state.contact + 60..last).contains(&starts).then_some(starts)
    }) else {
        return;
    };
    let created = (starts - generator.rng.between(DAY, 14 * DAY)).max(state.contact).min(starts);
    let created = if created == starts { starts - 1 } else { created };
    let mut row = new_meeting(generator, state, created, starts);
    let noted = starts + 3 * HOUR;
    row.status = "held";
    row.who_spoke = Some(generator.rng.weighted(SPEAKERS, "spoke_for_self"));
    row.outcomes = Json(vec![generator.rng.pick(&generator.codes.result).to_owned()]);
    row.summary = Some(generator.rng.pick(words::SUMMARIES));
    row.views_recorded_by_provider = Some(generator.rng.pick(&["yes", "yes", "no", "unknown"]));
    if generator.rng.percent(70) {
        row.ratings_before = ratings(generator, 1);
        row.ratings_after = ratings(generator, 3);
    }
    row.version = 2;
    row.updated_at = instant(noted);
    prepared_cases::add_checklist(generator, state, &mut row, (created, starts), batch);
    let id = row.id;
    batch.meetings.push(row);
    generator.add_timeline_entry(batch, state, created, "meeting.created", id, state.worker, None, None);
    generator.add_timeline_entry(batch, state, noted, "meeting.held", id, state.worker, Some("held"), None);
    if with_commitment {
        add_commitment(generator, id, noted, batch);
    }
}

fn add_commitment(generator: &mut CaseGenerator<'_>, meeting_id: Key, at: i64, batch: &mut Batch) {
    let rng = &mut generator.rng;
    let due = at + rng.between(5, 30) * DAY;
    let status = if due >= generator.context.today {
        rng.pick(&["open", "open", "open", "kept"])
    } else {
        rng.weighted(COMMITMENT_STATUSES, "kept")
    };
    let judged = if status == "open" { at } else { rng.between(at, due + 7 * DAY).min(generator.context.today - 1) };
    batch.commitments.push(CommitmentRow {
        organization_id: generator.context.organization,
        id: rng.id(at),
        meeting_id,
        party: rng.weighted(&[(70, "provider"), (15, "client"), (15, "advocate")], "provider"),
        text: rng.pick(words::PROMISES),
        due_on: Some(day(due)),
        status,
        version: if status == "open" { 1 } else { 2 },
        created_at: instant(at),
        updated_at: instant(judged),
    });
}

fn add_booked_meeting(generator: &mut CaseGenerator<'_>, state: &CaseState, batch: &mut Batch) {
    let created = (state.until - generator.rng.between(HOUR, 10 * DAY)).max(state.contact);
    let (drawn, half_hours) =
        (generator.context.today + generator.rng.between(2, 29) * DAY, generator.rng.between(0, 16));
    let starts = in_office_hours(drawn, half_hours, &generator.context.zone, true);
    let mut row = new_meeting(generator, state, created, starts);
    prepared_cases::add_checklist(generator, state, &mut row, (created, state.until), batch);
    let id = row.id;
    batch.meetings.push(row);
    generator.add_timeline_entry(batch, state, created, "meeting.created", id, state.worker, None, None);
}

fn add_note(generator: &mut CaseGenerator<'_>, state: &mut CaseState, batch: &mut Batch, first: bool) {
    let (rng, context) = (&mut generator.rng, generator.context);
    let occurred = if first {
        state.contact
    } else {
        let drawn = rng.between(state.contact, state.until - HOUR);
        let awake = in_waking_hours(drawn, &context.zone);
        if (state.contact..state.until - HOUR).contains(&awake) { awake } else { drawn }
    };
    let created = occurred + rng.between(0, HOUR / 2);
    let kind = if first {
        "contact"
    } else {
        rng.weighted(&[(50, "contact"), (42, "progress"), (4, "restricted"), (4, "supervision")], "progress")
    };
    let contact = kind == "contact";
    let successful = contact.then(|| first || rng.percent(85));
    if successful == Some(true) {
        state.last_contact = state.last_contact.max(occurred);
    }
    let author = if kind == "supervision" { context.supervisor } else { state.worker };
    let id = rng.id(created);
    batch.notes.push(NoteRow {
        organization_id: context.organization,
        id,
        case_id: state.case,
        kind,
        body: format!(
            "{} {}. {}",
            rng.pick(words::NOTE_OPENINGS),
            rng.pick(words::NOTE_TOPICS),
            rng.pick(words::NOTE_NEXT_STEPS)
        ),
        occurred_at: instant(occurred),
        direction: contact.then(|| rng.pick(&["in", "out", "out"])),
        mode: contact.then(|| rng.weighted(CONTACT_MODES, "phone")),
        successful,
        minutes: contact.then(|| i32::try_from(rng.between(1, 13) * 5).unwrap_or_default()),
        author_id: author,
        version: 1,
        created_at: instant(created),
        updated_at: instant(created),
    });
    generator.add_timeline_entry(batch, state, created, "note.created", id, author, Some(kind), Some(kind));
}

fn add_task(generator: &mut CaseGenerator<'_>, state: &CaseState, batch: &mut Batch) {
    let rng = &mut generator.rng;
    let over = has_ended(state) || state.status == CaseStatus::Declined;
    let status = if over {
        rng.pick(&["done", "done", "done", "cancelled"])
    } else {
        rng.pick(&["open", "open", "open", "done"])
    };
    let created = match status {
        "open" => (state.until - rng.between(HOUR, 20 * DAY)).max(state.contact),
        _ => rng.between(state.contact, state.until - HOUR),
    };
    let due = if status == "open" {
        generator.context.today + rng.between(-3, 21) * DAY
    } else {
        created + rng.between(3, 21) * DAY
    };
    let done = (status == "done").then(|| rng.between(created, (due + DAY).min(state.until)));
    let id = rng.id(created);
    batch.tasks.push(TaskRow {
        organization_id: generator.context.organization,
        id,
        case_id: state.case,
        title: rng.pick(words::TASKS),
        due_on: day(due.max(created)),
        assignee_id: state.lead,
        status,
        done_at: done.map(instant),
        created_by: state.worker,
        version: if status == "open" { 1 } else { 2 },
        created_at: instant(created),
        updated_at: instant(done.unwrap_or(created)),
    });
    generator.add_timeline_entry(batch, state, created, "task.created", id, state.worker, None, None);
    if let Some(done) = done {
        generator.add_timeline_entry(batch, state, done, "task.done", id, state.worker, None, None);
    }
}
