//! Requests that must be refused, each for a different reason. All classes of a kind get
//! the same requests: it is what the gateway knows that differs.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use stockade_authn::{
    ApiKey, Authenticator, Constraints, Credentials, KeyText, OllamaKey, Password, PasswordHash,
    Presented, Target, TokenSecret, User, issue,
};
use stockade_core::{CredentialId, Secret, UnixTime, UserId};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const LATER: UnixTime = UnixTime::from_secs(NOW.as_secs() + 3600);
/// Inputs of each class, so that no single one is always at hand.
const EACH: usize = 64;

/// Refusals for one reason.
pub(super) struct Class {
    pub(super) name: &'static str,
    requests: Arc<Vec<Request>>,
    by: Authenticator,
    now: UnixTime,
}

struct Request {
    headers: HeaderMap,
    query: &'static str,
}

impl Class {
    fn new(
        name: &'static str,
        requests: &Arc<Vec<Request>>,
        by: Credentials,
        now: UnixTime,
    ) -> Self {
        let by = Authenticator::new(by).unwrap();
        let class = Self { name, requests: Arc::clone(requests), by, now };
        assert!((0..EACH).step_by(16).all(|number| class.ask(number)), "{name} is not refused");
        class
    }

    /// Asks for the n-th time; tells whether it was refused.
    pub(super) fn ask(&self, number: usize) -> bool {
        let Request { headers, query } = &self.requests[number % self.requests.len()];
        let target = Target { method: "POST", path: "/api/chat", query: Some(query) };
        let presented = Presented::of_request(headers, None, target);
        presented.and_then(|presented| self.by.identify(&presented, self.now)).is_err()
    }
}

fn requests(authorization: impl Fn(usize) -> String, query: &'static str) -> Arc<Vec<Request>> {
    let request = |number| {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", authorization(number).parse().unwrap());
        Request { headers, query }
    };
    Arc::new((0..EACH).map(request).collect())
}

fn name(who: &str, number: usize) -> UserId {
    UserId::new(&format!("{who}-{number:02}")).unwrap()
}

fn id(name: &str, number: usize) -> CredentialId {
    CredentialId::new(&format!("{name}-{number:02}")).unwrap()
}

fn users(who: &str, disabled: bool) -> Vec<User> {
    (0..EACH).map(|number| User { disabled, ..User::new(name(who, number)) }).collect()
}

pub(super) fn api_keys() -> Vec<Class> {
    let keys = || (0..EACH).map(|_| KeyText::generate()).collect::<Vec<_>>();
    let known = keys();
    let requests = requests(|number| format!("Bearer {}", known[number].expose()), "");
    let by = |keys: &[KeyText], expires, disabled| {
        let key = |(number, text): (usize, &KeyText)| ApiKey {
            id: id("laptop", number),
            user: name("alice", number),
            digest: text.digest(),
            terms: Constraints { expires, ..Constraints::default() }.into(),
        };
        let api_keys = keys.iter().enumerate().map(key).collect();
        Credentials { users: users("alice", disabled), api_keys, ..Credentials::default() }
    };
    vec![
        Class::new("an unknown key", &requests, by(&keys(), None, false), NOW),
        Class::new("an expired one", &requests, by(&known, Some(NOW), false), NOW),
        Class::new("that of a disabled user", &requests, by(&known, None, true), NOW),
    ]
}

pub(super) fn tokens() -> Vec<Class> {
    let secret = |name: &str| {
        let text = format!("the token secret called {name}").into_bytes();
        TokenSecret::new(id(name, 0), &Secret::new(text)).unwrap()
    };
    let token = |number| issue(&secret("right"), &name("alice", number), NOW);
    let requests = requests(|number| format!("Bearer {}", token(number).expose()), "");
    let by = |who: &str, disabled, signed_by: &str| {
        // Users who come with tokens have other credentials, too.
        let key = |number| ApiKey {
            id: id("laptop", number),
            user: name(who, number),
            digest: KeyText::generate().digest(),
            terms: Arc::default(),
        };
        Credentials {
            users: users(who, disabled),
            api_keys: (0..EACH).map(key).collect(),
            token_secrets: vec![secret(signed_by), secret("old")],
            ..Credentials::default()
        }
    };
    vec![
        Class::new("a wrong signature", &requests, by("alice", false, "wrong"), NOW),
        Class::new("that of an unknown user", &requests, by("nadia", false, "wrong"), NOW),
        Class::new("a right one of an unknown user", &requests, by("nadia", false, "right"), NOW),
        Class::new("that of a disabled user", &requests, by("alice", true, "right"), NOW),
        Class::new("an expired one", &requests, by("alice", false, "right"), LATER),
    ]
}

struct Signer(Ed25519KeyPair);

impl Signer {
    fn new() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    fn public(&self) -> String {
        let head: &[u8] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20";
        STANDARD.encode([head, self.0.public_key().as_ref()].concat())
    }

    fn sign(&self, text: &str) -> String {
        format!("{}:{}", self.public(), STANDARD.encode(self.0.sign(text.as_bytes())))
    }
}

/// Requests that are signed for a path, and who knows the keys or others.
struct Signed {
    requests: Arc<Vec<Request>>,
    known: Vec<Signer>,
    others: Vec<Signer>,
}

impl Signed {
    fn new(path: &str) -> Self {
        let signers = || (0..EACH).map(|_| Signer::new()).collect::<Vec<_>>();
        let known = signers();
        let query = "ts=1800000000";
        let requests =
            requests(|number| known[number].sign(&format!("POST,{path}?{query}")), query);
        Self { requests, known, others: signers() }
    }

    fn class(
        &self,
        name: &'static str,
        signers: &[Signer],
        disabled: bool,
        now: UnixTime,
    ) -> Class {
        let key = |(number, signer): (usize, &Signer)| OllamaKey {
            id: id("laptop", number),
            user: self::name("alice", number),
            key: format!("ssh-ed25519 {}", signer.public()).parse().unwrap(),
        };
        let ollama_keys = signers.iter().enumerate().map(key).collect();
        let by =
            Credentials { users: users("alice", disabled), ollama_keys, ..Credentials::default() };
        Class::new(name, &self.requests, by, now)
    }
}

pub(super) fn wrong_signatures() -> Vec<Class> {
    let signed = Signed::new("/api/show");
    vec![
        signed.class("a wrong signature", &signed.known, false, NOW),
        signed.class("that of an unknown key", &signed.others, false, NOW),
    ]
}

/// Signatures that only the owner of a private key can make, who is told the reason anyway. They
/// take another time than wrong ones.
pub(super) fn right_signatures() -> Vec<Class> {
    let signed = Signed::new("/api/chat");
    vec![
        signed.class("a right one of an unknown key", &signed.others, false, NOW),
        signed.class("that of a disabled user", &signed.known, true, NOW),
        signed.class("an old one", &signed.known, false, LATER),
    ]
}

pub(super) fn passwords() -> Vec<Class> {
    let hash = |text: &str| Arc::new(PasswordHash::of(&Secret::new(text.to_owned())).unwrap());
    let password = "correct horse battery staple";
    let (right, wrong) = (hash(password), hash("wrong horse battery staple"));
    let requests = requests(
        |number| {
            let text = format!("{}:{password}", name("alice", number).as_str());
            format!("Basic {}", STANDARD.encode(text))
        },
        "",
    );
    let by = |who: &str, disabled, hash: &Arc<PasswordHash>| {
        let password = |number| Password { user: name(who, number), hash: Arc::clone(hash) };
        let passwords = (0..EACH).map(password).collect();
        Credentials { users: users(who, disabled), passwords, ..Credentials::default() }
    };
    vec![
        Class::new("a wrong password", &requests, by("alice", false, &wrong), NOW),
        Class::new("that of an unknown user", &requests, by("nadia", false, &right), NOW),
        Class::new("that of a disabled user", &requests, by("alice", true, &right), NOW),
    ]
}
