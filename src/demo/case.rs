//! One case: the client, its status history, and its leads.

use super::{
    Numbers,
    ladder::Rules,
    organization::{Context, Team, codes},
    prepared_cases::{self, Checklist, PreparedCase},
    rng::{DAY, HOUR, Rng, day, in_waking_hours, instant},
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

/// The weights of the statuses: of cases opened in the first nine tenths of the time, and of those opened in the last
/// tenth.
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
const ACTIVE_PER_SIGN_IN: u32 = 40;

/// Generates the cases with all their records, in the order in which the cases were opened.
pub struct CaseGenerator<'a> {
    pub context: &'a Context,
    pub rng: Rng,
    pub codes: Codes,
    pub rules: Rules,
    pub numbers: Numbers,
    /// The checklist of a meeting.
    pub checklist: Checklist,
    total: u32,
    active_of_sign_ins: [u32; 2],
    in_first_team: u32,
}

/// The state of the case while its work is generated.
pub struct CaseState {
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

impl<'a> CaseGenerator<'a> {
    pub fn new(context: &'a Context, rng: Rng, total: u32, short_checklists: bool) -> Self {
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
            context,
            rng,
            codes,
            rules: Rules::read(),
            numbers: Numbers::new(),
            checklist: Checklist::new(short_checklists),
            total,
            active_of_sign_ins: [0; 2],
            in_first_team: 0,
        }
    }

    /// A time some days later, but always before today.
    fn later(&mut self, from: i64, days: i64) -> i64 {
        let room = (days * DAY).min((self.context.today - from) / 6).max(2);
        from + self.rng.between(1, room)
    }

    /// A time some days later, in the daytime if that is still after `from`.
    fn first_contact(&mut self, from: i64) -> i64 {
        let drawn = self.later(from, 3);
        let awake = in_waking_hours(drawn, &self.context.zone);
        if (from + 1..self.context.today - DAY / 2).contains(&awake) { awake } else { drawn }
    }

    /// Adds the case with this index, and all records of it, to the batch.
    pub fn generate(&mut self, index: u32, batch: &mut Batch) {
        let span = self.context.today - DAY - self.context.start;
        let prepared = PreparedCase::at_index(index, self.total);
        let (index, total) = (i64::from(index), i64::from(self.total.max(1)));
        let (from, to) = (span * index / total, span * (index + 1) / total);
        let opened = self.context.start + self.rng.between(from, to);
        let drawn = self.rng.weighted(if index * 10 < total * 9 { OLDER } else { NEWER }, Active);
        let status = prepared.map_or(drawn, PreparedCase::status);
        let context = self.context;
        let place = self.rng.below(context.teams.len());
        let Some(team) = context.teams.get(if prepared.is_some() { 0 } else { place }) else { return };
        let has_lead = matches!(status, Accepted | Active | OnHold | Closing | Closed);
        let lead = has_lead.then(|| match prepared.and_then(PreparedCase::lead) {
            Some(which) => context.advocates.get(which).copied().unwrap_or(context.supervisor),
            None => self.pick_lead(team, status),
        });
        let case = self.rng.id(opened);
        let mut client = self.add_client(team, opened, batch);
        if prepared == Some(PreparedCase::Portal) {
            client.1 = prepared_cases::link_portal_user(self, client.0, opened, batch);
        }

        let mut row = self.new_case(case, client.0, team.id, lead, status, opened);
        let mut state = CaseState {
            case,
            status,
            client: client.1,
            worker: lead.unwrap_or(context.supervisor),
            lead,
            opened,
            contact: opened,
            until: context.today - HOUR,
            lead_signs_in: lead.is_some_and(|lead| context.advocates.contains(&lead)),
            undisposed: 0,
            open_deadlines: 0,
            next_deadline: None,
            last_contact: opened,
        };
        self.add_timeline_entry(batch, &state, opened, "case.opened", case, context.supervisor, None, None);
        self.add_history(&mut state, &mut row, batch);
        if let Some(lead) = lead {
            self.add_assignment(&state, lead, batch);
        }
        // A case that was entered in error was found to be wrong before any work on it.
        if status != EnteredInError {
            super::work::generate(self, &mut state, batch);
            row.first_contact_at = Some(instant(state.contact));
            row.last_contact_at = Some(instant(state.last_contact));
        }
        if state.lead_signs_in {
            prepared_cases::add_statements(self, &state, row.client_id, prepared.is_some(), batch);
        }
        if prepared == Some(PreparedCase::OfferedInHandover) {
            prepared_cases::add_handover(self, &state, batch);
        }
        row.undisposed_barriers = state.undisposed;
        row.open_deadlines = state.open_deadlines;
        row.next_deadline_on = state.next_deadline;
        batch.episodes.push(EpisodeRow {
            organization_id: context.organization,
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

    /// An advocate of the team. In the first team, cases at regular intervals go to the advocates who can sign in.
    fn pick_lead(&mut self, team: &Team, status: CaseStatus) -> Key {
        let place = self.rng.below(team.advocates.len());
        let other = team.advocates.get(place).copied().unwrap_or(self.context.supervisor);
        if self.context.teams.first().is_none_or(|first| first.id != team.id) {
            return other;
        }
        self.in_first_team += 1;
        let teams = u32::try_from(self.context.teams.len()).unwrap_or(1).max(1);
        let stride = (self.total / teams * 6 / 10 / ACTIVE_PER_SIGN_IN).max(1);
        let which = match self.in_first_team % stride.max(2) {
            0 => 0,
            1 => 1,
            _ => return other,
        };
        let (Some(active), Some(own)) =
            (self.active_of_sign_ins.get_mut(which), self.context.advocates.get(which).copied())
        else {
            return other;
        };
        if *active >= ACTIVE_PER_SIGN_IN {
            return other;
        }
        *active += u32::from(status == Active);
        own
    }

    fn add_client(&mut self, team: &Team, at: i64, batch: &mut Batch) -> (Key, String) {
        let id = self.rng.id(at);
        let creator = id.uuid().as_u64_pair().1 % u64::try_from(team.advocates.len().max(1)).unwrap_or(1);
        let created_by =
            team.advocates.get(usize::try_from(creator).unwrap_or(0)).copied().unwrap_or(self.context.supervisor);
        let rng = &mut self.rng;
        let (given, family) = (rng.pick(words::GIVEN_NAMES), rng.pick(words::FAMILY_NAMES));
        let born = self.context.today - rng.between(18 * 365, 78 * 365) * DAY;
        let interpreter_needed = rng.percent(4);
        batch.clients.push(ClientRow {
            organization_id: self.context.organization,
            id,
            team_id: team.id,
            preferred_name: format!("{given} {}.", family.get(..1).unwrap_or_default()),
            legal_name: rng.percent(60).then(|| format!("{given} {family}")),
            pronouns: rng.percent(70).then(|| rng.pick(words::PRONOUNS)),
            date_of_birth: rng.percent(80).then(|| day(born)),
            phone: rng.percent(85).then(|| rng.phone()),
            language: interpreter_needed.then(|| rng.pick(words::LANGUAGES)),
            interpreter_needed,
            safe_contact: Json(json!({
                "call": rng.percent(70), "voicemail": rng.percent(20), "text": rng.percent(60), "email": false,
                "mail": rng.percent(30),
            })),
            created_by,
            version: 1,
            created_at: instant(at),
            updated_at: instant(at),
        });
        (id, given.to_owned())
    }

    fn new_case(
        &mut self,
        id: Key,
        client_id: Key,
        team_id: Key,
        lead: Option<Key>,
        status: CaseStatus,
        opened: i64,
    ) -> CaseRow {
        let opened_at = instant(opened);
        let year = Day::of(opened_at, &self.context.zone).year();
        let number = self.numbers.entry(year).or_insert(0);
        *number += 1;
        let case_number = format!("{year}-{number:06}");
        let (rng, codes) = (&mut self.rng, &self.codes);
        let non_instructed = rng.percent(4);
        let priority = rng.weighted(&[(70, "routine"), (22, "high"), (8, "urgent")], "routine");
        let tags =
            (0..rng.below(3)).map(|_| rng.pick(words::TAGS).to_owned()).collect::<std::collections::BTreeSet<_>>();
        CaseRow {
            organization_id: self.context.organization,
            id,
            case_number,
            client_id,
            team_id,
            lead_advocate_id: lead,
            advocacy_type: rng.pick(&codes.advocacy),
            instruction: if non_instructed { "non_instructed" } else { "instructed" },
            non_instructed_basis: non_instructed.then(|| rng.pick(&codes.basis)),
            non_instructed_reason: non_instructed
                .then_some("The client cannot be asked at present; their known wishes are followed."),
            intake_source: rng.pick(&codes.intake),
            status: status.as_str(),
            priority,
            priority_reason: (priority == "urgent").then(|| rng.pick(words::URGENT_REASONS)),
            client_goal: format!("{} {}.", rng.pick(words::GOALS), rng.pick(words::GOAL_DATES)),
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

    /// Adds every transition from the referral to the current status, in an order that the lifecycle allows.
    fn add_history(&mut self, state: &mut CaseState, row: &mut CaseRow, batch: &mut Batch) {
        let was_waitlisted = self.rng.percent(4);
        let steps: &[CaseStatus] = match state.status {
            Referred => &[],
            EnteredInError => &[EnteredInError],
            Triage => &[Triage],
            Waitlisted => &[Triage, Waitlisted],
            Declined => &[Triage, Declined],
            Accepted => &[Triage, Accepted],
            Active if was_waitlisted => &[Triage, Waitlisted, Triage, Accepted, Active],
            Active => &[Triage, Accepted, Active],
            OnHold => &[Triage, Accepted, Active, OnHold],
            Closing => &[Triage, Accepted, Active, Closing],
            Closed => &[Triage, Accepted, Active, Closing, Closed],
        };
        let (mut at, mut before, mut has_contact) = (state.opened, Referred, false);
        self.add_transition(state, at, None, Referred, None, json!({}), batch);
        for to in steps.iter().copied() {
            let today = self.context.today;
            at = match to {
                Active => {
                    state.contact = self.first_contact(at);
                    has_contact = true;
                    self.later(state.contact, 2)
                }
                OnHold => self.later(at, 30).max(today - self.rng.between(DAY, 50 * DAY)),
                Closing if state.status == Closed => at + self.rng.between(HOUR, (200 * DAY).min((today - at) * 2 / 3)),
                Closing => self.later(at, 60).max(today - self.rng.between(DAY, 20 * DAY)),
                _ => self.later(at, 4),
            };
            let mut reason = None;
            row.unmet_reason = matches!(to, Waitlisted | Declined).then(|| self.rng.pick(&self.codes.unmet));
            let given = match to {
                Waitlisted => {
                    reason = Some(self.rng.pick(words::WAIT_REASONS));
                    json!({"reason_code": row.unmet_reason})
                }
                Declined => {
                    reason = Some(self.rng.pick(words::DECLINE_REASONS));
                    json!({"signpost": self.rng.pick(words::SIGNPOSTS), "reason_code": row.unmet_reason})
                }
                EnteredInError => {
                    reason = Some(self.rng.pick(words::ERROR_REASONS));
                    json!({})
                }
                Accepted => json!({"client_agreement": true, "conflict_check": true, "lead_advocate_id": state.lead}),
                Active => json!({"first_contact": instant(state.contact)}),
                OnHold => {
                    reason = Some(self.rng.pick(words::HOLD_REASONS));
                    let review = day(at + self.rng.between(50, 90) * DAY);
                    row.review_on = Some(review);
                    json!({"review_on": review})
                }
                Closing => {
                    state.until = at;
                    json!({})
                }
                Closed => {
                    row.closed_at = Some(instant(at));
                    row.closing_reason = Some(self.rng.pick(&self.codes.closing));
                    row.closing_summary = Some(self.rng.pick(words::CLOSINGS));
                    row.outcome = Some(self.rng.pick(&self.codes.outcome));
                    json!({
                        "closing_reason": row.closing_reason, "closing_summary": row.closing_summary,
                        "outcome": row.outcome,
                    })
                }
                Referred | Triage => json!({}),
            };
            self.add_transition(state, at, Some(before), to, reason, given, batch);
            before = to;
            row.version += 1;
            row.updated_at = instant(at);
        }
        if !has_contact {
            state.contact = self.first_contact(at);
        }
        state.last_contact = state.contact;
    }

    #[expect(clippy::too_many_arguments, reason = "they are the columns")]
    fn add_transition(
        &mut self,
        state: &CaseState,
        at: i64,
        from: Option<CaseStatus>,
        to: CaseStatus,
        reason: Option<&'static str>,
        given: Value,
        batch: &mut Batch,
    ) {
        let actor_id = match to {
            Active | OnHold | Closing => state.worker,
            EnteredInError => self.context.admin,
            _ => self.context.supervisor,
        };
        let id = self.rng.id(at);
        batch.transitions.push(TransitionRow {
            organization_id: self.context.organization,
            id,
            case_id: state.case,
            from_status: from.map(CaseStatus::as_str),
            to_status: to.as_str(),
            reason,
            given: Json(given),
            actor_id,
            at: instant(at),
        });
        if from.is_some() {
            self.add_timeline_entry(
                batch,
                state,
                at,
                "case.transitioned",
                state.case,
                actor_id,
                Some(to.as_str()),
                None,
            );
        }
    }

    /// Assigns the lead at the time at which the case was accepted.
    fn add_assignment(&mut self, state: &CaseState, lead: Key, batch: &mut Batch) {
        let accepted = batch
            .transitions
            .iter()
            .rev()
            .take(6)
            .find(|step| step.case_id == state.case && step.to_status == Accepted.as_str());
        let at = accepted.map_or(state.opened, |step| step.at.micros() / 1_000_000);
        let id = self.rng.id(at);
        batch.assignments.push(AssignmentRow {
            organization_id: self.context.organization,
            id,
            case_id: state.case,
            user_id: lead,
            role: "lead",
            assigned_by: self.context.supervisor,
            started_at: instant(at),
            ended_at: None,
            version: 1,
        });
        self.add_timeline_entry(
            batch,
            state,
            at,
            "assignment.started",
            id,
            self.context.supervisor,
            Some("lead"),
            None,
        );
    }

    #[expect(clippy::too_many_arguments, reason = "they are the columns")]
    pub fn add_timeline_entry(
        &mut self,
        batch: &mut Batch,
        state: &CaseState,
        at: i64,
        event: &'static str,
        subject_id: Key,
        actor_id: Key,
        detail: Option<&'static str>,
        note_kind: Option<&'static str>,
    ) {
        let id = self.rng.id(at);
        batch.timeline.push(TimelineRow {
            organization_id: self.context.organization,
            id,
            case_id: state.case,
            at: instant(at),
            event,
            subject_id,
            actor_id,
            detail,
            note_kind,
        });
    }
}
