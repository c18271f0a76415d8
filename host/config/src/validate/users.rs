//! Users, their groups and their keys.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;

use stockade_authn::{
    ApiKey, ClientCertificate, Constraints, KeyDigest, OllamaKey, Password, PasswordHash, User,
};
use stockade_core::{CredentialId, GroupName, UserId};
use stockade_yaml::{Entries, Located, Location, Problem, Report, Slot};

use super::certificates;
use super::names::{Names, Unique};
use super::ollama_keys;
use super::scopes::scope;
use crate::quantity;
use crate::raw::{RawKey, RawUser};
use crate::types::KeyEnd;

/// Everybody, and the names that other parts may use.
pub(super) struct Accounts {
    pub(super) users: Vec<User>,
    pub(super) api_keys: Vec<ApiKey>,
    pub(super) passwords: Vec<Password>,
    pub(super) certificates: Vec<ClientCertificate>,
    pub(super) ollama_keys: Vec<OllamaKey>,
    pub(super) user_names: Names,
    pub(super) group_names: Names,
    pub(super) disabled: HashSet<UserId>,
    pub(super) key_ends: Vec<KeyEnd>,
    /// The place of each user in the file.
    pub(super) places: HashMap<UserId, Location>,
}

pub(super) fn accounts(
    users: Slot<Entries<RawUser>>,
    groups: Slot<Vec<Slot<String>>>,
    incomplete: bool,
    report: &mut Report,
) -> Accounts {
    let mut reading = Reading {
        accounts: Accounts {
            users: Vec::new(),
            api_keys: Vec::new(),
            passwords: Vec::new(),
            certificates: Vec::new(),
            ollama_keys: Vec::new(),
            user_names: Names::new("user"),
            group_names: Names::new("group"),
            disabled: HashSet::new(),
            key_ends: Vec::new(),
            places: HashMap::new(),
        },
        key_ids: Unique::new(),
        digests: Unique::new(),
        certificates: certificates::Known::new(),
        ollama_keys: ollama_keys::Known::new(),
        report,
    };
    if incomplete {
        reading.accounts.user_names.incomplete();
        reading.accounts.group_names.incomplete();
    }
    reading.groups(groups);
    reading.users(users);
    reading.accounts
}

struct Reading<'r> {
    accounts: Accounts,
    key_ids: Unique<CredentialId>,
    digests: Unique<KeyDigest>,
    certificates: certificates::Known,
    ollama_keys: ollama_keys::Known,
    report: &'r mut Report,
}

impl Reading<'_> {
    /// Groups, declared or a user's; each one that is named exists.
    fn groups(&mut self, slot: Slot<Vec<Slot<String>>>) -> Vec<GroupName> {
        let names = &mut self.accounts.group_names;
        if slot.is_broken() {
            names.incomplete();
        }
        let mut groups = Vec::new();
        for group in slot.value().unwrap_or_default() {
            if group.is_broken() {
                names.incomplete();
            }
            let Some(group) = group.optional() else {
                continue;
            };
            names.define(&group.value);
            groups.extend(group.check(self.report, |name| GroupName::new(name)));
        }
        groups
    }

    fn users(&mut self, slot: Slot<Entries<RawUser>>) {
        if slot.is_broken() {
            self.accounts.user_names.incomplete();
            self.accounts.group_names.incomplete();
        }
        for (name, user) in slot.value().unwrap_or_default().0 {
            self.accounts.user_names.define(&name.value);
            let id = name.check(self.report, |name| UserId::new(name));
            self.accounts.places.extend(id.clone().map(|id| (id, name.at)));
            if user.is_broken() {
                self.accounts.group_names.incomplete();
            }
            if let Some(user) = user.value() {
                self.user(id.as_ref(), user);
            }
        }
    }

    /// A user whose name cannot be used is checked all the same.
    fn user(&mut self, id: Option<&UserId>, raw: RawUser) {
        // The log names the user beside the credential, so each user has a `laptop`.
        self.key_ids = Unique::new();
        self.certificates.begin_user();
        self.ollama_keys.begin_user();
        let groups = self.groups(raw.groups);
        let attributes = texts(raw.attributes);
        let disabled = raw.disabled.value().unwrap_or(false);
        if disabled {
            self.accounts.disabled.extend(id.cloned());
        }
        let user = id.map(|id| User { id: id.clone(), groups, attributes, disabled });
        self.accounts.users.extend(user);
        if let Some(text) = raw.password_hash.optional() {
            let password = self.password(id, &text);
            self.accounts.passwords.extend(password);
        }
        for raw in raw.ollama_keys.value().unwrap_or_default() {
            if let Some(raw) = raw.optional() {
                let read = ollama_keys::ollama_key(id, raw, &mut self.ollama_keys, self.report);
                self.accounts.ollama_keys.extend(read);
            }
        }
        for raw in raw.certificates.value().unwrap_or_default() {
            if let Some(raw) = raw.optional() {
                let read = certificates::certificate(id, raw, &mut self.certificates, self.report);
                self.accounts.certificates.extend(read);
            }
        }
        for key in raw.keys.value().unwrap_or_default() {
            if let Some(key) = key.optional() {
                let key = self.key(id, key);
                self.accounts.api_keys.extend(key);
            }
        }
    }

    fn key(&mut self, user: Option<&UserId>, raw: Located<RawKey>) -> Option<ApiKey> {
        let Located { at, value: raw } = raw;
        let id = raw.id.required("id", at, self.report).and_then(|text| {
            let id = text.check(self.report, |id| CredentialId::new(id))?;
            let what = format!("the key id {id:?}");
            self.key_ids.check(id.clone(), &what, text.at, self.report);
            Some(id)
        });
        let digest = raw.sha256.required("sha256", at, self.report);
        let digest = digest.and_then(|text| self.digest(&text));
        let scope = scope(raw.operations, raw.models, self.report);
        let expires = raw.expires.optional().map(|text| {
            let ends = text.check(self.report, |text| quantity::time(text))?;
            let (user, key) = (user?.clone(), id.clone()?);
            self.accounts.key_ends.push(KeyEnd { at: text.at, user, key, ends });
            Some(ends)
        });
        Some(ApiKey {
            id: id?,
            user: user?.clone(),
            digest: digest?,
            terms: Constraints {
                scope: scope?,
                labels: texts(raw.labels),
                expires: match expires {
                    None => None,
                    // An expiry that cannot be read is not "never".
                    Some(read) => Some(read?),
                },
            }
            .into(),
        })
    }

    fn password(&mut self, user: Option<&UserId>, text: &Located<String>) -> Option<Password> {
        // It may be the password itself, and a hash is nobody's business either.
        self.report.mask(text.at);
        let hash = text.check(self.report, |text| PasswordHash::from_str(text))?;
        let user = user?.clone();
        if user.as_str().contains(':') {
            let message = format!("{user:?} cannot have a password");
            let help = "HTTP Basic ends the name at the first `:`; use a key or another name";
            self.report.add(Problem::new(text.at, message).help(help));
        }
        Some(Password { user, hash: hash.into() })
    }

    fn digest(&mut self, text: &Located<String>) -> Option<KeyDigest> {
        let digest = text.check(self.report, |text| KeyDigest::from_str(text));
        match digest {
            Some(digest) => self.digests.check(digest, "this key", text.at, self.report),
            // It may be the key itself.
            None => self.report.mask(text.at),
        }
        digest
    }
}

/// A mapping of names to texts.
fn texts(slot: Slot<Entries<String>>) -> Vec<(String, String)> {
    let entries = slot.value().unwrap_or_default().0;
    entries.into_iter().filter_map(|(name, value)| Some((name.value, value.value()?))).collect()
}
