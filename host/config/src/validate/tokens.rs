//! The secrets that sign tokens, and the rules that tokens must keep to.

use std::time::Duration;

use stockade_authn::{TokenRules, TokenSecret};
use stockade_core::CredentialId;
use stockade_yaml::{Diagnostics, Field, Location, Problem, Spanned};

use super::LoadContext;
use super::names::Unique;
use super::quantities::Quantity;
use super::secret_file::SecretFileError;
use crate::raw::{RawTokenSecret, RawTokens};

const DAY: Duration = Duration::from_hours(24);

pub(super) fn tokens(
    slot: Field<RawTokens>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> (Vec<TokenSecret>, TokenRules) {
    let raw = slot.value().unwrap_or_default();
    let default = TokenRules::default();
    let max_ttl = Quantity::duration(Duration::from_secs(1)..=DAY.saturating_mul(3650));
    let leeway = Quantity::duration(Duration::ZERO..=Duration::from_hours(1));
    let rules = TokenRules {
        max_ttl: max_ttl.read(raw.max_ttl, diagnostics).unwrap_or(default.max_ttl),
        leeway: leeway.read(raw.leeway, diagnostics).unwrap_or(default.leeway),
    };
    let mut ids = Unique::new();
    let mut secrets = Vec::new();
    for secret in raw.secrets.value().unwrap_or_default() {
        if let Some(secret) = secret.optional() {
            secrets.extend(token_secret(secret, &mut ids, context, diagnostics));
        }
    }
    (secrets, rules)
}

fn token_secret(
    raw: Spanned<RawTokenSecret>,
    ids: &mut Unique<CredentialId>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<TokenSecret> {
    let Spanned { at, value: raw } = raw;
    let id = raw.id.required("id", at, diagnostics).and_then(|text| {
        let id = text.check(diagnostics, |id| CredentialId::new(id))?;
        let what = format!("the secret id {id:?}");
        ids.check(id.clone(), &what, text.at, diagnostics);
        Some(id)
    });
    let file = raw.file.required("file", at, diagnostics)?;
    let secret = match context.secret(&file.value) {
        Ok(secret) => secret,
        Err(error) => {
            unusable(&error, file.at, diagnostics);
            return None;
        }
    };
    let id = id?;
    file.check(diagnostics, |_| TokenSecret::new(id, &secret))
}

pub(super) fn unusable(error: &SecretFileError, at: Location, diagnostics: &mut Diagnostics) {
    let problem = Problem::new(at, error.to_string());
    if matches!(error, SecretFileError::Missing(_)) {
        // Somebody may have written the secret itself.
        diagnostics.mask(at);
        let help = "`file` is the name of a file that holds the secret, seen from the \
                    directory of this one; the secret itself does not belong here";
        diagnostics.add(problem.help(help));
    } else {
        diagnostics.add(problem);
    }
}
