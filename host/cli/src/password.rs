//! `stockade password`: hash passwords for HTTP Basic.

use std::io::{IsTerminal as _, Read as _, stdin};

use anyhow::{Context, bail};
use serde_json::json;
use stockade_authn::PasswordHash;
use stockade_core::Secret;

use super::{Ending, Output};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Read a password from the terminal, or a line from standard input, and print its
    /// Argon2id hash. It is never an argument, which other users of the machine could see.
    Hash,
}

pub(super) fn run(command: &Command, output: &Output) -> anyhow::Result<Ending> {
    match command {
        Command::Hash => hash(output)?,
    }
    Ok(Ending::Done)
}

fn hash(output: &Output) -> anyhow::Result<()> {
    let hash = PasswordHash::of(&read()?)?.to_string();
    output.note("# Put this under `users: <name>:` in the configuration, in quotes:")?;
    output.answer(format_args!("password_hash: {hash:?}"), &json!({ "password_hash": hash }))
}

fn read() -> anyhow::Result<Secret<String>> {
    if stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ").context("cannot ask for it")?;
        let again = rpassword::prompt_password("Again: ").context("cannot ask for it")?;
        if first != again {
            bail!("the two differ");
        }
        return Ok(Secret::new(first));
    }
    let mut text = String::new();
    stdin().lock().take(16 << 10).read_to_string(&mut text)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}
