//! Callers whom nobody proves: suppositions about who might come, for whoever asks what would
//! be decided about them.
//!
//! They are held to what a credential could really prove here, so that no answer is about a
//! caller who can never come.

use stockade_core::{CredentialId, GroupName, Principal, ProofKind, UserId};

use crate::Authenticator;
use crate::jwt::JwtIssuer;
use crate::user::Member;

/// A caller as somebody describes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SupposedCaller {
    /// The user.
    pub user: UserId,
    /// The kind of proof that the user would give: a JWT where groups or attributes are given, else
    /// an API key.
    pub proof: Option<ProofKind>,
    /// Groups that a JWT gives besides those of the configuration.
    pub groups: Vec<GroupName>,
    /// Attributes that a JWT gives besides those of the configuration.
    pub attributes: Vec<(String, String)>,
}

/// The reason why no such caller can come. `Display` is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImpossibleCaller {
    /// The user is switched off.
    #[error("the user {0:?} is disabled")]
    Disabled(UserId),
    /// Nobody is listed under this name, and it is not said that an issuer knows the user.
    #[error("there is no user {0:?}; one whom only an issuer knows has the proof `jwt`")]
    Unlisted(UserId),
    /// Groups or attributes with a credential that gives none.
    #[error(
        "only a JWT gives groups and attributes besides those under `users`: the proof is `jwt`"
    )]
    NotByJwt,
    /// No tokens are taken.
    #[error("no issuer of JWTs is configured")]
    NoIssuer,
    /// Nobody is listed under this name, and no issuer may bring such a user.
    #[error(
        "there is no user {0:?}, and no issuer brings one of this name: that takes \
         `unknown_users: admit` and its `user_prefix`"
    )]
    NotAdmitted(UserId),
    /// No issuer that may bring this user gives this group.
    #[error("no issuer of {user:?} gives the group {group:?}: look at its `groups`")]
    Group {
        /// The user.
        user: UserId,
        /// The group.
        group: GroupName,
    },
    /// No issuer that may bring this user gives this attribute.
    #[error("no issuer of {user:?} gives the attribute {attribute:?}: look at its `attributes`")]
    Attribute {
        /// The user.
        user: UserId,
        /// Its name.
        attribute: String,
    },
}

impl SupposedCaller {
    /// Describes a user with no more than what the configuration says.
    pub const fn new(user: UserId) -> Self {
        Self { user, proof: None, groups: Vec::new(), attributes: Vec::new() }
    }

    fn proof(&self) -> ProofKind {
        let bare = self.groups.is_empty() && self.attributes.is_empty();
        self.proof.unwrap_or(if bare { ProofKind::ApiKey } else { ProofKind::Jwt })
    }
}

impl Authenticator {
    /// Returns the principal that a caller would be, to ask what it may do.
    ///
    /// # Errors
    /// No such caller can come.
    pub fn suppose(&self, caller: &SupposedCaller) -> Result<Principal, ImpossibleCaller> {
        let listed = self.users.get(caller.user.as_str());
        if listed.is_some_and(|member| member.disabled) {
            return Err(ImpossibleCaller::Disabled(caller.user.clone()));
        }
        if caller.proof() == ProofKind::Jwt {
            let issuer = issuer_of(caller, self.jwts.issuers(), listed.is_none())?;
            let unlisted = Member::unlisted(caller.user.clone());
            return Ok(listed.unwrap_or(&unlisted).principal_with(
                ProofKind::Jwt,
                issuer.id.clone(),
                caller.groups.clone(),
                caller.attributes.clone(),
            ));
        }
        if !caller.groups.is_empty() || !caller.attributes.is_empty() {
            return Err(ImpossibleCaller::NotByJwt);
        }
        let member = listed.ok_or_else(|| ImpossibleCaller::Unlisted(caller.user.clone()))?;
        Ok(member.principal(caller.proof(), None))
    }

    /// Returns the groups among these that an issuer could give.
    pub fn groups_of_issuer(
        &self,
        credential: &CredentialId,
        groups: &[GroupName],
    ) -> Vec<GroupName> {
        let issuer = self.issuer_named(credential);
        let given = |group: &&GroupName| issuer.is_some_and(|issuer| gives_group(issuer, group));
        groups.iter().filter(given).cloned().collect()
    }

    /// Returns the attributes among these that an issuer could give.
    pub fn attributes_of_issuer(
        &self,
        credential: &CredentialId,
        attributes: &[(String, String)],
    ) -> Vec<(String, String)> {
        let issuer = self.issuer_named(credential);
        let given = |(name, _): &&(String, String)| {
            issuer.is_some_and(|issuer| gives_attribute(issuer, name))
        };
        attributes.iter().filter(given).cloned().collect()
    }

    /// Finds the issuer of a credential.
    fn issuer_named(&self, credential: &CredentialId) -> Option<&JwtIssuer> {
        let name = credential.as_str().split('/').next().unwrap_or_default();
        self.jwts.issuers().iter().find(|issuer| issuer.id.as_str() == name)
    }
}

/// The first issuer whose tokens could say all of this.
fn issuer_of<'a>(
    caller: &SupposedCaller,
    issuers: &'a [JwtIssuer],
    unlisted: bool,
) -> Result<&'a JwtIssuer, ImpossibleCaller> {
    let user = || caller.user.clone();
    let mut able: Vec<_> = issuers.iter().collect();
    if able.is_empty() {
        return Err(ImpossibleCaller::NoIssuer);
    }
    able.retain(|issuer| {
        let mapping = &issuer.mapping;
        let name = caller.user.as_str().strip_prefix(mapping.user_prefix.as_str());
        name.is_some_and(|name| !name.is_empty()) && (!unlisted || mapping.admits_unknown_users)
    });
    if able.is_empty() {
        return Err(ImpossibleCaller::NotAdmitted(user()));
    }
    for group in &caller.groups {
        able.retain(|issuer| gives_group(issuer, group));
        if able.is_empty() {
            return Err(ImpossibleCaller::Group { user: user(), group: group.clone() });
        }
    }
    for (attribute, _) in &caller.attributes {
        able.retain(|issuer| gives_attribute(issuer, attribute));
        if able.is_empty() {
            let attribute = attribute.clone();
            return Err(ImpossibleCaller::Attribute { user: user(), attribute });
        }
    }
    able.first().copied().ok_or(ImpossibleCaller::NoIssuer)
}

fn gives_attribute(issuer: &JwtIssuer, attribute: &str) -> bool {
    issuer.mapping.attributes.iter().any(|(name, _)| name == attribute)
}

fn gives_group(issuer: &JwtIssuer, group: &GroupName) -> bool {
    let groups = issuer.mapping.groups.as_ref();
    groups.is_some_and(|(_, names)| names.values().any(|name| name == group))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use stockade_core::Secret;

    use super::*;
    use crate::{ClaimPath, Credentials, JwtKeys, JwtMapping, JwtRules, KeySet, User};

    fn id(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn group(name: &str) -> GroupName {
        GroupName::new(name).unwrap()
    }

    fn issuer(name: &str, mapping: JwtMapping) -> JwtIssuer {
        let secret = Secret::new(b"0123456789abcdef0123456789abcdef".to_vec());
        JwtIssuer {
            id: CredentialId::new(name).unwrap(),
            issuer: name.to_owned(),
            audiences: vec!["ollama".to_owned()],
            audience_claim: "aud".parse().unwrap(),
            header: None,
            keys: Arc::new(JwtKeys::fixed(KeySet::from_secret(&secret).unwrap())),
            rules: JwtRules::default(),
            mapping,
        }
    }

    fn authenticator() -> Authenticator {
        let claim = |name: &str| name.parse::<ClaimPath>().unwrap();
        let gone = User { disabled: true, ..User::new(id("gone")) };
        let alice = User {
            groups: vec![group("family")],
            attributes: vec![("room".to_owned(), "1".to_owned())],
            ..User::new(id("alice"))
        };
        let sso = JwtMapping {
            admits_unknown_users: true,
            user_prefix: "sso:".to_owned(),
            groups: Some((claim("groups"), HashMap::from([("R".to_owned(), group("research"))]))),
            attributes: vec![("room".to_owned(), claim("room"))],
            ..JwtMapping::default()
        };
        let closed = JwtMapping {
            groups: Some((claim("groups"), HashMap::from([("K".to_owned(), group("kids"))]))),
            ..JwtMapping::default()
        };
        Authenticator::new(Credentials {
            users: vec![alice, gone],
            jwt_issuers: vec![issuer("sso", sso), issuer("closed", closed)],
            ..Credentials::default()
        })
        .unwrap()
    }

    fn supposed(change: impl FnOnce(&mut SupposedCaller), user: &str) -> Result<Principal, String> {
        let mut caller = SupposedCaller::new(id(user));
        change(&mut caller);
        authenticator().suppose(&caller).map_err(|error| error.to_string())
    }

    #[test]
    fn a_user_whom_only_an_issuer_knows_can_be_supposed() {
        let principal = supposed(
            |caller| {
                caller.groups = vec![group("research")];
                caller.attributes = vec![("room".to_owned(), "9".to_owned())];
            },
            "sso:mia",
        );
        let principal = principal.unwrap();
        assert_eq!((principal.user.as_str(), principal.proof), ("sso:mia", ProofKind::Jwt));
        assert_eq!(*principal.groups, [group("research")]);
        assert_eq!(principal.attributes[0].1, "9");
        assert_eq!(principal.credential.unwrap().as_str(), "sso");
        let bare = supposed(|caller| caller.proof = Some(ProofKind::Jwt), "sso:mia").unwrap();
        assert!(bare.groups.is_empty());
    }

    #[test]
    fn a_listed_user_keeps_what_is_listed() {
        let plain = supposed(|_| (), "alice").unwrap();
        assert_eq!((plain.proof, plain.credential), (ProofKind::ApiKey, None));
        let card = supposed(|caller| caller.proof = Some(ProofKind::Mtls), "alice").unwrap();
        assert_eq!((card.proof, card.groups.len()), (ProofKind::Mtls, 1));
        let token = supposed(|caller| caller.groups = vec![group("kids")], "alice").unwrap();
        assert_eq!(*token.groups, [group("family"), group("kids")]);
        assert_eq!(token.credential.unwrap().as_str(), "closed");
    }

    #[test]
    fn whoever_can_never_come_is_not_supposed() {
        let jwt = |caller: &mut SupposedCaller| caller.proof = Some(ProofKind::Jwt);
        let in_group = |name: &'static str| {
            move |caller: &mut SupposedCaller| caller.groups = vec![group(name)]
        };
        let fails = |result: Result<Principal, String>, part: &str| {
            let error = result.unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        fails(supposed(|_| (), "gone"), "disabled");
        fails(supposed(jwt, "gone"), "disabled");
        fails(supposed(|_| (), "mia"), "has the proof `jwt`");
        fails(supposed(jwt, "mia"), "unknown_users: admit");
        fails(supposed(jwt, "sso:"), "unknown_users: admit");
        fails(supposed(in_group("kids"), "sso:mia"), "gives the group");
        fails(supposed(in_group("family"), "alice"), "gives the group");
        fails(
            supposed(
                |caller| caller.attributes = vec![("desk".to_owned(), "1".to_owned())],
                "sso:mia",
            ),
            "gives the attribute",
        );
        fails(
            supposed(
                |caller| {
                    caller.proof = Some(ProofKind::Basic);
                    caller.groups = vec![group("kids")];
                },
                "alice",
            ),
            "only a JWT",
        );
        let nobody = Authenticator::new(Credentials::default()).unwrap();
        let caller =
            SupposedCaller { proof: Some(ProofKind::Jwt), ..SupposedCaller::new(id("mia")) };
        assert_eq!(nobody.suppose(&caller), Err(ImpossibleCaller::NoIssuer));
    }
}
