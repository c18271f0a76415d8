//! The changes of a candidate, counted.

use serde::{Deserialize, Serialize};
use stockade_core::record::Cause;
use stockade_core::{BindingName, Obligations, PolicyName, UserId};
use stockade_engine::Inputs;

use super::line::Told;

/// The changes that a candidate makes to requests of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The records of requests that were looked at.
    pub requests: u64,
    /// Of these, those that were judged.
    pub judged: u64,
    /// Those that were permitted and would be refused.
    pub refusals: u64,
    /// Those that were refused and would be permitted.
    pub permissions: u64,
    /// Those that would be permitted with other obligations.
    pub obligations: u64,
    /// Those about which no policy was asked, such as those that nobody proved.
    pub undecided: u64,
    /// Lines that tell of a request, and that this version does not understand.
    pub unreadable: u64,
    /// The time of the first one that was judged, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// The time of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Those that cannot be judged, by policy and by what it lacks.
    pub unjudged: Vec<UnjudgedRow>,
    /// The changes, the most frequent first.
    pub changes: Vec<ChangeRow>,
    /// The changed requests for which there was no room in the rows.
    pub left_out: u64,
}

/// Equal changes: of one user, with the same models, by one binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRow {
    /// The kind.
    pub change: ChangeKind,
    /// The user.
    pub user: UserId,
    /// The models, as they are listed for people; empty where the requests name none.
    pub models: String,
    /// The binding that makes the change, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<BindingName>,
    /// The requests.
    pub requests: u64,
    /// What was decided about the first of them.
    pub before: EffectTold,
    /// What would be decided about it.
    pub after: EffectTold,
    /// The ids of the first of them.
    pub examples: Vec<String>,
}

/// The effect of a decision, as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
pub enum EffectTold {
    /// The request may be forwarded.
    Permit {
        /// The bindings that allow it.
        allowed_by: Vec<BindingName>,
        /// The obligations.
        obligations: Obligations,
    },
    /// It is refused.
    Refuse {
        /// The class of the refusal.
        cause: Cause,
        /// The reason, for the operator.
        reason: String,
        /// The binding that refuses, if it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        binding: Option<BindingName>,
    },
}

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// What was permitted is refused.
    Refusal,
    /// What was refused is permitted.
    Permission,
    /// What was permitted is, with other obligations.
    Obligations,
}

/// Requests that cannot be judged for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnjudgedRow {
    /// The policy that looks at what is not recorded.
    pub policy: PolicyName,
    /// What that is.
    pub lacks: Lack,
    /// The requests.
    pub requests: u64,
    /// The ids of the first of them.
    pub examples: Vec<String>,
}

/// A part of a request that is not in its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lack {
    /// The texts or the body, which are never recorded.
    Texts,
    /// What Ollama told of the models, because it had told nothing.
    Catalogue,
    /// What the caller had used, because no policy looked at it.
    Usage,
    /// The names of some tools.
    Tools,
    /// Some digests.
    Digests,
}

impl Lack {
    /// Finds what policies are told and the record of a request does not have, with the inputs for
    /// which it is missed.
    pub(super) fn of(inputs: Inputs, told: &Told<'_>) -> Option<(Inputs, Self)> {
        let lacks = [
            (Inputs::TEXTS.and(Inputs::BODY), true, Self::Texts),
            (Inputs::CATALOGUE, told.catalogue.is_none(), Self::Catalogue),
            (Inputs::USAGE, told.usage.is_none(), Self::Usage),
            (Inputs::TOOLS, told.tools_left_out > 0, Self::Tools),
            (Inputs::BLOBS, told.digests_left_out > 0, Self::Digests),
        ];
        let found = lacks.into_iter().find(|(wanted, is, _)| *is && inputs.has_any(*wanted));
        found.map(|(wanted, _, lack)| (wanted, lack))
    }

    /// Returns what is lacked, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Texts => "texts or bodies, which are never recorded",
            Self::Catalogue => "what Ollama tells of models, which it had not told",
            Self::Usage => "what its caller has used, which was not recorded",
            Self::Tools => "the names of tools, of which some are not recorded",
            Self::Digests => "digests, of which some are not recorded",
        }
    }
}

impl Report {
    /// Tells whether the candidate changes nothing.
    pub const fn changes_nothing(&self) -> bool {
        self.refusals == 0 && self.permissions == 0 && self.obligations == 0
    }

    /// Returns the number of requests that cannot be judged.
    pub fn unjudged(&self) -> u64 {
        self.unjudged.iter().map(|row| row.requests).sum()
    }
}
