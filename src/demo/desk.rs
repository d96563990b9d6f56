//! Prepared work for the users who can sign in: cases at a known stage, checklists, statements, a handover, and the
//! client's account.

use super::{
    case::{Story, Teller},
    rng::{DAY, HOUR, instant},
    rows::{AccountRow, Batch, HandoverRow, ItemRow, MeetingRow, StatementRow},
    words,
};
use crate::{
    casework::{
        cases::model::CaseStatus,
        handovers::model::{OpenItem, OpenWork},
    },
    db::dialect::Key,
    directory::preparation_templates::model::built_in_items,
    types::Json,
};
use serde_json::json;

/// A case of the first team that exists in every demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Desk {
    /// Referred, without a lead.
    Unassigned,
    /// Waits for acceptance by the supervisor.
    InTriage,
    /// Waits for the supervisor to approve the closing.
    ToApprove,
    /// Offered by the first advocate to the second.
    HandedOver,
    /// Led by the second advocate.
    OfTheSecond,
    /// The case of the client who can sign in.
    Portal,
}

impl Desk {
    /// The prepared case with this index. A demo with too few cases has none.
    pub const fn of(index: u32, total: u32) -> Option<Self> {
        if total < 8 {
            return None;
        }
        // The first two are new; the others have had work for some time.
        let worked = total / 10 * 8 + total % 10 * 8 / 10;
        match (total - index, worked.wrapping_sub(index)) {
            (1, _) => Some(Self::Unassigned),
            (2, _) => Some(Self::InTriage),
            (_, 1) => Some(Self::ToApprove),
            (_, 2) => Some(Self::HandedOver),
            (_, 3) => Some(Self::OfTheSecond),
            (_, 4) => Some(Self::Portal),
            _ => None,
        }
    }
    pub const fn status(self) -> CaseStatus {
        match self {
            Self::Unassigned => CaseStatus::Referred,
            Self::InTriage => CaseStatus::Triage,
            Self::ToApprove => CaseStatus::Closing,
            Self::HandedOver | Self::OfTheSecond | Self::Portal => CaseStatus::Active,
        }
    }
    /// The index of its lead among the advocates who can sign in.
    pub const fn lead(self) -> Option<usize> {
        match self {
            Self::Unassigned | Self::InTriage => None,
            Self::ToApprove | Self::HandedOver | Self::Portal => Some(0),
            Self::OfTheSecond => Some(1),
        }
    }
}

type Word = &'static str;

/// The checklist of a meeting: category, text, whether the item is mandatory, and its owner.
pub struct Checklist {
    items: Vec<(Word, Word, bool, Word)>,
    /// Whether only some of the held meetings have a checklist. The others were proposed and then held, without a
    /// booking.
    sparse: bool,
}

impl Checklist {
    /// The organization's own short checklist, or the built-in one.
    pub fn new(short: bool) -> Self {
        let built_in = || {
            built_in_items()
                .iter()
                .map(|item| (item.category.as_str(), item.text.as_str(), item.mandatory, item.owner.as_str()))
        };
        Self { items: if short { words::PREPARATION.to_vec() } else { built_in().collect() }, sparse: short }
    }
}

/// Adds the checklist of a meeting: about half done for a future meeting, mostly done for a held one.
pub fn checklist(
    teller: &mut Teller<'_>,
    story: &Story,
    row: &mut MeetingRow,
    (from, to): (i64, i64),
    batch: &mut Batch,
) {
    let held = row.status == "held";
    if held && teller.checklist.sparse && !teller.dice.percent(12) {
        return;
    }
    let chance = match (held, teller.dice.percent(60)) {
        (true, true) => 100,
        (true, false) => 80,
        (false, _) => 50,
    };
    for (position, (category, text, mandatory, owner)) in (1..).zip(teller.checklist.items.iter().copied()) {
        let done = teller.dice.percent(chance).then(|| teller.dice.between(from, to));
        row.mandatory_items += i32::from(mandatory);
        row.mandatory_done += i32::from(mandatory && done.is_some());
        batch.items.push(ItemRow {
            organization_id: teller.world.organization,
            id: teller.dice.id(from),
            meeting_id: row.id,
            position,
            category,
            text,
            mandatory,
            owner,
            done_at: done.map(instant),
            done_by: done.map(|_| story.worker),
            version: 1 + i32::from(done.is_some()),
        });
    }
}

/// Links this client to the user who can sign in, and returns the client's name.
pub fn portal(teller: &Teller<'_>, client_id: Key, opened: i64, batch: &mut Batch) -> String {
    let (given, family) = &teller.world.client_name;
    if let Some(row) = batch.clients.iter_mut().rev().find(|row| row.id == client_id) {
        row.preferred_name = format!("{given} {}.", family.get(..1).unwrap_or_default());
        row.legal_name = Some(format!("{given} {family}"));
    }
    batch.accounts.push(AccountRow {
        organization_id: teller.world.organization,
        client_id,
        user_id: teller.world.client,
        created_at: instant(opened + HOUR / 2),
    });
    given.clone()
}

/// The client's statements of needs and preferences: mostly approved, and sometimes with a new draft version. `both`
/// forces an approved version and a draft.
pub fn statements(teller: &mut Teller<'_>, story: &Story, client_id: Key, both: bool, batch: &mut Batch) {
    let (world, dice) = (teller.world, &mut teller.dice);
    if !both && !dice.percent(60) {
        return;
    }
    let written = dice.between(story.contact, (story.contact + 10 * DAY).min(story.until - 2 * HOUR));
    let approved = dice.between(written + 60, (written + 5 * DAY).min(story.until - HOUR).max(written + 61));
    let (mut version, approved_too) = (1, both || dice.percent(80));
    for draft in [false, true] {
        if draft && approved_too && !both && !dice.percent(30) || !draft && !approved_too {
            continue;
        }
        let at = if draft { dice.between(approved, story.until) } else { written };
        let mut sections = json!({
            "needs": dice.pick(words::NEEDS),
            "helps": dice.pick(words::HELPS),
            "words_to_avoid": dice.pick(words::WORDS_TO_AVOID),
        });
        if draft && let Some(sections) = sections.as_object_mut() {
            sections.insert("does_not_help".to_owned(), json!(dice.pick(words::DOES_NOT_HELP)));
        }
        let settled = (!draft).then_some(approved);
        batch.statements.push(StatementRow {
            organization_id: world.organization,
            id: dice.id(at),
            client_id,
            number: version,
            status: if draft { "draft" } else { "approved" },
            sections: Json(sections),
            created_by: story.worker,
            approved_by: settled.map(|_| "client"),
            approval_method: settled.map(|_| dice.pick(&["in_person", "phone", "video"])),
            approved_on: settled.map(|at| crate::types::Day::of(instant(at), &world.zone)),
            recorded_by: settled.map(|_| story.worker),
            recorded_at: settled.map(instant),
            version: 1 + i32::from(!draft),
            created_at: instant(at),
            updated_at: instant(settled.unwrap_or(at)),
        });
        version += 1;
    }
}

/// Offers the case, with its open work, to the other advocate who can sign in.
pub fn handover(teller: &mut Teller<'_>, story: &Story, batch: &mut Batch) {
    let [from, to] = teller.world.advocates;
    let at = story.until - HOUR / 2;
    let due = |id: Key, due_on| OpenItem { id, due_on, starts_at: None };
    let met: Vec<Key> = batch.meetings.iter().filter(|row| row.case_id == story.case).map(|row| row.id).collect();
    let mut open = OpenWork {
        deadlines: batch
            .deadlines
            .iter()
            .filter(|row| row.case_id == story.case && row.status == "running")
            .map(|row| due(row.id, Some(row.due_on)))
            .collect(),
        meetings: batch
            .meetings
            .iter()
            .filter(|row| row.case_id == story.case && row.status == "booked")
            .map(|row| OpenItem { id: row.id, due_on: None, starts_at: Some(row.starts_at) })
            .collect(),
        tasks: batch
            .tasks
            .iter()
            .filter(|row| row.case_id == story.case && row.status == "open")
            .map(|row| due(row.id, Some(row.due_on)))
            .collect(),
        commitments: batch
            .commitments
            .iter()
            .filter(|row| met.contains(&row.meeting_id) && row.status == "open")
            .map(|row| due(row.id, row.due_on))
            .collect(),
    };
    open.deadlines.sort_by_key(|item| item.due_on);
    open.tasks.sort_by_key(|item| item.due_on);
    let id = teller.dice.id(at);
    batch.handovers.push(HandoverRow {
        organization_id: teller.world.organization,
        id,
        case_id: story.case,
        from_user_id: from,
        to_user_id: to,
        offered_by: from,
        note: "I am away from Monday. The next meeting is booked; what is open stands in the case.",
        status: "offered",
        open_work: Json(open),
        offered_at: instant(at),
        version: 1,
    });
    teller.entry(batch, story, at, "handover.offered", id, from, None, None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prepared_case_exists_exactly_once() {
        for total in [8, 9, 20, 30, 200, 5_001, 100_000] {
            let found: Vec<Desk> = (0..total).filter_map(|index| Desk::of(index, total)).collect();
            let all =
                [Desk::Portal, Desk::OfTheSecond, Desk::HandedOver, Desk::ToApprove, Desk::InTriage, Desk::Unassigned];
            assert_eq!(found, all, "{total}");
        }
        assert_eq!((0..7).find_map(|index| Desk::of(index, 7)), None);
    }
}
