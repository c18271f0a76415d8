//! The versions of the contract `stockade:policy` that this host serves.

/// Every released version that policies may be built for, oldest first. A policy keeps
/// running for as long as its version stands here; the last one is that of
/// `policy-sdk/wit/policy.wit`.
pub const CONTRACTS: &[&str] = &["1.0.0"];

/// The newest contract, as `policy-sdk/wit/policy.wit` has it.
pub const CONTRACT_TEXT: &str = include_str!("../../../policy-sdk/wit/policy.wit");

/// The served version of this name.
pub(crate) fn served(version: &str) -> Option<&'static str> {
    CONTRACTS.iter().copied().find(|served| *served == version)
}

/// The version that policies should be built for.
pub(crate) const fn newest() -> &'static str {
    CONTRACTS[CONTRACTS.len() - 1]
}

/// Returns the advice about a policy of a version that is not served.
pub(crate) fn remedy(version: &str) -> &'static str {
    if numbers(version) > numbers(newest()) {
        "the policy is newer than this host: update Stockade, or build the policy with the \
         policy SDK of this Stockade (`stockade policy new` writes it into a crate)"
    } else {
        "build the policy again with the policy SDK of this Stockade \
         (`stockade policy new` writes it into a crate)"
    }
}

/// Major, minor, patch; `None`, which is less than any, for what is no version.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = version.splitn(3, '.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

#[cfg(test)]
mod tests {
    use super::{CONTRACT_TEXT, CONTRACTS, newest, numbers, remedy, served};

    #[test]
    fn the_newest_is_that_of_the_wit_file() {
        assert!(CONTRACT_TEXT.contains(&format!("package stockade:policy@{};", newest())));
        assert!(CONTRACTS.is_sorted_by_key(|version| numbers(version)));
        assert!(CONTRACTS.iter().all(|version| numbers(version).is_some()));
    }

    #[test]
    fn only_the_exact_names_are_served() {
        assert_eq!(served("1.0.0"), Some("1.0.0"));
        for version in ["1.0", "1.0.0-rc1", "01.0.0", "", "1.0.1"] {
            assert_eq!(served(version), None, "{version}");
        }
    }

    #[test]
    fn the_remedy_depends_on_who_is_behind() {
        assert!(remedy("1.10.0").contains("update Stockade"));
        assert!(remedy("2.0.0").contains("update Stockade"));
        for version in ["0.9.0", "1.0", "x"] {
            assert!(!remedy(version).contains("update Stockade"), "{version}");
            assert!(remedy(version).contains("build the policy again"), "{version}");
        }
    }
}
