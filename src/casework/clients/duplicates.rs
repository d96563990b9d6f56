//! Finds clients who may be the same person as a given client, among those that the caller sees.

use super::{
    model::{ClientRef, ClientRow, DuplicateFact, PossibleDuplicate},
    store,
};
use crate::{
    db::Tx,
    error::Result,
    records::search,
    types::fold::{self, QueryWord, Term},
};
use std::collections::BTreeSet;

/// The maximum number of duplicates in the answer.
const MAX_DUPLICATES: usize = 10;
/// The minimum score of a possible duplicate.
const MIN_SCORE: i32 = 2;
/// Telephone numbers are compared by this many of their last digits. The digits before are country and area codes,
/// which are often omitted.
const LAST_DIGITS: usize = 7;

/// The score of two records, and the facts that they have in common. A different date of birth lowers the score.
pub fn compare(one: &ClientRow, other: &ClientRow) -> (i32, Vec<DuplicateFact>) {
    let (mut score, mut facts) = (0, Vec::new());
    let mut add = |points: i32, fact| {
        score += points;
        facts.push(fact);
    };
    let names = |row: &ClientRow| -> BTreeSet<Vec<String>> {
        row.names().flat_map(fold::parts).filter(|parts| !parts.is_empty()).collect()
    };
    let joined =
        |row: &ClientRow| -> BTreeSet<String> { row.names().map(fold::fold).filter(|name| !name.is_empty()).collect() };
    let (names_of_one, names_of_other) = (names(one), names(other));
    let same_joined = joined(one).intersection(&joined(other)).map(|name| name.chars().count()).max();
    let same = names_of_one.intersection(&names_of_other).map(Vec::len).max();
    match (same, same_joined) {
        (Some(parts), _) if parts > 1 => add(4, DuplicateFact::Name),
        (_, Some(_)) | (Some(_), _) => add(2, DuplicateFact::Name),
        (None, None) => {
            let parts = |names: &BTreeSet<Vec<String>>| names.iter().flatten().cloned().collect::<BTreeSet<_>>();
            if parts(&names_of_one).intersection(&parts(&names_of_other)).any(|part| part.len() > 2) {
                add(1, DuplicateFact::PartOfName);
            }
        }
    }
    let phone = |row: &ClientRow| {
        let digits = fold::digits(row.phone.as_ref()?.as_str());
        let last = digits.len().saturating_sub(LAST_DIGITS);
        digits.get(last..).filter(|digits| digits.len() > 4).map(str::to_owned)
    };
    if let (Some(mine), Some(theirs)) = (phone(one), phone(other))
        && mine == theirs
    {
        add(3, DuplicateFact::Phone);
    }
    if one.email.is_some() && one.email == other.email {
        add(3, DuplicateFact::Email);
    }
    match (one.date_of_birth, other.date_of_birth) {
        (Some(mine), Some(theirs)) if mine == theirs => add(2, DuplicateFact::DateOfBirth),
        (Some(_), Some(_)) => score -= 2,
        _ => {}
    }
    // Many people have the same birthday, so it is not enough alone.
    if facts == [DuplicateFact::DateOfBirth] { (0, facts) } else { (score, facts) }
}

/// The search terms that find possible duplicates, in two groups: rare terms, which few people share, and common terms:
/// single names, which many people share. They are searched separately, because each search returns a limited number.
fn search_terms(row: &ClientRow) -> [Vec<Vec<QueryWord>>; 2] {
    let (mut rare, mut common) = (Vec::new(), Vec::new());
    for name in row.names() {
        let terms = fold::same_name(name);
        if fold::count(name) > 1 { rare.extend(terms) } else { common.extend(terms) }
    }
    if let Some(phone) = &row.phone {
        rare.extend(fold::parse_query(&fold::digits(phone.as_str())).into_iter().flat_map(|term| term.0));
    }
    if let Some(email) = &row.email {
        rare.extend(fold::same_name(email.as_str()).into_iter().take(1));
    }
    if let Some(born) = row.date_of_birth {
        rare.push(vec![QueryWord { text: fold::fold(&born.to_string()), is_whole: true }]);
    }
    [rare, common]
}

/// The clients that the caller sees and who may be the same person.
pub fn find(tx: &mut Tx, row: &ClientRow) -> Result<Vec<PossibleDuplicate>> {
    let mut ids = BTreeSet::new();
    for terms in search_terms(row) {
        if !terms.is_empty() {
            ids.extend(search::store::matching_clients(tx, Term(terms))?);
        }
    }
    ids.remove(&row.id);
    let mut found: Vec<(PossibleDuplicate, _)> = Vec::new();
    for other in store::visible_by_ids(tx, ids.into_iter().collect())? {
        let (score, in_common) = compare(row, &other);
        if score >= MIN_SCORE {
            let client = ClientRef { id: other.id, preferred_name: other.preferred_name };
            found.push((PossibleDuplicate { client, score, in_common }, other.id));
        }
    }
    // With equal scores, the newest first.
    found.sort_by_key(|(duplicate, id)| std::cmp::Reverse((duplicate.score, *id)));
    found.truncate(MAX_DUPLICATES);
    Ok(found.into_iter().map(|(duplicate, _)| duplicate).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Id;

    fn client(json: serde_json::Value) -> ClientRow {
        ClientRow::new(Id::new(), Id::new(), Id::new(), &serde_json::from_value(json).unwrap())
    }

    #[test]
    fn possible_duplicates_list_the_shared_facts() {
        let maria = client(serde_json::json!({
            "preferred_name": "María López", "date_of_birth": "1990-05-17", "phone": "+1 555 010-0199",
        }));
        for (other, facts) in [
            (serde_json::json!({"preferred_name": "Lopez Maria"}), &[DuplicateFact::Name][..]),
            (
                serde_json::json!({
                    "preferred_name": "Mari", "legal_name": "MARIA-LOPEZ", "date_of_birth": "1990-05-17",
                }),
                &[DuplicateFact::Name, DuplicateFact::DateOfBirth],
            ),
            (serde_json::json!({"preferred_name": "Mary", "phone": "5550100199"}), &[DuplicateFact::Phone]),
            (
                serde_json::json!({"preferred_name": "María", "date_of_birth": "1990-05-17"}),
                &[DuplicateFact::PartOfName, DuplicateFact::DateOfBirth],
            ),
            (
                serde_json::json!({"preferred_name": "Maria Lopez", "date_of_birth": "1990-05-16"}),
                &[DuplicateFact::Name],
            ),
        ] {
            let (score, found) = compare(&maria, &client(other));
            assert!(score >= MIN_SCORE && found == facts, "{score} {found:?}");
        }
        for other in [
            serde_json::json!({"preferred_name": "Anna", "date_of_birth": "1990-05-17"}),
            serde_json::json!({"preferred_name": "María"}),
            serde_json::json!({"preferred_name": "Lopez", "date_of_birth": "1991-05-17"}),
        ] {
            assert!(compare(&maria, &client(other)).0 < MIN_SCORE);
        }
        let (sam, same) = (
            client(serde_json::json!({"preferred_name": "Sam"})),
            client(serde_json::json!({"preferred_name": "SAM"})),
        );
        assert_eq!(compare(&sam, &same), (2, vec![DuplicateFact::Name]));
    }

    #[test]
    fn merged_client_gains_missing_fields_but_no_contact_permission() {
        let mut row = client(serde_json::json!({
            "preferred_name": "Sam",
            "safe_contact": {"call": true, "text": true, "email": true, "never_contact": "Not at work."},
        }));
        let duplicate = client(serde_json::json!({
            "preferred_name": "Sammy", "legal_name": "Samuel Q", "phone": "+1 555 0100",
            "safe_contact": {"text": true, "mail": true, "never_contact": "Not in the evening."},
        }));
        row.fill_missing_from(duplicate, false).unwrap();
        let rules = &row.safe_contact.0;
        assert_eq!((rules.call, rules.text, rules.email, rules.mail), (false, true, false, false));
        assert_eq!(rules.never_contact.as_ref().unwrap().as_str(), "Not at work.\nNot in the evening.");
        assert_eq!(row.legal_name.as_ref().unwrap().as_str(), "Samuel Q");
        assert_eq!(row.names().collect::<Vec<_>>(), ["Sam", "Samuel Q", "Sammy"]);
    }

    #[test]
    fn contact_method_forbidden_by_either_record_stays_forbidden() {
        let all = serde_json::json!({"call": true, "voicemail": true, "text": true, "email": true, "mail": true});
        let full = || {
            client(serde_json::json!({
                "preferred_name": "Sam", "phone": "+1 555 0100", "email": "sam@example.org", "safe_contact": all,
            }))
        };
        let flags = |row: &ClientRow| {
            let rules = &row.safe_contact.0;
            [rules.call, rules.voicemail, rules.text, rules.email, rules.mail]
        };
        // Each case has one reason to restrict contact: the same telephone number, an account, or a contact rule. The
        // last has none.
        for (duplicate, has_account, expected) in [
            (
                serde_json::json!({"preferred_name": "S", "phone": "+1 555 0100", "safe_contact": {"text": true}}),
                false,
                [false, false, true, false, false],
            ),
            (serde_json::json!({"preferred_name": "S"}), true, [false; 5]),
            (
                serde_json::json!({"preferred_name": "S", "safe_contact": {"never_contact": "Not at work."}}),
                false,
                [false; 5],
            ),
            (serde_json::json!({"preferred_name": "S"}), false, [true; 5]),
        ] {
            let mut row = full();
            row.fill_missing_from(client(duplicate), has_account).unwrap();
            assert_eq!(flags(&row), expected);
        }
        // No text is lost: if the texts do not fit into one record, a person must shorten them.
        let said = |word: &str| {
            client(serde_json::json!({
                "preferred_name": "Sam", "safe_contact": {"times": word, "say_we_are": word, "never_contact": word},
            }))
        };
        let mut row = said("one");
        row.fill_missing_from(said("two"), false).unwrap();
        let rules = &row.safe_contact.0;
        let words = (
            rules.times.as_ref().unwrap().as_str(),
            rules.say_we_are.as_ref().unwrap().as_str(),
            rules.never_contact.as_ref().unwrap().as_str(),
        );
        assert_eq!(words, ("one\ntwo", "one; two", "one\ntwo"));
        let long = |word: &str| {
            client(serde_json::json!({"preferred_name": "Sam", "safe_contact": {"never_contact": word.repeat(600)}}))
        };
        let refused = long("a").fill_missing_from(long("b"), false).unwrap_err();
        assert!(refused.to_string().contains("never_contact"), "{refused}");
    }
}
