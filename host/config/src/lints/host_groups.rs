//! Groups of hosts that rules name: there is one upstream, so that they have no effect.

use serde_json::Value;

use super::super::types::{Binding, Config, ModuleLocation};

/// The shipped policies whose settings can name a group of hosts.
const RULES: [&str; 2] = ["rules", "fresh-rules"];

/// Returns the paths of the groups of hosts in the settings of a binding, where its policy is one
/// whose settings are known.
pub(super) fn named(config: &Config, binding: &Binding) -> Vec<String> {
    let policy = config.policies.iter().find(|policy| policy.name == binding.policy);
    let names_hosts = policy.is_some_and(|policy| match &policy.module {
        ModuleLocation::Builtin(name) => RULES.contains(&name.as_str()),
        ModuleLocation::File(..) => false,
    });
    if !names_hosts {
        return Vec::new();
    }
    let settings: Value = serde_json::from_str(&binding.settings).unwrap_or_default();
    let rules = settings["rules"].as_array().map_or(&[][..], Vec::as_slice).iter().enumerate();
    let named = rules.filter(|(_, rule)| !rule["host_group"].is_null());
    named.map(|(index, _)| format!("rules[{index}].host_group")).collect()
}
