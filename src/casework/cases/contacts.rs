//! Derives the times of the first and the last contact with the client from the records of the case.

use super::{
    model::CaseRow,
    store,
    transition::{Given, TransitionId},
};
use crate::{
    db::{
        Condition, Tx, save,
        schema::{case_transitions as transitions, notes},
    },
    error::Result,
    types::{Instant, Json},
};
use diesel::{
    dsl::{max, min},
    prelude::*,
};

/// Which of the two times in the case row has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Nothing,
    /// Only the last contact, which the API does not show.
    Last,
    /// The first contact, which the API shows.
    First,
}

/// Derives the first and the last contact in a case row that the calling function has locked. The sources are the notes
/// of successful contacts and the latest transition that gives a first contact. The result does not depend on the order
/// in which they were created or corrected. `pending_first_contact` is the first contact in a transition that is about
/// to be inserted; it counts as the latest transition.
pub fn derive(tx: &mut Tx, case: &mut CaseRow, pending_first_contact: Option<Instant>) -> Result<Change> {
    // Reads all notes of the case, also those that the caller may not read, because the row must be the same for all
    // callers.
    let of_case =
        notes::table.filter(notes::organization_id.eq(case.organization_id)).filter(notes::case_id.eq(case.id));
    // Written literally, to match the partial index.
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
    // Rounds to milliseconds, because a stored transition has no more digits.
    let pending_first_contact = pending_first_contact.and_then(|at| Instant::parse(&at.to_string()).ok());
    let named = pending_first_contact.or(named);
    Ok(set_contact_times(case, first.into_iter().chain(named).min(), last.into_iter().chain(named).max()))
}

fn set_contact_times(case: &mut CaseRow, first: Option<Instant>, last: Option<Instant>) -> Change {
    let before = (case.first_contact_at, case.last_contact_at);
    (case.first_contact_at, case.last_contact_at) = (first, last);
    match (before.0 == first, before.1 == last) {
        (false, _) => Change::First,
        (true, false) => Change::Last,
        (true, true) => Change::Nothing,
    }
}

/// Derives both times and saves the case row if one has changed. Only a new first contact makes a new version, because
/// the API does not show the last contact.
pub fn update(tx: &mut Tx, case: &mut CaseRow) -> Result<()> {
    match derive(tx, case, None)? {
        Change::Nothing => Ok(()),
        Change::Last => store::save_without_version(tx, case),
        Change::First => Ok(save(tx, case)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Id;

    #[test]
    fn only_a_changed_first_contact_makes_a_new_version() {
        let new = serde_json::json!({
            "client_id": Id::<()>::new(), "advocacy_type": "peer", "intake_source": "self", "client_goal": "x",
        });
        let mut case =
            CaseRow::open(Id::new(), Id::new(), "2026-000001".into(), None, &serde_json::from_value(new).unwrap());
        let at = |second| Some(Instant::from_micros(second));
        assert_eq!(set_contact_times(&mut case, at(5), at(5)), Change::First);
        assert_eq!(set_contact_times(&mut case, at(5), at(9)), Change::Last);
        assert_eq!(set_contact_times(&mut case, at(5), at(9)), Change::Nothing);
        assert_eq!(set_contact_times(&mut case, at(3), at(9)), Change::First);
        assert_eq!((case.first_contact_at, case.last_contact_at), (at(3), at(9)));
        assert_eq!(set_contact_times(&mut case, None, None), Change::First);
    }
}
