//! The state of the store as people and programs are told of it.

use stockade_core::UnixTime;
use tokio::sync::watch;

/// The reason why the store cannot be asked. It names no secrets: what a server has said is left
/// out, for some repeat what they were sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing answers at the address.
    #[error("the store of quotas cannot be reached: {0}")]
    Unreachable(std::io::ErrorKind),
    /// It does not answer in time.
    #[error("the store of quotas does not answer in time")]
    TimedOut,
    /// Its certificate or its name is not trusted, or TLS failed otherwise.
    #[error("the connection to the store of quotas cannot be encrypted")]
    Tls,
    /// The user or the password is wrong.
    #[error("the store of quotas does not accept the user and password")]
    NotAuthenticated,
    /// The user may not do what is needed.
    #[error("the user of the store of quotas lacks a permission: see the reference of its rules")]
    NotPermitted,
    /// The settings do not fit together.
    #[error("the settings of the store of quotas are not usable")]
    InvalidSettings,
    /// It has answered with an error of this code, or with something else than was expected.
    #[error("the store of quotas answered with the error {0}")]
    Answered(String),
}

/// The connection to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreConnection {
    /// It answers.
    Connected,
    /// It does not, for a reason; `None` until the first attempt has failed or succeeded.
    Disconnected(Option<StoreError>),
}

/// The state of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    /// The connection.
    pub connection: StoreConnection,
    /// The time since which it is like this.
    pub since: UnixTime,
    /// The last error, with its time.
    pub last_error: Option<(UnixTime, StoreError)>,
    /// The store was emptied, or is new: it grants nothing new for a while.
    pub is_settling: bool,
    /// The replicas that the store has heard of, this one among them.
    pub replicas: u32,
    /// The accounts for which this replica holds something.
    pub accounts: usize,
}

/// The state, written by the worker. Whoever looks at it can wait for a change.
#[derive(Debug)]
pub(super) struct Status(watch::Sender<StoreStatus>);

impl Status {
    pub(super) fn new(now: UnixTime) -> Self {
        Self(watch::Sender::new(StoreStatus {
            connection: StoreConnection::Disconnected(None),
            since: now,
            last_error: None,
            is_settling: false,
            replicas: 1,
            accounts: 0,
        }))
    }

    pub(super) fn watch(&self) -> watch::Receiver<StoreStatus> {
        self.0.subscribe()
    }

    pub(super) fn connected(&self, now: UnixTime) {
        self.0.send_modify(|status| {
            (status.connection, status.since) = (StoreConnection::Connected, now);
        });
    }

    pub(super) fn failed(&self, error: StoreError, now: UnixTime) {
        self.0.send_modify(|status| {
            if status.connection == StoreConnection::Connected {
                status.since = now;
            }
            status.connection = StoreConnection::Disconnected(Some(error.clone()));
            status.last_error = Some((now, error));
        });
    }

    pub(super) fn closed(&self, now: UnixTime) {
        self.0.send_modify(|status| {
            (status.connection, status.since) = (StoreConnection::Disconnected(None), now);
        });
    }

    pub(super) fn note(&self, replicas: u32, accounts: usize, is_settling: bool) {
        self.0.send_modify(|status| {
            (status.replicas, status.accounts) = (replicas, accounts);
            status.is_settling = is_settling;
        });
    }
}
