//! The refusals of JWTs, with what is told of them to the operator.

use stockade_core::{CredentialId, Quoted, mask_keys};

use super::JwtIssuer;
use super::claims::Claims;
use super::compact::Header;
use super::keys::KeySet;
use crate::error::JwtRefusal;

/// So many issuers or audiences are named as what was expected.
const MOST_EXPECTED: usize = 4;

/// Nothing of the token is proven, so what it says is cut and made harmless.
pub(super) fn unknown_issuer(claims: &Claims, issuers: &[JwtIssuer]) -> JwtRefusal {
    let told = claims.told("iss");
    let expected = |issuer: &JwtIssuer| format!("{} of {:?}", Quoted(&issuer.issuer), issuer.id);
    if let Some(issuer) = issuers.iter().find(|issuer| claims.is_almost_from(&issuer.issuer)) {
        let expected = expected(issuer);
        return JwtRefusal::UnknownIssuer(format!(
            "{told}; it differs from {expected} by a slash at the end only: write it as the token \
             does"
        ));
    }
    let all: Vec<_> = issuers.iter().take(MOST_EXPECTED).map(expected).collect();
    let more = if issuers.len() > MOST_EXPECTED { ", …" } else { "" };
    let expected = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    JwtRefusal::UnknownIssuer(format!("{told}; expected {expected}{more}"))
}

pub(super) fn audience(
    credential: &CredentialId,
    claims: &Claims,
    issuer: &JwtIssuer,
) -> JwtRefusal {
    let expected = issuer.audiences.iter().take(MOST_EXPECTED);
    let expected: Vec<_> = expected.map(|audience| Quoted(audience).to_string()).collect();
    let told = claims.told(issuer.audience_claim.as_str());
    let wrong = format!("{told}; expected {}", expected.join(" or "));
    JwtRefusal::Audience { credential: credential.clone(), wrong }
}

/// The header is not proven: what it says is cut and made harmless.
pub(super) fn unknown_key(issuer: &CredentialId, header: &Header, keys: &KeySet) -> JwtRefusal {
    let named = match header.kid() {
        Some(kid) => format!("the kid {}", Quoted(&mask_keys(kid))),
        None => "a JWT without kid".to_owned(),
    };
    let kids: Vec<_> = keys.kids().take(MOST_EXPECTED).map(|kid| Quoted(kid).to_string()).collect();
    let more = if keys.kids().count() > kids.len() { ", …" } else { "" };
    let known = match kids.as_slice() {
        [] => "its key has no kid".to_owned(),
        kids => format!("there are {}{more}", kids.join(", ")),
    };
    let wanted = format!("{named} and the alg {}; {known}", header.algorithm.name());
    JwtRefusal::UnknownKey { issuer: issuer.clone(), wanted }
}

pub(super) fn unlisted_user(credential: &CredentialId, claim: &str, user: &str) -> JwtRefusal {
    let (credential, claim) = (credential.clone(), claim.to_owned());
    JwtRefusal::UnlistedUser { credential, claim, user: Quoted(&mask_keys(user)).to_string() }
}
