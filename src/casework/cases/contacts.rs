//! When the client of a case was reached for the first and for the last time, as the records of the case say it.

use super::{
    model::CaseRow,
    store,
    transition::{Given, TransitionId},
};
use crate::{
    db::{
        Condition, Tx,
        schema::{case_transitions as transitions, notes},
    },
    error::Result,
    types::{Instant, Json},
};
use diesel::{
    dsl::{max, min},
    prelude::*,
};

/// What a new look at the records changes in the row of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Nothing,
    /// The last contact, which the case does not show.
    Last,
    /// The first contact, which the case shows.
    First,
}

/// Sets the first and the last contact in the row of a case that the caller has locked, from the records alone: the
/// notes of contacts that reached somebody, and what the latest transition that names a first contact says. The order
/// in which they were entered or corrected does not matter. `naming` is what a transition says that is about to be
/// written: it is the latest.
pub fn derive(tx: &mut Tx, case: &mut CaseRow, naming: Option<Instant>) -> Result<Change> {
    // Every note of the case: a contact is for all who work the case, and the row must not depend on who asks.
    let of_case =
        notes::table.filter(notes::organization_id.eq(case.organization_id)).filter(notes::case_id.eq(case.id));
    // Spelled out, so that the index of these notes serves it.
    let reached = of_case.filter(Condition::sql("notes.kind = 'contact' AND notes.successful"));
    let (first, last): (Option<Instant>, Option<Instant>) =
        reached.select((min(notes::occurred_at), max(notes::occurred_at))).first(tx.conn)?;
    let steps = transitions::table
        .filter(transitions::organization_id.eq(case.organization_id))
        .filter(transitions::case_id.eq(case.id));
    let steps: Vec<(Instant, TransitionId, Json<Given>)> =
        steps.select((transitions::at, transitions::id, transitions::given)).load(tx.conn)?;
    let named = steps.iter().filter_map(|(at, id, given)| Some((at.micros(), id.uuid(), given.0.first_contact?)));
    let named = named.max_by_key(|(at, id, _)| (*at, *id)).map(|(_, _, first_contact)| first_contact);
    // As a transition is stored: in milliseconds.
    let naming = naming.and_then(|at| Instant::parse(&at.to_string()).ok());
    let named = naming.or(named);
    Ok(set(case, first.into_iter().chain(named).min(), last.into_iter().chain(named).max()))
}

fn set(case: &mut CaseRow, first: Option<Instant>, last: Option<Instant>) -> Change {
    let before = (case.first_contact_at, case.last_contact_at);
    (case.first_contact_at, case.last_contact_at) = (first, last);
    match (before.0 == first, before.1 == last) {
        (false, _) => Change::First,
        (true, false) => Change::Last,
        (true, true) => Change::Nothing,
    }
}

/// Derives both and writes the row of the case where one of them has changed: as a new version only for what the case
/// shows.
pub fn update(tx: &mut Tx, case: &mut CaseRow) -> Result<()> {
    match derive(tx, case, None)? {
        Change::Nothing => Ok(()),
        Change::Last => store::keep(tx, case),
        Change::First => store::save(tx, case),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Id;

    #[test]
    fn a_new_version_is_made_only_for_the_first_contact() {
        let new = serde_json::json!({
            "client_id": Id::<()>::new(), "advocacy_type": "peer", "intake_source": "self", "client_goal": "x",
        });
        let mut case =
            CaseRow::open(Id::new(), Id::new(), "2026-000001".into(), None, &serde_json::from_value(new).unwrap());
        let at = |second| Some(Instant::from_micros(second));
        assert_eq!(set(&mut case, at(5), at(5)), Change::First);
        assert_eq!(set(&mut case, at(5), at(9)), Change::Last);
        assert_eq!(set(&mut case, at(5), at(9)), Change::Nothing);
        assert_eq!(set(&mut case, at(3), at(9)), Change::First);
        assert_eq!((case.first_contact_at, case.last_contact_at), (at(3), at(9)));
        assert_eq!(set(&mut case, None, None), Change::First);
    }
}
