//! The users, their groups and their credentials: looked up, never searched.

use std::collections::{HashMap, HashSet};
use std::ops::Not as _;

use stockade_authn::User;
use stockade_core::{GroupName, UserId};

use super::names;
use crate::types::{Binding, Config, Subjects};

/// The users of a configuration.
pub(super) struct People<'c> {
    config: &'c Config,
    by_id: HashMap<&'c UserId, &'c User>,
    by_group: HashMap<&'c GroupName, Vec<&'c User>>,
    /// Groups that an issuer of JWTs may put a user into.
    given: HashSet<&'c GroupName>,
    /// The users who have a credential of their own.
    holders: HashSet<&'c UserId>,
}

impl<'c> People<'c> {
    pub(super) fn of(config: &'c Config) -> Self {
        let mut by_group: HashMap<_, Vec<_>> = HashMap::new();
        for user in &config.users {
            for group in &user.groups {
                by_group.entry(group).or_default().push(user);
            }
        }
        let mappings =
            config.issuers.iter().filter_map(|issuer| issuer.rules.mapping.groups.as_ref());
        let keys = config.api_keys.iter().map(|key| &key.user);
        let passwords = config.passwords.iter().map(|password| &password.user);
        let certificates = config.certificates.iter().map(|certificate| &certificate.user);
        let signers = config.ollama_keys.iter().map(|key| &key.user);
        let anonymous = config.authentication.anonymous.iter();
        Self {
            config,
            by_id: config.users.iter().map(|user| (&user.id, user)).collect(),
            by_group,
            given: mappings.flat_map(|(_, names)| names.values()).collect(),
            holders: keys
                .chain(passwords)
                .chain(certificates)
                .chain(signers)
                .chain(anonymous)
                .collect(),
        }
    }

    pub(super) fn user(&self, id: &UserId) -> Option<&'c User> {
        self.by_id.get(id).copied()
    }

    /// Tells whether somebody is in a group, or a token could say so.
    pub(super) fn has_members(&self, group: &GroupName) -> bool {
        self.by_group.contains_key(group) || self.given.contains(group)
    }

    pub(super) fn is_given_by_issuers(&self, subjects: &Subjects) -> bool {
        subjects.groups.iter().any(|group| self.given.contains(group))
    }

    /// The users to whom subjects apply; some may come twice.
    pub(super) fn reached(&self, subjects: &Subjects) -> impl Iterator<Item = &'c User> {
        let all = subjects.everyone.then_some(&self.config.users).into_iter().flatten();
        let chosen = subjects.everyone.not().then_some(subjects).into_iter();
        let chosen = chosen.flat_map(|subjects| {
            let members = subjects.groups.iter().filter_map(|group| self.by_group.get(group));
            let named = subjects.users.iter().filter_map(|id| self.user(id));
            named.chain(members.flatten().copied())
        });
        all.chain(chosen).filter(|user| subjects.apply_to_user(user))
    }

    /// The users to whom some enforced binding applies.
    pub(super) fn judged(&self) -> HashSet<&'c UserId> {
        let enforced: Vec<_> = self.config.bindings.iter().filter(|b| b.enforced).collect();
        if enforced.iter().any(|binding| self.is_given_by_issuers(&binding.subjects)) {
            return self.by_id.keys().copied().collect();
        }
        let (wide, narrow): (Vec<&Binding>, Vec<_>) =
            enforced.into_iter().partition(|binding| binding.subjects.everyone);
        let reached = narrow.iter().flat_map(|binding| self.reached(&binding.subjects));
        let mut judged: HashSet<_> = reached.map(|user| &user.id).collect();
        let mut left: Vec<_> =
            self.config.users.iter().filter(|user| !judged.contains(&user.id)).collect();
        for binding in wide {
            left.retain(|user| {
                let applies = binding.subjects.apply_to_user(user);
                if applies {
                    judged.insert(&user.id);
                }
                !applies
            });
        }
        judged
    }

    /// Tells whether anything could prove that a caller is this user.
    pub(super) fn can_come(&self, user: &User) -> bool {
        // Whoever has a secret makes tokens for anybody.
        !self.config.token_secrets.is_empty()
            // A front end speaks for anybody.
            || self.config.authentication.on_behalf.is_some()
            // So does whoever signs JWTs.
            || self.config.issuers.iter().any(|issuer| names(&issuer.rules, &user.id))
            || self.holders.contains(&user.id)
    }
}

/// Bindings of one policy with the same settings, by whom they name.
pub(super) struct Alike<'c> {
    everyone: Vec<usize>,
    by_user: HashMap<&'c UserId, Vec<usize>>,
    by_group: HashMap<&'c GroupName, Vec<usize>>,
}

impl<'c> Alike<'c> {
    pub(super) fn of(bindings: &[&'c Binding]) -> Self {
        let (mut by_user, mut by_group) =
            (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        let mut everyone = Vec::new();
        for (index, binding) in bindings.iter().enumerate() {
            if binding.subjects.everyone {
                everyone.push(index);
            }
            for user in &binding.subjects.users {
                by_user.entry(user).or_default().push(index);
            }
            for group in &binding.subjects.groups {
                by_group.entry(group).or_default().push(index);
            }
        }
        Self { everyone, by_user, by_group }
    }

    /// Those that could say to everybody what this one says: they name everyone, or whom it
    /// names first.
    pub(super) fn candidates(&self, narrow: &Binding) -> impl Iterator<Item = usize> {
        let Subjects { users, groups, .. } = &narrow.subjects;
        let same = match (users.first(), groups.first()) {
            (Some(user), _) => self.by_user.get(user),
            (None, Some(group)) => self.by_group.get(group),
            (None, None) => None,
        };
        self.everyone.iter().chain(same.into_iter().flatten()).copied()
    }
}
