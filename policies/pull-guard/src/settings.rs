//! The settings that an operator may write.

use stockade_policy_sdk::prelude::*;

/// The callers who may change models, from where and to where.
#[settings]
#[derive(Debug)]
pub struct Settings {
    /// Groups whose members may do it.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Users who may do it.
    #[serde(default)]
    pub users: Vec<String>,
    /// The operations that this binding guards; it says nothing about others.
    #[serde(default = "only_pull")]
    pub operations: Vec<Operation>,
    /// Models that may be pulled, copied from and built on, such as
    /// `registry.ollama.ai/library/*`.
    #[serde(default)]
    pub sources: ModelPatterns,
    /// Models that may be pushed, created, copied to, deleted, unloaded and pinned.
    #[serde(default)]
    pub targets: ModelPatterns,
    /// Allows models that run in Ollama's cloud among the sources and targets.
    #[serde(default)]
    pub cloud: bool,
    /// Hosts on which a created model may run instead of on this one.
    #[serde(default)]
    pub remote_hosts: Vec<String>,
    /// The blobs that a created model may be made of.
    #[serde(default)]
    pub files: Files,
}

/// The blobs that a model may be made of: `files`, `adapters` and `draft_files` name them by
/// digest, and Ollama takes every blob on its disk, whoever sent it and whatever model it belongs
/// to.
#[settings]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Files {
    /// None.
    None,
    /// Those that the caller has sent.
    #[default]
    Uploaded,
    /// Every blob on the disk, also those of models that the caller may not use.
    Any,
}

fn only_pull() -> Vec<Operation> {
    vec![Operation::Pull]
}

impl Settings {
    /// Tells whether the caller is one who may, once the settings are [sorted](Self::sorted).
    pub(crate) fn names(&self, request: &Request) -> bool {
        let listed = |names: &[String], name: &str| {
            names.binary_search_by(|listed| listed.as_str().cmp(name)).is_ok()
        };
        listed(&self.users, request.user())
            || request.caller().groups.iter().any(|group| listed(&self.groups, group))
    }

    /// Made for asking: long lists of groups and users are searched, not walked.
    pub(crate) fn sorted(mut self) -> Self {
        self.groups.sort_unstable();
        self.users.sort_unstable();
        self
    }

    pub(crate) fn names_remote_host(&self, host: &str) -> bool {
        self.remote_hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    /// Refuses settings that could never do what their author means.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let mut problems = self.wrong_callers();
        if self.operations.is_empty() {
            let message = "lists no operation; leave it out for `pull`";
            problems.push(Problem::at("operations", message));
            return Problem::all(problems);
        }
        problems.extend(self.foreign_operations());
        problems.extend(self.wrong_list("sources", &self.sources, reads_sources));
        problems.extend(self.wrong_list("targets", &self.targets, writes_targets));
        let creates = self.operations.contains(&Operation::Create);
        if !creates && !self.remote_hosts.is_empty() {
            problems.push(Problem::at("remote_hosts", WITHOUT_CREATE));
        }
        if !creates && self.files != Files::default() {
            problems.push(Problem::at("files", WITHOUT_CREATE));
        }
        Problem::all(problems)
    }

    fn wrong_callers(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.groups.is_empty() && self.users.is_empty() {
            let message = "neither `groups` nor `users` names anybody; what nobody may do \
                           needs no policy, because what is not allowed is refused";
            problems.push(Problem::new(message));
        }
        for (field, names) in [("groups", &self.groups), ("users", &self.users)] {
            let empty = names.iter().enumerate().filter(|(_, name)| name.trim().is_empty());
            let place = |index: usize| Problem::at(format!("{field}[{index}]"), "is empty");
            problems.extend(empty.map(|(index, _)| place(index)));
        }
        problems
    }

    fn foreign_operations(&self) -> impl Iterator<Item = Problem> {
        let foreign = |operation: &Operation| operation.access() != Some(AccessClass::Manage);
        let operations = self.operations.iter().enumerate();
        operations.filter(move |(_, operation)| foreign(operation)).map(|(index, operation)| {
            let message = format!("`{operation}` does not change models; use `model-access`");
            Problem::at(format!("operations[{index}]"), message)
        })
    }

    /// A list that an operation needs must not be empty, and one that none needs must be.
    fn wrong_list(
        &self,
        field: &str,
        patterns: &ModelPatterns,
        needs: fn(&Operation) -> Need,
    ) -> Option<Problem> {
        let most = self.operations.iter().max_by_key(|operation| needs(operation));
        let need = most.map_or(Need::Never, needs);
        match (need, most, patterns.is_empty()) {
            (Need::Always, Some(operation), true) => {
                let message = format!(
                    "`{operation}` needs at least one pattern here; write `*` for every model"
                );
                Some(Problem::at(field, message))
            }
            (Need::Never, _, false) => {
                let message = "has no effect, because none of `operations` reads it";
                Some(Problem::at(field, message))
            }
            _ => None,
        }
    }
}

const WITHOUT_CREATE: &str = "has no effect, because `operations` does not list `create`";

/// The degree to which an operation depends on a list of patterns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Never,
    Sometimes,
    Always,
}

/// A model can be created from blobs alone.
fn reads_sources(operation: &Operation) -> Need {
    match operation {
        Operation::Pull | Operation::Copy => Need::Always,
        Operation::Create => Need::Sometimes,
        _ => Need::Never,
    }
}

fn writes_targets(operation: &Operation) -> Need {
    match operation {
        Operation::Push
        | Operation::Create
        | Operation::Copy
        | Operation::Delete
        | Operation::Unload
        | Operation::Pin => Need::Always,
        _ => Need::Never,
    }
}
