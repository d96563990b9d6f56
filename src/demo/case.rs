//! One case: the client, its status history, and its leads.

use super::{
    Numbers,
    desk::{self, Checklist, Desk},
    ladder::Rules,
    organization::{Team, World, codes},
    rng::{DAY, Dice, HOUR, day, in_waking_hours, instant},
    rows::{AssignmentRow, Batch, CaseRow, ClientRow, EpisodeRow, TimelineRow, TransitionRow},
    words,
};
use crate::{
    casework::cases::model::CaseStatus::{self, *},
    db::dialect::Key,
    types::{Day, Json, code},
};
use serde_json::{Value, json};

/// The lists from which codes are drawn.
pub struct Codes {
    pub advocacy: Vec<&'static str>,
    pub intake: Vec<&'static str>,
    pub closing: Vec<&'static str>,
    pub unmet: Vec<&'static str>,
    pub outcome: Vec<&'static str>,
    pub basis: Vec<&'static str>,
    pub barrier: Vec<&'static str>,
    pub ground: Vec<&'static str>,
    pub meeting: Vec<&'static str>,
    pub result: Vec<&'static str>,
    pub service: Vec<&'static str>,
}

/// The status distribution of cases in the first nine tenths of the time, and of those in the last.
const OLDER: &[(u32, CaseStatus)] = &[
    (600, Active),
    (215, Closed),
    (55, OnHold),
    (45, Closing),
    (40, Declined),
    (15, Waitlisted),
    (12, EnteredInError),
    (8, Accepted),
    (5, Triage),
    (5, Referred),
];
const NEWER: &[(u32, CaseStatus)] = &[
    (600, Active),
    (20, Closed),
    (30, OnHold),
    (10, Closing),
    (30, Declined),
    (40, Waitlisted),
    (10, EnteredInError),
    (80, Accepted),
    (90, Triage),
    (90, Referred),
];
/// The approximate number of active cases for each advocate who can sign in.
const OWN_ACTIVE: u32 = 40;

/// Generates the cases in the order in which they were opened.
pub struct Teller<'a> {
    pub world: &'a World,
    pub dice: Dice,
    pub codes: Codes,
    pub rules: Rules,
    pub numbers: Numbers,
    /// The checklist of a meeting.
    pub checklist: Checklist,
    total: u32,
    own_active: [u32; 2],
    in_first_team: u32,
}

/// The state of the case while its work is generated.
pub struct Story {
    pub case: Key,
    pub status: CaseStatus,
    pub client: String,
    /// The user who does the work: the lead, or the supervisor while there is none.
    pub worker: Key,
    pub lead: Option<Key>,
    pub opened: i64,
    pub contact: i64,
    /// The end of the work, or now.
    pub until: i64,
    pub lead_signs_in: bool,
    pub undisposed: i32,
    pub open_deadlines: i32,
    pub next_deadline: Option<Day>,
    pub last_contact: i64,
}

impl<'a> Teller<'a> {
    pub fn new(world: &'a World, dice: Dice, total: u32, short_checklists: bool) -> Self {
        let codes = Codes {
            advocacy: codes::<code::AdvocacyTypes>(),
            intake: codes::<code::IntakeSources>(),
            closing: codes::<code::ClosingReasons>(),
            unmet: codes::<code::UnmetNeedReasons>(),
            outcome: codes::<code::CaseOutcomes>(),
            basis: codes::<code::NonInstructedBases>(),
            barrier: codes::<code::BarrierTypes>(),
            ground: codes::<code::DiscriminationBases>(),
            meeting: codes::<code::MeetingTypes>(),
            result: codes::<code::MeetingOutcomes>(),
            service: super::organization::service_types(),
        };
        Self {
            world,
            dice,
            codes,
            rules: Rules::read(),
            numbers: Numbers::new(),
            checklist: Checklist::new(short_checklists),
            total,
            own_active: [0; 2],
            in_first_team: 0,
        }
    }

    /// A time some days later, but always before today.
    fn later(&mut self, from: i64, days: i64) -> i64 {
        let room = (days * DAY).min((self.world.today - from) / 6).max(2);
        from + self.dice.between(1, room)
    }

    /// A time some days later. It is moved to the daytime if it is still after `from` then.
    fn first_contact(&mut self, from: i64) -> i64 {
        let drawn = self.later(from, 3);
        let awake = in_waking_hours(drawn, &self.world.zone);
        if (from + 1..self.world.today - DAY / 2).contains(&awake) { awake } else { drawn }
    }

    pub fn tell(&mut self, index: u32, batch: &mut Batch) {
        let span = self.world.today - DAY - self.world.start;
        let task = Desk::of(index, self.total);
        let (index, total) = (i64::from(index), i64::from(self.total.max(1)));
        let (from, to) = (span * index / total, span * (index + 1) / total);
        let opened = self.world.start + self.dice.between(from, to);
        let drawn = self.dice.weighed(if index * 10 < total * 9 { OLDER } else { NEWER }, Active);
        let status = task.map_or(drawn, Desk::status);
        let world = self.world;
        let place = self.dice.below(world.teams.len());
        let Some(team) = world.teams.get(if task.is_some() { 0 } else { place }) else { return };
        let has_lead = matches!(status, Accepted | Active | OnHold | Closing | Closed);
        let lead = has_lead.then(|| match task.and_then(Desk::lead) {
            Some(which) => world.advocates.get(which).copied().unwrap_or(world.supervisor),
            None => self.lead(team, status),
        });
        let case = self.dice.id(opened);
        let mut client = self.client(team, opened, batch);
        if task == Some(Desk::Portal) {
            client.1 = desk::portal(self, client.0, opened, batch);
        }

        let mut row = self.case(case, client.0, team.id, lead, status, opened);
        let mut story = Story {
            case,
            status,
            client: client.1,
            worker: lead.unwrap_or(world.supervisor),
            lead,
            opened,
            contact: opened,
            until: world.today - HOUR,
            lead_signs_in: lead.is_some_and(|lead| world.advocates.contains(&lead)),
            undisposed: 0,
            open_deadlines: 0,
            next_deadline: None,
            last_contact: opened,
        };
        self.entry(batch, &story, opened, "case.opened", case, world.supervisor, None, None);
        self.history(&mut story, &mut row, batch);
        if let Some(lead) = lead {
            self.assignment(&story, lead, batch);
        }
        // A case that was entered in error was found to be wrong before any work on it.
        if status != EnteredInError {
            super::work::tell(self, &mut story, batch);
            row.first_contact_at = Some(instant(story.contact));
            row.last_contact_at = Some(instant(story.last_contact));
        }
        if story.lead_signs_in {
            desk::statements(self, &story, row.client_id, task.is_some(), batch);
        }
        if task == Some(Desk::HandedOver) {
            desk::handover(self, &story, batch);
        }
        row.undisposed_barriers = story.undisposed;
        row.open_deadlines = story.open_deadlines;
        row.next_deadline_on = story.next_deadline;
        batch.episodes.push(EpisodeRow {
            organization_id: world.organization,
            case_id: case,
            episode: 1,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
            closing_reason: row.closing_reason,
            closing_summary: row.closing_summary,
            outcome: row.outcome,
        });
        batch.cases.push(row);
    }

    /// An advocate of the team. In the first team, every nth case goes to one of the advocates who can sign in.
    fn lead(&mut self, team: &Team, status: CaseStatus) -> Key {
        let place = self.dice.below(team.advocates.len());
        let other = team.advocates.get(place).copied().unwrap_or(self.world.supervisor);
        if self.world.teams.first().is_none_or(|first| first.id != team.id) {
            return other;
        }
        self.in_first_team += 1;
        let teams = u32::try_from(self.world.teams.len()).unwrap_or(1).max(1);
        let stride = (self.total / teams * 6 / 10 / OWN_ACTIVE).max(1);
        let which = match self.in_first_team % stride.max(2) {
            0 => 0,
            1 => 1,
            _ => return other,
        };
        let (Some(active), Some(own)) = (self.own_active.get_mut(which), self.world.advocates.get(which).copied())
        else {
            return other;
        };
        if *active >= OWN_ACTIVE {
            return other;
        }
        *active += u32::from(status == Active);
        own
    }

    fn client(&mut self, team: &Team, at: i64, batch: &mut Batch) -> (Key, String) {
        let id = self.dice.id(at);
        let maker = id.uuid().as_u64_pair().1 % u64::try_from(team.advocates.len().max(1)).unwrap_or(1);
        let created_by =
            team.advocates.get(usize::try_from(maker).unwrap_or(0)).copied().unwrap_or(self.world.supervisor);
        let dice = &mut self.dice;
        let (given, family) = (dice.pick(words::GIVEN), dice.pick(words::FAMILY));
        let born = self.world.today - dice.between(18 * 365, 78 * 365) * DAY;
        let interpreter_needed = dice.percent(4);
        batch.clients.push(ClientRow {
            organization_id: self.world.organization,
            id,
            team_id: team.id,
            preferred_name: format!("{given} {}.", family.get(..1).unwrap_or_default()),
            legal_name: dice.percent(60).then(|| format!("{given} {family}")),
            pronouns: dice.percent(70).then(|| dice.pick(words::PRONOUNS)),
            date_of_birth: dice.percent(80).then(|| day(born)),
            phone: dice.percent(85).then(|| dice.phone()),
            language: interpreter_needed.then(|| dice.pick(words::LANGUAGES)),
            interpreter_needed,
            safe_contact: Json(json!({
                "call": dice.percent(70), "voicemail": dice.percent(20), "text": dice.percent(60), "email": false,
                "mail": dice.percent(30),
            })),
            created_by,
            version: 1,
            created_at: instant(at),
            updated_at: instant(at),
        });
        (id, given.to_owned())
    }

    fn case(
        &mut self,
        id: Key,
        client_id: Key,
        team_id: Key,
        lead: Option<Key>,
        status: CaseStatus,
        opened: i64,
    ) -> CaseRow {
        let opened_at = instant(opened);
        let year = Day::of(opened_at, &self.world.zone).year();
        let number = self.numbers.entry(year).or_insert(0);
        *number += 1;
        let case_number = format!("{year}-{number:06}");
        let (dice, codes) = (&mut self.dice, &self.codes);
        let non_instructed = dice.percent(4);
        let priority = dice.weighed(&[(70, "routine"), (22, "high"), (8, "urgent")], "routine");
        let tags =
            (0..dice.below(3)).map(|_| dice.pick(words::TAGS).to_owned()).collect::<std::collections::BTreeSet<_>>();
        CaseRow {
            organization_id: self.world.organization,
            id,
            case_number,
            client_id,
            team_id,
            lead_advocate_id: lead,
            advocacy_type: dice.pick(&codes.advocacy),
            instruction: if non_instructed { "non_instructed" } else { "instructed" },
            non_instructed_basis: non_instructed.then(|| dice.pick(&codes.basis)),
            non_instructed_reason: non_instructed
                .then_some("The client cannot be asked at present; their known wishes are followed."),
            intake_source: dice.pick(&codes.intake),
            status: status.as_str(),
            priority,
            priority_reason: (priority == "urgent").then(|| dice.pick(words::URGENT_REASONS)),
            client_goal: format!("{} {}.", dice.pick(words::WANTS), dice.pick(words::WHEN)),
            tags: Json(tags.into_iter().collect()),
            opened_at,
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
            created_at: opened_at,
            updated_at: opened_at,
            unmet_reason: None,
        }
    }

    /// Every transition from the referral to the current status, as the lifecycle requires.
    fn history(&mut self, story: &mut Story, row: &mut CaseRow, batch: &mut Batch) {
        let detour = self.dice.percent(4);
        let steps: &[CaseStatus] = match story.status {
            Referred => &[],
            EnteredInError => &[EnteredInError],
            Triage => &[Triage],
            Waitlisted => &[Triage, Waitlisted],
            Declined => &[Triage, Declined],
            Accepted => &[Triage, Accepted],
            Active if detour => &[Triage, Waitlisted, Triage, Accepted, Active],
            Active => &[Triage, Accepted, Active],
            OnHold => &[Triage, Accepted, Active, OnHold],
            Closing => &[Triage, Accepted, Active, Closing],
            Closed => &[Triage, Accepted, Active, Closing, Closed],
        };
        let (mut at, mut before, mut met) = (story.opened, Referred, false);
        self.step(story, at, None, Referred, None, json!({}), batch);
        for to in steps.iter().copied() {
            let today = self.world.today;
            at = match to {
                Active => {
                    story.contact = self.first_contact(at);
                    met = true;
                    self.later(story.contact, 2)
                }
                OnHold => self.later(at, 30).max(today - self.dice.between(DAY, 50 * DAY)),
                Closing if story.status == Closed => {
                    at + self.dice.between(HOUR, (200 * DAY).min((today - at) * 2 / 3))
                }
                Closing => self.later(at, 60).max(today - self.dice.between(DAY, 20 * DAY)),
                _ => self.later(at, 4),
            };
            let mut reason = None;
            row.unmet_reason = matches!(to, Waitlisted | Declined).then(|| self.dice.pick(&self.codes.unmet));
            let given = match to {
                Waitlisted => {
                    reason = Some(self.dice.pick(words::WAIT_REASONS));
                    json!({"reason_code": row.unmet_reason})
                }
                Declined => {
                    reason = Some(self.dice.pick(words::DECLINE_REASONS));
                    json!({"signpost": self.dice.pick(words::SIGNPOSTS), "reason_code": row.unmet_reason})
                }
                EnteredInError => {
                    reason = Some(self.dice.pick(words::ERROR_REASONS));
                    json!({})
                }
                Accepted => json!({"client_agreement": true, "conflict_check": true, "lead_advocate_id": story.lead}),
                Active => json!({"first_contact": instant(story.contact)}),
                OnHold => {
                    reason = Some(self.dice.pick(words::HOLD_REASONS));
                    let review = day(at + self.dice.between(50, 90) * DAY);
                    row.review_on = Some(review);
                    json!({"review_on": review})
                }
                Closing => {
                    story.until = at;
                    json!({})
                }
                Closed => {
                    row.closed_at = Some(instant(at));
                    row.closing_reason = Some(self.dice.pick(&self.codes.closing));
                    row.closing_summary = Some(self.dice.pick(words::CLOSINGS));
                    row.outcome = Some(self.dice.pick(&self.codes.outcome));
                    json!({
                        "closing_reason": row.closing_reason, "closing_summary": row.closing_summary,
                        "outcome": row.outcome,
                    })
                }
                Referred | Triage => json!({}),
            };
            self.step(story, at, Some(before), to, reason, given, batch);
            before = to;
            row.version += 1;
            row.updated_at = instant(at);
        }
        if !met {
            story.contact = self.first_contact(at);
        }
        story.last_contact = story.contact;
    }

    #[expect(clippy::too_many_arguments, reason = "they are the columns")]
    fn step(
        &mut self,
        story: &Story,
        at: i64,
        from: Option<CaseStatus>,
        to: CaseStatus,
        reason: Option<&'static str>,
        given: Value,
        batch: &mut Batch,
    ) {
        let actor_id = match to {
            Active | OnHold | Closing => story.worker,
            EnteredInError => self.world.admin,
            _ => self.world.supervisor,
        };
        let id = self.dice.id(at);
        batch.transitions.push(TransitionRow {
            organization_id: self.world.organization,
            id,
            case_id: story.case,
            from_status: from.map(CaseStatus::as_str),
            to_status: to.as_str(),
            reason,
            given: Json(given),
            actor_id,
            at: instant(at),
        });
        if from.is_some() {
            self.entry(batch, story, at, "case.transitioned", story.case, actor_id, Some(to.as_str()), None);
        }
    }

    /// The lead is assigned when the case is accepted.
    fn assignment(&mut self, story: &Story, lead: Key, batch: &mut Batch) {
        let accepted = batch
            .transitions
            .iter()
            .rev()
            .take(6)
            .find(|step| step.case_id == story.case && step.to_status == Accepted.as_str());
        let at = accepted.map_or(story.opened, |step| step.at.micros() / 1_000_000);
        let id = self.dice.id(at);
        batch.assignments.push(AssignmentRow {
            organization_id: self.world.organization,
            id,
            case_id: story.case,
            user_id: lead,
            role: "lead",
            assigned_by: self.world.supervisor,
            started_at: instant(at),
            ended_at: None,
            version: 1,
        });
        self.entry(batch, story, at, "assignment.started", id, self.world.supervisor, Some("lead"), None);
    }

    #[expect(clippy::too_many_arguments, reason = "they are the columns")]
    pub fn entry(
        &mut self,
        batch: &mut Batch,
        story: &Story,
        at: i64,
        event: &'static str,
        subject_id: Key,
        actor_id: Key,
        detail: Option<&'static str>,
        note_kind: Option<&'static str>,
    ) {
        let id = self.dice.id(at);
        batch.timeline.push(TimelineRow {
            organization_id: self.world.organization,
            id,
            case_id: story.case,
            at: instant(at),
            event,
            subject_id,
            actor_id,
            detail,
            note_kind,
        });
    }
}
