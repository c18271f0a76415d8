//! docs/guide/clients.md, followed to the letter with the real clients: their programs written,
//! their commands run against a gateway before a simulated Ollama, once with the key where the
//! page puts it and once in the path. Nobody but the gateway is asked, as far as a proxy sees that
//! lets nobody out.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::page::{Block, Reader, Section};
use stockade_engine::{Compiler, Engine};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The clients of the page, each with the command that starts it.
const CLIENTS: [(&str, &str); 12] = [
    ("ollama", "ollama"),
    ("Ollama for Python", "python"),
    ("Ollama for JavaScript", "node"),
    ("OpenAI SDKs", "node"),
    ("Anthropic SDKs", "node"),
    ("LangChain", "python"),
    ("LiteLLM", "python"),
    ("AI SDK", "node"),
    ("Claude Code", "claude"),
    ("Codex", "codex"),
    ("Continue", "cn"),
    ("Open WebUI", "open-webui"),
];

/// In every answer of the simulated Ollama.
const ANSWER: &str = "This is a simulated answer";

/// Some clients take seconds to start, and more on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// The number of clients that start at once.
const AT_ONCE: usize = 4;

#[derive(Clone, Copy, PartialEq)]
enum Key {
    AsPrinted,
    InPath,
}

/// Returns the section before all recipes, and the recipes.
fn sections() -> (Section, Vec<Section>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/clients.md");
    let mut sections = crate::page::sections(&std::fs::read_to_string(path).unwrap());
    (sections.remove(0), sections)
}

fn commands(block: &Block) -> impl Iterator<Item = &str> {
    let commands = match block {
        Block::Console(commands) => commands.as_slice(),
        _ => &[],
    };
    commands.iter().map(|command| command.line.as_str())
}

/// Tells whether a command starts a client: its first word does that is not a variable.
fn starts_a_client(line: &str) -> bool {
    let program = line.split(' ').find(|word| !word.contains('='));
    CLIENTS.iter().any(|(_, starts)| program == Some(starts))
}

/// A proxy that lets nobody out, and remembers who wanted to go where.
struct Outside {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Outside {
    async fn closed() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let asks = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut line = String::new();
                BufReader::new(stream).read_line(&mut line).await.ok();
                asks.lock().unwrap().push(line);
            }
        });
        Self { address, asked }
    }
}

async fn reader(engine: Arc<Engine>, outside: &str) -> Reader {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let installed = |path: &str| -> PathBuf {
        let path = root.join("target/clients").join(path);
        assert!(path.exists(), "{} is missing: run `cargo xtask setup`", path.display());
        path
    };
    let mut reader = Reader::new(engine).await;
    reader.finds_programs_in(root.join("tests/clients/stand-ins"));
    reader.finds_programs_in(installed("agents/node_modules/.bin"));
    let modules = reader.directory().join("node_modules");
    std::os::unix::fs::symlink(installed("node/node_modules"), modules).unwrap();
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        reader.sets(variable, outside);
    }
    for variable in ["NO_PROXY", "no_proxy"] {
        reader.sets(variable, "127.0.0.1");
    }
    reader
}

/// Follows one recipe; every command that starts a client must print the answer.
async fn follow(mut reader: Reader, before: &Section, section: &Section, key: Key) {
    for block in before.blocks.iter().chain(&section.blocks) {
        let answers = reader.printed(ANSWER);
        reader.follow(&section.title, block).await;
        let started = commands(block).filter(|line| starts_a_client(line)).count();
        let answers = reader.printed(ANSWER) - answers;
        let printed = reader.last_printed();
        assert!(answers >= started, "{}: no answer in\n{printed}", section.title);
        if key == Key::InPath {
            reader.moves_new_key_into_the_path();
        }
    }
}

async fn every_recipe_works(key: Key) {
    let engine = Arc::new(stockade_gateway::proven_engine(Compiler::Here).unwrap());
    let outside = Outside::closed().await;
    let (before, recipes) = sections();
    let (before, places) = (Arc::new(before), Arc::new(Semaphore::new(AT_ONCE)));
    let mut running = Vec::new();
    for recipe in recipes {
        let printed_so = recipe.blocks.iter().flat_map(commands).any(|line| line.contains("/k/"));
        if key == Key::InPath && printed_so {
            continue;
        }
        let (engine, before, places) = (engine.clone(), before.clone(), places.clone());
        let outside = outside.address.clone();
        running.push(tokio::spawn(async move {
            let _place = places.acquire().await.unwrap();
            let reader = reader(engine, &outside).await;
            let followed = tokio::time::timeout(PATIENCE, follow(reader, &before, &recipe, key));
            assert!(followed.await.is_ok(), "{} takes too long", recipe.title);
        }));
    }
    for recipe in running {
        recipe.await.unwrap();
    }
    let asked = outside.asked.lock().unwrap();
    assert!(asked.is_empty(), "somebody else was asked: {asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipe_works_as_it_is_printed() {
    every_recipe_works(Key::AsPrinted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipe_works_with_the_key_in_the_path() {
    every_recipe_works(Key::InPath).await;
}

#[test]
fn every_client_has_a_recipe() {
    let (before, recipes) = sections();
    assert_eq!(before.title, "Before you start");
    for (title, program) in CLIENTS {
        let recipe = recipes.iter().find(|recipe| recipe.title == title);
        let recipe = recipe.unwrap_or_else(|| panic!("{title} has no section"));
        let mut commands = recipe.blocks.iter().flat_map(commands);
        assert!(
            commands.any(|line| starts_a_client(line) && line.contains(program)),
            "{title} has no command that starts {program}"
        );
    }
}
