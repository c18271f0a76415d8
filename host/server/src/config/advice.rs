//! What may be meant so, and probably is not: bindings that never apply or say nothing new,
//! users who can do nothing, policies that nobody is judged by.

use std::collections::{HashMap, HashSet};

use stockade_authn::{JwtIssuer, User};
use stockade_core::{GroupName, UserId};

use super::error::ConfigError;
use super::location::Location;
use super::types::{Binding, Config, Subjects};

impl Config {
    /// What may be meant so, and probably is not. Each user is held against each binding,
    /// so it is not for every load.
    pub fn warnings(&self) -> Vec<ConfigError> {
        let mut advice = Advice { config: self, found: Vec::new() };
        let members = self.users.iter().flat_map(|user| &user.groups);
        let members: HashSet<_> = members.chain(self.given_by_issuers()).collect();
        for binding in &self.bindings {
            advice.reach(binding, &members);
        }
        advice.repeats();
        for user in self.users.iter().filter(|user| !user.disabled) {
            advice.helpless(user);
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
    found: Vec<(Location, ConfigError)>,
}

impl Advice<'_> {
    fn add(&mut self, at: Location, message: &str, help: &str) {
        let warning = self.config.error(Some(at), message).with_help(help).into_warning();
        self.found.push((at, warning));
    }

    /// Whom a binding applies to, of those who exist.
    fn reach(&mut self, binding: &Binding, members: &HashSet<&GroupName>) {
        let users = &self.config.users;
        let subjects = &binding.subjects;
        let reached = || users.iter().filter(|user| subjects.apply_to_user(user));
        let empty = subjects.groups.iter().filter(|group| !members.contains(group));
        let empty: Vec<_> = empty.map(|group| format!("{:?}", group.as_str())).collect();
        let empty = empty.join(" or ");
        let only_empty = subjects.groups.iter().all(|group| !members.contains(group))
            && subjects.users.is_empty()
            && !subjects.everyone;
        let given = self.config.is_given_by_issuers(subjects);
        if users.is_empty() || given || reached().any(|user| !user.disabled) {
            if !empty.is_empty() {
                let message = format!("nobody is in {empty}, which this binding names");
                self.add(binding.at, &message, "put somebody into the group, or leave it out");
            }
            self.excepted(binding);
            return;
        }
        let help = if reached().next().is_some() {
            "everybody whom it names is disabled".to_owned()
        } else if only_empty {
            format!("nobody is in {empty}")
        } else {
            "everybody whom it names is also excepted".to_owned()
        };
        self.add(binding.at, "this binding applies to nobody", &help);
    }

    /// Users who are named one by one and excepted all the same.
    fn excepted(&mut self, binding: &Binding) {
        let subjects = &binding.subjects;
        let users = self.config.users.iter();
        let named = users.filter(|user| subjects.users.contains(&user.id));
        for user in named.filter(|user| !subjects.apply_to_user(user)) {
            let message = format!("user {:?} is named here and excepted too", user.id.as_str());
            self.add(binding.at, &message, "the exception wins");
        }
    }

    /// Bindings that others make superfluous.
    fn repeats(&mut self) {
        let mut alike: HashMap<_, Vec<&Binding>> = HashMap::new();
        for binding in &self.config.bindings {
            alike.entry((&binding.policy, &binding.settings)).or_default().push(binding);
        }
        for group in alike.values() {
            for (index, binding) in group.iter().enumerate() {
                let (before, after) = (&group[..index], &group[index + 1..]);
                // Of two that say the same, the later one is too much.
                let other = before.iter().find(|other| covers(other, binding)).or_else(|| {
                    after.iter().find(|other| covers(other, binding) && !covers(binding, other))
                });
                if let Some(other) = other {
                    self.repeated(binding, other);
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

    fn helpless(&mut self, user: &User) {
        let Some(&at) = self.config.user_places.get(&user.id) else {
            return;
        };
        let name = user.id.as_str();
        let mut bindings = self.config.bindings.iter();
        let applies = |binding: &Binding| {
            let subjects = &binding.subjects;
            subjects.apply_to_user(user) || self.config.is_given_by_issuers(subjects)
        };
        if !bindings.any(|binding| binding.enforced && applies(binding)) {
            let message = format!("everything that user {name:?} asks for is refused");
            self.add(at, &message, "no binding that is enforced applies to them");
        }
        if !self.config.can_come(user) {
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

impl Config {
    /// Groups that an issuer of JWTs may put a user into.
    fn given_by_issuers(&self) -> impl Iterator<Item = &GroupName> {
        let mappings =
            self.issuers.iter().filter_map(|issuer| issuer.rules.mapping.groups.as_ref());
        mappings.flat_map(|(_, names)| names.values())
    }

    fn is_given_by_issuers(&self, subjects: &Subjects) -> bool {
        self.given_by_issuers().any(|group| subjects.groups.contains(group))
    }

    /// Whether anything could prove that a caller is this user.
    fn can_come(&self, user: &User) -> bool {
        let id = &user.id;
        // Whoever has a secret makes tokens for anybody.
        !self.token_secrets.is_empty()
            // So does whoever signs JWTs.
            || self.issuers.iter().any(|issuer| names(&issuer.rules, id))
            || self.authentication.anonymous.as_ref() == Some(id)
            || self.api_keys.iter().any(|key| key.user == *id)
            || self.passwords.iter().any(|password| password.user == *id)
            || self.certificates.iter().any(|certificate| certificate.user == *id)
            || self.ollama_keys.iter().any(|key| key.user == *id)
    }
}

/// Whether a token of this issuer can be the user's.
fn names(issuer: &JwtIssuer, user: &UserId) -> bool {
    user.as_str().starts_with(&issuer.mapping.user_prefix)
}

/// Whether one binding says to everybody what another, of the same policy and settings, says
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
