//! Users, their groups and their keys.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;

use stockade_authn::{
    ApiKey, ClientCertificate, Constraints, KeyDigest, OllamaKey, Password, PasswordHash, User,
};
use stockade_core::{CredentialId, GroupName, UserId};
use stockade_yaml::{Diagnostics, Entries, Field, Location, Problem, Spanned};

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
    users: Field<Entries<RawUser>>,
    groups: Field<Vec<Field<String>>>,
    incomplete: bool,
    diagnostics: &mut Diagnostics,
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
        diagnostics,
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
    diagnostics: &'r mut Diagnostics,
}

impl Reading<'_> {
    /// Groups, declared or a user's; each one that is named exists.
    fn groups(&mut self, slot: Field<Vec<Field<String>>>) -> Vec<GroupName> {
        let names = &mut self.accounts.group_names;
        if slot.is_invalid() {
            names.incomplete();
        }
        let mut groups = Vec::new();
        for group in slot.value().unwrap_or_default() {
            if group.is_invalid() {
                names.incomplete();
            }
            let Some(group) = group.optional() else {
                continue;
            };
            names.define(&group.value);
            groups.extend(group.check(self.diagnostics, |name| GroupName::new(name)));
        }
        groups
    }

    fn users(&mut self, slot: Field<Entries<RawUser>>) {
        if slot.is_invalid() {
            self.accounts.user_names.incomplete();
            self.accounts.group_names.incomplete();
        }
        for (name, user) in slot.value().unwrap_or_default().0 {
            self.accounts.user_names.define(&name.value);
            let id = name.check(self.diagnostics, |name| UserId::new(name));
            self.accounts.places.extend(id.clone().map(|id| (id, name.at)));
            if user.is_invalid() {
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
                let read =
                    ollama_keys::ollama_key(id, raw, &mut self.ollama_keys, self.diagnostics);
                self.accounts.ollama_keys.extend(read);
            }
        }
        for raw in raw.certificates.value().unwrap_or_default() {
            if let Some(raw) = raw.optional() {
                let read =
                    certificates::certificate(id, raw, &mut self.certificates, self.diagnostics);
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

    fn key(&mut self, user: Option<&UserId>, raw: Spanned<RawKey>) -> Option<ApiKey> {
        let Spanned { at, value: raw } = raw;
        let id = raw.id.required("id", at, self.diagnostics).and_then(|text| {
            let id = text.check(self.diagnostics, |id| CredentialId::new(id))?;
            let what = format!("the key id {id:?}");
            self.key_ids.check(id.clone(), &what, text.at, self.diagnostics);
            Some(id)
        });
        let digest = raw.sha256.required("sha256", at, self.diagnostics);
        let digest = digest.and_then(|text| self.digest(&text));
        let scope = scope(raw.operations, raw.models, self.diagnostics);
        let expires = raw.expires.optional().map(|text| {
            let ends = text.check(self.diagnostics, |text| quantity::time(text))?;
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

    fn password(&mut self, user: Option<&UserId>, text: &Spanned<String>) -> Option<Password> {
        // It may be the password itself, and a hash is nobody's business either.
        self.diagnostics.mask(text.at);
        let hash = text.check(self.diagnostics, |text| PasswordHash::from_str(text))?;
        let user = user?.clone();
        if user.as_str().contains(':') {
            let message = format!("{user:?} cannot have a password");
            let help = "HTTP Basic ends the name at the first `:`; use a key or another name";
            self.diagnostics.add(Problem::new(text.at, message).help(help));
        }
        Some(Password { user, hash: hash.into() })
    }

    fn digest(&mut self, text: &Spanned<String>) -> Option<KeyDigest> {
        let digest = text.check(self.diagnostics, |text| KeyDigest::from_str(text));
        match digest {
            Some(digest) => self.digests.check(digest, "this key", text.at, self.diagnostics),
            // It may be the key itself.
            None => self.diagnostics.mask(text.at),
        }
        digest
    }
}

/// A mapping of names to texts.
fn texts(slot: Field<Entries<String>>) -> Vec<(String, String)> {
    let entries = slot.value().unwrap_or_default().0;
    entries.into_iter().filter_map(|(name, value)| Some((name.value, value.value()?))).collect()
}
