//! Golden tests of the configuration: each file in `config/bad` has its errors beside it
//! in a `.err` file, and each file in `config/good` loads. `BLESS=1` writes the `.err`
//! files anew.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the whole file is tests, also what is outside of their functions"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use stockade_authn::{ForwardingHeader, ThrottleRules, TrustedProxies};
use stockade_config::{Config, ConfigErrors, Loaded, LogFormat, LogLevel, ModuleLocation, load};
use stockade_core::{GroupName, ModelName, Operation, Principal, ProofKind, UserId};
use tempfile::TempDir;

const BUILTINS: &[&str] = stockade_control::shipped::NAMES;

const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAAT/yL6rnU1jqA9ZAD2tyeCXIjsVgrmpxAMhjJoALVxM=\n\
    -----END PUBLIC KEY-----\n";

pub(crate) fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}

fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// A directory with the files that the cases name. They are made here because a checkout
/// does not keep file modes.
pub(crate) fn surroundings() -> TempDir {
    let directory = TempDir::new().unwrap();
    for name in ["good", "bad", "secrets", "keys", "modules"] {
        fs::create_dir(directory.path().join(name)).unwrap();
    }
    let write = |name: &str, content: &[u8], mode| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        set_mode(&path, mode);
    };
    write("secrets/good", b"a secret of 26 characters!\n", 0o600);
    write("secrets/open", b"a secret of 26 characters!\n", 0o644);
    write("secrets/short", b"too short\n", 0o600);
    write("secrets/long", &[b'x'; 5000], 0o600);
    write("secrets/hs256", b"a secret of more than 32 characters!\n", 0o600);
    write("secrets/pem", PUBLIC_KEY.as_bytes(), 0o600);
    write("keys/public.pem", PUBLIC_KEY.as_bytes(), 0o644);
    write("keys/set.json", br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#, 0o644);
    write("keys/secret.json", br#"{"keys":[{"kty":"oct","kid":"k","k":"aHVudGVyMg"}]}"#, 0o644);
    write(
        "keys/other.json",
        br#"{"keys":[{"kty":"EC","crv":"P-521","kid":"k","x":"","y":""}]}"#,
        0o644,
    );
    write("modules/night_quiet.wasm", b"\0asm", 0o644);
    directory
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) {}

pub(crate) fn load_case(
    surroundings: &TempDir,
    kind: &str,
    case: &Path,
) -> Result<Loaded, ConfigErrors> {
    let path = surroundings.path().join(kind).join(case.file_name().unwrap());
    fs::copy(case, &path).unwrap();
    load(&path, BUILTINS)
}

fn errors_of(surroundings: &TempDir, case: &Path) -> String {
    let Err(errors) = load_case(surroundings, "bad", case) else {
        panic!("{} loads", case.display());
    };
    let directory = surroundings.path().join("bad");
    errors.render(false).replace(&format!("{}/", directory.display()), "")
}

#[test]
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says BLESS=1")]
fn bad_files_give_their_errors() {
    let bless = std::env::var("BLESS").is_ok_and(|value| value == "1");
    let surroundings = surroundings();
    let mut differing = Vec::new();
    for case in yaml_files(&cases().join("bad")) {
        let found = errors_of(&surroundings, &case);
        let golden = case.with_extension("err");
        if bless {
            fs::write(&golden, found).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != found {
            differing.push(format!("--- {}\n{found}", golden.display()));
        }
    }
    assert!(
        differing.is_empty(),
        "errors differ from their golden files (BLESS=1 accepts them):\n{}",
        differing.join("\n")
    );
}

#[test]
fn good_files_load() {
    let surroundings = surroundings();
    for case in yaml_files(&cases().join("good")) {
        if let Err(errors) = load_case(&surroundings, "good", &case) {
            panic!("{}", errors.render(false));
        }
    }
}

pub(crate) fn full() -> (TempDir, Loaded) {
    let surroundings = surroundings();
    let case = cases().join("good/full.yaml");
    let loaded = load_case(&surroundings, "good", &case).unwrap();
    (surroundings, loaded)
}

fn principal(config: &Config, name: &str) -> Principal {
    let user = config.users.iter().find(|user| user.id.as_str() == name).unwrap();
    Principal {
        user: user.id.clone(),
        groups: user.groups.clone().into(),
        proof: ProofKind::ApiKey,
        credential: None,
        attributes: user.attributes.clone().into(),
    }
}

#[test]
fn every_key_arrives() {
    let (_surroundings, Loaded { config, .. }) = full();
    let listen: Vec<_> =
        config.listen.iter().map(|listener| listener.address.to_string()).collect();
    assert_eq!(listen, ["127.0.0.1:11435", "[::1]:11435"]);
    assert_eq!(config.upstream.authority, "ollama.internal:11434");
    assert_eq!(config.upstream.connect_timeout, Duration::from_secs(2));
    assert_eq!(config.upstream.response_timeout, Duration::from_mins(5));
    assert_eq!(config.upstream.idle_timeout, Duration::from_secs(90));
    assert_eq!(config.upstream.catalogue_refresh, Duration::from_mins(1));
    let origins: Vec<_> = config.cors.origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["https://chat.example.org", "http://localhost:3000"]);
    assert_eq!(config.limits.body_timeout, Duration::from_secs(7));
    assert_eq!(config.time_zone.iana_name(), Some("Europe/Paris"));
    assert_eq!(config.limits.body, 1 << 20);
    assert_eq!(config.limits.json_depth, 32);
    assert_eq!(config.limits.blob, 2 << 30);
    assert_eq!(config.limits.header_timeout, Duration::from_millis(500));
    assert_eq!(config.limits.drain_timeout, Duration::from_mins(1));
    assert_eq!(config.limits.write_timeout, Duration::from_secs(9));
    assert_eq!(config.limits.bodies, Some(1 << 30));
    assert_eq!(config.limits.bodies_per_user, Some(100 << 20));
    assert_eq!(config.limits.connections, Some(500));
    assert_eq!(config.limits.connections_per_address, Some(50));
    assert_eq!(config.log.level, LogLevel::Debug);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.token_rules.max_ttl, Duration::from_hours(12));
    assert_eq!(config.token_rules.leeway, Duration::ZERO);
    assert_eq!(config.token_secrets[0].id().as_str(), "2026-11");
    assert_eq!(config.tests.len(), 2);
    assert_eq!(config.tests[0].asked.model, Some(ModelName::parse("llama3.2:3b").unwrap()));
    assert!(!config.tests[0].allowed && config.tests[1].allowed);
    assert_eq!(config.tests[1].asked.api, stockade_core::Dialect::OpenAi);
    // 22:00 in Paris in summer.
    assert_eq!(
        config.tests[1].asked.time.map(stockade_core::UnixTime::as_secs),
        Some(1_783_454_400)
    );
}

#[test]
fn what_concerns_callers_arrives() {
    let (_surroundings, Loaded { config, .. }) = full();
    let proxied: Vec<_> = config.listen.iter().map(|listener| listener.proxy_protocol).collect();
    assert_eq!(proxied, [false, true]);
    assert!(config.trusted_proxies.trusts([10, 1, 2, 3].into()));
    assert!(!config.trusted_proxies.trusts([127, 0, 0, 1].into()));
    assert_eq!(config.trusted_proxies.header, Some(ForwardingHeader::Forwarded));
    let of = Duration::from_secs;
    let rules = ThrottleRules { failures: 5, wait: of(2), longest_wait: of(60), forget: of(3600) };
    assert_eq!(config.authentication.throttle, Some(rules));
    assert!(config.authentication.terminate_streams);
    let surroundings = surroundings();
    let smallest = load_case(&surroundings, "good", &cases().join("good/smallest.yaml")).unwrap();
    let authentication = smallest.config.authentication;
    assert_eq!(authentication.throttle, Some(ThrottleRules::default()), "unless it is said");
    assert!(!authentication.terminate_streams);
    assert_eq!(smallest.config.trusted_proxies, TrustedProxies::default());
}

#[test]
fn users_and_keys_arrive() {
    let (_surroundings, Loaded { config, .. }) = full();
    let names: Vec<_> = config.users.iter().map(|user| user.id.as_str()).collect();
    assert_eq!(names, ["alice", "bob", "svc:batch"]);
    let alice = &config.users[0];
    assert_eq!(alice.groups, [GroupName::new("research").unwrap()]);
    let attribute = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(alice.attributes, [attribute("team", "blue"), attribute("floor", "3")]);
    assert_eq!(config.users[1].attributes, alice.attributes);
    assert!(config.users[1].disabled && !alice.disabled);
    let key = &config.api_keys[0];
    assert_eq!((key.id.as_str(), &key.user), ("alice-laptop", &alice.id));
    assert_eq!(key.digest, "a".repeat(64).parse().unwrap());
    let terms = &key.terms;
    assert_eq!(terms.expires.unwrap().as_secs(), 1_798_761_600);
    assert_eq!(terms.labels, [attribute("device", "laptop"), attribute("owner", "7")]);
    assert_eq!(terms.scope.operations, Some(vec![Operation::Chat, Operation::List]));
    assert_eq!(
        terms.scope.models.as_ref().unwrap()[0].as_str(),
        "registry.ollama.ai/library/llama3.2:*"
    );
    assert_eq!(config.passwords[0].user, config.users[1].id);
    let remember = config.authentication.password_rules.remember;
    assert_eq!(remember, Duration::from_mins(1));
    assert!(config.authentication.key_in_path);
    assert_eq!(config.authentication.anonymous.as_ref(), Some(&config.users[2].id));
}

#[test]
fn policies_and_bindings_arrive() {
    let (surroundings, Loaded { config, .. }) = full();
    let [shipped, own] = config.policies.as_slice() else {
        panic!("{:?}", config.policies);
    };
    assert_eq!(shipped.module, ModuleLocation::Builtin("model-access".to_owned()));
    assert_eq!((shipped.digest, shipped.deadline, shipped.memory), (None, None, None));
    let file = surroundings.path().join("good/../modules/night_quiet.wasm");
    let ModuleLocation::File(path, _) = &own.module else { panic!("{own:?}") };
    assert_eq!(*path, file);
    assert_eq!(own.digest, Some([0xbb; 32]));
    assert_eq!(own.deadline, Some(Duration::from_millis(5)));
    assert_eq!(own.memory, Some(4 << 20));
    assert!(shipped.remember && !own.remember);
    let [small, quiet, _] = config.bindings.as_slice() else {
        panic!("{:?}", config.bindings);
    };
    assert_eq!(small.policy, shipped.name);
    assert_eq!(
        small.settings,
        r#"{"allow":["llama3.2:*",{"model":"qwen3","tags":["8b"]}],"operations":["chat",7,1.5,true,null]}"#
    );
    assert!(small.enforced && !quiet.enforced);
    assert_eq!(quiet.settings, "{}");
    assert_eq!(small.description.as_deref(), Some("The big ones do not fit."));
}

#[test]
fn bindings_apply_to_their_subjects() {
    let (_surroundings, Loaded { config, .. }) = full();
    let applying = |name| {
        let principal = principal(&config, name);
        let bindings = config.bindings.iter();
        let applying: Vec<_> = bindings
            .filter(|binding| binding.subjects.apply_to(&principal))
            .map(|binding| binding.name.as_str().to_owned())
            .collect();
        applying.join(", ")
    };
    let everything = "research may use small models, quiet, all but ops";
    assert_eq!(applying("alice"), everything);
    assert_eq!(applying("svc:batch"), everything);
    assert_eq!(applying("bob"), "quiet, all but ops");
    let mut ops = principal(&config, "alice");
    ops.groups = [GroupName::new("ops").unwrap()].into();
    ops.user = UserId::new("dave").unwrap();
    assert!(!config.bindings[2].subjects.apply_to(&ops));
}

#[test]
fn later_errors_find_their_place() {
    let (_surroundings, Loaded { config, .. }) = full();
    let at = config.bindings[0].settings_at("allow[1].tags[0]");
    let error = config.error(Some(at), "this tag is not served");
    let rendered = error.render(false);
    let expected = concat!(
        "full.yaml:72:34\n",
        "   |\n",
        "72 |         - { model: qwen3, tags: [\"8b\"] }\n",
        "   |                                  ^^^^\n",
    );
    assert!(rendered.ends_with(expected), "{rendered}");
    assert_eq!(config.policies[1].at.to_string(), "58:13");
    assert!(error.to_string().ends_with("full.yaml:72:34: this tag is not served"));
}

#[test]
fn every_file_that_was_looked_for_is_known() {
    let (surroundings, loaded) = full();
    let file = |name: &str| surroundings.path().join("good").join(name);
    let named = [
        "full.yaml",
        "../secrets/good",
        "../keys/public.pem",
        "../keys/set.json",
        "../secrets/hs256",
        "../modules/night_quiet.wasm",
    ];
    assert_eq!(loaded.sources.files(), named.map(file));
    let case = cases().join("bad/secrets.yaml");
    let errors = load_case(&surroundings, "bad", &case).map(drop).unwrap_err();
    let missing = surroundings.path().join("bad/hunter2");
    assert!(errors.files().contains(&missing));
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let path = Path::new("no/such/stockade.yaml");
    let errors = load(path, BUILTINS).map(drop).unwrap_err();
    assert!(errors.to_string().starts_with("no/such/stockade.yaml: cannot read"));
}

#[test]
fn secrets_stay_out_of_errors() {
    let surroundings = surroundings();
    for case in yaml_files(&cases().join("bad")) {
        let errors = load_case(&surroundings, "bad", &case).map(drop).unwrap_err();
        let json = serde_json::to_string(&errors).unwrap();
        for shown in [errors.render(true), errors.to_string(), json, format!("{errors:?}")] {
            for secret in
                ["hunter2", "0123456789abcdef", "26 characters", "32 characters", "too short"]
            {
                assert!(!shown.contains(secret), "{}: {shown}", case.display());
            }
        }
    }
}

/// Text that looks like a configuration: pieces of the good and bad files, in any order
/// and indentation.
fn yaml_like() -> impl Strategy<Value = String> {
    let mut lines: Vec<String> = [
        "", "- ", "? ", ": ", "---", "...", "&a ", "*a", "<<: *a", "!x", "{", "]", "|", ">-", "\t",
        "\"\\x\"", "\u{feff}", "0x", "1e9",
    ]
    .map(str::to_owned)
    .into();
    for directory in ["good", "bad"] {
        for file in yaml_files(&cases().join(directory)) {
            let text = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
            lines.extend(text.lines().filter(|line| line.len() < 200).map(str::to_owned));
        }
    }
    let line = (0..6usize, prop::sample::select(lines), ".{0,3}", 0..80usize);
    let line = line.prop_map(|(indent, line, noise, at)| {
        let at = line.floor_char_boundary(at);
        let (before, after) = line.split_at(at);
        format!("{}{before}{noise}{after}", " ".repeat(indent))
    });
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_makes_loading_panic(text in yaml_like()) {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("any.yaml");
        fs::write(&path, &text).unwrap();
        if let Err(errors) = load(&path, BUILTINS) {
            prop_assert!(errors.iter().count() > 0);
            prop_assert!(!errors.render(true).is_empty());
            for at in errors.iter().filter_map(stockade_config::ConfigError::location) {
                prop_assert!(at.line() >= 1 && at.column() >= 1);
            }
        }
    }
}
