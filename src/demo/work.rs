//! The work on one case: barriers, meetings with their commitments, notes, tasks.

use super::{
    case::{Story, Teller},
    desk,
    organization::{Provider, ZONE},
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
const WAYS: &[(u32, &str)] = &[(45, "in_person"), (25, "phone"), (20, "video"), (5, "home_visit"), (5, "in_facility")];
const TALKS: &[(u32, &str)] =
    &[(45, "phone"), (25, "in_person"), (20, "text_message"), (5, "email"), (5, "home_visit")];
const SPEAKERS: &[(u32, &str)] = &[
    (30, "spoke_for_self"),
    (40, "spoke_with_support"),
    (25, "advocate_spoke_as_instructed"),
    (3, "absent_by_choice"),
    (2, "excluded"),
];
const KEPT: &[(u32, &str)] = &[(60, "kept"), (15, "late"), (15, "broken"), (7, "open"), (3, "waived")];

type Word = &'static str;

pub fn tell(teller: &mut Teller<'_>, story: &mut Story, batch: &mut Batch) {
    for _ in 0..3 {
        barrier(teller, story, batch);
    }
    super::ladder::tell(teller, story, batch);
    held(teller, story, batch, true);
    if story.status == CaseStatus::Active {
        booked(teller, story, batch);
    } else {
        held(teller, story, batch, false);
    }
    for place in 0..5 {
        note(teller, story, batch, place == 0);
    }
    task(teller, story, batch);
}

fn ended(story: &Story) -> bool {
    matches!(story.status, CaseStatus::Closing | CaseStatus::Closed)
}

fn provider<'a>(teller: &mut Teller<'a>) -> Option<&'a Provider> {
    let all = &teller.world.providers;
    all.get(teller.dice.below(all.len()))
}

fn barrier(teller: &mut Teller<'_>, story: &mut Story, batch: &mut Batch) {
    let provider = provider(teller).filter(|_| teller.dice.percent(80));
    let service_id =
        provider.and_then(|provider| provider.services.get(teller.dice.below(provider.services.len() * 2)).copied());
    let (dice, codes) = (&mut teller.dice, &teller.codes);
    let opened = dice.between(story.contact, (story.contact + 40 * DAY).min(story.until - HOUR));
    let id = dice.id(opened);
    let disposed = ended(story) || dice.percent(30);
    let disposition = disposed.then(|| dice.weighed(DISPOSITIONS, "not_resolved"));
    let resolved = disposed.then(|| dice.between(opened, story.until));
    story.undisposed += i32::from(!disposed);
    let status = match disposition {
        Some("resolved_full" | "resolved_partial" | "workaround_found") => "resolved",
        Some(_) => "closed_unresolved",
        None => dice.weighed(
            &[(30, "open"), (40, "in_progress"), (20, "awaiting_provider"), (10, "awaiting_decision")],
            "open",
        ),
    };
    let kind = dice.pick(&codes.barrier);
    let bases = if kind == "discrimination" || dice.percent(15) { 1 + dice.below(2) } else { 0 };
    let bases: std::collections::BTreeSet<Word> = (0..bases).map(|_| dice.pick(&codes.ground)).collect();
    let ongoing = dice.percent(40);
    batch.barriers.push(BarrierRow {
        organization_id: teller.world.organization,
        id,
        case_id: story.case,
        type_: kind,
        bases: Json(bases.into_iter().map(str::to_owned).collect()),
        service_type: dice
            .percent(50)
            .then(|| Json(json!({"system": "open_eligibility", "code": dice.pick(&codes.service)}))),
        provider_id: provider.map(|provider| provider.id),
        service_id,
        occurred_on: (!ongoing).then(|| day(opened - dice.between(0, 60) * DAY)),
        ongoing,
        description: format!("{} {}. {}", dice.pick(words::WHO), dice.pick(words::DID), dice.pick(words::SO)),
        severity: dice.weighed(&[(25, "low"), (45, "medium"), (25, "high"), (5, "crisis")], "medium"),
        verification: dice.weighed(
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
        judged_by: disposition.map(|_| dice.weighed(&[(75, "client"), (20, "advocate"), (5, "supervisor")], "client")),
        opened_at: instant(opened),
        resolved_at: resolved.map(instant),
        created_by: story.worker,
        version: 1 + i32::from(disposed),
        updated_at: instant(resolved.unwrap_or(opened)),
    });
    teller.entry(batch, story, opened, "barrier.created", id, story.worker, None, None);
    if let Some(resolved) = resolved {
        teller.entry(batch, story, resolved, "barrier.updated", id, story.worker, Some(status), None);
    }
}

/// The common fields of a meeting; it is booked and has no outcome yet.
fn meeting(teller: &mut Teller<'_>, story: &Story, created: i64, starts: i64) -> MeetingRow {
    let provider = provider(teller);
    let (dice, codes) = (&mut teller.dice, &teller.codes);
    MeetingRow {
        organization_id: teller.world.organization,
        id: dice.id(created),
        case_id: story.case,
        type_: dice.pick(&codes.meeting),
        mode: dice.weighed(WAYS, "in_person"),
        starts_at: instant(starts),
        // At most an hour and a half, so that it ends by 17:00.
        ends_at: instant(starts + dice.between(1, 4) * HOUR / 2),
        time_zone: ZONE,
        provider_id: provider.map(|provider| provider.id),
        place: dice.percent(80).then(|| dice.pick(words::PLACES_TO_MEET)),
        participants: Json(json!([
            {"name": story.client, "party": "client"},
            {"name": format!("{} {}", dice.pick(words::GIVEN), dice.pick(words::FAMILY)), "role": "Coordinator", "party": "provider"},
        ])),
        purpose: dice.pick(words::PURPOSES),
        status: "booked",
        who_spoke: None,
        outcomes: Json(Vec::new()),
        summary: None,
        views_recorded_by_provider: None,
        ratings_before: None,
        ratings_after: None,
        mandatory_items: 0,
        mandatory_done: 0,
        created_by: story.worker,
        version: 1,
        created_at: instant(created),
        updated_at: instant(created),
    }
}

fn ratings(teller: &mut Teller<'_>, low: i64) -> Option<Json<Value>> {
    let mut rating = || teller.dice.between(low, low + 3);
    Some(Json(json!({"prepared": rating(), "understood_options": rating(), "heard": rating(), "confidence": rating()})))
}

fn held(teller: &mut Teller<'_>, story: &Story, batch: &mut Batch, promised: bool) {
    let last = story.until - 4 * HOUR;
    // A case may be too new to have had a meeting in office hours.
    let Some(starts) = (0..4).find_map(|_| {
        let (drawn, half_hours) = (teller.dice.between(story.contact, last), teller.dice.between(0, 16));
        let starts = in_office_hours(drawn, half_hours, &teller.world.zone, false);
        (story.contact + 60..last).contains(&starts).then_some(starts)
    }) else {
        return;
    };
    let created = (starts - teller.dice.between(DAY, 14 * DAY)).max(story.contact).min(starts);
    let created = if created == starts { starts - 1 } else { created };
    let mut row = meeting(teller, story, created, starts);
    let noted = starts + 3 * HOUR;
    row.status = "held";
    row.who_spoke = Some(teller.dice.weighed(SPEAKERS, "spoke_for_self"));
    row.outcomes = Json(vec![teller.dice.pick(&teller.codes.result).to_owned()]);
    row.summary = Some(teller.dice.pick(words::SUMMARIES));
    row.views_recorded_by_provider = Some(teller.dice.pick(&["yes", "yes", "no", "unknown"]));
    if teller.dice.percent(70) {
        row.ratings_before = ratings(teller, 1);
        row.ratings_after = ratings(teller, 3);
    }
    row.version = 2;
    row.updated_at = instant(noted);
    desk::checklist(teller, story, &mut row, (created, starts), batch);
    let id = row.id;
    batch.meetings.push(row);
    teller.entry(batch, story, created, "meeting.created", id, story.worker, None, None);
    teller.entry(batch, story, noted, "meeting.held", id, story.worker, Some("held"), None);
    if promised {
        commitment(teller, id, noted, batch);
    }
}

fn commitment(teller: &mut Teller<'_>, meeting_id: Key, at: i64, batch: &mut Batch) {
    let dice = &mut teller.dice;
    let due = at + dice.between(5, 30) * DAY;
    let status = if due >= teller.world.today {
        dice.pick(&["open", "open", "open", "kept"])
    } else {
        dice.weighed(KEPT, "kept")
    };
    let judged = if status == "open" { at } else { dice.between(at, due + 7 * DAY).min(teller.world.today - 1) };
    batch.commitments.push(CommitmentRow {
        organization_id: teller.world.organization,
        id: dice.id(at),
        meeting_id,
        party: dice.weighed(&[(70, "provider"), (15, "client"), (15, "advocate")], "provider"),
        text: dice.pick(words::PROMISES),
        due_on: Some(day(due)),
        status,
        version: if status == "open" { 1 } else { 2 },
        created_at: instant(at),
        updated_at: instant(judged),
    });
}

fn booked(teller: &mut Teller<'_>, story: &Story, batch: &mut Batch) {
    let created = (story.until - teller.dice.between(HOUR, 10 * DAY)).max(story.contact);
    let (drawn, half_hours) = (teller.world.today + teller.dice.between(2, 29) * DAY, teller.dice.between(0, 16));
    let starts = in_office_hours(drawn, half_hours, &teller.world.zone, true);
    let mut row = meeting(teller, story, created, starts);
    desk::checklist(teller, story, &mut row, (created, story.until), batch);
    let id = row.id;
    batch.meetings.push(row);
    teller.entry(batch, story, created, "meeting.created", id, story.worker, None, None);
}

fn note(teller: &mut Teller<'_>, story: &mut Story, batch: &mut Batch, first: bool) {
    let (dice, world) = (&mut teller.dice, teller.world);
    let occurred = if first {
        story.contact
    } else {
        let drawn = dice.between(story.contact, story.until - HOUR);
        let awake = in_waking_hours(drawn, &world.zone);
        if (story.contact..story.until - HOUR).contains(&awake) { awake } else { drawn }
    };
    let created = occurred + dice.between(0, HOUR / 2);
    let kind = if first {
        "contact"
    } else {
        dice.weighed(&[(50, "contact"), (42, "progress"), (4, "restricted"), (4, "supervision")], "progress")
    };
    let contact = kind == "contact";
    let successful = contact.then(|| first || dice.percent(85));
    if successful == Some(true) {
        story.last_contact = story.last_contact.max(occurred);
    }
    let author = if kind == "supervision" { world.supervisor } else { story.worker };
    let id = dice.id(created);
    batch.notes.push(NoteRow {
        organization_id: world.organization,
        id,
        case_id: story.case,
        kind,
        body: format!("{} {}. {}", dice.pick(words::SPOKE), dice.pick(words::ABOUT), dice.pick(words::NEXT)),
        occurred_at: instant(occurred),
        direction: contact.then(|| dice.pick(&["in", "out", "out"])),
        mode: contact.then(|| dice.weighed(TALKS, "phone")),
        successful,
        minutes: contact.then(|| i32::try_from(dice.between(1, 13) * 5).unwrap_or_default()),
        author_id: author,
        version: 1,
        created_at: instant(created),
        updated_at: instant(created),
    });
    teller.entry(batch, story, created, "note.created", id, author, Some(kind), Some(kind));
}

fn task(teller: &mut Teller<'_>, story: &Story, batch: &mut Batch) {
    let dice = &mut teller.dice;
    let over = ended(story) || story.status == CaseStatus::Declined;
    let status = if over {
        dice.pick(&["done", "done", "done", "cancelled"])
    } else {
        dice.pick(&["open", "open", "open", "done"])
    };
    let created = match status {
        "open" => (story.until - dice.between(HOUR, 20 * DAY)).max(story.contact),
        _ => dice.between(story.contact, story.until - HOUR),
    };
    let due = if status == "open" {
        teller.world.today + dice.between(-3, 21) * DAY
    } else {
        created + dice.between(3, 21) * DAY
    };
    let done = (status == "done").then(|| dice.between(created, (due + DAY).min(story.until)));
    let id = dice.id(created);
    batch.tasks.push(TaskRow {
        organization_id: teller.world.organization,
        id,
        case_id: story.case,
        title: dice.pick(words::TASKS),
        due_on: day(due.max(created)),
        assignee_id: story.lead,
        status,
        done_at: done.map(instant),
        created_by: story.worker,
        version: if status == "open" { 1 } else { 2 },
        created_at: instant(created),
        updated_at: instant(done.unwrap_or(created)),
    });
    teller.entry(batch, story, created, "task.created", id, story.worker, None, None);
    if let Some(done) = done {
        teller.entry(batch, story, done, "task.done", id, story.worker, None, None);
    }
}
