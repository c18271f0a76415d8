//! Quotas that may be meant so, and probably are not.

use stockade_core::{AccessClass, Operation};
use stockade_usage::{Budget, Resource};

use super::Advice;
use crate::types::QuotaRule;

impl Advice<'_> {
    pub(super) fn quotas(&mut self) {
        for rule in &self.config.quotas {
            self.reach("quota", &rule.subjects, rule.at);
            self.never_reached(rule);
            self.never_counted(rule);
        }
        self.forgotten();
    }

    fn never_reached(&mut self, rule: &QuotaRule) {
        for never in rule.quota.limits.never_reached() {
            self.add(rule.at, &never.to_string(), "leave it out, or make it smaller");
        }
    }

    /// Warns of limits of what the quota's operations never use.
    fn never_counted(&mut self, rule: &QuotaRule) {
        for Budget { resource, .. } in rule.quota.limits.budgets() {
            let uses = |operation: &Operation| uses(*operation, *resource);
            if !rule.operations.is_empty() && !rule.operations.iter().any(uses) {
                let message = format!("none of these operations uses {}", resource.as_str());
                self.add(rule.at, &message, "name others, or leave the limit out");
            }
        }
    }

    /// Warns of budgets of which a restart makes new ones.
    fn forgotten(&mut self) {
        let has_budgets = |rule: &&QuotaRule| !rule.quota.limits.budgets().is_empty();
        let first = self.config.quotas.iter().find(has_budgets);
        if let (Some(rule), None) = (first, &self.config.state_directory) {
            let message = "a restart forgets what was used of this quota";
            let help = "write `state_directory: …` to keep it, or set $STATE_DIRECTORY";
            self.add(rule.at, message, help);
        }
    }
}

fn uses(operation: Operation, resource: Resource) -> bool {
    match resource {
        Resource::Requests => true,
        Resource::PulledBytes => matches!(operation, Operation::Pull | Operation::Create),
        Resource::Tokens | Resource::InputTokens | Resource::OutputTokens | Resource::GpuTime => {
            operation.access() == AccessClass::Inference
        }
    }
}
