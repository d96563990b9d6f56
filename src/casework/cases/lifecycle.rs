//! The lifecycle of a case: one table of all allowed transitions and their guards. The API uses it to decide on
//! transitions and for `available_transitions`, and the tests read it.

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

/// One allowed transition: the roles that may make it, and the guards that must hold.
#[derive(Debug)]
pub struct LifecycleRow {
    pub from: CaseStatus,
    pub to: CaseStatus,
    pub by: &'static [Mover],
    pub guards: &'static [Guard],
}

const fn row(from: CaseStatus, to: CaseStatus, by: &'static [Mover], guards: &'static [Guard]) -> LifecycleRow {
    LifecycleRow { from, to, by, guards }
}

use Guard as G;
use Mover::{Admin, Lead, Supervisor};

#[rustfmt::skip]
pub const LIFECYCLE: &[LifecycleRow] = &[
    row(Referred,   Triage,     &[Supervisor, Admin], &[]),
    row(Triage,     Accepted,   &[Supervisor],        &[G::ClientAgreement, G::ConflictCheck, G::LeadAdvocate]),
    row(Triage,     Declined,   &[Supervisor],        &[G::Reason, G::Signpost]),
    row(Triage,     Waitlisted, &[Supervisor],        &[G::Reason]),
    row(Waitlisted, Triage,     &[Supervisor, Admin], &[]),
    row(Accepted,   Active,     &[Lead],              &[G::FirstContact, G::BarrierOrGoal]),
    row(Active,     OnHold,     &[Lead],              &[G::Reason, G::ReviewOn, G::DeadlineInsideHold]),
    row(OnHold,     Active,     &[Lead],              &[]),
    row(Active,     Closing,    &[Lead],              &[G::BarriersDisposed, G::OpenDeadlines]),
    row(Closing,    Active,     &[Lead, Supervisor],  &[]),
    row(Closing,    Closed,     &[Supervisor],        &[G::ClosingReason, G::ClosingSummary, G::Outcome, G::SecondPerson]),
    row(Closed,     Active,     &[Supervisor],        &[G::Reason]),
];

/// The transition to `entered_in_error`, from every other status. The record stays, but reports do not count it.
pub const TO_ENTERED_IN_ERROR: (&[Mover], &[Guard]) = (&[Admin], &[G::Reason]);

/// The allowed users and the guards of a transition, if the lifecycle has it.
pub fn find(from: CaseStatus, to: CaseStatus) -> Option<(&'static [Mover], &'static [Guard])> {
    if to == EnteredInError {
        return (from != EnteredInError).then_some(TO_ENTERED_IN_ERROR);
    }
    LIFECYCLE.iter().find(|row| row.from == from && row.to == to).map(|row| (row.by, row.guards))
}

/// The possible next statuses.
pub fn transitions_from(status: CaseStatus) -> impl Iterator<Item = (CaseStatus, &'static [Mover], &'static [Guard])> {
    CaseStatus::ALL.iter().filter_map(move |to| find(status, *to).map(|(by, guards)| (*to, by, guards)))
}

/// Whether the caller has one of the roles in `by`. `lead` is the lead advocate of the case.
pub fn may_perform(actor: Actor, lead: Option<UserId>, by: &[Mover]) -> bool {
    by.iter().any(|mover| match mover {
        Supervisor => actor.role == Role::Supervisor,
        Admin => actor.role == Role::Admin,
        Lead => lead == Some(actor.user),
    })
}

/// The input of the guards: the values of the case and of the request.
#[derive(Debug, Clone, Default)]
pub struct GuardInput {
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
    pub fn holds(self, input: &GuardInput) -> bool {
        match self {
            G::ClientAgreement => input.client_agreement,
            G::ConflictCheck => input.conflict_check && !input.open_conflict,
            G::LeadAdvocate => input.lead.is_some(),
            G::Reason => input.reason,
            G::Signpost => input.signpost,
            G::FirstContact => input.first_contact,
            G::BarrierOrGoal => input.barrier_or_goal,
            G::ReviewOn => input
                .review_on
                .zip(input.today)
                .is_some_and(|(review, today)| review > today && review <= today.plus_days(90)),
            G::DeadlineInsideHold => {
                input.review_on.is_none_or(|review| input.next_deadline_on.is_none_or(|due| due >= review))
            }
            G::BarriersDisposed => input.undisposed_barriers == 0,
            G::OpenDeadlines => input.open_deadlines == 0 || input.waive_deadlines && input.reason,
            G::ClosingReason => input.closing_reason,
            G::ClosingSummary => input.closing_summary,
            G::Outcome => input.outcome,
            G::SecondPerson => !input.second_person_closes || input.lead.is_none() || input.mover != input.lead,
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
            let targets = LIFECYCLE.iter().filter(|row| row.from == *status).count();
            let end = matches!(status, Declined | EnteredInError);
            assert_eq!(targets == 0, end, "{status:?}");
        }
        assert!(find(EnteredInError, Active).is_none() && find(EnteredInError, EnteredInError).is_none());
    }

    #[test]
    fn every_status_is_reachable_from_referred() {
        let mut reached = vec![Referred];
        while let Some(row) = LIFECYCLE.iter().find(|row| reached.contains(&row.from) && !reached.contains(&row.to)) {
            reached.push(row.to);
        }
        assert_eq!(reached.len(), CaseStatus::ALL.len() - 1, "all but entered_in_error");
    }

    #[test]
    fn hold_ends_within_90_days_and_not_after_the_next_deadline() {
        let day = |text| Some(Day::parse(text).unwrap());
        let hold = |review_on, next_deadline_on| GuardInput {
            review_on,
            next_deadline_on,
            today: day("2026-11-23"),
            ..GuardInput::default()
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
                let is_in_table = LIFECYCLE.iter().any(|row| row.from == status && row.to == to);
                let mistake = to == EnteredInError && status != EnteredInError;
                prop_assert_eq!(find(status, to).is_some(), is_in_table || mistake);
                prop_assert_eq!(transitions_from(status).any(|(target, ..)| target == to), is_in_table || mistake, "what is shown is what is done");
                prop_assert!(status != EnteredInError || find(status, to).is_none());
                prop_assert!(status != Declined || !is_in_table);
                if is_in_table || mistake { status = to; }
            }
        }

        /// Each transition of any sequence is a row of the table.
        #[test]
        fn available_transitions_follow_the_status_table(choices in proptest::collection::vec(0_usize..16, 0..40)) {
            let mut status = Referred;
            for choice in choices {
                let targets: Vec<_> = transitions_from(status).collect();
                if targets.is_empty() { break; }
                let (to, by, _) = targets[choice % targets.len()];
                prop_assert!(!by.is_empty());
                prop_assert!(to == EnteredInError || LIFECYCLE.iter().any(|row| row.from == status && row.to == to));
                status = to;
            }
        }
    }
}
