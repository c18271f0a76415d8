//! The cost of identifying a caller among 100,000 users, from headers to principal.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use std::hint::black_box;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use criterion::{Criterion, criterion_group, criterion_main};
use http::HeaderMap;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use stockade_authn::{
    ApiKey, Authenticator, ClaimPath, Credentials, JwtIssuer, JwtKeys, JwtMapping, JwtRules,
    KeySet, KeyText, Password, PasswordHash, Presented, TokenSecret, User, issue,
};
use stockade_core::{CredentialId, GroupName, Secret, UnixTime, UserId};

const USERS: usize = 100_000;
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn user(number: usize) -> User {
    User {
        groups: vec![GroupName::new("research").unwrap()],
        ..User::new(UserId::new(&format!("user-{number}")).unwrap())
    }
}

fn key(number: usize, text: &KeyText) -> ApiKey {
    ApiKey {
        id: CredentialId::new(&format!("key-{number}")).unwrap(),
        user: user(number).id,
        digest: text.digest(),
        terms: Arc::default(),
    }
}

fn token_secret(id: &str) -> TokenSecret {
    let secret = Secret::new(format!("the token secret called {id}").into_bytes());
    TokenSecret::new(CredentialId::new(id).unwrap(), &secret).unwrap()
}

const PASSWORD: &str = "correct horse battery staple";

fn password(number: usize) -> Password {
    let hash = PasswordHash::of(&Secret::new(PASSWORD.to_owned())).unwrap();
    Password { user: user(number).id, hash: Arc::new(hash) }
}

fn basic(name: &str, password: &str) -> HeaderMap {
    let encoded = STANDARD.encode(format!("{name}:{password}"));
    let mut headers = HeaderMap::new();
    let value = format!("Basic {encoded}").parse().unwrap();
    headers.insert(http::header::AUTHORIZATION, value);
    headers
}

fn bearer(credential: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = format!("Bearer {credential}").parse().unwrap();
    headers.insert(http::header::AUTHORIZATION, value);
    headers
}

/// As many credentials as one user of a large company may have.
const OF_ONE_USER: usize = 10;

fn key_pair() -> Ed25519KeyPair {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap()
}

fn issuer(pair: &Ed25519KeyPair) -> JwtIssuer {
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"2026-11","x":"{x}"}}"#);
    JwtIssuer {
        id: CredentialId::new("sso").unwrap(),
        issuer: "https://sso.example".to_owned(),
        audiences: vec!["ollama".to_owned()],
        audience_claim: ClaimPath::aud(),
        header: None,
        keys: Arc::new(JwtKeys::fixed(KeySet::from_jwks(jwk.as_bytes()).unwrap())),
        rules: JwtRules::default(),
        mapping: JwtMapping::default(),
    }
}

fn jwt(pair: &Ed25519KeyPair, expires: u64) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"2026-11","typ":"JWT"}"#);
    let claims = URL_SAFE_NO_PAD.encode(format!(
        r#"{{"iss":"https://sso.example","aud":"ollama","sub":"user-7","exp":{expires}}}"#
    ));
    let text = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(text.as_bytes()));
    format!("{text}.{signature}")
}

fn identify(criterion: &mut Criterion) {
    let known = KeyText::generate();
    let mut keys: Vec<_> = (1..USERS).map(|number| key(number, &KeyText::generate())).collect();
    keys.push(key(0, &known));
    let owner = user(9).id;
    let more = (1..OF_ONE_USER).map(|number| key(USERS + number, &KeyText::generate()));
    keys.extend(more.map(|key| ApiKey { user: owner.clone(), ..key }));
    let origin = KeyText::generate();
    keys.push(ApiKey { user: owner, ..key(USERS, &origin) });
    let pair = key_pair();
    let authenticator = Authenticator::new(Credentials {
        users: (0..USERS).map(user).collect(),
        api_keys: keys,
        token_secrets: vec![token_secret("current")],
        passwords: vec![password(7)],
        jwt_issuers: vec![issuer(&pair)],
        ..Credentials::default()
    })
    .unwrap();

    let presented = Presented::from_secret(origin.expose()).unwrap();
    let proven = authenticator.identify(&presented, NOW).unwrap();
    let given = authenticator.issue(&proven, None, NOW).unwrap().token;
    let token = issue(&token_secret("current"), &user(7).id, NOW);
    let expired = issue(&token_secret("current"), &user(7).id, UnixTime::from_secs(1));
    let unknown_users = issue(&token_secret("current"), &UserId::new("user-x").unwrap(), NOW);
    let forged = issue(&token_secret("other"), &user(7).id, NOW).expose().clone();
    let cases = [
        ("api key", bearer(known.expose())),
        ("unknown api key", bearer(KeyText::generate().expose())),
        ("token", bearer(token.expose())),
        ("token of the gateway, for a user with ten keys", bearer(given.expose())),
        ("expired token", bearer(expired.expose())),
        ("token of an unknown user", bearer(unknown_users.expose())),
        ("token with a wrong signature", bearer(&forged)),
        ("jwt, remembered", bearer(&jwt(&pair, NOW.as_secs() + 600))),
        // What is refused is not remembered: the signature is verified each time.
        ("expired jwt, so verified", bearer(&jwt(&pair, NOW.as_secs() - 600))),
        ("cached password", basic("user-7", PASSWORD)),
    ];
    for (name, headers) in cases {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                let presented = Presented::from_headers(black_box(&headers), None).unwrap();
                authenticator.identify(&presented, NOW)
            });
        });
    }
}

criterion_group!(benches, identify);
criterion_main!(benches);
