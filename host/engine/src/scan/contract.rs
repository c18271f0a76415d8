//! The names by which a policy and its host find each other.

use crate::LoadError;
use crate::contract::{newest, served};

const PACKAGE: &str = "stockade:policy/";
const POLICY: &str = "policy";
/// The interfaces that a policy may import. `types` has no functions; it only gives names.
const IMPORTS: [&str; 2] = ["log", "types"];

/// Refuses an import that is not in the contract, or in a version of it that is not served.
pub(super) fn check_import(name: &str) -> Result<(), LoadError> {
    match name.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@')) {
        Some((interface, version)) if IMPORTS.contains(&interface) => known(version).map(drop),
        _ => Err(LoadError::ForbiddenImport(name.to_owned())),
    }
}

/// The version of the contract, if an exported name is the policy interface.
pub(super) fn policy_export(name: &str) -> Result<Option<&'static str>, LoadError> {
    match name.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@')) {
        Some((POLICY, version)) => known(version).map(Some),
        _ => Ok(None),
    }
}

fn known(version: &str) -> Result<&'static str, LoadError> {
    served(version).ok_or_else(|| LoadError::ContractVersion(version.to_owned()))
}

pub(super) fn missing_exports() -> LoadError {
    LoadError::NotAPolicy(format!(
        "it does not export `{PACKAGE}{POLICY}@{}`, as the SDK does where `#[policy]` stands above \
         `impl Policy for …`",
        newest()
    ))
}
