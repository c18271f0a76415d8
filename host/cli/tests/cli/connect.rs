//! `stockade connect` as it is run: its key is in nothing that comes out of it, and what it needs
//! is said.

use std::path::Path;
use std::process::{Output, Stdio};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

const KEY: &str = "MARKED-words-only-of-a-key";

fn private(path: &Path, content: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn connect(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.arg("connect").args(arguments).current_dir(directory).kill_on_drop(true);
    command.env("XDG_CONFIG_HOME", directory).env("HOME", directory).env_remove("NO_COLOR");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A gateway that tells whatever it is asked with, refuses it, and at last breaks off.
async fn telltale(listener: TcpListener) {
    for answer in 0..4 {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 8192];
        let length = stream.read(&mut request).await.unwrap();
        let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
        let key = request.lines().find_map(|line| line.strip_prefix("authorization: bearer "));
        assert_eq!(key.map(str::to_owned), Some(KEY.to_lowercase()));
        let body = format!(r#"{{"error":"no: {KEY}"}}"#);
        let status =
            if answer == 2 { "302 Found\r\nLocation: http://127.0.0.1:1/" } else { "401 No" };
        let head = format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let body = if answer == 2 { "x".repeat(body.len()) } else { body };
        if answer < 3 {
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    }
}

async fn ask(address: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /api/tags HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_key_is_in_nothing_that_comes_out() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("stockade")).unwrap();
    private(&directory.path().join("stockade/key"), KEY);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let gateway = tokio::spawn(telltale(listener));
    let arguments = [&url, "--listen", "127.0.0.1:0", "--verbose", "--json"];
    let mut child = connect(directory.path(), &arguments).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    let address = loop {
        let mut line = String::new();
        assert_ne!(errors.read_line(&mut line).await.unwrap(), 0, "it ended: {said}");
        said.push_str(&line);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        if let Some(address) = value["address"].as_str() {
            break address.to_owned();
        }
    };
    // The list that it asks for itself was the first; the gateway is away after the last.
    while !said.contains("does not accept") {
        errors.read_line(&mut said).await.unwrap();
    }
    for status in ["401", "302", "502", "502"] {
        let answer = ask(&address).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        said.push_str(&answer);
    }
    gateway.await.unwrap();
    let process = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().await.unwrap().success());
    errors.read_to_string(&mut said).await.unwrap();
    child.stdout.take().unwrap().read_to_string(&mut said).await.unwrap();
    assert!(child.wait().await.unwrap().success(), "{said}");
    assert!(!said.to_lowercase().contains("marked"), "{said}");
    for told in ["stopping", "/api/tags", "does not accept the key in", "cannot be reached"] {
        assert!(said.contains(told), "{told} is not in {said}");
    }
}

async fn fails(directory: &Path, arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = connect(directory, arguments).output().await.unwrap();
    let errors = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{errors}");
    errors
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    private(&path.join("key"), KEY);
    std::fs::write(path.join("open"), KEY).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let gateway = "https://127.0.0.1:1";
    for (arguments, told) in [
        (&[gateway][..], "say who you are"),
        (&["gateway.example.org"], "https://gateway.example.org:11443"),
        (&["https://MARKED@gateway"], "--key-file"),
        (&[gateway, "--key-file", "none"], "none: No such file"),
        (&[gateway, "--key-file", "open"], "chmod 600"),
        (&[gateway, "--key-file", "key", "--ca", "key"], "no certificate"),
        (&[gateway, "--token-file", "key"], "--key-file"),
        (&["http://192.0.2.1", "--key-file", "key"], "--send-credential-unencrypted"),
        (&[gateway, "--key-file", "key", "--listen", "0.0.0.0:0"], "no loopback address"),
        (&[gateway, "--key-file", "key", "--listen", &taken], "another program"),
        (&[gateway, "--key-file", "key", "--origin", "*"], "every web page"),
    ] {
        let errors = fails(path, arguments).await;
        assert!(errors.contains(told) && !errors.contains("MARKED"), "{arguments:?}: {errors}");
    }
}

#[tokio::test]
async fn the_guide_and_the_unit_name_options_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = connect(&root, &["--help"]).output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let is_option = |word: &&str| word.starts_with("--") && word.bytes().any(|byte| byte != b'-');
    // Options of systemd and of other commands stand there, too.
    let others = ["--user", "--now"];
    for file in ["docs/guide/connect.md", "examples/connect/stockade-connect.service"] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '-');
        let named: Vec<&str> = words.filter(is_option).collect();
        assert!(named.contains(&"--key-file"), "{file}");
        for option in named.iter().filter(|option| !others.contains(option)) {
            let is_there = help.split_ascii_whitespace().any(|word| word == *option);
            assert!(is_there, "{file}: {option}");
        }
    }
}
