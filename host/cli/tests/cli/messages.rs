//! The messages for a person who has made an ordinary mistake.

use std::path::Path;
use std::process::{Command, Stdio};

fn stockade(arguments: &[&str], directory: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn config(policies: &str, settings: &str) -> String {
    format!(
        "users:\n  alice: {{}}\npolicies:\n  p: {{ module: {policies} }}\nbindings:\n  \
         - name: all\n    subjects: everyone\n    policy: p\n    settings:\n{settings}"
    )
}

fn check(config: &str) -> (Option<i32>, String) {
    let here = tempfile::tempdir().unwrap();
    std::fs::write(here.path().join("stockade.yaml"), config).unwrap();
    stockade(&["check"], here.path())
}

#[test]
fn every_problem_of_settings_is_told_with_its_place() {
    let settings =
        "      alow: [x]\n      allow: [\"://\", \"ok\", 7, \"a b\"]\n      classes: [inferense]\n";
    let (code, said) = check(&config("builtin/model-access", settings));
    assert_eq!(code, Some(1), "{said}");
    for place in [":10:", ":11:15", ":11:28", ":12:"] {
        assert!(said.contains(&format!("stockade.yaml{place}")), "{place}: {said}");
    }
    let settings = "      groups: [\"\", ops, \" \"]\n      operations: [pull, chat, show]\n      targets: [\"*\"]\n";
    let (code, said) = check(&config("builtin/pull-guard", settings));
    assert_eq!(code, Some(1), "{said}");
    for part in [
        "groups[0]",
        "groups[2]",
        "operations[1]",
        "operations[2]",
        "`settings.sources`",
        "`settings.targets`",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_file_that_is_no_policy_is_called_what_it_is() {
    let here = tempfile::tempdir().unwrap();
    let program = std::fs::read("/proc/self/exe").unwrap();
    let module = b"\0asm\x01\0\0\0".to_vec();
    for (content, part) in [
        (Vec::new(), "the file is empty"),
        (program[..4096].to_vec(), "ELF"),
        (b"{\"a\":1}".to_vec(), "JSON"),
        (b"\x1f\x8b\x08\0\0".to_vec(), "gzip"),
        (b"Hello\n".to_vec(), "the file is text"),
        (module, "`#[policy]`"),
    ] {
        std::fs::write(here.path().join("p.wasm"), &content).unwrap();
        std::fs::write(here.path().join("stockade.yaml"), config("p.wasm", "      {}\n")).unwrap();
        for arguments in [&["check"][..], &["policy", "inspect", "p.wasm"]] {
            let (code, said) = stockade(arguments, here.path());
            assert_ne!(code, Some(0), "{said}");
            assert!(said.contains(part), "{part}: {said}");
            assert!(!said.contains("magic") && !said.contains('\u{fffd}'), "{said}");
        }
    }
    std::fs::write(here.path().join("p.wasm"), vec![0; 5 << 20]).unwrap();
    let (_, said) = stockade(&["check"], here.path());
    assert!(said.contains("--release"), "{said}");
}

/// The reader has seen enough: that is no error, and the answer stays what it is.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let here = tempfile::tempdir().unwrap();
    let text = config("builtin/model-access", "      allow: [\"llama3.2:*\"]\n");
    std::fs::write(here.path().join("stockade.yaml"), text).unwrap();
    let explain = "explain --user alice --operation chat --model";
    for (command, code) in [
        (format!("{explain} llama3.2:3b"), 0),
        (format!("{explain} qwen3:8b"), 1),
        (format!("--json {explain} qwen3:8b"), 1),
        ("check".to_owned(), 0),
        ("schema".to_owned(), 0),
        ("key new".to_owned(), 0),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_stockade"))
            .args(command.split(' '))
            .current_dir(here.path())
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("pipe"), "{command}: {said}");
        assert_eq!(output.status.code(), Some(code), "{command}: {said}");
    }
}

#[test]
fn a_key_with_a_passphrase_is_said_to_be_encrypted() {
    let here = tempfile::tempdir().unwrap();
    let made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -passout pass:secret -subj \
                /CN=localhost -keyout server.key -out server.pem";
    let made =
        Command::new("openssl").args(made.split_whitespace()).current_dir(here.path()).output();
    assert!(made.unwrap().status.success());
    let text =
        "listen: { address: 127.0.0.1:0, tls: { certificate: server.pem, key: server.key } }\n";
    let text = format!("{text}{}", config("builtin/model-access", "      allow: [\"*\"]\n"));
    std::fs::write(here.path().join("stockade.yaml"), text).unwrap();
    let (code, said) = stockade(&["check"], here.path());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is encrypted") && said.contains("openssl pkey -in"), "{said}");
    assert!(said.contains("stockade.yaml:1:"), "{said}");
}

/// `prctl(PR_SET_MDWE)` forbids what `MemoryDenyWriteExecute` of systemd does, from Linux 6.3 on.
#[test]
fn where_machine_code_may_not_be_run_the_setting_is_named() {
    let here = tempfile::tempdir().unwrap();
    let text = config("builtin/model-access", "      allow: [\"*\"]\n");
    std::fs::write(here.path().join("stockade.yaml"), text).unwrap();
    let python = "import ctypes, os, sys\n\
                  if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0: sys.exit(77)\n\
                  os.execv(sys.argv[1], sys.argv[1:])";
    let output = Command::new("python3")
        .args(["-c", python, env!("CARGO_BIN_EXE_stockade"), "check"])
        .current_dir(here.path())
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    if output.status.code() == Some(77) {
        return;
    }
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("MemoryDenyWriteExecute"), "{said}");
}
