//! The measures, one module for each subject. Each definition has its texts and its SQL side by side.

use super::measure::{Group, Keys};

pub mod actions;
pub mod barriers;
pub mod caseload;
pub mod contact;
pub mod deadlines;
pub mod meetings;
pub mod oversight;

pub(super) const TEAM: Group = Group { name: "team", title: "Team", sql: "f.team_id", keys: Keys::Team };
/// The lead advocate of the record's case, at the moment of the report. Of a case itself, see [`LEAD`].
const ADVOCATE: Group = Group {
    name: "advocate",
    title: "Lead advocate",
    sql: "(SELECT held.lead_id FROM case_facts AS held WHERE held.organization_id = f.organization_id AND held.case_id = f.case_id \
          AND held.replaced_at > {at} AND held.recorded_at <= {at})",
    keys: Keys::User,
};
const LEAD: Group = Group { name: "advocate", title: "Lead advocate", sql: "f.lead_id", keys: Keys::User };
const INTAKE: Group =
    Group { name: "intake_source", title: "Intake source", sql: "f.intake_source", keys: Keys::Codes("intake_source") };
const ADVOCACY: Group =
    Group { name: "advocacy_type", title: "Advocacy type", sql: "f.advocacy_type", keys: Keys::Codes("advocacy_type") };
const PROVIDER: Group = Group { name: "provider", title: "Provider", sql: "f.provider_id", keys: Keys::Provider };
const BARRIER_TYPE: Group =
    Group { name: "type", title: "Barrier type", sql: "f.type", keys: Keys::Codes("barrier_type") };
const ACTION_TYPE: Group =
    Group { name: "type", title: "Action type", sql: "f.type", keys: Keys::Codes("action_type") };
