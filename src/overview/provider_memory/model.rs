//! The model of provider memory, and its counts.

use crate::{
    casework::{
        barriers::model::BarrierStatus,
        meetings::commitments::model::{Commitment, CommitmentStatus},
    },
    directory::{providers::model::ProviderId, services::model::ServiceId},
    types::code::BarrierType,
};
use serde::Serialize;
use utoipa::ToSchema;

/// How a provider has kept its promises.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/promises.json"))))]
pub struct Promises {
    /// Promises that were kept in time.
    #[schema(minimum = 0)]
    pub numerator: i64,
    /// Promises that were kept, late or broken.
    #[schema(minimum = 0)]
    pub denominator: i64,
    /// The rate of kept promises, `numerator` divided by `denominator`; absent if `denominator` is 0.
    #[schema(minimum = 0, maximum = 1)]
    pub rate: Option<f64>,
    #[schema(minimum = 0)]
    pub late: i64,
    #[schema(minimum = 0)]
    pub broken: i64,
    /// Not due yet, or without a recorded result. Not in the rate.
    #[schema(minimum = 0)]
    pub open: i64,
    /// No longer needed. Not in the rate.
    #[schema(minimum = 0)]
    pub waived: i64,
}

impl Promises {
    pub fn from_counts(counts: &[(CommitmentStatus, i64)]) -> Self {
        let count = |status| counts.iter().filter(|(known, _)| *known == status).map(|(_, n)| n).sum::<i64>();
        let (kept, late, broken) =
            (count(CommitmentStatus::Kept), count(CommitmentStatus::Late), count(CommitmentStatus::Broken));
        let denominator = kept + late + broken;
        Self {
            numerator: kept,
            denominator,
            rate: ratio(kept, denominator),
            late,
            broken,
            open: count(CommitmentStatus::Open),
            waived: count(CommitmentStatus::Waived),
        }
    }
}

/// A share; `None` if the denominator is 0.
fn ratio(numerator: i64, denominator: i64) -> Option<f64> {
    let (numerator, denominator) = (i32::try_from(numerator).ok()?, i32::try_from(denominator).ok()?);
    (denominator > 0).then(|| f64::from(numerator) / f64::from(denominator))
}

/// The number of barriers, by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct BarrierCounts {
    /// Barriers that have not ended.
    #[schema(minimum = 0)]
    pub open: i64,
    #[schema(minimum = 0)]
    pub resolved: i64,
    #[schema(minimum = 0)]
    pub closed_unresolved: i64,
}
impl BarrierCounts {
    const fn add(&mut self, status: BarrierStatus, n: i64) {
        match status {
            BarrierStatus::Resolved => self.resolved += n,
            BarrierStatus::ClosedUnresolved => self.closed_unresolved += n,
            _ => self.open += n,
        }
    }
    const fn total(self) -> i64 {
        self.open + self.resolved + self.closed_unresolved
    }
}

/// The barriers of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BarriersOfType {
    #[serde(rename = "type")]
    pub kind: BarrierType,
    #[serde(flatten)]
    pub counts: BarrierCounts,
}

/// The barriers of one service.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BarriersOfService {
    /// Absent for barriers without a service.
    pub service_id: Option<ServiceId>,
    #[serde(flatten)]
    pub counts: BarrierCounts,
}

/// The number of barriers of a type, at a service, in a status.
pub type BarrierCount = (BarrierType, Option<ServiceId>, BarrierStatus, i64);

/// Groups the counts by one part, the most frequent first.
fn group_counts<K: PartialEq + Copy>(
    counts: &[BarrierCount],
    key: impl Fn(&BarrierCount) -> K,
) -> Vec<(K, BarrierCounts)> {
    let mut groups: Vec<(K, BarrierCounts)> = Vec::new();
    for count in counts {
        let (key, (.., status, n)) = (key(count), count);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.add(*status, *n),
            None => {
                let mut group = BarrierCounts::default();
                group.add(*status, *n);
                groups.push((key, group));
            }
        }
    }
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.total()));
    groups
}

pub fn by_type(counts: &[BarrierCount]) -> Vec<BarriersOfType> {
    group_counts(counts, |(kind, ..)| *kind).into_iter().map(|(kind, counts)| BarriersOfType { kind, counts }).collect()
}
pub fn by_service(counts: &[BarrierCount]) -> Vec<BarriersOfService> {
    group_counts(counts, |(_, service, ..)| *service)
        .into_iter()
        .map(|(service_id, counts)| BarriersOfService { service_id, counts })
        .collect()
}

/// The history with a provider, over the caller's own caseload.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/provider_memory.json"))))]
pub struct ProviderMemory {
    pub provider_id: ProviderId,
    /// The provider's commitments in meetings with it.
    pub promises: Promises,
    /// The most frequent first.
    pub barriers_by_type: Vec<BarriersOfType>,
    /// The most frequent first.
    pub barriers_by_service: Vec<BarriersOfService>,
    #[schema(minimum = 0)]
    pub meetings_held: i64,
    /// The provider's latest promises, at most ten.
    pub recent_commitments: Vec<Commitment>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Id;

    #[test]
    fn commitment_rate_counts_only_decided_commitments() {
        use CommitmentStatus::*;
        let promises = Promises::from_counts(&[(Kept, 3), (Late, 1), (Broken, 2), (Open, 9), (Waived, 4)]);
        assert_eq!((promises.numerator, promises.denominator, promises.rate), (3, 6, Some(0.5)));
        assert_eq!((promises.open, promises.waived), (9, 4));
        assert_eq!(Promises::from_counts(&[(Open, 9)]).rate, None);
    }

    #[test]
    fn barriers_are_counted_by_type_and_by_service() {
        use BarrierStatus::*;
        let (cost, capacity) = (BarrierType::known("cost").unwrap(), BarrierType::known("capacity").unwrap());
        let service = Some(Id::new());
        let counts = [
            (cost, None, Open, 1),
            (capacity, service, InProgress, 2),
            (capacity, service, Resolved, 3),
            (cost, service, ClosedUnresolved, 1),
        ];
        let kinds = by_type(&counts);
        assert_eq!(
            kinds[0],
            BarriersOfType { kind: capacity, counts: BarrierCounts { open: 2, resolved: 3, closed_unresolved: 0 } }
        );
        assert_eq!(kinds[1].counts, BarrierCounts { open: 1, resolved: 0, closed_unresolved: 1 });
        let services = by_service(&counts);
        assert_eq!((services[0].service_id, services[0].counts.total(), services[1].service_id), (service, 6, None));
    }
}
