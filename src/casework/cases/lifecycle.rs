//! The lifecycle of a case as one table. The API uses it for decisions and for `available_transitions`, and the tests
//! walk through it.

use super::model::CaseStatus::{self, *};
use crate::{
    auth::{Actor, Role, UserId},
    types::Day,
};
use serde::Serialize;
use utoipa::ToSchema;

text_enum! {
    /// A condition of a transition.
    pub enum Guard {
        /// The client has agreed to the advocacy, or we act without instruction on a stated basis.
        ClientAgreement = "client_agreement",
        /// Somebody has checked for conflicts of interest, and every conflict that was found is decided.
        ConflictCheck = "conflict_check",
        LeadAdvocate = "lead_advocate",
        Reason = "reason",
        /// The place to which the person was referred instead.
        Signpost = "signpost",
        /// Somebody has spoken with the client.
        FirstContact = "first_contact",
        /// At least one barrier, or a goal in the client's own words.
        BarrierOrGoal = "barrier_or_goal",
        /// A day within 90 days on which the hold is reviewed.
        ReviewOn = "review_on",
        /// No open deadline falls before the review.
        DeadlineInsideHold = "deadline_inside_hold",
        /// Each barrier has a disposition.
        BarriersDisposed = "barriers_disposed",
        /// No deadline is open, unless waived with a reason.
        OpenDeadlines = "open_deadlines",
        ClosingReason = "closing_reason",
        ClosingSummary = "closing_summary",
        Outcome = "outcome",
        /// Another person than the lead advocate closes the case, if the organization requires it.
        SecondPerson = "second_person",
    }
}

text_enum! {
    /// The roles that may change the status of a case.
    pub enum Mover {
        Supervisor = "supervisor",
        Admin = "admin",
        /// The case's lead advocate.
        Lead = "lead",
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Step {
    pub from: CaseStatus,
    pub to: CaseStatus,
    pub by: &'static [Mover],
    pub guards: &'static [Guard],
}

const fn step(from: CaseStatus, to: CaseStatus, by: &'static [Mover], guards: &'static [Guard]) -> Step {
    Step { from, to, by, guards }
}

use Guard as G;
use Mover::{Admin, Lead, Supervisor};

#[rustfmt::skip]
pub const LIFECYCLE: &[Step] = &[
    step(Referred,   Triage,     &[Supervisor, Admin], &[]),
    step(Triage,     Accepted,   &[Supervisor],        &[G::ClientAgreement, G::ConflictCheck, G::LeadAdvocate]),
    step(Triage,     Declined,   &[Supervisor],        &[G::Reason, G::Signpost]),
    step(Triage,     Waitlisted, &[Supervisor],        &[G::Reason]),
    step(Waitlisted, Triage,     &[Supervisor, Admin], &[]),
    step(Accepted,   Active,     &[Lead],              &[G::FirstContact, G::BarrierOrGoal]),
    step(Active,     OnHold,     &[Lead],              &[G::Reason, G::ReviewOn, G::DeadlineInsideHold]),
    step(OnHold,     Active,     &[Lead],              &[]),
    step(Active,     Closing,    &[Lead],              &[G::BarriersDisposed, G::OpenDeadlines]),
    step(Closing,    Active,     &[Lead, Supervisor],  &[]),
    step(Closing,    Closed,     &[Supervisor],        &[G::ClosingReason, G::ClosingSummary, G::Outcome, G::SecondPerson]),
    step(Closed,     Active,     &[Supervisor],        &[G::Reason]),
];

/// The step to `entered_in_error`, from every other status. The record stays, but reports do not count it.
pub const MISTAKE: (&[Mover], &[Guard]) = (&[Admin], &[G::Reason]);

/// The allowed users and the guards of a step, if the table has it.
pub fn find(from: CaseStatus, to: CaseStatus) -> Option<(&'static [Mover], &'static [Guard])> {
    if to == EnteredInError {
        return (from != EnteredInError).then_some(MISTAKE);
    }
    LIFECYCLE.iter().find(|step| step.from == from && step.to == to).map(|step| (step.by, step.guards))
}

/// The possible next statuses.
pub fn from(status: CaseStatus) -> impl Iterator<Item = (CaseStatus, &'static [Mover], &'static [Guard])> {
    CaseStatus::ALL.iter().filter_map(move |to| find(status, *to).map(|(by, guards)| (*to, by, guards)))
}

/// Whether the caller is one of the users in `by`.
pub fn may(actor: Actor, lead: Option<UserId>, by: &[Mover]) -> bool {
    by.iter().any(|mover| match mover {
        Supervisor => actor.role == Role::Supervisor,
        Admin => actor.role == Role::Admin,
        Lead => lead == Some(actor.user),
    })
}

/// The input of the guards: the case with the values of the request.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub client_agreement: bool,
    pub conflict_check: bool,
    /// A conflict was found, and no decision allows the case to continue with it.
    pub open_conflict: bool,
    pub lead: Option<UserId>,
    pub reason: bool,
    pub signpost: bool,
    pub first_contact: bool,
    pub barrier_or_goal: bool,
    pub review_on: Option<Day>,
    pub undisposed_barriers: i32,
    pub open_deadlines: i32,
    pub next_deadline_on: Option<Day>,
    pub waive_deadlines: bool,
    pub closing_reason: bool,
    pub closing_summary: bool,
    pub outcome: bool,
    pub second_person_closes: bool,
    pub mover: Option<UserId>,
    pub today: Option<Day>,
}

impl Guard {
    pub fn holds(self, facts: &Facts) -> bool {
        match self {
            G::ClientAgreement => facts.client_agreement,
            G::ConflictCheck => facts.conflict_check && !facts.open_conflict,
            G::LeadAdvocate => facts.lead.is_some(),
            G::Reason => facts.reason,
            G::Signpost => facts.signpost,
            G::FirstContact => facts.first_contact,
            G::BarrierOrGoal => facts.barrier_or_goal,
            G::ReviewOn => facts
                .review_on
                .zip(facts.today)
                .is_some_and(|(review, today)| review > today && review <= today.plus_days(90)),
            G::DeadlineInsideHold => {
                facts.review_on.is_none_or(|review| facts.next_deadline_on.is_none_or(|due| due >= review))
            }
            G::BarriersDisposed => facts.undisposed_barriers == 0,
            G::OpenDeadlines => facts.open_deadlines == 0 || facts.waive_deadlines && facts.reason,
            G::ClosingReason => facts.closing_reason,
            G::ClosingSummary => facts.closing_summary,
            G::Outcome => facts.outcome,
            G::SecondPerson => !facts.second_person_closes || facts.lead.is_none() || facts.mover != facts.lead,
        }
    }

    /// The member of the transition to which an unmet guard points.
    pub const fn pointer(self) -> &'static str {
        match self {
            G::ClientAgreement => "/client_agreement",
            G::ConflictCheck => "/conflict_check",
            G::LeadAdvocate => "/lead_advocate_id",
            G::Reason => "/reason",
            G::Signpost => "/signpost",
            G::FirstContact => "/first_contact",
            G::ReviewOn | G::DeadlineInsideHold => "/review_on",
            G::OpenDeadlines => "/waive_deadlines",
            G::ClosingReason => "/closing_reason",
            G::ClosingSummary => "/closing_summary",
            G::Outcome => "/outcome",
            G::BarrierOrGoal | G::BarriersDisposed | G::SecondPerson => "/to",
        }
    }

    /// How to meet the guard, as text for people.
    pub const fn advice(self) -> &'static str {
        match self {
            G::ClientAgreement => "record the client's agreement, or the basis for acting without instruction",
            G::ConflictCheck => {
                "check for conflicts of interest (POST /cases/{id}/conflict-checks), and decide on those that are found"
            }
            G::LeadAdvocate => "name a lead advocate",
            G::Reason => "give a reason",
            G::Signpost => "say where the person was pointed to",
            G::FirstContact => "log the first contact with the client, or say when it was",
            G::BarrierOrGoal => "record a barrier or the client's goal",
            G::ReviewOn => "name a day within 90 days on which to review the hold",
            G::DeadlineInsideHold => "an open deadline falls before the review: review earlier",
            G::BarriersDisposed => "give every barrier a disposition",
            G::OpenDeadlines => "satisfy the open deadlines, or waive them with a reason",
            G::ClosingReason => "give the closing reason",
            G::ClosingSummary => "write the closing summary",
            G::Outcome => "say what came of the case",
            G::SecondPerson => "somebody else than the lead advocate closes the case",
        }
    }
}

/// A possible next status, and its guards.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AvailableTransition {
    pub to: CaseStatus,
    /// The roles that may do it.
    pub by: Vec<Mover>,
    /// Whether the caller is one of them.
    pub permitted: bool,
    /// The guards that are not met yet. The request itself can meet some of them with the members of the same names.
    pub unmet: Vec<Guard>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_declined_and_entered_in_error_are_final_statuses() {
        for status in CaseStatus::ALL {
            let ways = LIFECYCLE.iter().filter(|step| step.from == *status).count();
            let end = matches!(status, Declined | EnteredInError);
            assert_eq!(ways == 0, end, "{status:?}");
        }
        assert!(find(EnteredInError, Active).is_none() && find(EnteredInError, EnteredInError).is_none());
    }

    #[test]
    fn every_status_is_reachable_from_referred() {
        let mut reached = vec![Referred];
        while let Some(step) = LIFECYCLE.iter().find(|step| reached.contains(&step.from) && !reached.contains(&step.to))
        {
            reached.push(step.to);
        }
        assert_eq!(reached.len(), CaseStatus::ALL.len() - 1, "all but entered_in_error");
    }

    #[test]
    fn hold_ends_within_90_days_and_not_after_the_next_deadline() {
        let day = |text| Some(Day::parse(text).unwrap());
        let hold = |review_on, next_deadline_on| Facts {
            review_on,
            next_deadline_on,
            today: day("2026-11-23"),
            ..Facts::default()
        };
        assert!(G::ReviewOn.holds(&hold(day("2027-02-21"), None)));
        assert!(!G::ReviewOn.holds(&hold(day("2027-02-22"), None)));
        assert!(!G::ReviewOn.holds(&hold(day("2026-11-23"), None)));
        assert!(!G::ReviewOn.holds(&hold(None, None)));
        assert!(G::DeadlineInsideHold.holds(&hold(day("2026-12-23"), day("2026-12-23"))));
        assert!(!G::DeadlineInsideHold.holds(&hold(day("2026-12-23"), day("2026-12-22"))));
    }

    proptest! {
        /// Any sequence of requests follows the rows of the table. A case that was declined or entered in error stays
        /// so.
        #[test]
        fn requests_follow_the_status_table(asked in proptest::collection::vec(proptest::sample::select(CaseStatus::ALL), 0..60)) {
            let mut status = Referred;
            for to in asked {
                let row = LIFECYCLE.iter().any(|step| step.from == status && step.to == to);
                let mistake = to == EnteredInError && status != EnteredInError;
                prop_assert_eq!(find(status, to).is_some(), row || mistake);
                prop_assert_eq!(from(status).any(|(way, ..)| way == to), row || mistake, "what is shown is what is done");
                prop_assert!(status != EnteredInError || find(status, to).is_none());
                prop_assert!(status != Declined || !row);
                if row || mistake { status = to; }
            }
        }

        /// Each step of any walk is a row of the table.
        #[test]
        fn available_transitions_follow_the_status_table(choices in proptest::collection::vec(0_usize..16, 0..40)) {
            let mut status = Referred;
            for choice in choices {
                let ways: Vec<_> = from(status).collect();
                if ways.is_empty() { break; }
                let (to, by, _) = ways[choice % ways.len()];
                prop_assert!(!by.is_empty());
                prop_assert!(to == EnteredInError || LIFECYCLE.iter().any(|step| step.from == status && step.to == to));
                status = to;
            }
        }
    }
}
