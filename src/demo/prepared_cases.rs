//! Prepared work for the users who can sign in: cases at a known stage, checklists, statements, a handover, and the
//! client's account.

use super::{
    case::{CaseGenerator, CaseState},
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

/// A case of the first team in a known state, for a user who can sign in. Every demo with enough cases has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreparedCase {
    /// Referred, without a lead.
    Unassigned,
    /// Waits for acceptance by the supervisor.
    InTriage,
    /// Waits for the supervisor to approve the closing.
    ToApprove,
    /// Offered by the first advocate to the second.
    OfferedInHandover,
    /// Led by the second advocate.
    LedBySecondAdvocate,
    /// The case of the client who can sign in.
    Portal,
}

impl PreparedCase {
    /// Which prepared case has this index, if any. A demo with fewer than eight cases has none.
    pub const fn at_index(index: u32, total: u32) -> Option<Self> {
        if total < 8 {
            return None;
        }
        // The first two are the newest cases. The others are older, so that there was work on them.
        let older = total / 10 * 8 + total % 10 * 8 / 10;
        match (total - index, older.wrapping_sub(index)) {
            (1, _) => Some(Self::Unassigned),
            (2, _) => Some(Self::InTriage),
            (_, 1) => Some(Self::ToApprove),
            (_, 2) => Some(Self::OfferedInHandover),
            (_, 3) => Some(Self::LedBySecondAdvocate),
            (_, 4) => Some(Self::Portal),
            _ => None,
        }
    }
    pub const fn status(self) -> CaseStatus {
        match self {
            Self::Unassigned => CaseStatus::Referred,
            Self::InTriage => CaseStatus::Triage,
            Self::ToApprove => CaseStatus::Closing,
            Self::OfferedInHandover | Self::LedBySecondAdvocate | Self::Portal => CaseStatus::Active,
        }
    }
    /// The lead, as an index of the advocates who can sign in.
    pub const fn lead(self) -> Option<usize> {
        match self {
            Self::Unassigned | Self::InTriage => None,
            Self::ToApprove | Self::OfferedInHandover | Self::Portal => Some(0),
            Self::LedBySecondAdvocate => Some(1),
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
pub fn add_checklist(
    generator: &mut CaseGenerator<'_>,
    state: &CaseState,
    row: &mut MeetingRow,
    (from, to): (i64, i64),
    batch: &mut Batch,
) {
    let held = row.status == "held";
    if held && generator.checklist.sparse && !generator.rng.percent(12) {
        return;
    }
    let chance = match (held, generator.rng.percent(60)) {
        (true, true) => 100,
        (true, false) => 80,
        (false, _) => 50,
    };
    for (position, (category, text, mandatory, owner)) in (1..).zip(generator.checklist.items.iter().copied()) {
        let done = generator.rng.percent(chance).then(|| generator.rng.between(from, to));
        row.mandatory_items += i32::from(mandatory);
        row.mandatory_done += i32::from(mandatory && done.is_some());
        batch.items.push(ItemRow {
            organization_id: generator.context.organization,
            id: generator.rng.id(from),
            meeting_id: row.id,
            position,
            category,
            text,
            mandatory,
            owner,
            done_at: done.map(instant),
            done_by: done.map(|_| state.worker),
            version: 1 + i32::from(done.is_some()),
        });
    }
}

/// Links this client to the user who can sign in, and returns the client's name.
pub fn link_portal_user(generator: &CaseGenerator<'_>, client_id: Key, opened: i64, batch: &mut Batch) -> String {
    let (given, family) = &generator.context.client_name;
    if let Some(row) = batch.clients.iter_mut().rev().find(|row| row.id == client_id) {
        row.preferred_name = format!("{given} {}.", family.get(..1).unwrap_or_default());
        row.legal_name = Some(format!("{given} {family}"));
    }
    batch.accounts.push(AccountRow {
        organization_id: generator.context.organization,
        client_id,
        user_id: generator.context.client,
        created_at: instant(opened + HOUR / 2),
    });
    given.clone()
}

/// The client's statements of needs and preferences: mostly approved, and sometimes with a new draft version. `both`
/// forces an approved version and a draft.
pub fn add_statements(
    generator: &mut CaseGenerator<'_>,
    state: &CaseState,
    client_id: Key,
    both: bool,
    batch: &mut Batch,
) {
    let (context, rng) = (generator.context, &mut generator.rng);
    if !both && !rng.percent(60) {
        return;
    }
    let written = rng.between(state.contact, (state.contact + 10 * DAY).min(state.until - 2 * HOUR));
    let approved = rng.between(written + 60, (written + 5 * DAY).min(state.until - HOUR).max(written + 61));
    let (mut version, approved_too) = (1, both || rng.percent(80));
    for draft in [false, true] {
        if draft && approved_too && !both && !rng.percent(30) || !draft && !approved_too {
            continue;
        }
        let at = if draft { rng.between(approved, state.until) } else { written };
        let mut sections = json!({
            "needs": rng.pick(words::NEEDS),
            "helps": rng.pick(words::HELPS),
            "words_to_avoid": rng.pick(words::WORDS_TO_AVOID),
        });
        if draft && let Some(sections) = sections.as_object_mut() {
            sections.insert("does_not_help".to_owned(), json!(rng.pick(words::DOES_NOT_HELP)));
        }
        let settled = (!draft).then_some(approved);
        batch.statements.push(StatementRow {
            organization_id: context.organization,
            id: rng.id(at),
            client_id,
            number: version,
            status: if draft { "draft" } else { "approved" },
            sections: Json(sections),
            created_by: state.worker,
            approved_by: settled.map(|_| "client"),
            approval_method: settled.map(|_| rng.pick(&["in_person", "phone", "video"])),
            approved_on: settled.map(|at| crate::types::Day::of(instant(at), &context.zone)),
            recorded_by: settled.map(|_| state.worker),
            recorded_at: settled.map(instant),
            version: 1 + i32::from(!draft),
            created_at: instant(at),
            updated_at: instant(settled.unwrap_or(at)),
        });
        version += 1;
    }
}

/// Offers the case, with its open work, to the other advocate who can sign in.
pub fn add_handover(generator: &mut CaseGenerator<'_>, state: &CaseState, batch: &mut Batch) {
    let [from, to] = generator.context.advocates;
    let at = state.until - HOUR / 2;
    let due = |id: Key, due_on| OpenItem { id, due_on, starts_at: None };
    let met: Vec<Key> = batch.meetings.iter().filter(|row| row.case_id == state.case).map(|row| row.id).collect();
    let mut open = OpenWork {
        deadlines: batch
            .deadlines
            .iter()
            .filter(|row| row.case_id == state.case && row.status == "running")
            .map(|row| due(row.id, Some(row.due_on)))
            .collect(),
        meetings: batch
            .meetings
            .iter()
            .filter(|row| row.case_id == state.case && row.status == "booked")
            .map(|row| OpenItem { id: row.id, due_on: None, starts_at: Some(row.starts_at) })
            .collect(),
        tasks: batch
            .tasks
            .iter()
            .filter(|row| row.case_id == state.case && row.status == "open")
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
    let id = generator.rng.id(at);
    batch.handovers.push(HandoverRow {
        organization_id: generator.context.organization,
        id,
        case_id: state.case,
        from_user_id: from,
        to_user_id: to,
        offered_by: from,
        note: "I am away from Monday. The next meeting is booked; what is open stands in the case.",
        status: "offered",
        open_work: Json(open),
        offered_at: instant(at),
        version: 1,
    });
    generator.add_timeline_entry(batch, state, at, "handover.offered", id, from, None, None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prepared_case_exists_exactly_once() {
        for total in [8, 9, 20, 30, 200, 5_001, 100_000] {
            let found: Vec<PreparedCase> =
                (0..total).filter_map(|index| PreparedCase::at_index(index, total)).collect();
            let all = [
                PreparedCase::Portal,
                PreparedCase::LedBySecondAdvocate,
                PreparedCase::OfferedInHandover,
                PreparedCase::ToApprove,
                PreparedCase::InTriage,
                PreparedCase::Unassigned,
            ];
            assert_eq!(found, all, "{total}");
        }
        assert_eq!((0..7).find_map(|index| PreparedCase::at_index(index, 7)), None);
    }
}
