//! The log lines about an issuer's keys, and about who came with its tokens.

use serde_json::{Value, json};
use stockade_tests::{BINDINGS, KeyServer, Log, Published, Signer, World, get};

/// The next line about an issuer's keys.
async fn about_keys(log: &mut Log) -> String {
    let line = log.next(|line| line["target"] == "stockade_control::jwks").await;
    assert_eq!(line["issuer"], "sso", "{line}");
    assert!(!line.to_string().contains("MARKED"), "it may be a secret: {line}");
    line.to_string()
}

#[tokio::test]
async fn failures_of_an_issuer_are_told_and_who_was_proven() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let server = KeyServer::start(Published::Status(302)).await;
    let mut log = Log::start();
    let url = format!("http://{}?token=MARKED", server.place());
    let issuer = format!("sso: {{ issuer: sso, audience: ollama, jwks_url: \"{url}\" }}");
    let world = World::with(&format!("issuers:\n  {issuer}\n{BINDINGS}")).await;

    let first = about_keys(&mut log).await;
    assert!(first.contains("302") && first.contains("its tokens are refused"), "{first}");
    let keys = |signer: &Signer| Published::Keys(vec![signer.jwk()]);
    server.publish(keys(&old));
    let mut line = about_keys(&mut log).await;
    while !line.contains("are in force") {
        line = about_keys(&mut log).await;
    }
    assert!(line.contains("old"), "{line}");

    let sent = async |signer: &Signer| {
        let token = signer.token("alice", &json!({}));
        world.send(get("/api/tags", Some(&token))).await.status.as_u16()
    };
    assert_eq!(sent(&old).await, 200);
    let request = log.next_request().await;
    let known = ["user", "proof", "credential"].map(|field| &request[field]);
    assert_eq!(known.map(Value::as_str), ["alice", "jwt", "sso/old"].map(Some), "{request}");

    server.publish(Published::Text("{}".to_owned()));
    assert_eq!(sent(&new).await, 401);
    let failed = about_keys(&mut log).await;
    assert!(failed.contains("the last good ones stay: the keys cannot be used"), "{failed}");
    server.publish(keys(&new));
    while !about_keys(&mut log).await.contains("are in force") {}
    assert_eq!(sent(&new).await, 200);
}
