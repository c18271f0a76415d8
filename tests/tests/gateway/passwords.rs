//! HTTP Basic over real sockets, with curl and with Python's own client.

use stockade_authn::PasswordHash;
use stockade_core::Secret;
use stockade_tests::{World, get, post, soon};
use tokio::process::Command;

const PASSWORD: &str = "correct horse: battery";
const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

async fn world() -> World {
    let hash = PasswordHash::of(&Secret::new(PASSWORD.to_owned())).unwrap();
    let users = format!("  carol: {{ groups: [research], password_hash: \"{hash}\" }}");
    World::with_users(&users, "").await
}

async fn curl(world: &World, credential: &str) -> String {
    let url = format!("http://{}/api/generate", world.gateway());
    let mut command = Command::new("curl");
    command.args(["-sS", "-w", "\n%{http_code}", "-u", credential, "-d", HELLO, &url]);
    let output = soon("curl", command.kill_on_drop(true).output()).await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn curl_sends_a_password() {
    let world = world().await;
    for _ in 0..2 {
        let answer = curl(&world, &format!("carol:{PASSWORD}")).await;
        assert!(answer.contains("\"done\":true") && answer.ends_with("\n200"), "{answer}");
    }
    for wrong in ["carol:wrong password", "nobody:wrong password", "alice:wrong password"] {
        let answer = curl(&world, wrong).await;
        assert!(answer.ends_with("\n401"), "{wrong}: {answer}");
        assert!(answer.contains("the credential is not valid"), "{answer}");
    }
    assert_eq!(world.ollama.requests().len(), 2);
}

#[tokio::test]
async fn curl_sends_an_api_key_as_a_password() {
    let world = world().await;
    let key = world.key("alice");
    assert!(curl(&world, &format!("alice:{key}")).await.ends_with("\n200"));
    assert!(curl(&world, &format!("bob:{key}")).await.ends_with("\n401"), "it is not bob's");
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_is_asked() {
    let world = world().await;
    let reply = world.send(post("/api/generate", None, HELLO)).await;
    let challenges: Vec<_> = reply.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(challenges.len(), 2, "{challenges:?}");
    let script = r#"
import sys, urllib.request as u
url, password = sys.argv[1:]
manager = u.HTTPPasswordMgrWithDefaultRealm()
manager.add_password(None, url, "carol", password)
opener = u.build_opener(u.ProxyHandler({}), u.HTTPBasicAuthHandler(manager))
print(opener.open(url + "/api/tags").status)
"#;
    let url = format!("http://{}", world.gateway());
    let mut command = Command::new("python3");
    command.args(["-c", script, &url, PASSWORD]).kill_on_drop(true);
    let output = soon("python", command.output()).await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "200", "{errors}");
}

#[tokio::test]
async fn nobody_is_asked_for_a_password_where_there_are_none() {
    let world = World::start().await;
    let reply = world.send(get("/api/tags", None)).await;
    assert_eq!(reply.headers.get_all("www-authenticate").iter().count(), 1);
    assert!(curl(&world, "alice:any password at all").await.ends_with("\n401"));
}

#[tokio::test]
async fn a_password_and_a_key_are_two_credentials() {
    let world = world().await;
    let mut request = post("/api/generate", None, HELLO);
    request.headers_mut().insert("x-api-key", world.key("alice").parse().unwrap());
    request.headers_mut().insert("authorization", "Basic Y2Fyb2w6eA==".parse().unwrap());
    assert_eq!(world.send(request).await.status, 400);
}

#[tokio::test]
async fn a_changed_password_ends_the_old_one_at_once() {
    let world = world().await;
    let credential = format!("carol:{PASSWORD}");
    assert!(curl(&world, &credential).await.ends_with("\n200"));
    let hash = PasswordHash::of(&Secret::new("another password".to_owned())).unwrap();
    let users = format!("  carol: {{ groups: [research], password_hash: \"{hash}\" }}\n");
    let after = world.rebind(&(users + stockade_tests::BINDINGS)).await;
    assert!(after.rejected.is_none(), "{:?}", after.rejected);
    assert!(curl(&world, &credential).await.ends_with("\n401"));
    assert!(curl(&world, "carol:another password").await.ends_with("\n200"));
}
