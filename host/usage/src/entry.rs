//! An account with its owner.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::account::Account;
use crate::quota::Subject;

/// A quota's place in the list of names, the same for every configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct QuotaId(pub(crate) u32);

/// An account with its owner. What is compared to find it stands at the front, where the counter
/// of references is: an account of somebody who was away has to be fetched from memory.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Entry {
    pub(crate) quota: QuotaId,
    pub(crate) subject: Subject,
    account: Mutex<Account>,
}

impl Entry {
    pub(crate) fn new(quota: QuotaId, subject: Subject) -> Self {
        Self { quota, subject, account: Mutex::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Account> {
        unpoisoned(&self.account)
    }
}

/// Nobody leaves an account half changed: there is no way out of a change.
pub(crate) fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
