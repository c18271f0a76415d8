//! `stockade key`: make API keys. Only their SHA-256 goes into the configuration.

use std::io::Read as _;

use serde_json::json;
use stockade_authn::KeyText;

use super::{Ending, Output};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Make a new key. It is printed once, on standard output; the line for the
    /// configuration goes to standard error.
    New {
        /// A name for the key, such as the machine that it is for.
        #[arg(long, default_value = "key-1")]
        id: String,
    },
    /// Read a key from standard input and print its SHA-256.
    Hash,
}

pub(super) fn run(command: &Command, output: &Output) -> anyhow::Result<Ending> {
    match command {
        Command::New { id } => new(id, output)?,
        Command::Hash => hash(output)?,
    }
    Ok(Ending::Done)
}

fn new(id: &str, output: &Output) -> anyhow::Result<()> {
    let id = stockade_core::CredentialId::new(id)?;
    let key = KeyText::generate();
    let digest = key.digest();
    output.note("# Give the key to its user; this is the only time that it is shown.")?;
    output.note("# Put this line under `users: <name>: keys:` in the configuration:")?;
    output.note(format_args!("- {{ id: {:?}, sha256: {:?} }}", id.as_str(), digest.to_string()))?;
    let key = key.expose();
    output.answer(key, &json!({ "id": id, "key": key, "sha256": digest.to_string() }))
}

fn hash(output: &Output) -> anyhow::Result<()> {
    let mut text = String::new();
    std::io::stdin().lock().take(16 << 10).read_to_string(&mut text)?;
    let key = KeyText::parse(text.trim_end_matches(['\r', '\n']))?;
    let digest = key.digest();
    output.answer(digest, &json!({ "sha256": digest.to_string() }))
}
