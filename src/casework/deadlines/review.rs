//! The review list: deadlines that a newer version of a rule would move wait here for a decision. No deadline moves
//! automatically.

use super::{model::*, requests::*, store};
use crate::{
    casework::cases::model::CaseId,
    db::{
        PortableDsl as _, Tx, save,
        schema::{cases, deadlines},
    },
    directory::deadline_rules::{compute::DeadlineSource, model::DeadlineRuleId},
    error::{ApiError, Code, Result},
    http::Body,
    records::{timeline, visibility},
    types::Json,
};
use diesel::prelude::*;

/// Puts all open deadlines of the organization that a new version of a rule would move on the review list. The caller
/// who adds the version does not get any of their data. A due date that was set manually no longer depends on the rule.
pub fn rule_changed(tx: &mut Tx<'_>, rule: DeadlineRuleId) -> Result<()> {
    let organization = tx.organization();
    let open = || {
        let of_rule =
            deadlines::table.filter(deadlines::organization_id.eq(organization)).filter(deadlines::rule_id.eq(rule));
        let open = of_rule
            .filter(deadlines::status.eq_any(DeadlineStatus::OPEN))
            .filter(deadlines::source.ne(DeadlineSource::Manual));
        // Not in cases that were entered in error, because nobody can change them.
        open.filter(visibility::not_entered_in_error("deadlines"))
    };
    // Locks the cases before their deadlines, as everywhere.
    let theirs = cases::table
        .filter(cases::organization_id.eq(organization))
        .filter(cases::id.eq_any(open().select(deadlines::case_id)));
    let _held: Vec<CaseId> = theirs.order(cases::id).select(cases::id).locked().load(tx.conn)?;
    let rows: Vec<DeadlineRow> = open().order(deadlines::id).select(DeadlineRow::as_select()).locked().load(tx.conn)?;
    for mut row in rows {
        let (rule, computation) = match store::computed(tx, rule, &row) {
            // No version is in force on that day any more, or the due date is outside the calendar: there is no new
            // date to propose.
            Err(error) if matches!(error.code(), Code::NotFound | Code::Invalid) => continue,
            computed => computed?,
        };
        let moved = row.rule_version != Some(rule.version) && computation.due_on != row.due_on;
        let review =
            moved.then_some(Json(DeadlineReview { rule_version: rule.version, proposed_due_on: computation.due_on }));
        if row.review == review {
            continue;
        }
        row.review = review;
        save(tx, &mut row)?;
        if moved {
            timeline::add(tx, row.case_id, "deadline.review_due", row.id, None)?;
        }
        tx.record("deadline.review_due", row.id, vec!["review".into()]);
    }
    Ok(())
}

pub fn decide(tx: &mut Tx, id: DeadlineId, given: &Body<ReviewVerdict>) -> Result<Deadline> {
    let (mut case, mut row) = store::lock_for_update(tx, id)?;
    let (Some(rule), Some(_)) = (row.rule_id, &row.review) else {
        return Err(ApiError::conflict("No newer version of a rule applies to this deadline."));
    };
    match given.decision {
        ReviewDecision::Adopt => {
            let (rule, computation) = store::computed(tx, rule, &row)?;
            row.apply_rule(&rule, computation);
        }
        ReviewDecision::Keep => {
            let reason = given.reason.clone();
            row.override_reason = Some(
                reason
                    .ok_or_else(|| ApiError::invalid("/reason", "required", "is required when the old day is kept"))?,
            );
            row.review = None;
        }
    }
    save(tx, &mut row)?;
    store::record_event(tx, &mut case, &row, "deadline.reviewed", Some(given.decision.as_str()), given.members())?;
    Ok(row.into())
}
