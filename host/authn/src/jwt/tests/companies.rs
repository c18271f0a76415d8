//! Tokens as large providers issue them, and what the operator is told of those that differ.

use super::*;

#[test]
fn a_slash_too_many_is_told() {
    let told = |iss: Value| refused(json!({ "iss": iss })).to_string();
    let slash = told(json!("https://sso.example/"));
    assert!(slash.contains(r#"its iss is "https://sso.example/""#), "{slash}");
    assert!(slash.contains(r#"differs from "https://sso.example" of "sso" by a slash"#), "{slash}");
    let other = told(json!("https://login.example"));
    assert!(other.contains(r#"expected "https://sso.example" of "sso""#), "{other}");
    assert!(told(json!(null)).contains("it has no iss"));
    assert!(told(json!(7)).contains("its iss is no text"));
    let hostile = told(json!(format!("\u{1b}[31m{}", "x".repeat(20_000))));
    assert!(hostile.len() < 400 && !hostile.contains('\u{1b}'), "{hostile}");
    let key = told(json!("sk-local-5f0d3f1c9ab24e7786d1c0e2b4a69877"));
    assert!(!key.contains("5f0d3f1c"), "{key}");
}

#[test]
fn another_audience_is_told_with_what_was_expected() {
    for (aud, expected) in [
        (json!("x"), r#"its aud is "x"; expected "ollama" or "https://gateway.example""#),
        (json!(["x", "y"]), r#"its aud is "x", "y"; expected "#),
        (json!(null), "it has no aud; expected "),
        (json!({}), "its aud is no text; expected "),
    ] {
        let told = refused(json!({ "aud": aud })).to_string();
        assert!(told.contains(expected), "{told}");
    }
    let many: Vec<_> = (0..1000).map(|n| format!("audience-{n}")).collect();
    assert!(refused(json!({ "aud": many })).to_string().len() < 300);
}

/// Amazon Cognito's access tokens have no `aud`.
#[test]
fn the_audience_may_stand_in_another_claim() {
    let signer = Signer::ed25519();
    let by_client = JwtIssuer { audience_claim: "client_id".parse().unwrap(), ..trusting(&signer) };
    let judged = |changes| {
        let gateway = gateway(vec![by_client.clone()]);
        identify(&gateway, &signer.token(&with(changes)), NOW)
    };
    let good = judged(json!({ "aud": null, "client_id": "ollama" })).unwrap();
    for wrong in [json!({}), json!({ "client_id": "other" }), json!({ "client_id": null })] {
        let refusal = judged(wrong).unwrap_err();
        assert!(refusal.to_string().contains("client_id"), "{refusal}");
    }
    assert!(gateway(vec![by_client]).is_still_valid(&good, NOW));
    assert!(!gateway(vec![trusting(&signer)]).is_still_valid(&good, NOW), "it was not for `aud`");
}

#[test]
fn groups_may_stand_in_one_text() {
    let signer = Signer::ed25519();
    let mut issuer = trusting(&signer);
    let names = ["staff", "llm users", "ops", "staff,ops"];
    let names = names.map(|name| {
        let ours = name.replace([' ', ','], "-");
        (name.to_owned(), GroupName::new(&ours).unwrap())
    });
    issuer.mapping.groups = Some(("groups".parse().unwrap(), names.into_iter().collect()));
    let gateway = gateway(vec![issuer]);
    let groups = |told: Value| {
        let token = signer.token(&with(json!({ "sub": "sso:alice", "groups": told })));
        let identity = identify(&gateway, &token, NOW)?;
        let groups: Vec<_> = identity.principal.groups.iter().map(ToString::to_string).collect();
        Ok::<_, AuthnError>(groups.join(" "))
    };
    for (told, expected) in [
        (json!("staff"), "staff"),
        (json!("staff ops"), "ops staff"),
        (json!("ops, other ,staff"), "ops staff"),
        (json!("llm users"), "llm-users"),
        (json!("ops,llm users"), "llm-users ops"),
        (json!("llm users ops"), "ops"),
        (json!("staff,ops"), "staff-ops"),
        (json!(["staff", "staff ops"]), "staff"),
        (json!(""), ""),
        (json!(" , ,"), ""),
        (json!(null), ""),
    ] {
        assert_eq!(groups(told.clone()).unwrap(), expected, "{told}");
    }
    for wrong in [json!(7), json!({}), json!(["staff", 7]), json!(true)] {
        assert!(groups(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn a_token_is_found_in_the_header_of_its_issuer() {
    let signer = Signer::ed25519();
    let name = HeaderName::from_static("cf-access-jwt-assertion");
    let other = HeaderName::from_static("x-goog-iap-jwt-assertion");
    let tunnel = JwtIssuer { header: Some(name.clone()), ..trusting(&signer) };
    let gateway = gateway(vec![tunnel]);
    assert!(gateway.token_headers().eq([&name]));
    let token = signer.token(&claims());
    let found = |values: &[(&HeaderName, &str)]| {
        let mut headers = http::HeaderMap::new();
        for (name, value) in values {
            headers.append(*name, value.parse().unwrap());
        }
        let found = Presented::token_in(&headers, [&name, &other]);
        found.map(|token| token.map(str::to_owned))
    };
    assert_eq!(found(&[(&name, &token)]), Ok(Some(token.clone())));
    assert_eq!(found(&[(&name, &token), (&other, &token)]), Ok(Some(token.clone())));
    assert_eq!(found(&[]), Ok(None));
    assert_eq!(found(&[(&name, "")]), Ok(None));
    assert!(found(&[(&name, "sk-local-a-key")]).is_err(), "no other credential stands there");
    assert!(found(&[(&name, &token), (&name, &token)]).is_err());
    let another = signer.token(&with(json!({ "sub": "mallory" })));
    let several = found(&[(&name, &token), (&other, &another)]);
    assert_eq!(several, Err(AuthnError::SeveralCredentials(crate::Clash::Asserted)));
}
