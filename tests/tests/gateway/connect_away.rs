//! The gateway away, restarted, with another certificate, and with credentials that have ended:
//! each is answered with what to do, and all is well again without a restart.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{HeaderValue, Request};
use stockade_authn::{TokenSecret, issue};
use stockade_connect::{BearerSource, CertificateFiles, Config, Connect};
use stockade_core::{Clock, CredentialId, Secret, SystemClock, UnixTime, UserId};
use stockade_tests::{
    Authority, BINDINGS, Connection, Reply, SetClock, Setup, TOKEN_SECRET, World, post, private,
    soon,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

fn config(gateway: &str, bearer: Option<BearerSource>) -> Config {
    Config {
        gateway: gateway.parse().unwrap(),
        listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        bearer,
        certificate: None,
        ca: None,
        origins: Arc::new(|_| false),
        unencrypted: false,
    }
}

async fn start(config: Config) -> Connect {
    Connect::start(config, Arc::new(SystemClock)).await.unwrap()
}

async fn ask(connect: &Connect, path: &str) -> Reply {
    let mut request: Request<String> = post(path, Some("ollama"), HELLO);
    request.headers_mut().insert("host", HeaderValue::from_static("localhost"));
    Connection::open(connect.addresses()[0]).await.send(request).await
}

/// Puts a whole file in the place of another.
fn replace(path: &Path, content: &str) {
    let next = path.with_extension("next");
    private(&next, content);
    std::fs::rename(next, path).unwrap();
}

/// An address that refuses connections until it leads to a gateway.
struct Place(TcpSocket);

impl Place {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        Self(socket)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Leads there from now on, wherever the gateway is then.
    fn lead(self, gateway: SocketAddr) -> watch::Sender<SocketAddr> {
        let listener = self.0.listen(16).unwrap();
        let (sender, gateway) = watch::channel(gateway);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let gateway = *gateway.borrow();
                tokio::spawn(async move {
                    // Where nobody is, the connection ends.
                    if let Ok(mut far) = TcpStream::connect(gateway).await {
                        tokio::io::copy_bidirectional(&mut near, &mut far).await.ok();
                    }
                });
            }
        });
        sender
    }
}

#[tokio::test]
async fn a_gateway_that_is_away_is_told_in_each_dialect_until_it_is_back() {
    let world = World::start().await;
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("user.key");
    private(&key, world.key("alice"));
    let place = Place::new();
    let url = format!("http://{}", place.address());
    let connect = start(config(&url, Some(BearerSource::Key(key)))).await;
    for (path, shape) in [
        ("/api/generate", format!(r#"{{"error":"the gateway {url} cannot be reached"#)),
        ("/v1/responses", format!(r#"{{"error":{{"message":"the gateway {url} cannot be"#)),
        (
            "/v1/messages",
            format!(
                r#"{{"type":"error","error":{{"type":"api_error","message":"the gateway {url} ca"#
            ),
        ),
    ] {
        let reply = ask(&connect, path).await;
        assert_eq!(reply.status, 502, "{path}");
        assert!(reply.text().starts_with(&shape), "{}", reply.text());
        assert!(reply.text().contains("refused"), "{}", reply.text());
    }
    // Also to a request that is much longer than what sockets hold.
    let image = HELLO.replace("Hello", &"A".repeat(16 << 20));
    let request = format!(
        "POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{image}",
        image.len()
    );
    let mut stream = TcpStream::connect(connect.addresses()[0]).await.unwrap();
    // Most clients read nothing before they have written all.
    soon("all to be taken", stream.write_all(request.as_bytes())).await.unwrap();
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("cannot be reached"), "{answer}");
    let heartbeat = Request::builder().method("HEAD").uri("/").header("host", "localhost");
    let heartbeat = heartbeat.body(String::new()).unwrap();
    let reply = Connection::open(connect.addresses()[0]).await.send(heartbeat).await;
    assert_eq!(reply.status, 200, "ollama goes on, and tells the error of its next request");
    let led = place.lead(world.gateway());
    assert_eq!(ask(&connect, "/api/generate").await.status, 200);
    // The gateway ends, its connections with it, and another one starts.
    world.stop().await;
    let reply = ask(&connect, "/api/generate").await;
    assert_eq!(reply.status, 502, "{}", reply.text());
    assert!(reply.text().contains("broke off"), "{}", reply.text());
    let next = World::start().await;
    replace(&directory.path().join("user.key"), next.key("alice"));
    led.send_replace(next.gateway());
    let reply = ask(&connect, "/api/generate").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

fn alice() -> UserId {
    UserId::new("alice").unwrap()
}

fn token(expiry: u64) -> String {
    let secret = Secret::new(TOKEN_SECRET.as_bytes().to_vec());
    let secret = TokenSecret::new(CredentialId::new("main").unwrap(), &secret).unwrap();
    issue(&secret, &alice(), UnixTime::from_secs(expiry)).expose().clone()
}

async fn with_token(clock: &Arc<SetClock>, expiry: u64) -> (World, Connect, PathBuf) {
    let world = World::build(Setup { clock: Some(clock), ..Setup::default() }).await;
    let file = world.directory().join("user.token");
    private(&file, &token(expiry));
    let gateway = format!("http://{}", world.gateway());
    let config = config(&gateway, Some(BearerSource::Token(file.clone())));
    let connect = Connect::start(config, clock.clone()).await.unwrap();
    (world, connect, file)
}

async fn renewed_until(connect: &Connect, expiry: u64) {
    let mut told = connect.token_expiry().unwrap();
    let expiry = UnixTime::from_secs(expiry);
    soon("a newer token", told.wait_for(|now| *now == Some(expiry))).await.unwrap();
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_written_back() {
    let clock = Arc::new(SetClock::default());
    let begin = clock.now().as_secs();
    let day = 24 * 3600;
    let (world, connect, file) = with_token(&clock, begin + 600).await;
    renewed_until(&connect, begin + day).await;
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.starts_with(&format!("alice:{}:", begin + day)), "{kept}");
    assert_eq!(ask(&connect, "/api/generate").await.status, 200);
    // After half of its life the next request has it renewed, also if the machine slept until now.
    clock.advance(day - 100);
    assert_eq!(ask(&connect, "/api/generate").await.status, 200);
    renewed_until(&connect, begin + 2 * day - 100).await;
    clock.advance(day - 100);
    assert_eq!(ask(&connect, "/api/generate").await.status, 200);
    assert_eq!(world.ollama.requests().len(), 3);
}

#[tokio::test]
async fn an_ended_token_is_told_until_there_is_another() {
    let clock = Arc::new(SetClock::default());
    let (_world, connect, file) = with_token(&clock, clock.now().as_secs() - 1).await;
    for path in ["/api/generate", "/v1/chat/completions", "/v1/messages"] {
        let reply = ask(&connect, path).await;
        assert_eq!(reply.status, 401, "{path}");
        assert!(
            reply.text().contains("user.token: this token ended at 2026-12-31"),
            "{}",
            reply.text()
        );
    }
    replace(&file, &token(clock.now().as_secs() + 600));
    assert_eq!(ask(&connect, "/api/generate").await.status, 200);
}

#[tokio::test]
async fn a_key_that_the_gateway_does_not_accept_is_told_until_there_is_another() {
    let world = World::start().await;
    let key = world.directory().join("user.key");
    private(&key, "sk-local-0123456789abcdef0123456789abcdef");
    let gateway = format!("http://{}", world.gateway());
    let connect = start(config(&gateway, Some(BearerSource::Key(key.clone())))).await;
    let reply = ask(&connect, "/api/generate").await;
    assert_eq!(reply.status, 401);
    let text = reply.text();
    assert!(text.contains("does not accept the key in") && text.contains("user.key"), "{text}");
    assert!(text.contains("(the credential is not valid)"), "{text}");
    assert!(text.contains(r#","status":"#), "Ollama's command prints it: {text}");
    assert!(!text.contains("0123456789abcdef") && !reply.headers.contains_key("www-authenticate"));
    replace(&key, world.key("alice"));
    assert_eq!(ask(&connect, "/api/generate").await.status, 200);
    // Readable by others it is not used, and said so.
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let reply = ask(&connect, "/api/generate").await;
    assert!(reply.status == 401 && reply.text().contains("chmod 600"), "{}", reply.text());
}

fn server_names() -> Vec<rcgen::SanType> {
    vec![
        rcgen::SanType::DnsName("localhost".try_into().unwrap()),
        rcgen::SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
    ]
}

fn mail(address: &str) -> Vec<rcgen::SanType> {
    vec![rcgen::SanType::Rfc822Name(address.try_into().unwrap())]
}

/// A gateway that asks for client certificates, and has carol's.
async fn mutual(authority: &Authority, auth: &str) -> World {
    let listen = format!(
        "{{ address: \"127.0.0.1:0\", tls: {{ certificate: server.pem, key: server.key, client_ca: \
         ca.pem, client_auth: {auth} }} }}"
    );
    let bindings = format!(
        "  carol: {{ groups: [research], certificates: [{{ id: card, email: carol@example.org }}] \
         }}\n{BINDINGS}"
    );
    let prepare = |directory: &Path| {
        authority.write(directory, "ca");
        authority.issue(directory, "server", 1, server_names());
        authority.issue(directory, "carol", 2, mail("carol@example.org"));
    };
    World::build(Setup {
        bindings: &bindings,
        listen: &listen,
        prepare: &prepare,
        ..Setup::default()
    })
    .await
}

fn with_certificate(world: &World) -> Config {
    let at = |name: &str| world.directory().join(name);
    // The client's own copies: the gateway reads its files, too.
    for (from, to) in
        [("ca.pem", "trusted.pem"), ("carol.pem", "own.pem"), ("carol.key", "own.key")]
    {
        std::fs::copy(at(from), at(to)).unwrap();
    }
    let certificate = CertificateFiles { certificate: at("own.pem"), key: at("own.key") };
    Config {
        ca: Some(at("trusted.pem")),
        certificate: Some(certificate),
        ..config(&format!("https://localhost:{}", world.gateway().port()), None)
    }
}

#[tokio::test]
async fn a_client_certificate_proves_its_user_and_is_read_again() {
    let authority = Authority::new();
    let world = mutual(&authority, "required").await;
    let config = with_certificate(&world);
    let connect = start(config).await;
    let reply = ask(&connect, "/api/generate").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    // One that is not complete yet leaves the one before it in force.
    let at = |name: &str| world.directory().join(name);
    authority.issue(world.directory(), "next", 3, mail("stranger@example.org"));
    std::fs::rename(at("next.pem"), at("own.pem")).unwrap();
    assert_eq!(ask(&connect, "/api/generate").await.status, 200);
    std::fs::rename(at("next.key"), at("own.key")).unwrap();
    let reply = ask(&connect, "/api/generate").await;
    assert_eq!(reply.status, 401, "{}", reply.text());
    assert!(reply.text().contains("the client certificate in"), "{}", reply.text());
    let foreign = Authority::new();
    foreign.issue(world.directory(), "own", 4, mail("carol@example.org"));
    let reply = ask(&connect, "/api/generate").await;
    assert_eq!(reply.status, 401, "{}", reply.text());
    assert!(reply.text().contains("does not accept the client certificate"), "{}", reply.text());
    authority.issue(world.directory(), "own", 5, mail("carol@example.org"));
    let reply = ask(&connect, "/api/generate").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test]
async fn without_a_certificate_where_one_is_asked_for_it_is_said() {
    let authority = Authority::new();
    let world = mutual(&authority, "required").await;
    let key = world.directory().join("user.key");
    private(&key, world.key("alice"));
    let config = Config {
        certificate: None,
        bearer: Some(BearerSource::Key(key)),
        ..with_certificate(&world)
    };
    let connect = start(config).await;
    let reply = ask(&connect, "/v1/messages").await;
    assert_eq!(reply.status, 401, "{}", reply.text());
    assert!(reply.text().contains("name yours by --cert and --key"), "{}", reply.text());
}

#[tokio::test]
async fn a_gateway_that_cannot_prove_itself_gets_nothing_until_it_can() {
    let authority = Authority::new();
    let world = mutual(&authority, "optional").await;
    let key = world.directory().join("user.key");
    private(&key, world.key("alice"));
    let good = Config {
        certificate: None,
        bearer: Some(BearerSource::Key(key)),
        ..with_certificate(&world)
    };
    let connect = start(good.clone()).await;
    assert_eq!(ask(&connect, "/api/generate").await.status, 200);
    // The gateway gets a certificate of another authority.
    let next = Authority::new();
    let staging = tempfile::tempdir_in(world.directory()).unwrap();
    next.issue(staging.path(), "server", 2, server_names());
    for name in ["server.pem", "server.key"] {
        let put =
            || std::fs::rename(staging.path().join(name), world.directory().join(name)).unwrap();
        world.change(put).await;
    }
    // Connections that were made before are as good as they were; a new end makes new ones.
    let fresh = start(good.clone()).await;
    let before = world.ollama.requests().len();
    let reply = ask(&fresh, "/v1/chat/completions").await;
    assert_eq!(reply.status, 502, "{}", reply.text());
    let text = reply.text();
    assert!(text.contains("is not signed by") && text.contains("nothing was sent"), "{text}");
    assert_eq!(world.ollama.requests().len(), before);
    next.write(world.directory(), "trusted");
    let reply = ask(&fresh, "/api/generate").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let unknown = Config { ca: None, ..good.clone() };
    let reply = ask(&start(unknown).await, "/api/generate").await;
    assert!(reply.status == 502 && reply.text().contains("by --ca"), "{}", reply.text());
    let named = Config {
        gateway: format!("https://127.0.0.2:{}", world.gateway().port()).parse().unwrap(),
        ..good
    };
    let reply = ask(&start(named).await, "/api/generate").await;
    assert_eq!(reply.status, 502, "{}", reply.text());
}
