//! Tokens that the gateway gives itself.

use std::time::Duration;

use stockade_core::{Principal, ProofKind, Secret, UnixTime};

use super::{TokenProof, Tokens};
use crate::constraints::Constraints;

/// A token that was given.
pub struct Issued {
    /// The token itself.
    pub token: Secret<String>,
    /// The time until which it is valid, that second included.
    pub expires: UnixTime,
}

/// The reason why no token is given. `Display` is for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotIssue {
    /// The caller is declared, not proven.
    #[error("a token is given for a credential; this request has none")]
    Anonymous,
    /// It would have to end with something that is not here.
    #[error("no token is given for a JWT, which ends when its issuer says; ask that for another")]
    Jwt,
    /// The caller speaks for somebody else, whose credential is not here.
    #[error("no token is given to a front end for its user; leave out the header with the name")]
    OnBehalf,
    /// Nothing signs.
    #[error("this gateway issues no tokens: it has no secret that signs them")]
    NoSecret,
    /// The credential is not known by a lasting name.
    #[error("no token is given for this kind of credential")]
    NoOrigin,
    /// It would not live for a second.
    #[error("a token lives for at least one second")]
    TooShort,
    /// The credential is good for less than a second.
    #[error("the credential of this request ends now, and so would a token")]
    Ending,
}

/// A proven caller's request for a token.
#[derive(Clone, Copy)]
pub(crate) struct TokenRequest<'a> {
    pub(crate) principal: &'a Principal,
    /// The terms of the credential that proved the caller.
    pub(crate) terms: &'a Constraints,
    /// The token that proved the caller, where one did.
    pub(crate) renews: Option<&'a TokenProof>,
    /// The longest time for which it is to be valid; the longest that is allowed, if not given.
    pub(crate) ttl: Option<Duration>,
}

impl Tokens {
    pub(crate) fn issue(
        &self,
        request: TokenRequest<'_>,
        now: UnixTime,
    ) -> Result<Issued, CannotIssue> {
        let TokenRequest { principal, terms, renews, ttl } = request;
        let secret = self.secrets.first().ok_or(CannotIssue::NoSecret)?;
        let origin = match principal.proof {
            ProofKind::Anonymous => return Err(CannotIssue::Anonymous),
            ProofKind::Jwt => return Err(CannotIssue::Jwt),
            // Without an origin it was signed by whoever has the secret.
            ProofKind::Token => renews.and_then(|token| token.origin.as_ref()),
            _ => Some(self.origins.find(principal).ok_or(CannotIssue::NoOrigin)?),
        };
        let ttl = ttl.map_or(self.rules.max_ttl, |ttl| ttl.min(self.rules.max_ttl));
        if ttl < Duration::from_secs(1) {
            return Err(CannotIssue::TooShort);
        }
        let latest = now.as_secs().saturating_add(ttl.as_secs());
        // The last second of a credential that expires on the next.
        let end = terms.expires.map(|expires| expires.as_secs().saturating_sub(1));
        let expires = UnixTime::from_secs(end.map_or(latest, |end| latest.min(end)));
        if expires <= now {
            return Err(CannotIssue::Ending);
        }
        let payload = format!("{}:{}", principal.user, expires.as_secs());
        let signature = match origin {
            Some(origin) => origin.sign(secret.begin(&payload), origin.binding(terms)),
            None => secret.sign(&payload),
        };
        let token = Secret::new(format!("{payload}:{}", hex::encode(signature)));
        Ok(Issued { token, expires })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stockade_core::{CredentialId, Operation, UserId};

    use super::*;
    use crate::{
        ApiKey, Authenticator, AuthnError, CertificateName, ClientCertificate, Constraints,
        Credentials, Identity, KeyText, Presented, PresentedCertificate, Scope, TokenSecret, User,
    };

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn later(seconds: u64) -> UnixTime {
        UnixTime::from_secs(NOW.as_secs() + seconds)
    }

    fn authenticator(keys: &[(&str, &KeyText, Constraints)]) -> Authenticator {
        let alice = UserId::new("alice").unwrap();
        let key = |(id, text, terms): &(&str, &KeyText, Constraints)| ApiKey {
            id: CredentialId::new(id).unwrap(),
            user: alice.clone(),
            digest: text.digest(),
            terms: Arc::new(terms.clone()),
        };
        let secret = Secret::new(b"sixteen bytes!!!".to_vec());
        let secret = TokenSecret::new(CredentialId::new("main").unwrap(), &secret).unwrap();
        Authenticator::new(Credentials {
            users: vec![User::new(alice.clone())],
            api_keys: keys.iter().map(key).collect(),
            token_secrets: vec![secret],
            ..Credentials::default()
        })
        .unwrap()
    }

    fn identify(by: &Authenticator, text: &str, now: UnixTime) -> Result<Identity, AuthnError> {
        by.identify(&Presented::from_secret(text)?, now)
    }

    fn issue(by: &Authenticator, text: &str, now: UnixTime) -> Issued {
        by.issue(&identify(by, text, now).unwrap(), None, now).unwrap()
    }

    #[test]
    fn a_token_has_the_terms_of_its_key_and_ends_with_it() {
        let (one, other) = (KeyText::generate(), KeyText::generate());
        let scope = Scope { operations: Some(vec![Operation::Chat]), models: None };
        let terms = Constraints { scope, ..Constraints::default() };
        let both = authenticator(&[
            ("one", &one, terms.clone()),
            ("other", &other, Constraints::default()),
        ]);
        let token = issue(&both, one.expose(), NOW);
        let known = identify(&both, token.token.expose(), NOW).unwrap();
        assert_eq!(*known.terms, terms);
        assert_eq!(known.principal.proof, ProofKind::Token);
        assert_eq!(known.principal.credential.unwrap().as_str(), "one");
        let without = authenticator(&[("other", &other, Constraints::default())]);
        let refused = identify(&without, token.token.expose(), NOW);
        assert_eq!(refused.unwrap_err(), AuthnError::Unknown);
        let replaced = authenticator(&[("one", &other, terms)]);
        assert_eq!(
            identify(&replaced, token.token.expose(), NOW).unwrap_err(),
            AuthnError::Unknown
        );
    }

    #[test]
    fn a_refreshed_token_still_ends_with_its_key() {
        let key = KeyText::generate();
        let terms = Constraints { expires: Some(later(3600)), ..Constraints::default() };
        let by = authenticator(&[("one", &key, terms)]);
        let first = issue(&by, key.expose(), NOW);
        assert_eq!(first.expires, later(3599));
        let second = issue(&by, first.token.expose(), later(1800));
        assert_eq!(second.expires, later(3599));
        assert!(identify(&by, second.token.expose(), later(3599)).is_ok());
        let refused = identify(&by, second.token.expose(), later(3600));
        assert!(matches!(refused, Err(AuthnError::Expired(_))));
        let bare = authenticator(&[]);
        assert!(identify(&bare, second.token.expose(), later(1800)).is_err());
    }

    /// A certificate's end is not in the configuration, so the token has to say it.
    #[test]
    fn no_token_outlives_its_certificate_however_often_it_is_renewed() {
        let mut params = rcgen::CertificateParams::default();
        params.subject_alt_names = vec![rcgen::SanType::DnsName("a.test".try_into().unwrap())];
        params.not_after = rcgen::date_time_ymd(2027, 1, 15) + Duration::from_hours(9);
        let last = later(3600);
        assert_eq!(last.as_secs(), 1_800_003_600, "2027-01-15T09:00:00Z");
        let der = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let alice = UserId::new("alice").unwrap();
        let secret = Secret::new(b"sixteen bytes!!!".to_vec());
        let by = Authenticator::new(Credentials {
            users: vec![User::new(alice.clone())],
            certificates: vec![ClientCertificate {
                id: CredentialId::new("card").unwrap(),
                user: alice,
                name: CertificateName::Dns("a.test".to_owned()),
            }],
            token_secrets: vec![
                TokenSecret::new(CredentialId::new("main").unwrap(), &secret).unwrap(),
            ],
            ..Credentials::default()
        })
        .unwrap();
        let presented = PresentedCertificate::read(der.der());
        let certified = by.certified(&presented).unwrap().unwrap();
        let day = Some(Duration::from_hours(20));
        let first = by.issue(&certified, day, NOW).unwrap();
        assert_eq!(first.expires, last);
        let first = identify(&by, first.token.expose(), later(1800)).unwrap();
        let second = by.issue(&first, day, later(1800)).unwrap();
        assert_eq!(second.expires, last);
        let third = identify(&by, second.token.expose(), last).unwrap();
        assert_eq!(by.issue(&third, day, last).map(|_| ()).unwrap_err(), CannotIssue::Ending);
        assert_eq!(by.issue(&certified, day, last).map(|_| ()).unwrap_err(), CannotIssue::Ending);
        assert!(identify(&by, second.token.expose(), later(3601)).is_err());
        let longer = second.token.expose().replacen(&last.as_secs().to_string(), "1800090000", 1);
        assert_eq!(identify(&by, &longer, NOW).unwrap_err(), AuthnError::Unknown);
    }

    #[test]
    fn nothing_of_a_token_can_be_changed() {
        let keys: Vec<_> = (0..10).map(|_| KeyText::generate()).collect();
        let ids: Vec<_> = (0..10).map(|number| format!("key-{number}")).collect();
        let all: Vec<_> = ids
            .iter()
            .zip(&keys)
            .map(|(id, key)| (id.as_str(), key, Constraints::default()))
            .collect();
        let by = authenticator(&all);
        for (id, key) in ids.iter().zip(&keys) {
            let issued = issue(&by, key.expose(), NOW);
            let token = issued.token.expose();
            let known = identify(&by, token, NOW).unwrap();
            assert_eq!(known.principal.credential.unwrap().as_str(), id);
            // What it says of its credential, and of the credential's end, is signed too.
            for at in token.len() - 64..token.len() {
                let mut changed = token.clone().into_bytes();
                changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(identify(&by, &changed, NOW).unwrap_err(), AuthnError::Unknown);
            }
        }
    }

    #[test]
    fn a_token_lives_as_long_as_asked_and_no_longer_than_allowed() {
        let key = KeyText::generate();
        let by = authenticator(&[("one", &key, Constraints::default())]);
        let identity = identify(&by, key.expose(), NOW).unwrap();
        let expires = |ttl| by.issue(&identity, Some(Duration::from_secs(ttl)), NOW);
        assert_eq!(expires(60).unwrap().expires, later(60));
        assert_eq!(expires(u64::MAX).unwrap().expires, later(24 * 3600));
        assert_eq!(expires(0).map(|_| ()).unwrap_err(), CannotIssue::TooShort);
    }
}
