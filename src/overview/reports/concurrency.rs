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

/// How many slices are counted at a time, of all reports together. No organization has more than this many in the
/// queue.
const SLICES: usize = 2;
static COUNTING: Semaphore = Semaphore::const_new(SLICES);
static ROWS: Mutex<BTreeMap<OrganizationId, Weak<Semaphore>>> = Mutex::new(BTreeMap::new());

/// The permit to count one slice, until it is dropped.
pub struct SliceTurn {
    _counting: SemaphorePermit<'static>,
    _own: OwnedSemaphorePermit,
}

/// Waits until a slice of this organization's reports may be counted.
pub async fn slice(organization: OrganizationId) -> Result<SliceTurn> {
    let row = own_row(organization);
    let _own = row.acquire_owned().await.map_err(ApiError::internal)?;
    let _counting = COUNTING.acquire().await.map_err(ApiError::internal)?;
    Ok(SliceTurn { _counting, _own })
}

/// The semaphore that admits an organization's slices to the common queue. It exists as long as one of them waits or is
/// counted.
fn own_row(organization: OrganizationId) -> Arc<Semaphore> {
    let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(row) = rows.get(&organization).and_then(Weak::upgrade) {
        return row;
    }
    rows.retain(|_, row| row.strong_count() > 0);
    let row = Arc::new(Semaphore::new(SLICES));
    rows.insert(organization, Arc::downgrade(&row));
    row
}

/// How many lists of records are sent at a time, in total and within one organization. Each user gets one at a time, so
/// that a slow reader blocks nobody else.
const LISTS: usize = 16;
const LISTS_EACH: usize = 4;
static SENDING: Mutex<Vec<(OrganizationId, UserId)>> = Mutex::new(Vec::new());

/// The permit to send a list to a user, until it is dropped.
pub struct ListTurn(OrganizationId, UserId);

/// Takes the permit to send a list to a user.
///
/// # Errors
/// `overloaded` while a list is being sent to them, or to too many others.
pub fn list(organization: OrganizationId, user: UserId) -> Result<ListTurn> {
    let mut sending = SENDING.lock().unwrap_or_else(PoisonError::into_inner);
    if sending.contains(&(organization, user)) {
        return Err(ApiError::overloaded("A list of records is still being sent to you. Wait until it ends."));
    }
    if sending.len() >= LISTS || sending.iter().filter(|(of, _)| *of == organization).count() >= LISTS_EACH {
        return Err(ApiError::overloaded("Too many lists of records are being sent. Try again later."));
    }
    sending.push((organization, user));
    Ok(ListTurn(organization, user))
}

impl Drop for ListTurn {
    fn drop(&mut self) {
        SENDING.lock().unwrap_or_else(PoisonError::into_inner).retain(|turn| *turn != (self.0, self.1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn an_organization_that_asks_for_much_leaves_the_next_turn_to_another() {
        let (busy, quiet) = (OrganizationId::new(), OrganizationId::new());
        let mut under_way = vec![slice(busy).await.unwrap(), slice(busy).await.unwrap()];
        let mut waiting: Vec<_> = (0..50).map(|_| Box::pin(slice(busy))).collect();
        assert!(waiting.iter_mut().all(|turn| turn.now_or_never().is_none()));
        let mut other = Box::pin(slice(quiet));
        assert!(other.as_mut().now_or_never().is_none(), "two are counted at a time");
        under_way.pop();
        let theirs = other.as_mut().now_or_never().expect("the other organization's turn").unwrap();
        drop((theirs, under_way, waiting));
        assert_eq!(own_row(busy).available_permits(), SLICES);
    }

    #[test]
    fn record_lists_are_limited_per_user_and_per_organization() {
        let (busy, quiet) = (OrganizationId::new(), OrganizationId::new());
        let users: Vec<UserId> = (0..=LISTS_EACH).map(|_| UserId::new()).collect();
        let mut sent: Vec<ListTurn> = users[1..].iter().map(|user| list(busy, *user).unwrap()).collect();
        assert!(list(busy, users[0]).is_err() && list(busy, users[1]).is_err());
        let other = UserId::new();
        let theirs = list(quiet, other).unwrap();
        assert!(list(quiet, other).is_err());
        drop(theirs);
        assert!(list(quiet, other).is_ok());
        sent.pop();
        assert!(list(busy, users[0]).is_ok());
    }
}
