//! Golden requests and answers: what a client sends, what Ollama receives, and what the
//! client gets back, for every route in every API. `BLESS=1` writes the last two anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use http::{HeaderMap, Request};
use stockade_ollama::ROUTES;
use stockade_tests::{ODD, Setup, World};

const UPSTREAM: &str = "=== upstream\n";
const ANSWER: &str = "=== answer\n";
/// The headers that differ from run to run, or are the caller's own.
const LEFT_OUT: [&str; 5] = ["host", "date", "x-request-id", "connection", "transfer-encoding"];

/// Policies that allow whatever can be asked: here it is about what is read and written.
fn everything() -> String {
    format!(
        "policies:\n  all: {{ module: {ODD:?} }}\n  pull-guard: {{ module: builtin/pull-guard }}\n\
         bindings:\n\
         \x20 - {{ name: all, subjects: everyone, policy: all, settings: {{ behaviour: allow }} }}\n\
         \x20 - {{ name: files, subjects: everyone, policy: pull-guard, settings: {{ \
         groups: [research], operations: [create], targets: [\"*\"], sources: [\"*\"], files: any }} }}\n"
    )
}

fn cases() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn sent(text: &str, key: &str) -> Request<String> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header("authorization", format!("Bearer {key}"))
        // All of this must be left out of every request, whatever its route.
        .header("x-api-key", key)
        .header("cookie", "session=private")
        .header("x-forwarded-for", "192.0.2.7")
        .header("x-private", "private")
        .header("forwarded", "for=192.0.2.7")
        .header("origin", "https://private.example")
        .header("referer", "https://private.example/page")
        .header("user-agent", "private")
        .header("accept-encoding", "gzip");
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    // A form's lines end as the network's do.
    let form = head.contains("multipart/");
    let body = body.trim_end_matches('\n');
    request.body(if form { body.replace('\n', "\r\n") } else { body.to_owned() }).unwrap()
}

fn show(out: &mut String, headers: &HeaderMap, body: &[u8]) {
    let mut shown: Vec<_> =
        headers.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str())).collect();
    shown.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in shown {
        writeln!(out, "{name}: {}", value.to_str().unwrap()).unwrap();
    }
    out.push('\n');
    out.push_str(&String::from_utf8_lossy(body).replace("\r\n", "\n"));
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

async fn run(world: &World, text: &str) -> String {
    let before = world.ollama.requests().len();
    let reply = world.send(sent(text, world.key("alice"))).await;
    let mut out = text.to_owned();
    out.push_str(UPSTREAM);
    for received in &world.ollama.requests()[before..] {
        writeln!(out, "{} {}", received.method, received.target).unwrap();
        show(&mut out, &received.headers, &received.body);
        let everything = format!("{:?} {:?}", received.headers, received.body);
        assert!(!everything.contains("private") && !everything.contains(world.key("alice")));
    }
    out.push_str(ANSWER);
    writeln!(out, "{}", reply.status.as_u16()).unwrap();
    let id = reply.headers.get("x-request-id").map_or("none", |id| id.to_str().unwrap());
    let body = reply.text().replace(id, "req_000000000000000000000000");
    show(&mut out, &reply.headers, body.as_bytes());
    out
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says BLESS=1")]
async fn every_route_is_read_forwarded_and_answered_as_written() {
    let bless = std::env::var("BLESS").is_ok_and(|value| value == "1");
    let bindings = everything();
    let setup = Setup { bindings: &bindings, chunks: 3, ..Setup::default() };
    // One for all, so that no case may depend on what another has changed.
    let world = World::build(setup).await;
    let mut differing = Vec::new();
    for case in cases() {
        let golden = std::fs::read_to_string(&case).unwrap();
        let text = golden.split(UPSTREAM).next().unwrap();
        let found = run(&world, text).await;
        if bless {
            std::fs::write(&case, found).unwrap();
        } else if found != golden {
            differing.push(format!("--- {}\n{found}", case.display()));
        }
    }
    assert!(
        differing.is_empty(),
        "these differ from their golden files (BLESS=1 accepts them):\n{}",
        differing.join("\n")
    );
}

#[test]
fn every_route_has_a_case() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let golden = std::fs::read_to_string(&case).unwrap();
        let (method, target) = golden.lines().next().unwrap().split_once(' ').unwrap();
        let mut upstream = golden.split(UPSTREAM).nth(1).unwrap().lines();
        let forwarded = upstream.any(|line| line.starts_with(&format!("{method} ")));
        let answered = golden.contains("=== answer\n20");
        for (index, route) in ROUTES.iter().enumerate() {
            let path = route.path.to_string();
            let literal = path.split('{').next().unwrap();
            let varies = literal != path;
            let fits = if varies { target.starts_with(literal) } else { target == path };
            // The heartbeat is the gateway's own.
            if fits && answered && (forwarded || path == "/") {
                route.methods.iter().filter(|m| m.as_str() == method).for_each(|_| {
                    seen.insert(index);
                });
            }
        }
    }
    let missing: Vec<_> = ROUTES
        .iter()
        .enumerate()
        .filter(|(index, _)| !seen.contains(index))
        .map(|(_, route)| format!("{:?} {}", route.methods, route.path))
        .collect();
    assert!(missing.is_empty(), "no golden case is answered for {missing:?}");
}
