//! Every kind of record. A new kind is one line here.

use crate::{
    casework::{
        actions, assignments, barriers, break_glass, cases, clients, conflicts, deadlines, handovers, meetings, notes,
        statements, tasks,
    },
    db::Tx,
    directory::{deadline_rules, preparation_templates, providers, services},
    error::{ApiError, Result},
    identity::{invitations, organizations, sessions, teams, users},
    overview::{audit_events, exports},
    portal,
    records::kind::Kind,
};

pub const ALL: &[&Kind] = &[
    &clients::KIND,
    &statements::KIND,
    &cases::KIND,
    &assignments::KIND,
    &handovers::KIND,
    &break_glass::KIND,
    &conflicts::KIND,
    &barriers::KIND,
    &actions::KIND,
    &deadlines::KIND,
    &notes::KIND,
    &tasks::KIND,
    &meetings::KIND,
    &meetings::preparation::KIND,
    &meetings::commitments::KIND,
    &portal::feedback::KIND,
    &organizations::KIND,
    &users::KIND,
    &sessions::KIND,
    &invitations::KIND,
    &teams::KIND,
    &teams::deputies::KIND,
    &providers::KIND,
    &services::KIND,
    &deadline_rules::KIND,
    &preparation_templates::KIND,
    &conflicts::interests::KIND,
    &exports::KIND,
    &audit_events::KIND,
];

/// The kind with this name.
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.name == name)
}

/// Checks whether the caller may see the record at a location, before the stored response of an idempotent request is
/// sent again. The audit log gets an entry, as for any read. A record that only appears in a list of another record,
/// such as an assignment, is visible to everybody who sees that other record.
///
/// # Errors
/// Those of [`Kind::authorize`]; 500 for a location of no kind.
pub fn authorize_replay(tx: &mut Tx<'_>, location: &str) -> Result<()> {
    let path = location.strip_prefix("/api/v1").unwrap_or(location);
    match parse_location(path).or_else(|| parse_location(path.strip_prefix("/me")?)) {
        Some((kind, id)) => (kind.authorize)(tx, id),
        None => Err(ApiError::internal("a response is stored whose location belongs to no kind of record")),
    }
}

/// The kind at a path, and the id in it. A client reads a statement under `/me/statements`, and it is a statement.
fn parse_location(path: &str) -> Option<(&'static Kind, &str)> {
    let found = ALL.iter().filter_map(|kind| Some((*kind, match_path(kind.path, path)?)));
    // If several templates match, for example `/cases/{id}` and `/cases/{id}/assignments`, the shortest one decides.
    found.min_by_key(|(kind, _)| kind.path.len())
}

/// Returns the id in a path that begins like this template. A template without an id matches only this path; the id is
/// empty.
fn match_path<'p>(template: &str, path: &'p str) -> Option<&'p str> {
    if !template.contains("{id}") {
        return (template == path).then_some("");
    }
    let mut parts = path.split('/');
    let mut id = "";
    for expected in template.split('/') {
        let part = parts.next()?;
        match expected {
            "{id}" => id = part,
            _ if expected != part => return None,
            _ => {}
        }
    }
    Some(id)
}
