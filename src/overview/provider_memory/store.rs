//! Queries for provider memory. Every one starts from the cases that the caller may work in.

use super::model::*;
use crate::{
    auth::OrganizationId,
    casework::{
        barriers::model::BarrierStatus,
        meetings::{
            self,
            commitments::model::{Commitment, CommitmentParty, CommitmentRow, CommitmentStatus},
            model::MeetingStatus,
        },
    },
    db::{
        Condition, Tx,
        dialect::Key,
        schema::{barriers, commitments, meetings as meeting_rows},
    },
    directory::{
        providers::{self, model::ProviderId},
        services::model::ServiceId,
    },
    error::Result,
    records::visibility,
    types::code::BarrierType,
};
use diesel::{dsl, prelude::*};

/// The maximum number of recent promises.
const MAX_RECENT: i64 = 10;

/// The condition that a row of a table has this provider. It selects the ids in a subquery that uses only the index on
/// the provider. With a direct condition on the provider, SQLite would read every row of the organization, because it
/// has no statistics here.
macro_rules! of_provider {
    ($tx:expr, $table:literal, $provider:expr) => {
        Condition::new(
            &[
                concat!($table, ".id IN (SELECT named.id FROM ", $table, " AS named WHERE named.organization_id = "),
                " AND named.provider_id = ",
                ")",
            ],
            &[$tx.organization().uuid(), $provider.uuid()],
        )
    };
}

type VisibleBarriers = dsl::Filter<
    dsl::Filter<dsl::Filter<barriers::table, dsl::Eq<barriers::organization_id, OrganizationId>>, Condition>,
    Condition,
>;

/// The barriers of the cases that this caller may work in.
fn visible(tx: &Tx) -> VisibleBarriers {
    barriers::table
        .filter(barriers::organization_id.eq(tx.organization()))
        .filter(visibility::in_visible_case(tx, "barriers"))
        .filter(visibility::not_entered_in_error("barriers"))
}

pub fn get(tx: &mut Tx, id: ProviderId) -> Result<ProviderMemory> {
    let provider = providers::store::find(tx, id)?.id;
    let counts = barrier_counts(tx, provider)?;
    let recent = recent_promises(tx, provider)?;
    tx.audit_read("provider.memory_read", provider);
    tx.audit_read_all("commitment.listed", recent.iter().map(|row| row.id));
    Ok(ProviderMemory {
        provider_id: provider,
        promises: Promises::from_counts(&promises(tx, provider)?),
        barriers_by_type: by_type(&counts),
        barriers_by_service: by_service(&counts),
        meetings_held: held_meetings(tx, provider)?,
        recent_commitments: recent.into_iter().map(Commitment::from).collect(),
    })
}

fn barrier_counts(tx: &mut Tx, provider: ProviderId) -> Result<Vec<BarrierCount>> {
    let part = (barriers::type_, barriers::service_id, barriers::status);
    let counts: Vec<(BarrierType, Option<Key>, BarrierStatus, i64)> = visible(tx)
        .filter(of_provider!(tx, "barriers", provider))
        .group_by(part)
        .select((barriers::type_, barriers::service_id, barriers::status, dsl::count_star()))
        .order(part)
        .load(tx.conn)?;
    let service = |key: Key| ServiceId::from_uuid(key.uuid());
    Ok(counts.into_iter().map(|(kind, key, status, n)| (kind, key.map(service), status, n)).collect())
}

/// The promises of this provider in meetings that the caller may see, as a query that can still be grouped.
macro_rules! promised {
    ($tx:expr, $provider:expr) => {{
        let named = diesel::alias!(commitments as named);
        let met = meetings::store::visible_ids($tx)
            .filter(of_provider!($tx, "meetings", $provider))
            .filter(visibility::not_entered_in_error("meetings"));
        let made = named
            .filter(named.field(commitments::organization_id).eq($tx.organization()))
            .filter(named.field(commitments::meeting_id).eq_any(met))
            .select(named.field(commitments::id));
        commitments::table
            .filter(commitments::organization_id.eq($tx.organization()))
            .filter(commitments::party.eq(CommitmentParty::Provider))
            .filter(commitments::id.eq_any(made))
    }};
}

fn promises(tx: &mut Tx, provider: ProviderId) -> Result<Vec<(CommitmentStatus, i64)>> {
    let promised = promised!(tx, provider).group_by(commitments::status);
    Ok(promised.select((commitments::status, dsl::count_star())).load(tx.conn)?)
}

fn recent_promises(tx: &mut Tx, provider: ProviderId) -> Result<Vec<CommitmentRow>> {
    let newest = promised!(tx, provider).order((commitments::created_at.desc(), commitments::id.desc()));
    Ok(newest.limit(MAX_RECENT).select(CommitmentRow::as_select()).load(tx.conn)?)
}

fn held_meetings(tx: &mut Tx, provider: ProviderId) -> Result<i64> {
    let met = meetings::store::visible_ids(tx)
        .filter(of_provider!(tx, "meetings", provider))
        .filter(visibility::not_entered_in_error("meetings"));
    Ok(met.filter(meeting_rows::status.eq(MeetingStatus::Held)).select(dsl::count_star()).get_result(tx.conn)?)
}
