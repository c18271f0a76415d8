//! Callers who speak for others: a front end with its own log-in proves itself by its own
//! credential, and names in a header who sits in front of it.
//!
//! The header means something only from those who may speak for others. What is known of both
//! stays: the user whom rules, limits and the record are about, and the front end, whose
//! credential it was, with its narrowing and its end.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use stockade_core::{Principal, ProofKind, Quoted, UserId, mask_keys};

use crate::error::AuthnError;
use crate::identity::Identity;
use crate::user::Directory;

/// The front ends that may speak for others, and the header in which they name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnBehalf {
    /// The header with the user's name.
    pub header: HeaderName,
    /// The users who are front ends.
    pub by: Vec<UserId>,
}

impl OnBehalf {
    /// Tells whether a caller may speak for others. Whoever has proven nothing speaks for nobody.
    pub(crate) fn allows(&self, caller: &Principal) -> bool {
        caller.proof != ProofKind::Anonymous && self.by.contains(&caller.user)
    }

    /// Returns the user for whom a proven caller speaks: the caller itself, unless it may speak for
    /// others and names one.
    ///
    /// # Errors
    /// [`BadName`](AuthnError::BadName) and [`NotRepresented`](AuthnError::NotRepresented), if
    /// somebody is named whom there is not.
    pub(crate) fn represented(
        &self,
        identity: Identity,
        headers: &HeaderMap,
        users: &Directory,
    ) -> Result<Identity, AuthnError> {
        if !self.allows(&identity.principal) {
            return Ok(identity);
        }
        let mut values = headers.get_all(&self.header).iter();
        let Some(value) = values.next() else {
            return Ok(identity);
        };
        if values.next().is_some() {
            return Err(AuthnError::BadName("it comes more than once"));
        }
        let name = std::str::from_utf8(value.as_bytes());
        let name = name.map_err(|_| AuthnError::BadName("it is not UTF-8"))?;
        if name.is_empty() {
            return Err(AuthnError::BadName("it is empty"));
        }
        let Some(user) = users.get(name).filter(|user| !user.disabled) else {
            let named = Quoted(&mask_keys(name)).to_string();
            let by = identity.principal.user;
            return Err(AuthnError::NotRepresented { named, by });
        };
        let front_end = identity.principal;
        let principal = user.principal(front_end.proof, front_end.credential.clone());
        Ok(Identity { principal, front_end: Some(Arc::new(front_end)), ..identity })
    }
}

#[cfg(test)]
mod tests {
    use stockade_core::{CredentialId, GroupName, Operation, UnixTime};

    use super::*;
    use crate::{
        ApiKey, Authenticator, CannotIssue, Constraints, Credentials, KeyDigest, Presented, Scope,
        User,
    };

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    const HEADER: HeaderName = HeaderName::from_static("x-openwebui-user-email");
    const OWUI: &str = "sk-local-owui-owui-owui-owui-owui-owui";
    const KIM: &str = "sk-local-kim-kim-kim-kim-kim-kim-kim-kim";

    fn id(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn credentials() -> Credentials {
        let kim = User {
            groups: vec![GroupName::new("children").unwrap()],
            attributes: vec![("room".to_owned(), "2".to_owned())],
            ..User::new(id("kim@example.org"))
        };
        let gone = User { disabled: true, ..User::new(id("gone@example.org")) };
        let owui =
            User { groups: vec![GroupName::new("front-ends").unwrap()], ..User::new(id("owui")) };
        let scope = Scope { operations: Some(vec![Operation::Chat]), models: None };
        let key = |user: &str, text: &str| ApiKey {
            id: CredentialId::new(&format!("{user}-key")).unwrap(),
            user: id(user),
            digest: KeyDigest::of(text),
            terms: Arc::new(Constraints { scope: scope.clone(), ..Constraints::default() }),
        };
        Credentials {
            users: vec![kim, gone, owui, User::new(id("guest")), User::new(id("jörg"))],
            api_keys: vec![key("owui", OWUI), key("kim@example.org", KIM)],
            on_behalf: Some(OnBehalf { header: HEADER, by: vec![id("owui"), id("guest")] }),
            anonymous: Some(id("guest")),
            ..Credentials::default()
        }
    }

    fn asked(secret: Option<&str>, names: &[&[u8]]) -> Result<Identity, AuthnError> {
        let authenticator = Authenticator::new(credentials()).unwrap();
        let mut headers = HeaderMap::new();
        if let Some(secret) = secret {
            headers.insert("authorization", format!("Bearer {secret}").parse().unwrap());
        }
        for name in names {
            headers.append(HEADER, http::HeaderValue::from_bytes(name).unwrap());
        }
        let identity =
            authenticator.identify(&Presented::from_headers(&headers, None).unwrap(), NOW)?;
        authenticator.represented(identity, &headers)
    }

    #[test]
    fn a_front_end_speaks_for_the_user_whom_it_names() {
        let identity = asked(Some(OWUI), &[b"kim@example.org"]).unwrap();
        let principal = &identity.principal;
        assert_eq!(principal.user.as_str(), "kim@example.org");
        assert_eq!(principal.groups[0].as_str(), "children");
        assert_eq!((principal.groups.len(), principal.attributes.len()), (1, 1));
        assert_eq!(principal.credential.as_ref().unwrap().as_str(), "owui-key");
        assert_eq!(identity.front_end.as_ref().unwrap().user.as_str(), "owui");
        assert!(identity.terms.scope.operations.is_some(), "its key stays narrow");
        let other = asked(Some(OWUI), &["jörg".as_bytes()]).unwrap();
        assert_eq!(other.principal.user.as_str(), "jörg");
        let itself = asked(Some(OWUI), &[]).unwrap();
        assert_eq!((itself.principal.user.as_str(), itself.front_end), ("owui", None));
    }

    #[test]
    fn from_everybody_else_the_header_means_nothing() {
        for (secret, user) in [(Some(KIM), "kim@example.org"), (None, "guest")] {
            for names in [&[&b"owui"[..]][..], &[b"", b"\xff"]] {
                let identity = asked(secret, names).unwrap();
                assert_eq!((identity.principal.user.as_str(), identity.front_end), (user, None));
            }
        }
    }

    #[test]
    fn whoever_is_named_must_be_somebody() {
        for name in ["nobody@example.org", "gone@example.org", "KIM@example.org", " ", "kim"] {
            let error = asked(Some(OWUI), &[name.as_bytes()]).unwrap_err();
            assert!(matches!(error, AuthnError::NotRepresented { .. }), "{name}: {error}");
            assert!(error.to_string().contains("owui"), "{error}");
            assert_eq!(error.status(), 403);
            assert!(!error.public_message().contains(name.trim()) || name == " ");
        }
        let told = asked(Some(OWUI), &[KIM.as_bytes()]).unwrap_err();
        assert!(matches!(told, AuthnError::NotRepresented { .. }));
        for names in [&[&b""[..]][..], &[b"\xff"], &[b"kim@example.org", b"kim@example.org"]] {
            let error = asked(Some(OWUI), names).unwrap_err();
            assert!(matches!(error, AuthnError::BadName(_)), "{error}");
            assert_eq!(error.status(), 400);
        }
    }

    #[test]
    fn it_ends_with_the_user_the_key_and_the_right_to_speak() {
        let identity = asked(Some(OWUI), &[b"kim@example.org"]).unwrap();
        let upheld = |change: &dyn Fn(&mut Credentials)| {
            let mut credentials = credentials();
            change(&mut credentials);
            Authenticator::new(credentials).unwrap().is_still_valid(&identity, NOW)
        };
        assert!(upheld(&|_| ()));
        assert!(upheld(&|all| all.api_keys.retain(|key| key.user.as_str() == "owui")));
        assert!(!upheld(&|all| all.api_keys.retain(|key| key.user.as_str() != "owui")));
        assert!(!upheld(&|all| all.on_behalf = None));
        assert!(!upheld(&|all| all.on_behalf.as_mut().unwrap().by.retain(|by| *by == id("guest"))));
        for user in ["kim@example.org", "owui"] {
            assert!(!upheld(&|all| {
                all.users.iter_mut().for_each(|one| one.disabled |= one.id == id(user));
            }));
        }
        assert!(!upheld(&|all| {
            all.users.retain(|user| user.id != id("kim@example.org"));
            all.api_keys.retain(|key| key.user.as_str() == "owui");
        }));
    }

    #[test]
    fn no_token_is_given_for_somebody_else() {
        let authenticator = Authenticator::new(credentials()).unwrap();
        let identity = asked(Some(OWUI), &[b"kim@example.org"]).unwrap();
        let issued = authenticator.issue(&identity, None, NOW);
        assert_eq!(issued.err(), Some(CannotIssue::OnBehalf));
    }
}
