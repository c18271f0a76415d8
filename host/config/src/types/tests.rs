use std::collections::BTreeSet;

use stockade_core::{GroupName, Principal, ProofKind, UserId};

use super::{Exceptions, Subjects};

fn alice() -> Principal {
    Principal {
        user: UserId::new("alice").unwrap(),
        groups: [GroupName::new("research").unwrap()].into(),
        proof: ProofKind::ApiKey,
        credential: None,
        attributes: [].into(),
    }
}

fn users(names: &[&str]) -> BTreeSet<UserId> {
    names.iter().map(|name| UserId::new(name).unwrap()).collect()
}

fn groups(names: &[&str]) -> BTreeSet<GroupName> {
    names.iter().map(|name| GroupName::new(name).unwrap()).collect()
}

#[test]
fn nobody_is_the_default() {
    assert!(!Subjects::default().apply_to(&alice()));
}

#[test]
fn a_user_or_a_group_is_enough() {
    for (named, grouped, applies) in [
        (users(&["alice"]), groups(&[]), true),
        (users(&["bob"]), groups(&["research"]), true),
        (users(&["bob"]), groups(&["ops"]), false),
    ] {
        let subjects = Subjects { users: named, groups: grouped, ..Subjects::default() };
        assert_eq!(subjects.apply_to(&alice()), applies, "{subjects:?}");
    }
}

#[test]
fn an_exception_wins() {
    for except in [
        Exceptions { users: users(&["alice"]), ..Exceptions::default() },
        Exceptions { groups: groups(&["research"]), ..Exceptions::default() },
    ] {
        let subjects =
            Subjects { everyone: true, users: users(&["alice"]), except, ..Subjects::default() };
        assert!(!subjects.apply_to(&alice()), "{subjects:?}");
    }
}
