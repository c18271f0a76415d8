//! Tokens go both ways between Stockade and the Python functions that the format comes
//! from; `seed_token.py` has them.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail tests")]

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use stockade_authn::{Authenticator, AuthnError, Credentials, Presented, TokenSecret, User, issue};
use stockade_core::{CredentialId, Secret, UnixTime, UserId};

const NOW: u64 = 1_800_000_000;
const USERS: [&str; 6] = [
    "alice",
    "svc:batch:7",
    ":",
    "Zoë Müller",
    "用户",
    "1:0000000000000000000000000000000000000000000000000000000000000000",
];
const SECRETS: [&str; 3] = [
    "sixteen bytes!!!",
    "ein längeres Geheimnis ☃",
    // Longer than a block of SHA-256, which HMAC then hashes first.
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];

/// Asks the Python all at once; starting it is what takes time.
fn python(requests: &[Value]) -> Vec<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/seed_token.py");
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let request = serde_json::to_vec(requests).unwrap();
    child.stdin.take().unwrap().write_all(&request).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn token_secret(text: &str) -> TokenSecret {
    let id = CredentialId::new("signing").unwrap();
    TokenSecret::new(id, &Secret::new(text.into())).unwrap()
}

fn authenticator(secret: &str) -> Authenticator {
    let users = USERS.map(|name| User::new(UserId::new(name).unwrap()));
    let secrets = vec![token_secret(secret)];
    let credentials =
        Credentials { users: users.into(), token_secrets: secrets, ..Credentials::default() };
    Authenticator::new(credentials).unwrap()
}

fn verify(secret: &str, token: &str, now: UnixTime) -> Result<String, AuthnError> {
    let presented = Presented::from_secret(token)?;
    let identity = authenticator(secret).identify(&presented, now)?;
    Ok(identity.principal.user.into())
}

fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    SECRETS.into_iter().flat_map(|secret| USERS.map(|user| (secret, user)))
}

#[test]
fn what_the_python_generates_is_accepted() {
    let requests: Vec<_> = pairs()
        .map(|(secret, user)| {
            json!({"call": "generate", "secret": secret, "user": user, "ttl": 3600, "now": NOW})
        })
        .collect();
    for ((secret, user), token) in pairs().zip(python(&requests)) {
        let token = token.as_str().unwrap();
        let verified = verify(secret, token, UnixTime::from_secs(NOW));
        assert_eq!(verified.as_deref(), Ok(user), "{token}");
        let issued = issue(
            &token_secret(secret),
            &UserId::new(user).unwrap(),
            UnixTime::from_secs(NOW + 3600),
        );
        assert_eq!(issued.expose(), token);
    }
}

#[test]
fn what_is_issued_here_the_python_accepts() {
    let requests: Vec<_> = pairs()
        .map(|(secret, user)| {
            let user = UserId::new(user).unwrap();
            let expiry = UnixTime::from_secs(NOW + 60);
            let token = issue(&token_secret(secret), &user, expiry);
            json!({"call": "verify", "secret": secret, "token": token.expose(), "now": NOW})
        })
        .collect();
    for ((_, user), answer) in pairs().zip(python(&requests)) {
        assert_eq!(answer, user);
    }
}

#[test]
fn both_sides_agree_on_the_edge_of_expiry() {
    let token =
        issue(&token_secret(SECRETS[0]), &UserId::new("alice").unwrap(), UnixTime::from_secs(NOW));
    let moments = [500, 1000, 1500]
        .map(|milliseconds| Duration::from_secs(NOW - 1) + Duration::from_millis(milliseconds));
    let requests = moments.map(|now| {
        json!({
            "call": "verify", "secret": SECRETS[0],
            "token": token.expose(), "now": now.as_secs_f64(),
        })
    });
    let theirs = python(&requests).into_iter().map(|answer| answer == "alice");
    let ours =
        moments.map(|now| verify(SECRETS[0], token.expose(), UnixTime::from_duration(now)).is_ok());
    assert_eq!(ours, [true, true, false]);
    assert!(theirs.eq(ours));
}

#[test]
fn both_sides_refuse_another_secret_and_another_user() {
    let token = issue(
        &token_secret(SECRETS[0]),
        &UserId::new("alice").unwrap(),
        UnixTime::from_secs(NOW + 60),
    );
    let forged = token.expose().replacen("alice", "用户", 1);
    let cases = [(SECRETS[1], token.expose().as_str()), (SECRETS[0], &forged)];
    let requests = cases.map(
        |(secret, token)| json!({"call": "verify", "secret": secret, "token": token, "now": NOW}),
    );
    assert_eq!(python(&requests), [json!(false), json!(false)]);
    for (secret, token) in cases {
        let ours = verify(secret, token, UnixTime::from_secs(NOW));
        assert_eq!(ours, Err(AuthnError::Unknown));
    }
}
