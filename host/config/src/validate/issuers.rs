//! The issuers of JWTs, and the meaning of their claims.

use std::collections::HashMap;
use std::time::Duration;

use stockade_authn::{ClaimPath, JwtIssuer, JwtMapping, JwtRules};
use stockade_core::{CredentialId, GroupName};
use stockade_yaml::{Entries, Located, Location, Problem, Report, Slot};

use super::Surroundings;
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
    slot: Slot<Entries<RawIssuer>>,
    groups: &Names,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Vec<Issuer> {
    let mut seen = Unique::new();
    let entries = slot.value().unwrap_or_default().0;
    let mut issuers = Vec::new();
    for (name, raw) in entries {
        let id = id(&name, report);
        if let Some(mut raw) = raw.optional() {
            let named = Named { id, issuer: iss(&mut raw, &mut seen, report) };
            issuers.extend(issuer(named, raw, groups, surroundings, report));
        }
    }
    issuers
}

/// The name that an issuer has here, and the one that it gives itself.
struct Named {
    id: Option<CredentialId>,
    issuer: Option<String>,
}

fn id(name: &Located<String>, report: &mut Report) -> Option<CredentialId> {
    let id = name.check(report, |name| CredentialId::new(name))?;
    if id.as_str().len() > LONGEST_ID {
        let message = format!("the name of an issuer has at most {LONGEST_ID} bytes");
        report.add(Problem::new(name.at, message));
    }
    Some(id)
}

fn iss(
    raw: &mut Located<RawIssuer>,
    seen: &mut Unique<String>,
    report: &mut Report,
) -> Option<String> {
    let issuer = std::mem::take(&mut raw.value.issuer).required("issuer", raw.at, report)?;
    refuse_empty(&issuer, "iss", report);
    seen.check(issuer.value.clone(), "this `iss`", issuer.at, report);
    Some(issuer.value)
}

fn issuer(
    named: Named,
    raw: Located<RawIssuer>,
    groups: &Names,
    surroundings: &mut Surroundings<'_>,
    report: &mut Report,
) -> Option<Issuer> {
    let Located { at, value: mut raw } = raw;
    let audiences = audiences(std::mem::take(&mut raw.audience), at, report);
    let rules = rules(&mut raw, report);
    let mapping = mapping(&mut raw, groups, report);
    let claim = match std::mem::take(&mut raw.audience_claim) {
        Slot::Absent => Some(ClaimPath::aud()),
        named => named.optional().and_then(|text| path(&text, report)),
    };
    let header = match std::mem::take(&mut raw.header) {
        Slot::Absent => None,
        // A header that cannot be read must not become none.
        named => Some(named.optional().and_then(|text| header(&text, report))?),
    };
    let Named { id, issuer } = named;
    let (keys, fetched) = keys(at, raw, issuer.as_deref(), surroundings, report)?;
    let (audiences, mapping) = (audiences?, mapping?);
    let (id, issuer, audience_claim) = (id?, issuer?, claim?);
    let rules = JwtIssuer { id, issuer, audiences, audience_claim, header, keys, rules, mapping };
    Some(Issuer { rules, fetched })
}

fn refuse_empty(text: &Located<String>, claim: &str, report: &mut Report) {
    if text.value.is_empty() {
        report.add(Problem::new(text.at, format!("an empty `{claim}` says nothing")));
    }
}

fn audiences(slot: Slot<RawAudience>, at: Location, report: &mut Report) -> Option<Vec<String>> {
    let all = slot.required("audience", at, report)?;
    let slots = match all.value {
        RawAudience::One(one) => vec![one],
        RawAudience::Many(many) => many,
    };
    if slots.is_empty() {
        let problem = Problem::new(all.at, "tokens that are meant for nobody are good for nothing");
        report.add(problem.help("name what the issuer calls this gateway, its client id for one"));
    }
    let read = |slot: Slot<String>| {
        let audience = slot.optional()?;
        refuse_empty(&audience, "aud", report);
        Some(audience.value)
    };
    slots.into_iter().map(read).collect()
}

fn rules(raw: &mut RawIssuer, report: &mut Report) -> JwtRules {
    let default = JwtRules::default();
    let lifetime = Quantity::duration(Duration::from_secs(1)..=DAY.saturating_mul(3650));
    let leeway = Quantity::duration(Duration::ZERO..=Duration::from_hours(1));
    let max_lifetime = lifetime.read(std::mem::take(&mut raw.max_lifetime), report);
    JwtRules {
        max_lifetime: max_lifetime.unwrap_or(default.max_lifetime),
        leeway: leeway.read(std::mem::take(&mut raw.leeway), report).unwrap_or(default.leeway),
    }
}

fn mapping(raw: &mut RawIssuer, groups: &Names, report: &mut Report) -> Option<JwtMapping> {
    let user = match std::mem::take(&mut raw.user_claim) {
        Slot::Absent => Some(ClaimPath::sub()),
        named => named.optional().and_then(|text| path(&text, report)),
    };
    let groups = self::groups(
        std::mem::take(&mut raw.groups_claim),
        std::mem::take(&mut raw.groups),
        groups,
        report,
    );
    // A prefix that cannot be read must not become none.
    let prefix = match std::mem::take(&mut raw.user_prefix) {
        Slot::Absent => Some(String::new()),
        written => written.value(),
    };
    Some(JwtMapping {
        user: user?,
        user_prefix: prefix?,
        admits_unknown_users: raw.unknown_users.take_value() == Some(UnknownUsers::Admit),
        groups: groups?,
        attributes: attributes(std::mem::take(&mut raw.attributes), report),
    })
}

fn path(text: &Located<String>, report: &mut Report) -> Option<ClaimPath> {
    text.check(report, |text| text.parse::<ClaimPath>())
}

type Groups = Option<(ClaimPath, HashMap<String, GroupName>)>;

/// Returns the names that an issuer gives to groups, and those that they have here: the same, if
/// nothing is said. The outer `None` stands for what cannot be read.
fn groups(
    claim: Slot<String>,
    mapping: Slot<Entries<String>>,
    known: &Names,
    report: &mut Report,
) -> Option<Groups> {
    if claim.is_broken() || mapping.is_broken() {
        return None;
    }
    let mapping = mapping.optional();
    let Some(claim) = claim.optional() else {
        if let Some(mapping) = mapping {
            let problem = Problem::new(mapping.at, "there is no claim that these groups stand in");
            report.add(problem.help("name it with `groups_claim`"));
        }
        return Some(None);
    };
    let names = match mapping {
        Some(mapping) => renamed(mapping.value, known, report),
        None => {
            known.all().filter_map(|name| Some((name.into(), GroupName::new(name).ok()?))).collect()
        }
    };
    Some(Some((path(&claim, report)?, names)))
}

fn renamed(
    entries: Entries<String>,
    known: &Names,
    report: &mut Report,
) -> HashMap<String, GroupName> {
    let group = |(theirs, ours): (Located<String>, Slot<String>)| {
        let ours = ours.optional()?;
        known.check(&ours, report);
        Some((theirs.value, ours.check(report, |name| GroupName::new(name))?))
    };
    entries.0.into_iter().filter_map(group).collect()
}

fn attributes(slot: Slot<Entries<String>>, report: &mut Report) -> Vec<(String, ClaimPath)> {
    let entries = slot.value().unwrap_or_default().0.into_iter();
    entries
        .filter_map(|(name, claim)| Some((name.value, path(&claim.optional()?, report)?)))
        .collect()
}
