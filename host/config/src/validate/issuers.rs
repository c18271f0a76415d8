//! The issuers of JWTs, and the meaning of their claims.

use std::collections::HashMap;
use std::time::Duration;

use stockade_authn::{ClaimPath, JwtIssuer, JwtMapping, JwtRules};
use stockade_core::{CredentialId, GroupName};
use stockade_yaml::{Diagnostics, Entries, Field, Location, Problem, Spanned};

use super::LoadContext;
use super::headers::header;
use super::issuer_keys::keys;
use super::names::{Names, Unique};
use super::quantities::Quantity;
use crate::raw::{RawAudience, RawIssuer, UnknownUsers};
use crate::types::Issuer;

/// It stands in logs, before a `/` and the name of a key.
const LONGEST_ID: usize = 64;
const DAY: Duration = Duration::from_hours(24);

pub(super) fn issuers(
    slot: Field<Entries<RawIssuer>>,
    groups: &Names,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Issuer> {
    let mut seen = Unique::new();
    let entries = slot.value().unwrap_or_default().0;
    let mut issuers = Vec::new();
    for (name, raw) in entries {
        let id = id(&name, diagnostics);
        if let Some(mut raw) = raw.optional() {
            let named = Named { id, issuer: iss(&mut raw, &mut seen, diagnostics) };
            issuers.extend(issuer(named, raw, groups, context, diagnostics));
        }
    }
    issuers
}

/// The name that an issuer has here, and the one that it gives itself.
struct Named {
    id: Option<CredentialId>,
    issuer: Option<String>,
}

fn id(name: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<CredentialId> {
    let id = name.check(diagnostics, |name| CredentialId::new(name))?;
    if id.as_str().len() > LONGEST_ID {
        let message = format!("the name of an issuer has at most {LONGEST_ID} bytes");
        diagnostics.add(Problem::new(name.at, message));
    }
    Some(id)
}

fn iss(
    raw: &mut Spanned<RawIssuer>,
    seen: &mut Unique<String>,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let issuer = std::mem::take(&mut raw.value.issuer).required("issuer", raw.at, diagnostics)?;
    refuse_empty(&issuer, "iss", diagnostics);
    seen.check(issuer.value.clone(), "this `iss`", issuer.at, diagnostics);
    Some(issuer.value)
}

fn issuer(
    named: Named,
    raw: Spanned<RawIssuer>,
    groups: &Names,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Issuer> {
    let Spanned { at, value: mut raw } = raw;
    let audiences = audiences(std::mem::take(&mut raw.audience), at, diagnostics);
    let rules = rules(&mut raw, diagnostics);
    let mapping = mapping(&mut raw, groups, diagnostics);
    let claim = match std::mem::take(&mut raw.audience_claim) {
        Field::Absent => Some(ClaimPath::aud()),
        named => named.optional().and_then(|text| path(&text, diagnostics)),
    };
    let header = match std::mem::take(&mut raw.header) {
        Field::Absent => None,
        // A header that cannot be read must not become none.
        named => Some(named.optional().and_then(|text| header(&text, diagnostics))?),
    };
    let Named { id, issuer } = named;
    let (keys, fetched) = keys(at, raw, issuer.as_deref(), context, diagnostics)?;
    let (audiences, mapping) = (audiences?, mapping?);
    let (id, issuer, audience_claim) = (id?, issuer?, claim?);
    let rules = JwtIssuer { id, issuer, audiences, audience_claim, header, keys, rules, mapping };
    Some(Issuer { rules, fetched })
}

fn refuse_empty(text: &Spanned<String>, claim: &str, diagnostics: &mut Diagnostics) {
    if text.value.is_empty() {
        diagnostics.add(Problem::new(text.at, format!("an empty `{claim}` says nothing")));
    }
}

fn audiences(
    slot: Field<RawAudience>,
    at: Location,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<String>> {
    let all = slot.required("audience", at, diagnostics)?;
    let slots = match all.value {
        RawAudience::One(one) => vec![one],
        RawAudience::Many(many) => many,
    };
    if slots.is_empty() {
        let problem = Problem::new(all.at, "tokens that are meant for nobody are good for nothing");
        diagnostics
            .add(problem.help("name what the issuer calls this gateway, its client id for one"));
    }
    let read = |slot: Field<String>| {
        let audience = slot.optional()?;
        refuse_empty(&audience, "aud", diagnostics);
        Some(audience.value)
    };
    slots.into_iter().map(read).collect()
}

fn rules(raw: &mut RawIssuer, diagnostics: &mut Diagnostics) -> JwtRules {
    let default = JwtRules::default();
    let lifetime = Quantity::duration(Duration::from_secs(1)..=DAY.saturating_mul(3650));
    let leeway = Quantity::duration(Duration::ZERO..=Duration::from_hours(1));
    let max_lifetime = lifetime.read(std::mem::take(&mut raw.max_lifetime), diagnostics);
    JwtRules {
        max_lifetime: max_lifetime.unwrap_or(default.max_lifetime),
        leeway: leeway.read(std::mem::take(&mut raw.leeway), diagnostics).unwrap_or(default.leeway),
    }
}

fn mapping(
    raw: &mut RawIssuer,
    groups: &Names,
    diagnostics: &mut Diagnostics,
) -> Option<JwtMapping> {
    let user = match std::mem::take(&mut raw.user_claim) {
        Field::Absent => Some(ClaimPath::sub()),
        named => named.optional().and_then(|text| path(&text, diagnostics)),
    };
    let groups = self::groups(
        std::mem::take(&mut raw.groups_claim),
        std::mem::take(&mut raw.groups),
        groups,
        diagnostics,
    );
    // A prefix that cannot be read must not become none.
    let prefix = match std::mem::take(&mut raw.user_prefix) {
        Field::Absent => Some(String::new()),
        written => written.value(),
    };
    Some(JwtMapping {
        user: user?,
        user_prefix: prefix?,
        admits_unknown_users: raw.unknown_users.take_value() == Some(UnknownUsers::Admit),
        groups: groups?,
        attributes: attributes(std::mem::take(&mut raw.attributes), diagnostics),
    })
}

fn path(text: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<ClaimPath> {
    text.check(diagnostics, |text| text.parse::<ClaimPath>())
}

type Groups = Option<(ClaimPath, HashMap<String, GroupName>)>;

/// Returns the names that an issuer gives to groups, and those that they have here: the same, if
/// nothing is said. The outer `None` stands for what cannot be read.
fn groups(
    claim: Field<String>,
    mapping: Field<Entries<String>>,
    known: &Names,
    diagnostics: &mut Diagnostics,
) -> Option<Groups> {
    if claim.is_invalid() || mapping.is_invalid() {
        return None;
    }
    let mapping = mapping.optional();
    let Some(claim) = claim.optional() else {
        if let Some(mapping) = mapping {
            let problem = Problem::new(mapping.at, "there is no claim that these groups stand in");
            diagnostics.add(problem.help("name it with `groups_claim`"));
        }
        return Some(None);
    };
    let names = match mapping {
        Some(mapping) => renamed(mapping.value, known, diagnostics),
        None => {
            known.all().filter_map(|name| Some((name.into(), GroupName::new(name).ok()?))).collect()
        }
    };
    Some(Some((path(&claim, diagnostics)?, names)))
}

fn renamed(
    entries: Entries<String>,
    known: &Names,
    diagnostics: &mut Diagnostics,
) -> HashMap<String, GroupName> {
    let group = |(theirs, ours): (Spanned<String>, Field<String>)| {
        let ours = ours.optional()?;
        known.check(&ours, diagnostics);
        Some((theirs.value, ours.check(diagnostics, |name| GroupName::new(name))?))
    };
    entries.0.into_iter().filter_map(group).collect()
}

fn attributes(
    slot: Field<Entries<String>>,
    diagnostics: &mut Diagnostics,
) -> Vec<(String, ClaimPath)> {
    let entries = slot.value().unwrap_or_default().0.into_iter();
    entries
        .filter_map(|(name, claim)| Some((name.value, path(&claim.optional()?, diagnostics)?)))
        .collect()
}
