//! The users.

use std::collections::HashMap;
use std::sync::Arc;

use stockade_core::{CredentialId, GroupName, Principal, ProofKind, UserId};

/// A user of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name, unique.
    pub id: UserId,
    /// The groups, in any order.
    pub groups: Vec<GroupName>,
    /// Facts that policies are told about the user, in any order.
    pub attributes: Vec<(String, String)>,
    /// True if every credential of the user is refused.
    pub disabled: bool,
}

impl User {
    /// A user without groups or attributes.
    pub const fn new(id: UserId) -> Self {
        Self { id, groups: Vec::new(), attributes: Vec::new(), disabled: false }
    }
}

/// The parts that all principals of one user share.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: UserId,
    pub(crate) disabled: bool,
    groups: Arc<[GroupName]>,
    attributes: Arc<[(String, String)]>,
}

impl Member {
    fn new(user: User) -> Self {
        let mut groups = user.groups;
        groups.sort_unstable();
        groups.dedup();
        let mut attributes = user.attributes;
        attributes.sort_unstable();
        Self {
            id: user.id,
            disabled: user.disabled,
            groups: groups.into(),
            attributes: attributes.into(),
        }
    }

    /// Somebody who is not in the configuration.
    pub(crate) fn unlisted(id: UserId) -> Self {
        Self::new(User::new(id))
    }

    /// A principal of whom the credential says more. What the configuration says of the
    /// user counts, where both have the same attribute.
    pub(crate) fn principal_with(
        &self,
        proof: ProofKind,
        credential: CredentialId,
        mut groups: Vec<GroupName>,
        mut attributes: Vec<(String, String)>,
    ) -> Principal {
        let mut principal = self.principal(proof, Some(credential));
        if !groups.is_empty() {
            groups.extend_from_slice(&self.groups);
            groups.sort_unstable();
            groups.dedup();
            principal.groups = groups.into();
        }
        if !attributes.is_empty() {
            attributes.retain(|(name, _)| self.attributes.iter().all(|(own, _)| own != name));
            attributes.extend_from_slice(&self.attributes);
            attributes.sort_unstable();
            principal.attributes = attributes.into();
        }
        principal
    }

    pub(crate) fn principal(
        &self,
        proof: ProofKind,
        credential: Option<CredentialId>,
    ) -> Principal {
        Principal {
            user: self.id.clone(),
            groups: Arc::clone(&self.groups),
            proof,
            credential,
            attributes: Arc::clone(&self.attributes),
        }
    }
}

/// All users, by name.
#[derive(Debug)]
pub(crate) struct Directory {
    members: HashMap<UserId, Member>,
    /// The member that is looked at for names that nobody has, so that the work is the same.
    stand_in: Member,
}

impl Directory {
    /// The directory, and the names that came more than once.
    pub(crate) fn new(users: Vec<User>) -> (Self, Vec<UserId>) {
        let mut members = HashMap::with_capacity(users.len());
        let mut repeated = Vec::new();
        for user in users {
            let id = user.id.clone();
            if members.insert(id.clone(), Member::new(user)).is_some() {
                repeated.push(id);
            }
        }
        let stand_in = Member::new(User::new(UserId::placeholder()));
        (Self { members, stand_in }, repeated)
    }

    pub(crate) fn get(&self, user: &str) -> Option<&Member> {
        self.members.get(user)
    }

    /// The user, or one who stands in; whether there is such a user.
    pub(crate) fn find(&self, user: &str) -> (&Member, bool) {
        let found = self.members.get(user);
        (found.unwrap_or(&self.stand_in), found.is_some())
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }
}
