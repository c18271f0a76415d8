//! `stockade token`: issue HMAC tokens, and verify them, JWTs and keys, without a running gateway.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use stockade_authn::{AuthnError, Identity, JwtRefusal, Presented};
use stockade_core::{Clock, GroupName, Quoted, SystemClock, UnixTime, UserId};

use super::{Ending, Output, serve};
use stockade_config::{self as config, Config};
use stockade_control::jwks::KeyFeeds;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Issue a token for a user of the configuration.
    Issue {
        /// The configuration; its newest secret (the first) signs.
        #[arg(long, short, default_value = "stockade.yaml")]
        config: PathBuf,
        /// The user.
        #[arg(long)]
        user: String,
        /// The time for which it is good, such as 30m or 12h.
        #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
        ttl: Duration,
    },
    /// Read a token, a JWT or a key from standard input and tell whom it proves, or what is wrong
    /// with it. Keys of issuers are fetched.
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

/// The longest credential that is read; the longest that is taken has half of that.
const LONGEST: u64 = 64 << 10;

fn verify(path: &Path, output: &Output) -> anyhow::Result<Ending> {
    let Some(config) = load(path, output)? else {
        return Ok(Ending::Misused);
    };
    let feeds = KeyFeeds::of(&config, &KeyFeeds::default());
    let authenticator = stockade_control::generation::authenticator(&config, &feeds)?;
    let mut token = String::new();
    std::io::stdin().lock().take(LONGEST).read_to_string(&mut token)?;
    let prove = || {
        let presented = Presented::from_secret(token.trim())?;
        authenticator.identify(&presented, SystemClock.now())
    };
    let proven = match prove() {
        // Only the issuer whose name is in the token is asked.
        Err(AuthnError::Jwt(JwtRefusal::NoKeys(issuer))) => {
            let fetched = serve::runtime()?.block_on(feeds.fetch(&issuer));
            fetched.with_context(|| format!("the keys of issuer {issuer:?} cannot be fetched"))?;
            prove()
        }
        other => other,
    };
    match proven {
        Ok(identity) => {
            let user = &identity.principal.user;
            output.answer(format_args!("valid: {user}"), &proven_value(&identity))?;
            output.note(told(&identity))?;
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

/// The things that a credential says besides whom it proves, for a person.
fn told(identity: &Identity) -> String {
    let principal = &identity.principal;
    let mut told = Vec::new();
    told.extend(principal.credential.as_ref().map(|credential| format!("by {credential}")));
    let groups: Vec<_> = principal.groups.iter().map(GroupName::as_str).collect();
    told.extend((!groups.is_empty()).then(|| format!("groups {}", groups.join(", "))));
    told.extend(
        principal.attributes.iter().map(|(name, value)| format!("{name} {}", Quoted(value))),
    );
    let end = identity.terms.expires.and_then(|end| i64::try_from(end.as_secs()).ok());
    let end = end.and_then(|end| jiff::Timestamp::from_second(end).ok());
    told.extend(end.map(|end| format!("until {end}")));
    told.join("; ")
}

fn proven_value(identity: &Identity) -> Value {
    let principal = &identity.principal;
    let attributes: serde_json::Map<_, _> =
        principal.attributes.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "valid": true,
        "user": principal.user,
        "credential": principal.credential.as_ref().map(stockade_core::CredentialId::as_str),
        "proof": principal.proof,
        "groups": &*principal.groups,
        "attributes": attributes,
        "expires": identity.terms.expires.map(UnixTime::as_secs),
    })
}
