//! The whole gateway, on real sockets, with real policies and the real clients.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod addresses;
mod audit;
mod blobs;
mod bodies;
mod cancel;
mod catalogue;
mod clients;
mod connect;
mod connect_away;
mod cors;
mod create;
mod crowds;
mod endings;
mod first_policy;
mod golden;
mod hostile;
mod include;
mod jwt;
mod jwt_log;
mod keep_alive;
mod keys;
mod kinds;
mod left_out;
mod lenient;
mod lists;
mod main_path;
mod memory;
mod mtls;
mod nonsense;
mod ollama_keys;
mod on_behalf;
mod other_language;
mod pages;
mod passwords;
mod patterns;
mod proxies;
mod quotas;
mod quotes;
mod raw;
mod record;
mod refusals;
mod rejected;
mod reload;
mod replaced;
mod replicas;
mod revocation;
mod shadow;
mod shadow_generation;
mod slow_readers;
mod throttle;
mod tokens;
mod turns;
mod upstream;
mod web_search;

/// Each file beside this one has to be in the list above, or its tests never run.
#[test]
fn no_file_is_forgotten() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway");
    let main = std::fs::read_to_string(here.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(here).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|extension| extension == "rs") && name != "main" {
            assert!(main.contains(&format!("mod {name};")), "{name}.rs is not in main.rs");
        }
    }
}
