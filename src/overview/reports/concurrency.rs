//! Limits how many reports run at a time. Reports must not slow down the daily work, and the reports of one
//! organization must not delay those of another.

use crate::{
    auth::{OrganizationId, UserId},
    error::{ApiError, Result},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// The most slices that are counted at a time, of all reports together. Each organization has at most as many in the
/// common queue, so that no organization fills it.
const MAX_SLICES: usize = 2;
static SLICE_PERMITS: Semaphore = Semaphore::const_new(MAX_SLICES);
static ORGANIZATION_SEMAPHORES: Mutex<BTreeMap<OrganizationId, Weak<Semaphore>>> = Mutex::new(BTreeMap::new());

/// The permit to count one slice. It is returned when this value is dropped.
pub struct SlicePermit {
    _counting: SemaphorePermit<'static>,
    _in_organization: OwnedSemaphorePermit,
}

/// Waits until a slice of this organization's reports may be counted.
pub async fn acquire_slice(organization: OrganizationId) -> Result<SlicePermit> {
    let semaphore = organization_semaphore(organization);
    let _in_organization = semaphore.acquire_owned().await.map_err(ApiError::internal)?;
    let _counting = SLICE_PERMITS.acquire().await.map_err(ApiError::internal)?;
    Ok(SlicePermit { _counting, _in_organization })
}

/// The semaphore that admits an organization's slices to the common queue. It exists as long as one of them waits or is
/// counted.
fn organization_semaphore(organization: OrganizationId) -> Arc<Semaphore> {
    let mut semaphores = ORGANIZATION_SEMAPHORES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(semaphore) = semaphores.get(&organization).and_then(Weak::upgrade) {
        return semaphore;
    }
    semaphores.retain(|_, semaphore| semaphore.strong_count() > 0);
    let semaphore = Arc::new(Semaphore::new(MAX_SLICES));
    semaphores.insert(organization, Arc::downgrade(&semaphore));
    semaphore
}

/// The most lists of records that are sent at a time, in total and for one organization. Each user gets one list at a
/// time, so that a slow reader blocks nobody else.
const MAX_LISTS: usize = 16;
const MAX_LISTS_OF_ORGANIZATION: usize = 4;
static LISTS_IN_PROGRESS: Mutex<Vec<(OrganizationId, UserId)>> = Mutex::new(Vec::new());

/// The permit to send a list to a user. It is returned when this value is dropped.
pub struct ListPermit(OrganizationId, UserId);

/// Takes the permit to send a list to a user.
///
/// # Errors
/// `overloaded` while a list is being sent to them, or to too many others.
pub fn acquire_list(organization: OrganizationId, user: UserId) -> Result<ListPermit> {
    let mut in_progress = LISTS_IN_PROGRESS.lock().unwrap_or_else(PoisonError::into_inner);
    if in_progress.contains(&(organization, user)) {
        return Err(ApiError::overloaded("A list of records is still being sent to you. Wait until it ends."));
    }
    if in_progress.len() >= MAX_LISTS
        || in_progress.iter().filter(|(other, _)| *other == organization).count() >= MAX_LISTS_OF_ORGANIZATION
    {
        return Err(ApiError::overloaded("Too many lists of records are being sent. Try again later."));
    }
    in_progress.push((organization, user));
    Ok(ListPermit(organization, user))
}

impl Drop for ListPermit {
    fn drop(&mut self) {
        LISTS_IN_PROGRESS.lock().unwrap_or_else(PoisonError::into_inner).retain(|permit| *permit != (self.0, self.1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn organization_with_many_requests_does_not_block_another() {
        let (busy, quiet) = (OrganizationId::new(), OrganizationId::new());
        let mut under_way = vec![acquire_slice(busy).await.unwrap(), acquire_slice(busy).await.unwrap()];
        let mut waiting: Vec<_> = (0..50).map(|_| Box::pin(acquire_slice(busy))).collect();
        assert!(waiting.iter_mut().all(|permit| permit.now_or_never().is_none()));
        let mut other = Box::pin(acquire_slice(quiet));
        assert!(other.as_mut().now_or_never().is_none(), "two are counted at a time");
        under_way.pop();
        let other_permit = other.as_mut().now_or_never().expect("the other organization's permit").unwrap();
        drop((other_permit, under_way, waiting));
        assert_eq!(organization_semaphore(busy).available_permits(), MAX_SLICES);
    }

    #[test]
    fn record_lists_are_limited_per_user_and_per_organization() {
        let (busy, quiet) = (OrganizationId::new(), OrganizationId::new());
        let users: Vec<UserId> = (0..=MAX_LISTS_OF_ORGANIZATION).map(|_| UserId::new()).collect();
        let mut sent: Vec<ListPermit> = users[1..].iter().map(|user| acquire_list(busy, *user).unwrap()).collect();
        assert!(acquire_list(busy, users[0]).is_err() && acquire_list(busy, users[1]).is_err());
        let other = UserId::new();
        let other_permit = acquire_list(quiet, other).unwrap();
        assert!(acquire_list(quiet, other).is_err());
        drop(other_permit);
        assert!(acquire_list(quiet, other).is_ok());
        sent.pop();
        assert!(acquire_list(busy, users[0]).is_ok());
    }
}
