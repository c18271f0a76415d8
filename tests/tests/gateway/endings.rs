//! The log warns before something ends, and names who was refused.

use std::sync::Arc;

use rcgen::SanType;
use stockade_tests::{Authority, Log, SetClock, Setup, World, soon};
use tokio::process::Command;

const LISTEN: &str = "{ address: \"127.0.0.1:0\", tls: { certificate: server.pem, \
     key: server.key, client_ca: ca.pem, crl: crl.pem } }";

async fn curl(world: &World, certificate: &str) {
    let mut command = Command::new("curl");
    let [pem, key] = [format!("{certificate}.pem"), format!("{certificate}.key")];
    let url = format!("https://{}/api/version", world.gateway());
    command.args(["-sS", "-m", "30", "--cacert", "ca.pem", "--cert", &pem, "--key", &key, &url]);
    command.current_dir(world.directory());
    soon("curl", command.kill_on_drop(true).output()).await.unwrap();
}

#[tokio::test]
async fn a_revocation_list_is_told_of_before_it_ends_and_when_it_has() {
    let mut log = Log::start();
    let authority = Authority::new();
    // It is the beginning of 2027.
    let clock = Arc::new(SetClock::default());
    let world = World::build(Setup {
        listen: LISTEN,
        clock: Some(&clock),
        prepare: &|directory| {
            authority.write(directory, "ca");
            authority.revoke_until(directory, "crl", &[], (2027, 1, 5));
            let names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
            authority.issue(directory, "server", 1, names);
            let carol = || vec![SanType::DnsName("carol.example".try_into().unwrap())];
            Authority::new().issue(directory, "forged", 2, carol());
            authority.issue(directory, "carol\u{202e}", 3, carol());
        },
        ..Setup::default()
    })
    .await;
    let message = |line: &serde_json::Value| line["message"].as_str().unwrap().to_owned();
    let warned = |line: &serde_json::Value| message(line).contains("revocation list");
    let line = message(&log.next(warned).await);
    assert!(line.contains("stockade.yaml:1:"), "{line}");
    assert!(line.contains("\"test authority\" ends in 4 days, at 2027-01-05T00:00:00Z"), "{line}");
    assert!(line.contains("every client certificate is refused"), "{line}");

    // A day later it is told again, at the next reload at the latest.
    clock.advance(24 * 3600);
    let renewed = || authority.revoke_until(world.directory(), "crl", &[], (2027, 1, 4));
    assert!(world.change(renewed).await.rejected.is_none());
    let line = message(&log.next(warned).await);
    assert!(line.contains("ends in 2 days"), "{line}");
    let late = || authority.revoke_until(world.directory(), "crl", &[], (2026, 1, 1));
    assert!(world.change(late).await.rejected.is_none());
    let line = message(&log.next(warned).await);
    assert!(line.contains("ended at 2026-01-01T00:00:00Z"), "{line}");

    for (file, shown) in [("forged", "forged"), ("carol\u{202e}", r"carol\u{202e}")] {
        curl(&world, file).await;
        let line = log.next_message("a client certificate is refused").await;
        let names = line["names"].as_str().unwrap();
        assert!(names.contains(shown) && names.contains("carol.example"), "{line}");
        assert!(line["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
        assert!(!line["error"].as_str().unwrap().is_empty(), "{line}");
    }
}
