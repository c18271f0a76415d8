//! `stockade token`: issue and verify HMAC tokens without a running gateway.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use stockade_authn::{Identity, Presented};
use stockade_core::{Clock, SystemClock, UnixTime, UserId};

use super::{Ending, Output};
use stockade_config::{self as config, Config};
use stockade_control::jwks::KeyFeeds;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Issue a token for a user of the configuration.
    Issue {
        /// The configuration; its newest secret (the first) signs.
        #[arg(long, short, default_value = "stockade.yaml")]
        config: PathBuf,
        /// For whom.
        #[arg(long)]
        user: String,
        /// For how long, such as 30m or 12h.
        #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
        ttl: Duration,
    },
    /// Read a token from standard input and tell whom it proves.
    Verify {
        /// The configuration with the secrets and users.
        #[arg(long, short, default_value = "stockade.yaml")]
        config: PathBuf,
    },
}

pub(super) fn run(command: &Command, output: &Output) -> anyhow::Result<Ending> {
    match command {
        Command::Issue { config, user, ttl } => issue(config, user, *ttl, output),
        Command::Verify { config } => verify(config, output),
    }
}

fn load(path: &Path, output: &Output) -> anyhow::Result<Option<Config>> {
    match config::load(path, stockade_control::shipped::NAMES) {
        Ok(loaded) => Ok(Some(loaded.config)),
        Err(errors) => {
            output.config_errors(&errors)?;
            Ok(None)
        }
    }
}

fn issue(path: &Path, user: &str, ttl: Duration, output: &Output) -> anyhow::Result<Ending> {
    let Some(config) = load(path, output)? else {
        return Ok(Ending::Misused);
    };
    let user = UserId::new(user)?;
    if !config.users.iter().any(|known| known.id == user && !known.disabled) {
        bail!("{} has no enabled user {:?}", path.display(), user.as_str());
    }
    if ttl > config.token_rules.max_ttl {
        let most = humantime::format_duration(config.token_rules.max_ttl);
        bail!("a token may live for {most} at most (`tokens.max_ttl`)");
    }
    let secret = config
        .token_secrets
        .first()
        .with_context(|| format!("{} has no secret under `tokens.secrets`", path.display()))?;
    let expiry = UnixTime::from_secs(SystemClock.now().as_secs().saturating_add(ttl.as_secs()));
    let token = stockade_authn::issue(secret, &user, expiry);
    let token = token.expose();
    output.answer(
        token,
        &json!({ "token": token, "user": user, "secret_id": secret.id(), "expires": expiry.as_secs() }),
    )?;
    Ok(Ending::Done)
}

fn verify(path: &Path, output: &Output) -> anyhow::Result<Ending> {
    let Some(config) = load(path, output)? else {
        return Ok(Ending::Misused);
    };
    let authenticator = stockade_control::generation::authenticator(
        &config,
        &KeyFeeds::of(&config, &KeyFeeds::default()),
    )?;
    let mut token = String::new();
    std::io::stdin().lock().take(16 << 10).read_to_string(&mut token)?;
    let proven = Presented::from_secret(token.trim())
        .and_then(|presented| authenticator.identify(&presented, SystemClock.now()));
    match proven {
        Ok(Identity { principal, .. }) => {
            let credential = principal.credential.as_ref().map(stockade_core::CredentialId::as_str);
            output.answer(
                format_args!("valid: {}", principal.user),
                &json!({ "valid": true, "user": principal.user, "credential": credential }),
            )?;
            Ok(Ending::Done)
        }
        Err(error) => {
            output.answer(
                format_args!("not valid: {error}"),
                &json!({ "valid": false, "reason": error.to_string() }),
            )?;
            Ok(Ending::Negative)
        }
    }
}
