//! The queues in which an account waits for a call of the store.

/// The reason why the store is to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A request waits for the reply.
    Ask,
    /// The store has to know, soon.
    Tell,
}

/// The queues that an account is in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Queued {
    asks: bool,
    tells: bool,
}

impl Queued {
    /// Notes that the store is to be called; tells whether the account has to be put into a queue.
    pub(crate) const fn add(&mut self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Ask => !std::mem::replace(&mut self.asks, true),
            Purpose::Tell => !self.asks && !std::mem::replace(&mut self.tells, true),
        }
    }

    /// Returns the reason for a call, if there has been none since.
    pub(crate) const fn purpose(self) -> Option<Purpose> {
        match self {
            Self { asks: true, .. } => Some(Purpose::Ask),
            Self { tells: true, .. } => Some(Purpose::Tell),
            Self { asks: false, tells: false } => None,
        }
    }

    /// Notes that the store is called, and returns the reason.
    pub(crate) const fn take(&mut self) -> Option<Purpose> {
        let purpose = self.purpose();
        *self = Self { asks: false, tells: false };
        purpose
    }
}
