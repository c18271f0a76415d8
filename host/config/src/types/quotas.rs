//! Quotas, the queue, and the account of what was used, as the gateway uses them.

use std::fmt;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use stockade_core::{AccessClass, ModelPattern, ModelRef, Operation};
use stockade_usage::Quota;
use stockade_usage::ledger::OnDamage;
use stockade_usage::store::StoreSettings;
use stockade_yaml::Location;

use super::Subjects;

/// A quota, and the requests that count in it.
#[derive(Clone, Debug)]
pub struct QuotaRule {
    /// The quota.
    pub quota: Quota,
    /// A person's words about it.
    pub description: Option<String>,
    /// The subjects whom it limits.
    pub subjects: Subjects,
    /// The models that count; all, if there are none.
    pub models: Vec<ModelPattern>,
    /// The operations that count; if there are none, those that cost something.
    pub operations: Vec<Operation>,
    /// Its place in the file.
    pub at: Location,
}

impl QuotaRule {
    /// Tells whether a request counts, whoever sends it.
    pub fn counts(&self, operation: Operation, models: &[ModelRef]) -> bool {
        let operation_counts = match self.operations.as_slice() {
            [] => counts_usually(operation),
            named => named.contains(&operation),
        };
        let named =
            |model: &ModelRef| self.models.iter().any(|pattern| pattern.matches(&model.name));
        operation_counts && (self.models.is_empty() || models.iter().any(named))
    }
}

/// Looking at lists costs nothing, and front ends do it every few seconds.
const fn counts_usually(operation: Operation) -> bool {
    matches!(operation.access(), AccessClass::Inference | AccessClass::Manage | AccessClass::Web)
}

/// The rules for the account of what was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageRules {
    /// The time for which it is kept.
    pub retention: Duration,
    /// The rule for a damaged file.
    pub on_damage: OnDamage,
    /// The most tokens of an answer whose caller sets no limit, where a quota counts them.
    pub answer_limit: u64,
}

impl Default for UsageRules {
    fn default() -> Self {
        Self {
            retention: Duration::from_hours(400 * 24),
            on_damage: OnDamage::default(),
            answer_limit: 8_000,
        }
    }
}

/// The store by which several gateways share quotas.
#[derive(Clone)]
pub struct Store {
    /// The way to it.
    pub settings: StoreSettings,
}

impl Store {
    pub(crate) const fn new(settings: StoreSettings) -> Self {
        Self { settings }
    }

    /// Returns a digest of all that is configured, secrets included.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let StoreSettings { servers, credentials, authorities, prefix, .. } = &self.settings;
        let StoreSettings { timeout, budgets_kept, running_kept, settle, .. } = &self.settings;
        let times = [timeout, budgets_kept, running_kept, settle];
        let user = credentials.as_ref().map(|credentials| &credentials.user);
        let password = credentials.as_ref().map(|credentials| credentials.password.expose());
        let mut hash = Sha256::new();
        hash.update(format!("{servers:?} {user:?} {prefix:?} {authorities:?} {times:?}\n"));
        hash.update(password.map(String::as_bytes).unwrap_or_default());
        hash.finalize().into()
    }
}

/// Its servers, and no secret.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.servers.fmt(f)
    }
}
