//! The names by which a policy and its host find each other.

use crate::LoadError;
use crate::error::CONTRACT_VERSION;

const PACKAGE: &str = "stockade:policy/";
const POLICY: &str = "policy";
/// What a policy may import. `types` has no functions; it only gives names.
const IMPORTS: [&str; 2] = ["log", "types"];

/// Refuse an import that is not in the contract, or in another version of it.
pub(super) fn check_import(name: &str) -> Result<(), LoadError> {
    match name.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@')) {
        Some((interface, version)) if IMPORTS.contains(&interface) => check_version(version),
        _ => Err(LoadError::ForbiddenImport(name.to_owned())),
    }
}

/// Whether an exported name is the policy interface.
pub(super) fn is_policy_export(name: &str) -> Result<bool, LoadError> {
    match name.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@')) {
        Some((POLICY, version)) => check_version(version).map(|()| true),
        _ => Ok(false),
    }
}

fn check_version(version: &str) -> Result<(), LoadError> {
    if version == CONTRACT_VERSION {
        Ok(())
    } else {
        Err(LoadError::ContractVersion(version.to_owned()))
    }
}

pub(super) fn missing_exports() -> LoadError {
    LoadError::NotAPolicy(format!("it does not export `{PACKAGE}{POLICY}@{CONTRACT_VERSION}`"))
}
