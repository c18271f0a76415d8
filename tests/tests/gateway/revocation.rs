//! Answers that are under way when their caller's credential ends.

use std::path::Path;
use std::process::Stdio;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use rcgen::SanType;
use serde_json::json;
use stockade_authn::{KeyText, PasswordHash};
use stockade_core::Secret;
use stockade_simulator::{Ending, Gate, Hold};
use stockade_tests::{Authority, BINDINGS, Connection, Setup, Signer, World, get, post, soon};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello"}"#;
const ON: &str = "authentication: { terminate_streams: true }";
const GONE: &str = "the credential is not accepted any more";

/// An answer of which two pieces have come, and for more of which Ollama is held.
struct UnderWay {
    _connection: Connection,
    answer: Response<Incoming>,
    gate: Gate,
}

impl UnderWay {
    async fn begin(world: &World, request: Request<String>) -> Self {
        let mut gate = world.ollama.hold(request.uri().path(), Hold::AfterChunks(2));
        let mut connection = Connection::open(world.gateway()).await;
        let answer = connection.begin(request).await;
        assert_eq!(answer.status(), 200);
        assert!(soon("the hold", gate.reached()).await);
        Self { _connection: connection, answer, gate }
    }

    async fn generate(world: &World, key: &str) -> Self {
        Self::begin(world, post("/api/generate", Some(key), HELLO)).await
    }

    /// Returns what comes until the answer ends, while Ollama is held and sees the cancellation.
    async fn cut(self) -> String {
        let body = soon("the end of the answer", self.answer.into_body().collect()).await;
        let text = String::from_utf8(body.unwrap().to_bytes().into()).unwrap();
        assert_eq!(soon("the cancellation", self.gate.ending()).await, Ending::Abandoned);
        assert!(text.contains(GONE), "{text}");
        text
    }

    /// Returns what comes once Ollama goes on, to the end.
    async fn whole(self) -> String {
        let ending = self.gate.release();
        let body = soon("the end of the answer", self.answer.into_body().collect()).await;
        let text = String::from_utf8(body.unwrap().to_bytes().into()).unwrap();
        assert_eq!(soon("the end", ending).await, Ending::Answered);
        assert!(text.contains("\"done\":true") && !text.contains("error"), "{text}");
        text
    }
}

const ALICE: &str = "alice: { groups";

async fn disable(world: &World) {
    world.edit(ALICE, "alice: { disabled: true, groups").await;
}

#[tokio::test]
async fn a_disabled_users_answers_are_cut_and_others_go_on() {
    let world = World::with_users("", ON).await;
    let alices = UnderWay::generate(&world, world.key("alice")).await;
    let bobs = UnderWay::generate(&world, world.key("bob")).await;
    disable(&world).await;
    let text = alices.cut().await;
    let last = text.lines().last().unwrap();
    assert_eq!(last, format!(r#"{{"error":"{GONE}","status":"{GONE}"}}"#));
    bobs.whole().await;
}

#[tokio::test]
async fn the_caller_is_told_in_its_api() {
    let chat = r#"{"model":"llama3.2:3b","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;
    let world = World::with_users("", ON).await;
    let mut answers = Vec::new();
    for (path, body, event) in [
        ("/api/chat", &chat.replace(",\"max_tokens\":9", "")[..], "{\"error\":\""),
        ("/v1/chat/completions", chat, "data: {\"error\":{\"message\":\""),
        ("/v1/messages", chat, "event: error\ndata: {\"type\":\"error\""),
        ("/v1/responses", r#"{"model":"llama3.2:3b","stream":true,"input":"Hi"}"#, "data: {"),
    ] {
        let request = post(path, Some(world.key("alice")), body);
        answers.push((path, event, UnderWay::begin(&world, request).await));
    }
    disable(&world).await;
    for (path, event, answer) in answers {
        let text = answer.cut().await;
        let error = &text[text.find(event).unwrap_or_default()..];
        assert!(error.starts_with(event) && error.contains(GONE), "{path}: {text}");
    }
}

#[tokio::test]
async fn without_the_option_answers_are_finished() {
    let world = World::start().await;
    let answer = UnderWay::generate(&world, world.key("alice")).await;
    disable(&world).await;
    assert_eq!(world.send(get("/api/tags", Some(world.key("alice")))).await.status, 401);
    answer.whole().await;
}

#[tokio::test]
async fn the_option_may_come_with_the_change() {
    let world = World::with_users("", "authentication: { terminate_streams: false }").await;
    let answer = UnderWay::generate(&world, world.key("alice")).await;
    disable(&world).await;
    world.edit("terminate_streams: false", "terminate_streams: true").await;
    answer.cut().await;
}

#[tokio::test]
async fn a_key_that_is_replaced_is_not_the_same_key() {
    let world = World::with_users("", ON).await;
    let request = post("/-/token", Some(world.key("alice")), "");
    let token = world.send(request).await.json()["access_token"].as_str().unwrap().to_owned();
    let by_key = UnderWay::generate(&world, world.key("alice")).await;
    let by_token = UnderWay::generate(&world, &token).await;
    let config = std::fs::read_to_string(world.config()).unwrap();
    let line = config.lines().find(|line| line.contains(ALICE)).unwrap();
    let narrowed = line.replace("id: alice-key,", "id: alice-key, operations: [list],");
    world.edit(line, &narrowed).await;
    assert_eq!(
        world.send(post("/api/generate", Some(world.key("alice")), HELLO)).await.status,
        403,
        "it is narrowed from the next request on"
    );
    let digest = |text: &str| text.split('"').nth(1).unwrap().to_owned();
    let other = KeyText::generate().digest().to_string();
    world.edit(&digest(line), &other).await;
    by_key.cut().await;
    by_token.cut().await;
}

#[tokio::test]
async fn a_changed_password_and_a_removed_secret_end_what_they_proved() {
    let password = "correct horse battery";
    let hash = PasswordHash::of(&Secret::new(password.to_owned())).unwrap().to_string();
    let users = format!("  carol: {{ groups: [research], password_hash: \"{hash}\" }}");
    let world = World::with_users(&users, ON).await;
    let mut request = post("/api/generate", None, HELLO);
    let basic = "Basic Y2Fyb2w6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5".parse().unwrap();
    request.headers_mut().insert("authorization", basic);
    let by_password = UnderWay::begin(&world, request).await;
    let token = world.directory().join("token");
    let secret = Secret::new(std::fs::read(&token).unwrap());
    let secret =
        stockade_authn::TokenSecret::new("main".to_owned().try_into().unwrap(), &secret).unwrap();
    let now = stockade_core::Clock::now(&stockade_core::SystemClock).as_secs();
    let later = stockade_core::UnixTime::from_secs(now + 600);
    let signed = stockade_authn::issue(&secret, &"bob".to_owned().try_into().unwrap(), later);
    let by_token = UnderWay::generate(&world, signed.expose()).await;
    let other = PasswordHash::of(&Secret::new("another password".to_owned())).unwrap();
    world.edit(&hash, &other.to_string()).await;
    by_password.cut().await;
    // Under the same name.
    let replace = || stockade_tests::private(&token, "another secret, long enough");
    assert!(world.change(replace).await.rejected.is_none());
    by_token.cut().await;
}

#[tokio::test]
async fn a_jwt_ends_with_its_key_its_issuer_and_what_admits_its_user() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let publish = |directory: &Path, signers: &[&Signer]| {
        let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
        std::fs::write(directory.join("jwks.json"), json!({ "keys": keys }).to_string()).unwrap();
    };
    let issuer = "sso: { issuer: sso, audience: ollama, jwks_file: jwks.json, \
                  unknown_users: admit, groups_claim: groups }";
    let world = World::build(Setup {
        bindings: &format!("{ON}\nissuers:\n  {issuer}\n{BINDINGS}"),
        prepare: &|directory: &Path| publish(directory, &[&old, &new]),
        ..Setup::default()
    })
    .await;
    // Nobody under `users` is called carol.
    let [alices, carols] = ["alice", "carol"].map(|user| {
        let token = |signer: &Signer| signer.token(user, &json!({ "groups": ["research"] }));
        [token(&old), token(&new)]
    });
    let begin = async |tokens: &[String; 2]| {
        let [old, new] = tokens;
        [UnderWay::generate(&world, old).await, UnderWay::generate(&world, new).await]
    };
    let ([alice_old, alice_new], [carol_old, carol_new]) =
        (begin(&alices).await, begin(&carols).await);
    let rotated = world.change(|| publish(world.directory(), &[&new])).await;
    assert!(rotated.rejected.is_none());
    alice_old.cut().await;
    carol_old.cut().await;
    let carol_whole = UnderWay::generate(&world, &carols[1]).await;
    world.edit("alice: { groups", "alice: { attributes: { floor: 3 }, groups").await;
    carol_whole.whole().await;
    world.edit("unknown_users: admit", "unknown_users: refuse").await;
    carol_new.cut().await;
    let alice_whole = UnderWay::generate(&world, &alices[1]).await;
    alice_whole.whole().await;
    world.edit("issuer: sso", "issuer: another").await;
    alice_new.cut().await;
}

#[tokio::test]
async fn who_still_waits_for_an_answer_is_refused() {
    let world = World::with_users("", ON).await;
    let mut gate = world.ollama.hold("/api/generate", Hold::BeforeHeaders);
    let mut connection = Connection::open(world.gateway()).await;
    let request = post("/api/generate", Some(world.key("alice")), HELLO);
    let revoked = async {
        assert!(soon("the request upstream", gate.reached()).await);
        disable(&world).await;
        soon("the cancellation", gate.ending()).await
    };
    let (answer, ending) = tokio::join!(connection.send(request), revoked);
    assert_eq!((answer.status.as_u16(), ending), (401, Ending::Abandoned));
    assert!(answer.text().contains(GONE), "{}", answer.text());
}

#[tokio::test]
async fn an_upload_is_cut() {
    let world = World::with_users("", ON).await;
    let mut stream = TcpStream::connect(world.gateway()).await.unwrap();
    let head = format!(
        "POST /api/blobs/sha256:{} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 40000000\r\n\r\n",
        "0".repeat(64),
        world.key("bob")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // More than the sockets on the way can hold: Ollama has got some of it.
    soon("the upload", stream.write_all(&vec![7; 20_000_000])).await.unwrap();
    world.edit("bob: { groups", "bob: { disabled: true, groups").await;
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains(GONE) {
        assert!(soon("the answer", stream.read_buf(&mut answer)).await.unwrap() > 0);
    }
    assert!(answer.starts_with(b"HTTP/1.1 401"));
    drop(stream);
    let received = soon("the part of the blob", world.ollama.received(1)).await;
    assert_eq!(soon("the cancellation", received[0].ending()).await, Ending::Abandoned);
}

#[tokio::test]
async fn a_revoked_certificate_ends_what_curl_reads() {
    let authority = Authority::new();
    let prepare = |directory: &Path| {
        authority.write(directory, "ca");
        authority.revoke(directory, "crl", &[]);
        authority.issue(directory, "server", 1, vec![SanType::IpAddress([127, 0, 0, 1].into())]);
        let name = SanType::DnsName("carol.example".try_into().unwrap());
        authority.issue(directory, "carol", 7, vec![name]);
    };
    let listen = "{ address: \"127.0.0.1:0\", tls: { certificate: server.pem, \
                  key: server.key, client_ca: ca.pem, crl: crl.pem } }";
    let carol = "  carol: { groups: [research], certificates: [{ id: c, dns: carol.example }] }";
    let rest = format!("{carol}\n{ON}\n{BINDINGS}");
    let setup = Setup { bindings: &rest, listen, prepare: &prepare, ..Setup::default() };
    let world = World::build(setup).await;
    let mut gate = world.ollama.hold("/api/generate", Hold::AfterChunks(2));
    let mut command = Command::new("curl");
    let url = format!("https://{}/api/generate", world.gateway());
    command.args(["-sSN", "--cacert", "ca.pem", "--cert", "carol.pem", "--key", "carol.key"]);
    command.args(["-d", HELLO, &url]).current_dir(world.directory()).stdout(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || soon("a line", lines.next_line()).await.unwrap();
    for _ in 0..2 {
        assert!(next().await.unwrap().contains("\"response\""));
    }
    assert!(soon("the hold", gate.reached()).await);
    let revoke = || authority.revoke(world.directory(), "crl", &[7]);
    assert!(world.change(revoke).await.rejected.is_none());
    assert_eq!(next().await, Some(format!(r#"{{"error":"{GONE}","status":"{GONE}"}}"#)));
    assert_eq!(next().await, None);
    assert_eq!(soon("the cancellation", gate.ending()).await, Ending::Abandoned);
}
