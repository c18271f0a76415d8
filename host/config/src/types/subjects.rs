use std::collections::BTreeSet;

use stockade_authn::User;
use stockade_core::{GroupName, Principal, UserId};

/// The subjects that a binding applies to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// Everybody who is not excepted.
    pub everyone: bool,
    /// These users.
    pub users: BTreeSet<UserId>,
    /// The members of one of these groups.
    pub groups: BTreeSet<GroupName>,
    /// But not these.
    pub except: Exceptions,
}

/// The subjects that a binding does not apply to, whatever else it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// These users.
    pub users: BTreeSet<UserId>,
    /// The members of one of these groups.
    pub groups: BTreeSet<GroupName>,
}

impl Subjects {
    /// Tells whether the binding applies to a caller.
    pub fn apply_to(&self, principal: &Principal) -> bool {
        self.apply(&principal.user, &principal.groups)
    }

    /// Tells whether the binding applies to a user.
    pub(crate) fn apply_to_user(&self, user: &User) -> bool {
        self.apply(&user.id, &user.groups)
    }

    fn apply(&self, user: &UserId, memberships: &[GroupName]) -> bool {
        let within = |users: &BTreeSet<UserId>, groups: &BTreeSet<GroupName>| {
            users.contains(user) || memberships.iter().any(|group| groups.contains(group))
        };
        let chosen = self.everyone || within(&self.users, &self.groups);
        chosen && !within(&self.except.users, &self.except.groups)
    }
}
