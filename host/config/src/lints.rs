//! Settings that may be meant so, and probably are not: bindings that never apply or say nothing
//! new or nothing that has an effect, users who can do nothing, policies that nobody is judged by.

mod host_groups;
mod people;
mod quotas;

use std::collections::{HashMap, HashSet};

use stockade_authn::{JwtIssuer, User};
use stockade_core::UserId;
use stockade_yaml::{ConfigError, Location};

use self::people::{Alike, People};
use super::types::{Binding, Config, Subjects};

impl Config {
    /// Returns the settings that may be meant so, and probably are not. It takes as long as there
    /// are users, bindings and warnings, so it is not for every load.
    pub fn warnings(&self) -> Vec<ConfigError> {
        let people = People::of(self);
        let mut advice = Advice { config: self, people: &people, found: Vec::new() };
        for binding in &self.bindings {
            advice.reach("binding", &binding.subjects, binding.at);
            advice.without_effect(binding);
        }
        advice.quotas();
        advice.repeats();
        let judged = people.judged();
        for user in self.users.iter().filter(|user| !user.disabled) {
            advice.has_no_grant(user, judged.contains(&user.id));
        }
        advice.unused();
        advice.unlike_passwords();
        advice.found.sort_by_key(|(at, _)| *at);
        let found = advice.found.into_iter().map(|(_, warning)| warning);
        self.read_warnings.iter().cloned().chain(found).collect()
    }
}

struct Advice<'c> {
    config: &'c Config,
    people: &'c People<'c>,
    found: Vec<(Location, ConfigError)>,
}

impl Advice<'_> {
    fn add(&mut self, at: Location, message: &str, help: &str) {
        let warning = self.config.error(Some(at), message).with_help(help).into_warning();
        self.found.push((at, warning));
    }

    /// Warns of a binding or quota that applies to nobody of those who exist.
    fn reach(&mut self, kind: &str, subjects: &Subjects, at: Location) {
        let people = self.people;
        let reached = || people.reached(subjects);
        let empty = subjects.groups.iter().filter(|group| !people.has_members(group));
        let empty: Vec<_> = empty.map(|group| format!("{:?}", group.as_str())).collect();
        let only_empty =
            empty.len() == subjects.groups.len() && subjects.users.is_empty() && !subjects.everyone;
        let empty = empty.join(" or ");
        let given = people.is_given_by_issuers(subjects);
        if self.config.users.is_empty() || given || reached().any(|user| !user.disabled) {
            if !empty.is_empty() {
                let message = format!("nobody is in {empty}, which this {kind} names");
                self.add(at, &message, "put somebody into the group, or leave it out");
            }
            self.excepted(subjects, at);
            return;
        }
        let help = if reached().next().is_some() {
            "everybody whom it names is disabled".to_owned()
        } else if only_empty {
            format!("nobody is in {empty}")
        } else {
            "everybody whom it names is also excepted".to_owned()
        };
        self.add(at, &format!("this {kind} applies to nobody"), &help);
    }

    /// Users who are named one by one and excepted all the same.
    fn excepted(&mut self, subjects: &Subjects, at: Location) {
        let named = subjects.users.iter().filter_map(|id| self.people.user(id));
        for user in named.filter(|user| !subjects.apply_to_user(user)) {
            let message = format!("user {:?} is named here and excepted too", user.id.as_str());
            self.add(at, &message, "the exception wins");
        }
    }

    /// Obligations that are carried and do nothing.
    fn without_effect(&mut self, binding: &Binding) {
        for path in host_groups::named(self.config, binding) {
            let help = "there is one upstream, which answers everybody";
            let message = "a group of hosts has no effect yet";
            self.add(binding.settings_at(&path), message, help);
        }
    }

    /// Bindings that others make superfluous.
    fn repeats(&mut self) {
        let mut alike: HashMap<_, Vec<&Binding>> = HashMap::new();
        for binding in &self.config.bindings {
            alike.entry((&binding.policy, &binding.settings)).or_default().push(binding);
        }
        for group in alike.values() {
            let index = Alike::of(group);
            for (position, binding) in group.iter().enumerate() {
                // Of two that say the same, the later one is too much.
                let other = index.candidates(binding).find(|&other| {
                    let too_much = covers(group[other], binding);
                    let first = other < position || !covers(binding, group[other]);
                    other != position && too_much && first
                });
                if let Some(other) = other {
                    self.repeated(binding, group[other]);
                }
            }
        }
    }

    fn repeated(&mut self, binding: &Binding, other: &Binding) {
        let name = other.name.as_str();
        let message = format!("this binding says nothing that {name:?} does not say");
        let place = self.config.sources.place(other.at, binding.at);
        let help = format!("{name:?} is in {place}: the same policy and settings, for all of them");
        self.add(binding.at, &message, &help);
    }

    fn has_no_grant(&mut self, user: &User, judged: bool) {
        let Some(&at) = self.config.user_places.get(&user.id) else {
            return;
        };
        let name = user.id.as_str();
        if !judged {
            let message = format!("everything that user {name:?} asks for is refused");
            self.add(at, &message, "no binding that is enforced applies to them");
        }
        if !self.people.can_come(user) {
            let message = format!("user {name:?} has no credential");
            self.add(at, &message, "give them a key, a password or a certificate");
        }
    }

    fn unused(&mut self) {
        let bound: HashSet<_> = self.config.bindings.iter().map(|b| &b.policy).collect();
        for policy in self.config.policies.iter().filter(|p| !bound.contains(&p.name)) {
            let message = format!("no binding names policy {:?}", policy.name.as_str());
            self.add(policy.at, &message, "bind it, or leave it out");
        }
    }
}

impl Advice<'_> {
    /// A name that nobody has costs what the first password costs; others stand out.
    fn unlike_passwords(&mut self) {
        let Some((first, others)) = self.config.passwords.split_first() else {
            return;
        };
        for other in others.iter().filter(|other| other.hash.cost() != first.hash.cost()) {
            let (name, usual) = (other.user.as_str(), first.user.as_str());
            let message = format!(
                "the password of user {name:?} takes another time to check than that of {usual:?}, \
                 so the time of a refusal tells that there is such a user"
            );
            let help = "hash them all in one way, as `stockade password hash` does";
            if let Some(&at) = self.config.user_places.get(&other.user) {
                self.add(at, &message, help);
            }
        }
    }
}

/// Tells whether a token of this issuer can be the user's.
fn names(issuer: &JwtIssuer, user: &UserId) -> bool {
    user.as_str().starts_with(&issuer.mapping.user_prefix)
}

/// Tells whether one binding says to everybody what another, of the same policy and settings, says
/// to some, whoever is in which group.
fn covers(wide: &Binding, narrow: &Binding) -> bool {
    let counts = wide.enforced || !narrow.enforced;
    counts && all_of(&wide.subjects, &narrow.subjects)
}

fn all_of(wide: &Subjects, narrow: &Subjects) -> bool {
    let named = !narrow.everyone
        && narrow.users.is_subset(&wide.users)
        && narrow.groups.is_subset(&wide.groups);
    (wide.everyone || named)
        && wide.except.users.is_subset(&narrow.except.users)
        && wide.except.groups.is_subset(&narrow.except.groups)
}
