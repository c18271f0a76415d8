//! docs/guide/authentication.md, followed to the letter: each section in a directory of its
//! own, its configuration loaded, its programs written, its commands run against a gateway
//! before a simulated Ollama, and every status and line that it promises compared.
//!
//! A new kind of credential needs a section, and a section needs a command that shows it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::page::{Block, Section};
use stockade_engine::{Compiler, Engine};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/guide/authentication.md")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_section_is_as_it_says() {
    let page = page();
    let engine = Arc::new(stockade_gateway::proven_engine(Compiler::Here).unwrap());
    let script = root().join("examples/company/make-certificates.sh");
    let run = |section: Section| {
        let (engine, script): (Arc<Engine>, PathBuf) = (engine.clone(), script.clone());
        tokio::spawn(async move {
            let mut reader = crate::page::Reader::new(engine).await;
            std::fs::copy(script, reader.directory().join("make-certificates.sh")).unwrap();
            for block in &section.blocks {
                reader.follow(&section.title, block).await;
            }
        })
    };
    let running: Vec<_> = crate::page::sections(&page).into_iter().map(run).collect();
    for section in running {
        section.await.unwrap();
    }
}

#[test]
fn every_section_shows_an_answer() {
    let page = page();
    let sections = crate::page::sections(&page);
    for kind in
        ["API keys", "Passwords", "TLS and client certificates", "Ollama keys", "JSON Web Tokens"]
    {
        assert!(sections.iter().any(|section| section.title == kind), "{kind} has no section");
    }
    for Section { title, blocks } in sections {
        let commands = blocks.iter().filter_map(|block| match block {
            Block::Console(commands) => Some(commands),
            _ => None,
        });
        let shown = commands.flatten().any(|command| command.promise.is_some());
        assert!(shown, "the section {title:?} has no command with a status behind `#`");
    }
}

/// The two functions go around in just this form.
#[test]
fn the_python_is_the_one_that_goes_around() {
    let seed = include_str!("../../../authn/tests/seed_token.py");
    let functions =
        &seed[seed.find("def generate_token").unwrap()..seed.find("def answer").unwrap()];
    assert!(page().contains(functions.trim_end()));
}
