//! TLS and client certificates over real sockets, with curl and with Python.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use rcgen::SanType;
use stockade_tests::{Authority, BINDINGS, Setup, World, soon};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;
const SERIAL: u64 = 4711;

fn listen(client_auth: &str) -> String {
    format!(
        "{{ address: \"127.0.0.1:0\", tls: {{ certificate: server.pem, key: server.key, \
         client_ca: ca.pem, client_auth: {client_auth}, crl: crl.pem }} }}"
    )
}

/// Carol has a certificate by each kind of name; `stranger` stands for nobody.
const CAROL: &str = r#"  carol:
    groups: [research]
    certificates:
      - { id: card, dns: Carol.example }
      - { id: service, uri: "spiffe://example/carol" }
      - { id: mail, email: carol@example }
"#;

fn server_names() -> Vec<SanType> {
    vec![SanType::IpAddress([127, 0, 0, 1].into())]
}

fn prepare(authority: &Authority, directory: &Path) {
    authority.write(directory, "ca");
    authority.revoke(directory, "crl", &[]);
    authority.issue(directory, "server", 1, server_names());
    let names = [
        ("dns", SanType::DnsName("carol.example".try_into().unwrap())),
        ("uri", SanType::URI("spiffe://example/carol".try_into().unwrap())),
        ("email", SanType::Rfc822Name("carol@example".try_into().unwrap())),
        ("stranger", SanType::DnsName("stranger.example".try_into().unwrap())),
    ];
    for (serial, (file, name)) in (SERIAL..).zip(names) {
        authority.issue(directory, file, serial, vec![name]);
    }
    let other = Authority::new();
    let carol = SanType::DnsName("carol.example".try_into().unwrap());
    other.issue(directory, "forged", SERIAL, vec![carol]);
}

async fn world(client_auth: &str) -> (World, Authority) {
    let authority = Authority::new();
    let rest = format!("{CAROL}{BINDINGS}");
    let listen = listen(client_auth);
    let world = World::build(Setup {
        bindings: &rest,
        listen: &listen,
        prepare: &|directory| prepare(&authority, directory),
        ..Setup::default()
    })
    .await;
    (world, authority)
}

/// The status that curl sees; `000` where there is no connection.
async fn curl(world: &World, certificate: Option<&str>, more: &[&str]) -> String {
    let mut command = Command::new("curl");
    let url = format!("https://{}/api/generate", world.gateway());
    command.args(["-sS", "-o", "answer", "-w", "%{http_code}", "--cacert", "ca.pem"]);
    if let Some(name) = certificate {
        let [pem, key] = [format!("{name}.pem"), format!("{name}.key")];
        command.args(["--cert", &pem, "--key", &key]);
    }
    command.args(more).args(["-d", HELLO, &url]).current_dir(world.directory());
    let output = soon("curl", command.kill_on_drop(true).output()).await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_certificate_proves_its_user_by_each_kind_of_name_and_version() {
    let (world, _) = world("required").await;
    for name in ["dns", "uri", "email"] {
        for version in ["1.2", "1.3"] {
            let (least, most) = (format!("--tlsv{version}"), version);
            let status = curl(&world, Some(name), &[&least, "--tls-max", most]).await;
            assert_eq!(status, "200", "{name} {version}");
        }
    }
    assert_eq!(world.ollama.requests().len(), 6);
}

#[tokio::test]
async fn without_a_good_certificate_there_is_no_connection() {
    let (world, _) = world("required").await;
    assert_eq!(curl(&world, None, &[]).await, "000");
    assert_eq!(curl(&world, Some("forged"), &[]).await, "000");
    assert_eq!(curl(&world, Some("dns"), &["--tls-max", "1.1"]).await, "000");
    assert_eq!(curl(&world, Some("stranger"), &[]).await, "401");
    assert!(world.ollama.requests().is_empty());
}

#[tokio::test]
async fn a_foreign_page_may_not_use_a_visitors_certificate() {
    let (world, _) = world("required").await;
    let own = format!("Origin: https://{}", world.gateway());
    let downgraded = format!("Origin: http://{}", world.gateway());
    let alice = format!("Authorization: Bearer {}", world.key("alice"));
    for (headers, status) in [
        (&["Origin: https://evil.example", "Content-Type: text/plain"][..], "403"),
        (&["Sec-Fetch-Site: cross-site"], "403"),
        (&["Origin: null"], "403"),
        (&[&downgraded], "403"),
        (&[&own], "200"),
        (&["Sec-Fetch-Site: same-origin"], "200"),
        (&["Host: other.example"], "200"),
    ] {
        let headers: Vec<&str> = headers.iter().flat_map(|header| ["-H", *header]).collect();
        assert_eq!(curl(&world, Some("dns"), &headers).await, status, "{headers:?}");
    }
    let key = ["-H", "Origin: https://evil.example", "-H", &alice];
    assert_eq!(curl(&world, Some("stranger"), &key).await, "200", "a key is sent on purpose");
}

#[tokio::test]
async fn where_it_is_optional_a_key_does_as_well() {
    let (world, _) = world("optional").await;
    let alice = format!("Authorization: Bearer {}", world.key("alice"));
    assert_eq!(curl(&world, None, &[]).await, "401");
    assert_eq!(curl(&world, None, &["-H", &alice]).await, "200");
    assert_eq!(curl(&world, Some("dns"), &[]).await, "200");
    assert_eq!(curl(&world, Some("stranger"), &["-H", &alice]).await, "200");
    assert_eq!(curl(&world, Some("forged"), &["-H", &alice]).await, "000");
    let both = curl(&world, Some("dns"), &["-H", &alice]).await;
    assert_eq!(both, "400", "carol's certificate and alice's key are two credentials");
}

/// One connection, a request for each line on standard input.
const CLIENT: &str = r#"
import http.client, ssl, sys
address, name = sys.argv[1:]
context = ssl.create_default_context(cafile="ca.pem")
context.load_cert_chain(name + ".pem", name + ".key")
connection = http.client.HTTPSConnection(address, context=context)
connection.auto_open = 1
connection.connect()
connection.auto_open = 0
for line in sys.stdin:
    connection.request("POST", "/api/generate", body=line.strip())
    answer = connection.getresponse()
    answer.read()
    print(answer.status, flush=True)
"#;

#[tokio::test]
async fn revocation_ends_an_open_connection_too() {
    let (world, authority) = world("required").await;
    let mut command = Command::new("python3");
    command.args(["-c", CLIENT, &world.gateway().to_string(), "dns"]);
    command.current_dir(world.directory()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ask = async || {
        input.write_all(format!("{HELLO}\n").as_bytes()).await.unwrap();
        soon("an answer", answers.next_line()).await.unwrap().unwrap()
    };
    assert_eq!(ask().await, "200");
    let revoke = || authority.revoke(world.directory(), "crl", &[SERIAL]);
    let after = world.change(revoke).await;
    assert!(after.rejected.is_none(), "{:?}", after.rejected);
    assert_eq!(ask().await, "401");
    assert_eq!(curl(&world, Some("dns"), &[]).await, "000");
    assert_eq!(curl(&world, Some("uri"), &[]).await, "200", "another certificate is still good");
}

#[tokio::test]
async fn a_new_certificate_is_presented_without_a_restart() {
    let (world, _) = world("optional").await;
    let alice = format!("Authorization: Bearer {}", world.key("alice"));
    assert_eq!(curl(&world, None, &["-H", &alice]).await, "200");
    let next = Authority::new();
    let staging = tempfile::tempdir_in(world.directory()).unwrap();
    next.issue(staging.path(), "server", 2, server_names());
    // Certificate and key do not fit until both are there: that is rejected, not served.
    let copy = |file: &str| {
        std::fs::rename(staging.path().join(file), world.directory().join(file)).unwrap();
    };
    let half = world.change(|| copy("server.pem")).await;
    assert!(half.rejected.is_some());
    assert_eq!(curl(&world, None, &["-H", &alice]).await, "200", "the old ones are kept");
    assert!(world.change(|| copy("server.key")).await.rejected.is_none());
    assert_eq!(curl(&world, None, &["-H", &alice]).await, "000", "the old authority is not theirs");
    next.write(world.directory(), "next");
    let trusted = ["--cacert", "next.pem", "-H", &alice];
    assert_eq!(curl(&world, None, &trusted).await, "200");
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused() {
    let (world, _) = world("optional").await;
    let key = world.directory().join("server.key");
    let open = || {
        let text = std::fs::read_to_string(&key).unwrap();
        std::fs::write(&key, format!("{text}\n")).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    };
    let errors = world.change(open).await.rejected.expect("it is rejected");
    assert!(errors.to_string().contains("chmod 600"), "{errors}");
}

/// Dora by names that small authorities use, and by certificates without extensions.
const DORA: &str = r"  dora:
    groups: [research]
    certificates:
      - { id: cn, cn: dora }
      - { id: upn, upn: Dora@corp.example }
      - { id: ip, ip: 192.0.2.7 }
";

fn openssl(directory: &Path, arguments: &str) {
    let mut command = std::process::Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(directory);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Certificates as small authorities issue them, of several kinds of keys.
fn small_authority(directory: &Path) {
    let kinds = ["ec -pkeyopt ec_paramgen_curve:P-256", "rsa:2048", "ed25519"];
    for ca in ["ca", "other"] {
        let key = format!("{ca}.key -out {ca}.pem -subj /CN=ca -days 9");
        openssl(directory, &format!("req -x509 -newkey {} -nodes -keyout {key}", kinds[0]));
    }
    let issue = |name: &str, kind: &str, ca: &str, days: &str, extensions: &str| {
        let key = format!("{name}.key -out {name}.csr -subj /CN=dora");
        openssl(directory, &format!("req -newkey {kind} -nodes -keyout {key}"));
        let ca = format!("-CA {ca}.pem -CAkey {ca}.key -CAcreateserial");
        let mut command = format!("x509 -req -in {name}.csr {ca} -days {days} -out {name}.pem");
        if !extensions.is_empty() {
            std::fs::write(directory.join("extensions"), extensions).unwrap();
            command.push_str(" -extfile extensions");
        }
        openssl(directory, &command);
    };
    issue("server", kinds[0], "ca", "9", "subjectAltName=IP:127.0.0.1");
    for (name, kind) in ["ec", "rsa", "ed"].into_iter().zip(kinds) {
        issue(name, kind, "ca", "9", "");
    }
    issue("version3", kinds[0], "ca", "9", "basicConstraints=CA:FALSE");
    let upn = "subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:DORA@corp.example";
    issue("upn", kinds[0], "ca", "9", upn);
    issue("ip", kinds[0], "ca", "9", "subjectAltName=IP:192.0.2.7");
    issue("expired", kinds[0], "ca", "-1", "");
    issue("forged", kinds[0], "other", "9", "");
    // Signed by what the authority has signed, and not by the authority.
    issue("between", kinds[0], "ec", "9", "");
    let chain = ["between.pem", "ec.pem"].map(|file| std::fs::read(directory.join(file)).unwrap());
    std::fs::write(directory.join("between.pem"), chain.concat()).unwrap();
    let key = directory.join("server.key");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn certificates_of_small_authorities_prove_their_users() {
    let listen = "{ address: \"127.0.0.1:0\", tls: { certificate: server.pem, key: server.key, \
                  client_ca: ca.pem } }";
    let rest = format!("{DORA}{BINDINGS}");
    let prepare: &(dyn Fn(&Path) + Sync) = &small_authority;
    let world = World::build(Setup { bindings: &rest, listen, prepare, ..Setup::default() }).await;
    for version in ["1.2", "1.3"] {
        let (least, most) = (format!("--tlsv{version}"), ["--tls-max", version]);
        let arguments = [&*least, most[0], most[1]];
        for name in ["ec", "rsa", "ed", "version3", "upn", "ip"] {
            assert_eq!(curl(&world, Some(name), &arguments).await, "200", "{name} {version}");
        }
        for name in ["expired", "forged", "between"] {
            assert_eq!(curl(&world, Some(name), &arguments).await, "000", "{name} {version}");
        }
    }
}

#[tokio::test]
async fn a_certificate_of_version_1_is_refused_where_it_could_be_revoked() {
    let authority = Authority::new();
    let prepare = |directory: &Path| {
        small_authority(directory);
        // Revocation lists of another authority are as good: none is of this one.
        authority.revoke(directory, "crl", &[]);
    };
    let rest = format!("{DORA}{BINDINGS}");
    let listen = listen("required");
    let world = World::build(Setup {
        bindings: &rest,
        listen: &listen,
        prepare: &prepare,
        ..Setup::default()
    })
    .await;
    assert_eq!(curl(&world, Some("ec"), &[]).await, "000");
}
