//! Issuers of JWTs.

use schemars::JsonSchema;
use serde::Deserialize;
use stockade_yaml::{Entries, Field};

use crate::value_schema;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Issuer", extend("required" = ["issuer", "audience"]))]
pub(crate) struct RawIssuer {
    /// The `iss` of its tokens, to the letter.
    pub(crate) issuer: Field<String>,
    /// The audience that the `aud` of its tokens is or contains; one of these, if it is a list.
    pub(crate) audience: Field<RawAudience>,
    /// The claim with the audience, where that is not `aud`.
    pub(crate) audience_claim: Field<String>,
    /// A header in which its tokens come besides `Authorization`.
    pub(crate) header: Field<String>,
    /// The URL from which its keys are fetched: https, or http on this machine; or `discover`, to
    /// find it in the configuration that the issuer publishes (OIDC Discovery).
    pub(crate) jwks_url: Field<String>,
    /// The file with the authorities of that server, in PEM; this machine's, if left out.
    pub(crate) ca: Field<String>,
    /// The time after which they are fetched again.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) refresh: Field<String>,
    /// A file with its public keys, as a JWKS.
    pub(crate) jwks_file: Field<String>,
    /// A file with its public key, in PEM.
    pub(crate) public_key_file: Field<String>,
    /// A file with the secret that it shares with the gateway for HS256, that nobody else can
    /// read.
    pub(crate) secret_file: Field<String>,
    /// The longest time for which a token may still be good.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) max_lifetime: Field<String>,
    /// The most that its clock may be off.
    #[schemars(schema_with = "value_schema::duration")]
    pub(crate) leeway: Field<String>,
    /// The claim with the user's name.
    pub(crate) user_claim: Field<String>,
    /// The prefix to that name, so that it cannot be another user's.
    pub(crate) user_prefix: Field<String>,
    /// `admit` if users may come who are not under `users`, else `refuse`.
    pub(crate) unknown_users: Field<UnknownUsers>,
    /// The claim with the groups that a user is in besides those under `users`.
    pub(crate) groups_claim: Field<String>,
    /// The names that its groups have here. Those that are not listed do not count.
    pub(crate) groups: Field<Entries<String>>,
    /// Attributes for policies, and the claims that they come from.
    pub(crate) attributes: Field<Entries<String>>,
}

/// One audience or a list of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "$by-shape")]
#[schemars(rename = "Audience", untagged)]
pub(crate) enum RawAudience {
    #[serde(rename = "scalar")]
    One(Field<String>),
    #[serde(rename = "sequence")]
    Many(Vec<Field<String>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UnknownUsers {
    Refuse,
    Admit,
}
