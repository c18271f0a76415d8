//! JWT over real sockets: tokens that real libraries made, and issuers that publish their
//! keys, rotate them, fail and come back.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use stockade_tests::{
    Authority, BINDINGS, KeyServer, Published, Setup, Signer, World, get, node, post, python, soon,
};
use tokio::process::Command;

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

/// The issuers that the scripts in `tests/clients` sign as.
const LIBRARIES: &str = r"
issuers:
  from-a-set: { issuer: set, audience: ollama, jwks_file: keys/jwks.json }
  with-rsa: { issuer: rsa, audience: ollama, public_key_file: keys/rsa.pem }
  with-ec: { issuer: ec, audience: ollama, public_key_file: keys/ec.pem }
  with-ed: { issuer: ed, audience: ollama, public_key_file: keys/ed.pem }
  with-a-secret: { issuer: shared, audience: [ollama], secret_file: keys/shared }
";

async fn tokens_of(mut library: Command) {
    let directory = tempfile::tempdir().unwrap();
    library.arg(directory.path()).stdin(Stdio::null()).kill_on_drop(true);
    let output = soon("a library", library.output()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tokens: Vec<(String, String, u16)> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(tokens.len() > 10);
    let world = World::build(Setup {
        bindings: &format!("{LIBRARIES}{BINDINGS}"),
        prepare: &|config| {
            std::os::unix::fs::symlink(directory.path(), config.join("keys")).unwrap();
        },
        ..Setup::default()
    })
    .await;
    for (name, token, expected) in tokens {
        // What is remembered of a token changes nothing.
        for _ in 0..2 {
            assert_eq!(status(&world, &token).await, expected, "{name}");
        }
    }
}

async fn status(world: &World, token: &str) -> u16 {
    world.send(post("/api/generate", Some(token), HELLO)).await.status.as_u16()
}

#[tokio::test]
async fn tokens_of_pyjwt() {
    tokens_of(python("jwt_tokens.py")).await;
}

#[tokio::test]
async fn tokens_of_jose() {
    tokens_of(node("jwt_tokens.mjs")).await;
}

/// An issuer `sso` whose keys are fetched from there.
fn fetched(url: &str, more: &str) -> String {
    format!(
        "issuers:\n  sso: {{ issuer: sso, audience: ollama, jwks_url: \"{url}\"{more} }}\n{BINDINGS}"
    )
}

fn keys_of(signers: &[&Signer]) -> Published {
    Published::Keys(signers.iter().map(|signer| signer.jwk()).collect())
}

/// Asks until the answer is another one: keys are fetched beside the requests.
async fn becomes(world: &World, token: &str, expected: u16) {
    soon("another answer", async {
        while status(world, token).await != expected {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn alice(signer: &Signer) -> String {
    signer.token("alice", &json!({}))
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_and_nobody_can_make_that_often() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let server = KeyServer::start(keys_of(&[&old])).await;
    let world = World::with(&fetched(&format!("http://{}", server.place()), "")).await;
    becomes(&world, &alice(&old), 200).await;
    server.asked_often(1).await;
    assert_eq!(server.asked(), 1);
    server.publish(keys_of(&[&new]));
    assert_eq!(status(&world, &alice(&old)).await, 200, "nobody has noticed");
    becomes(&world, &alice(&new), 200).await;
    assert_eq!(status(&world, &alice(&old)).await, 401, "what was remembered of it, too");
    let began = std::time::Instant::now();
    for number in 0..200 {
        let stranger = Signer::new(&format!("made up {number}"));
        assert_eq!(status(&world, &alice(&stranger)).await, 401);
    }
    let most = 2 + began.elapsed().as_secs() / 30 + 1;
    assert!(server.asked() <= most, "{} for {most}", server.asked());
}

#[tokio::test]
async fn the_last_good_keys_stay_while_the_issuer_fails() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let server = KeyServer::start(keys_of(&[&old])).await;
    let config = fetched(&format!("http://{}", server.place()), "");
    let world = World::with(&config).await;
    becomes(&world, &alice(&old), 200).await;
    server.publish(Published::Status(500));
    assert_eq!(status(&world, &alice(&new)).await, 401);
    server.asked_often(2).await;
    assert_eq!(status(&world, &alice(&old)).await, 200);
    // A reload does not lose them, though they cannot be had now; not even with another
    // interval.
    let changed = format!("groups: [more]\n{config}");
    assert!(world.rebind(&changed).await.rejected.is_none());
    assert_eq!(status(&world, &alice(&old)).await, 200);
    let slower = changed.replace("audience: ollama,", "audience: ollama, refresh: 1h,");
    assert!(world.rebind(&slower).await.rejected.is_none());
    assert_eq!(status(&world, &alice(&old)).await, 200);
    server.publish(keys_of(&[&new]));
    becomes(&world, &alice(&new), 200).await;
    assert_eq!(status(&world, &alice(&old)).await, 401);
    assert!(world.rebind(BINDINGS).await.rejected.is_none());
    assert_eq!(status(&world, &alice(&new)).await, 401, "an issuer that is removed");
}

#[tokio::test]
async fn without_keys_yet_the_answer_is_to_try_again() {
    let signer = Signer::new("k");
    let server = KeyServer::start(Published::Status(500)).await;
    let world = World::with(&fetched(&format!("http://{}", server.place()), "")).await;
    server.asked_often(1).await;
    let reply = world.send(post("/api/generate", Some(&alice(&signer)), HELLO)).await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(reply.headers.contains_key("retry-after"));
    for _ in 0..20 {
        assert_eq!(status(&world, &alice(&signer)).await, 503, "it is no failure of the caller's");
    }
    assert_eq!(status(&world, world.key("alice")).await, 200, "others are served");
    assert_eq!(status(&world, "sk-local-wrong").await, 401, "and nobody has to wait");
    server.publish(keys_of(&[&signer]));
    becomes(&world, &alice(&signer), 200).await;
}

#[tokio::test]
async fn what_is_no_set_of_keys_is_not_taken() {
    let signer = Signer::new("k");
    let secret = json!({ "kty": "oct", "kid": "k", "k": "c2VjcmV0" });
    let good = json!({ "keys": [signer.jwk()] }).to_string();
    let answers = [
        Published::Status(302),
        Published::Status(404),
        Published::Text("<html>".to_owned()),
        Published::Text(good.replacen("\"keys\"", "\"keys\":[],\"keys\"", 1)),
        Published::Text(format!("{good}{}", " ".repeat(300_000))),
        Published::Keys(vec![signer.jwk(), secret]),
        Published::Keys(vec![signer.jwk(), Signer::new("k").jwk()]),
        Published::Keys(vec![]),
    ];
    let (mut servers, mut issuers) = (Vec::new(), "issuers:\n".to_owned());
    for (number, published) in answers.into_iter().enumerate() {
        let server = KeyServer::start(published).await;
        let url = format!("http://{}", server.place());
        writeln!(
            issuers,
            "  i{number}: {{ issuer: i{number}, audience: ollama, jwks_url: \"{url}\" }}"
        )
        .unwrap();
        servers.push(server);
    }
    let world = World::with(&format!("{issuers}{BINDINGS}")).await;
    for (number, server) in servers.iter().enumerate() {
        // By the second time, what came of the first is known.
        server.asked_often(2).await;
        let token = signer.token("alice", &json!({ "iss": format!("i{number}") }));
        assert_eq!(status(&world, &token).await, 503, "{number}");
    }
}

#[tokio::test]
async fn keys_come_over_tls_from_whom_the_authority_knows() {
    let (signer, authority) = (Signer::new("k"), Authority::new());
    let directory = tempfile::tempdir().unwrap();
    let address = rcgen::SanType::IpAddress([127, 0, 0, 1].into());
    authority.issue(directory.path(), "server", 1, vec![address]);
    let server = KeyServer::start_tls(keys_of(&[&signer]), directory.path(), "server").await;
    let config = fetched(&format!("https://{}", server.place()), ", ca: ca.pem");
    let world = async |authority: &Authority| {
        World::build(Setup {
            bindings: &config,
            prepare: &|directory| authority.write(directory, "ca"),
            ..Setup::default()
        })
        .await
    };
    let trusting = world(&authority).await;
    becomes(&trusting, &alice(&signer), 200).await;
    let before = server.asked();
    let other = world(&Authority::new()).await;
    server.asked_often(before + 2).await;
    assert_eq!(status(&other, &alice(&signer)).await, 503);
}

/// A world in which issuer `sso` signs with this key.
async fn signing(signer: &Signer, more: &str, before: &str) -> World {
    let keys = json!({ "keys": [signer.jwk()] }).to_string();
    let issuer = format!("sso: {{ issuer: sso, audience: ollama, jwks_file: jwks.json{more} }}");
    World::build(Setup {
        bindings: &format!("{before}\nissuers:\n  {issuer}\n{BINDINGS}"),
        prepare: &|directory: &Path| std::fs::write(directory.join("jwks.json"), &keys).unwrap(),
        ..Setup::default()
    })
    .await
}

#[tokio::test]
async fn a_file_of_keys_is_live_like_the_configuration() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let world = signing(&old, "", "").await;
    assert_eq!(status(&world, &alice(&old)).await, 200);
    let keys = json!({ "keys": [new.jwk()] }).to_string();
    let file = world.directory().join("jwks.json");
    assert!(world.change(|| std::fs::write(&file, keys).unwrap()).await.rejected.is_none());
    assert_eq!(status(&world, &alice(&new)).await, 200);
    assert_eq!(status(&world, &alice(&old)).await, 401);
    let after = world.change(|| std::fs::write(&file, "{}").unwrap()).await;
    assert!(after.rejected.unwrap().to_string().contains("no JWKS"));
    assert_eq!(status(&world, &alice(&new)).await, 200);
}

#[tokio::test]
async fn the_issuer_may_bring_users_and_groups() {
    let signer = Signer::new("k");
    let claims = |groups: Value| json!({ "realm_access": { "roles": groups } });
    let more = ", unknown_users: admit, groups_claim: realm_access.roles, \
                groups: { llm: research }, user_prefix: \"sso:\"";
    let world = signing(&signer, more, "  \"sso:kim\": { disabled: true }").await;
    let judged = async |user: &str, groups: Value| {
        status(&world, &signer.token(user, &claims(groups))).await
    };
    assert_eq!(judged("carol", json!(["llm", "others"])).await, 200);
    assert_eq!(
        judged("carol", json!(["research", "ops"])).await,
        403,
        "theirs are called otherwise"
    );
    assert_eq!(judged("carol", json!([])).await, 403);
    assert_eq!(judged("alice", json!([])).await, 403, "it is not the alice of the configuration");
    assert_eq!(judged("kim", json!(["llm"])).await, 401);
    assert_eq!(judged("carol", json!([7])).await, 401);
}

#[tokio::test]
async fn it_is_one_credential_like_any_other() {
    let signer = Signer::new("k");
    let world = signing(&signer, "", "authentication: { key_in_path: true }").await;
    let token = alice(&signer);
    let with = |name: &str, value: &str, bearer: Option<&str>| {
        let mut request = get("/api/tags", bearer);
        request
            .headers_mut()
            .insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        request
    };
    assert_eq!(world.send(with("x-api-key", &token, None)).await.status, 200);
    assert_eq!(world.send(get(&format!("/k/{token}/api/tags"), None)).await.status, 200);
    assert_eq!(world.send(with("x-api-key", &token, Some(&token))).await.status, 200);
    let both = with("x-api-key", world.key("alice"), Some(&token));
    assert_eq!(world.send(both).await.status, 400);
    let unknown =
        world.send(post("/api/generate", Some(&signer.token("nobody", &json!({}))), HELLO));
    let unknown = unknown.await;
    assert_eq!(unknown.status, 401);
    assert!(unknown.text().contains("the credential is not valid"), "{}", unknown.text());
    let audience = signer.token("alice", &json!({ "aud": "other" }));
    let audience = world.send(post("/api/generate", Some(&audience), HELLO)).await;
    assert!(audience.text().contains("meant for somebody else"), "{}", audience.text());
    let exchange = world.send(post("/-/token", Some(&token), "")).await;
    assert_eq!(exchange.status, 403);
    assert!(exchange.text().contains("ask that for another"), "{}", exchange.text());
}

#[tokio::test]
async fn a_wrong_signature_is_a_guess_and_a_missing_key_is_none() {
    let [known, forger, other] = ["k", "k", "other"].map(Signer::new);
    let rules = "failures: 2, wait: 1m, longest_wait: 1h, forget: 1h";
    let world =
        signing(&known, "", &format!("authentication: {{ throttle: {{ {rules} }} }}")).await;
    for _ in 0..5 {
        assert_eq!(status(&world, &alice(&other)).await, 401);
    }
    for expected in [401, 401, 429] {
        assert_eq!(status(&world, &alice(&forger)).await, expected);
    }
    assert_eq!(status(&world, &alice(&other)).await, 401);
    assert_eq!(status(&world, &alice(&known)).await, 200, "a right one is always good");
}

/// The part of the guide's section that stands in the first block of this kind after a heading.
fn guide<'g>(text: &'g str, heading: &str, kind: &str) -> &'g str {
    let (_, section) = text.split_once(heading).unwrap();
    let (_, block) = section.split_once(&format!("```{kind}\n")).unwrap();
    block.split_once("```").unwrap().0
}

#[tokio::test]
async fn the_configuration_in_the_guide_is_right() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/authentication.md");
    let text = std::fs::read_to_string(path).unwrap();
    let world = World::build(Setup { bindings: BINDINGS, ..Setup::default() }).await;
    let sso = guide(&text, "## JSON Web Tokens", "yaml");
    let mapping = guide(&text, "### Users and groups", "yaml");
    let more = mapping.split_once("and:\n").unwrap().1;
    let issuer = sso.replace("https://sso.example.org/realms/main/", "http://127.0.0.1:9/");
    let after = world.rebind(&format!("{issuer}{more}{BINDINGS}")).await;
    assert!(after.rejected.is_none(), "{:?}", after.rejected);
}

/// The issuer is its own URL, and its configuration says where its keys are.
#[tokio::test]
async fn keys_are_found_by_the_issuer_alone() {
    let signer = Signer::new("one");
    let server = KeyServer::start(Published::Status(404)).await;
    let issuer = format!("http://{}/realm/", server.address());
    let configuration = format!(
        "issuers:\n  sso: {{ issuer: \"{issuer}\", audience: ollama, jwks_url: discover }}\n{BINDINGS}"
    );
    let world = World::with(&configuration).await;
    let token = signer.token("alice", &json!({ "iss": issuer }));
    assert_eq!(status(&world, &token).await, 503);
    // Somebody else's configuration leads nowhere.
    let says = |issuer: &str| {
        let document = json!({ "issuer": issuer, "jwks_uri": "KEYS", "more": [1] }).to_string();
        Published::Discovered(document, vec![signer.jwk()])
    };
    let asked = server.asked();
    server.publish(says(issuer.trim_end_matches('/')));
    server.asked_often(asked + 1).await;
    assert_eq!(status(&world, &token).await, 503);
    server.publish(says(&issuer));
    becomes(&world, &token, 200).await;
}
