use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use stockade_core::ProofKind;

use super::{Clash, Presented};
use crate::AuthnError;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn kind(pairs: &[(&'static str, &str)]) -> Result<Option<ProofKind>, AuthnError> {
    Presented::from_headers(&headers(pairs), None).map(|presented| presented.kind())
}

fn is_malformed(pairs: &[(&'static str, &str)]) -> bool {
    matches!(kind(pairs), Err(AuthnError::Malformed(_)))
}

const SIGNATURE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn nothing_is_presented_without_a_credential() {
    assert_eq!(kind(&[]), Ok(None));
    assert_eq!(kind(&[("cookie", "key=x"), ("proxy-authorization", "Bearer x")]), Ok(None));
}

#[test]
fn both_headers_and_every_case_of_the_scheme_are_read() {
    for value in ["Bearer k", "bearer k", "BEARER k", "Bearer    k"] {
        assert_eq!(kind(&[("authorization", value)]), Ok(Some(ProofKind::ApiKey)), "{value}");
    }
    assert_eq!(kind(&[("x-api-key", "k")]), Ok(Some(ProofKind::ApiKey)));
}

const KEY: &str = "sk-local-0123456789abcdef0123456789abcdef";
const OTHER: &str = "sk-local-fedcba9876543210fedcba9876543210";
/// Texts that SDKs insist on, and keys that belong to other services.
const NO_CREDENTIALS: [&str; 8] = [
    "",
    "ollama",
    "ollama-local",
    "sk-no-key-required",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "sk-ant-api03-somebody-elses",
    "sk-ant-oat01-0123456789abcdef0123456789abcdef",
    "sk-proj-0123456789abcdef0123456789abcdef",
];

fn in_path(
    bearer: &str,
    api_key: Option<&str>,
    key: &str,
) -> Result<Option<ProofKind>, AuthnError> {
    let mut headers = headers(&[("authorization", bearer)]);
    if let Some(key) = api_key {
        headers.insert("x-api-key", key.parse().unwrap());
    }
    Presented::from_headers(&headers, Some(key)).map(|presented| presented.kind())
}

#[test]
fn one_secret_in_two_places_is_one_credential() {
    let bearer = format!("Bearer {KEY}");
    let both = |key| kind(&[("authorization", &bearer), ("x-api-key", key)]);
    assert_eq!(both(KEY), Ok(Some(ProofKind::ApiKey)));
    assert_eq!(in_path(&bearer, Some(KEY), KEY), Ok(Some(ProofKind::ApiKey)));
}

#[test]
fn two_credentials_are_refused_and_their_places_named() {
    let (bearer, basic) = (format!("Bearer {KEY}"), "Basic eDp5");
    let upper = KEY.to_uppercase();
    let clash = |clash| Err(AuthnError::SeveralCredentials(clash));
    let both = |authorization, key| kind(&[("authorization", authorization), ("x-api-key", key)]);
    assert_eq!(both(&bearer, OTHER), clash(Clash::Headers));
    assert_eq!(both(&bearer, &upper), clash(Clash::Headers));
    assert_eq!(both(basic, OTHER), clash(Clash::Headers));
    assert_eq!(in_path(&bearer, None, OTHER), clash(Clash::AuthorizationAndPath));
    assert_eq!(in_path(basic, None, OTHER), clash(Clash::AuthorizationAndPath));
    assert_eq!(in_path("", Some(KEY), OTHER), clash(Clash::ApiKeyAndPath));
    // Whoever puts it there means it, whatever it is.
    assert_eq!(in_path(&bearer, None, "ollama"), clash(Clash::AuthorizationAndPath));
    for (clash, names) in [
        (Clash::Headers, ["`Authorization`", "`x-api-key`"]),
        (Clash::AuthorizationAndPath, ["`Authorization`", "key in the path"]),
        (Clash::ApiKeyAndPath, ["`x-api-key`", "key in the path"]),
    ] {
        let message = AuthnError::SeveralCredentials(clash).public_message();
        assert!(names.iter().all(|name| message.contains(name)), "{message}");
    }
}

#[test]
fn what_can_be_no_credential_is_ignored_beside_one() {
    let bearer = format!("Bearer {KEY}");
    for none in NO_CREDENTIALS {
        let none_bearer = format!("Bearer {none}");
        let found = [
            kind(&[("authorization", &bearer), ("x-api-key", none)]),
            kind(&[("authorization", &none_bearer), ("x-api-key", KEY)]),
            in_path(&none_bearer, None, KEY),
            in_path(&none_bearer, Some(none), KEY),
            in_path("", Some("other"), KEY),
        ];
        for (index, kind) in found.into_iter().enumerate() {
            assert_eq!(kind, Ok(Some(ProofKind::ApiKey)), "{none:?} {index}");
        }
        let basic = kind(&[("authorization", "Basic eDp5"), ("x-api-key", none)]);
        assert_eq!(basic, Ok(Some(ProofKind::Basic)), "{none:?}");
    }
}

#[test]
fn alone_it_is_a_wrong_credential_and_not_nobody() {
    for none in &NO_CREDENTIALS[1..] {
        assert_eq!(kind(&[("x-api-key", none)]), Ok(Some(ProofKind::ApiKey)), "{none}");
    }
    let two = kind(&[("authorization", "Bearer ollama"), ("x-api-key", "dummy")]);
    assert_eq!(two, Err(AuthnError::SeveralCredentials(Clash::Headers)));
    for value in ["", "Bearer", "Bearer ", "bearer    "] {
        assert_eq!(kind(&[("authorization", value)]), Ok(None), "{value:?}");
        assert_eq!(kind(&[("authorization", value), ("x-api-key", "")]), Ok(None), "{value:?}");
    }
}

#[test]
fn a_repeated_header_is_refused_even_with_the_same_value() {
    for name in ["authorization", "x-api-key"] {
        assert!(is_malformed(&[(name, "Bearer k"), (name, "Bearer k")]));
        let different = kind(&[(name, "Bearer k"), (name, "Bearer l")]);
        assert_eq!(different, Err(AuthnError::SeveralCredentials(Clash::Repeated)));
    }
}

#[test]
fn what_cannot_be_a_credential_is_malformed() {
    for value in ["Bearer a b", "Bearer a,\tb", "Bearer ö", "ö"] {
        assert!(is_malformed(&[("authorization", value)]), "{value:?}");
    }
    for value in ["a b", "ö"] {
        assert!(is_malformed(&[("x-api-key", value)]), "{value:?}");
    }
}

#[test]
fn the_length_is_capped() {
    let longest = "k".repeat(super::LONGEST);
    assert_eq!(kind(&[("x-api-key", &longest)]), Ok(Some(ProofKind::ApiKey)));
    assert!(is_malformed(&[("x-api-key", &format!("{longest}k"))]));
    let bearer = format!("Bearer {longest}");
    assert_eq!(kind(&[("authorization", &bearer)]), Ok(Some(ProofKind::ApiKey)));
    assert!(is_malformed(&[("authorization", &format!("{bearer}k"))]));
}

#[test]
fn other_schemes_are_unsupported() {
    let ollama_key = "AAAAC3NzaC1lZDI1NTE5AAAAIJ:c2lnbmF0dXJl";
    for value in ["Basicx eDp5", "Digest username=x", "Bearerk", "sk-local-x", ollama_key] {
        assert_eq!(kind(&[("authorization", value)]), Err(AuthnError::Unsupported), "{value}");
    }
}

#[test]
fn tokens_are_told_from_keys_by_their_tail() {
    for token in [
        format!("alice:1:{SIGNATURE}"),
        format!("svc:batch:1:{SIGNATURE}"),
        format!("Alice Smith:18446744073709551615:{SIGNATURE}"),
        format!(":0:{SIGNATURE}"),
    ] {
        let bearer = format!("Bearer {token}");
        assert_eq!(kind(&[("authorization", &bearer)]), Ok(Some(ProofKind::Token)), "{token}");
        assert_eq!(kind(&[("x-api-key", &token)]), Ok(Some(ProofKind::Token)));
    }
    for key in [
        format!("1:{SIGNATURE}"),
        format!("alice::{SIGNATURE}"),
        format!("alice:+1:{SIGNATURE}"),
        format!("alice:1_0:{SIGNATURE}"),
        format!("alice:1:{}", &SIGNATURE[1..]),
        format!("alice:1:{SIGNATURE}0"),
        format!("alice:1:{SIGNATURE}:x"),
        format!("alice:1:{}g", &SIGNATURE[1..]),
    ] {
        assert_eq!(kind(&[("x-api-key", &key)]), Ok(Some(ProofKind::ApiKey)), "{key}");
    }
}

#[test]
fn a_token_in_another_spelling_is_malformed() {
    let upper = SIGNATURE.to_uppercase();
    for token in [
        format!("alice:1:{upper}"),
        format!("alice:01:{SIGNATURE}"),
        format!("alice:00:{SIGNATURE}"),
        format!("alice:18446744073709551616:{SIGNATURE}"),
    ] {
        assert!(is_malformed(&[("x-api-key", &token)]), "{token}");
    }
}

#[test]
fn a_secret_without_a_header_is_read_the_same_way() {
    let token = format!("Zoë:1:{SIGNATURE}");
    assert_eq!(Presented::from_secret(&token).unwrap().kind(), Some(ProofKind::Token));
    for bad in ["", "a b", "ö"] {
        assert!(matches!(Presented::from_secret(bad), Err(AuthnError::Malformed(_))));
    }
}

proptest! {
    #[test]
    fn no_header_value_is_read_as_two_things(value in proptest::collection::vec(32_u8..=255, 0..200)) {
        prop_assume!(!value.contains(&127));
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", HeaderValue::from_bytes(&value).unwrap());
        let graphic = value.iter().all(u8::is_ascii_graphic) && !value.is_empty();
        match Presented::from_headers(&headers, None) {
            Ok(presented) if presented.kind() == Some(ProofKind::ApiKey) => prop_assert!(graphic),
            Ok(_) => prop_assert!(value.is_ascii()),
            Err(error) => prop_assert!(!graphic, "{error}"),
        }
    }
}
