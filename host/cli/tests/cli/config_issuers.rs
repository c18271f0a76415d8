//! The issuers of a configuration, as their file says.

use std::time::Duration;

use stockade_config::Loaded;

use crate::config::full;

#[test]
fn issuers_are_what_their_file_says() {
    let (_surroundings, Loaded { config, .. }) = full();
    let [sso, ci, lab, script] = &config.issuers[..] else { panic!("{:?}", config.issuers) };
    let (rules, mapping) = (&sso.rules.rules, &sso.rules.mapping);
    assert_eq!(
        (rules.max_lifetime, rules.leeway),
        (Duration::from_hours(1), Duration::from_secs(30))
    );
    assert_eq!(
        (mapping.user.as_str(), mapping.user_prefix.as_str()),
        ("preferred_username", "sso:")
    );
    assert!(mapping.admits_unknown_users && sso.fetched.is_some());
    assert!(sso.rules.keys.current().is_none(), "nothing is fetched while reading");
    let (path, names) = mapping.groups.as_ref().unwrap();
    assert_eq!((path.as_str(), names["ollama-ops"].as_str()), ("realm_access.roles", "ops"));
    assert_eq!(mapping.attributes.len(), 2);
    // Without a mapping, the groups that exist are those that count.
    let (_, names) = ci.rules.mapping.groups.as_ref().unwrap();
    assert_eq!((names.len(), names["ops"].as_str()), (2, "ops"));
    assert_eq!(ci.rules.audiences, ["one", "two"]);
    assert_eq!(lab.rules.keys.current().unwrap().kids().collect::<Vec<_>>(), ["k"]);
    for issuer in [ci, lab, script] {
        assert!(!issuer.rules.mapping.admits_unknown_users && issuer.fetched.is_none());
    }
}
