//! The caller who is supposed to ask.

use serde::de::DeserializeOwned;
use serde_json::Value;
use stockade_authn::SupposedCaller;
use stockade_core::{GroupName, ProofKind, UserId};

/// Facts that a credential states about a caller besides those of the configuration.
#[derive(clap::Args)]
pub(super) struct CallerFacts {
    /// The kind of proof that the caller gives: api-key, basic, mtls, token, jwt, ollama-key,
    /// anonymous; a JWT where groups or attributes are given, else an API key.
    #[arg(long, value_parser = kebab::<ProofKind>, conflicts_with = "record")]
    proof: Option<ProofKind>,
    /// A group that the caller's JWT gives; may be repeated.
    #[arg(long = "group", value_name = "GROUP", value_parser = group, conflicts_with = "record")]
    groups: Vec<GroupName>,
    /// An attribute that the caller's JWT gives, such as room=2; may be repeated.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
}

impl CallerFacts {
    /// A user, as far as the command line says.
    pub(super) fn caller(&self, user: &str) -> anyhow::Result<SupposedCaller> {
        Ok(SupposedCaller {
            user: UserId::new(user)?,
            proof: self.proof,
            groups: self.groups.clone(),
            attributes: self.attributes.clone(),
        })
    }

    /// The attributes alone, which may be told besides those of a record.
    pub(super) fn attributes(&self) -> &[(String, String)] {
        &self.attributes
    }
}

/// A word as configuration and records write it.
pub(super) fn kebab<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(Value::from(text)).map_err(|error| error.to_string())
}

fn group(text: &str) -> Result<GroupName, String> {
    GroupName::new(text).map_err(|error| error.to_string())
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("an attribute is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
