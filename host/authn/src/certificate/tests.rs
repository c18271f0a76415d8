use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair, SanType};

use super::*;
use crate::{Authenticator, Credentials, Identity, User};

fn certificate(names: Vec<SanType>) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

fn all_kinds() -> Vec<u8> {
    certificate(vec![
        SanType::Rfc822Name("alice@example.org".try_into().unwrap()),
        SanType::DnsName("Laptop.Example.org".try_into().unwrap()),
        SanType::URI("spiffe://example.org/alice".try_into().unwrap()),
        SanType::IpAddress([127, 0, 0, 1].into()),
    ])
}

fn id(name: &str) -> CredentialId {
    CredentialId::new(name).unwrap()
}

fn rule(user: &str, name: CertificateName) -> ClientCertificate {
    ClientCertificate { id: id(&format!("{user}-card")), user: UserId::new(user).unwrap(), name }
}

fn identify(rules: Vec<ClientCertificate>, der: &[u8]) -> Result<Option<Identity>, AuthnError> {
    let user = |name: &str, disabled| User { disabled, ..User::new(UserId::new(name).unwrap()) };
    let credentials = Credentials {
        users: vec![user("alice", false), user("bob", false), user("mallory", true)],
        certificates: rules,
        ..Credentials::default()
    };
    Authenticator::new(credentials).unwrap().certified(&PresentedCertificate::read(der))
}

#[test]
fn a_certificate_is_known_by_each_of_its_names() {
    let der = all_kinds();
    for name in [
        CertificateName::Email("alice@example.org".to_owned()),
        CertificateName::Dns("laptop.example.org".to_owned()),
        CertificateName::Uri("spiffe://example.org/alice".to_owned()),
        CertificateName::Fingerprint(Sha256::digest(&der).into()),
    ] {
        let identity = identify(vec![rule("alice", name)], &der).unwrap().unwrap();
        assert_eq!(identity.principal.user.as_str(), "alice");
        assert_eq!(identity.principal.proof, ProofKind::Mtls);
        assert_eq!(identity.principal.credential, Some(id("alice-card")));
    }
}

#[test]
fn other_names_stand_for_nobody() {
    for name in [
        CertificateName::Email("ALICE@example.org".to_owned()),
        CertificateName::Dns("example.org".to_owned()),
        CertificateName::Dns("*.example.org".to_owned()),
        CertificateName::Dns("alice@example.org".to_owned()),
        CertificateName::Uri("spiffe://example.org/alice/x".to_owned()),
        CertificateName::Fingerprint([0; 32]),
    ] {
        assert_eq!(identify(vec![rule("alice", name)], &all_kinds()), Ok(None));
    }
}

#[test]
fn a_certificate_of_two_users_is_nobodys() {
    let email = CertificateName::Email("alice@example.org".to_owned());
    let dns = CertificateName::Dns("laptop.example.org".to_owned());
    let der = all_kinds();
    let both = identify(vec![rule("alice", email.clone()), rule("bob", dns.clone())], &der);
    assert_eq!(both, Err(AuthnError::SeveralUsers));
    assert!(identify(vec![rule("alice", email.clone()), rule("alice", dns)], &der).is_ok());
    assert!(matches!(identify(vec![rule("mallory", email)], &der), Err(AuthnError::Disabled(_))));
}

#[test]
fn fingerprints_have_the_spellings_that_tools_print() {
    let plain = "ab".repeat(32);
    let colons = vec!["AB"; 32].join(":");
    for text in [&plain, &colons, &format!("sha256:{plain}")] {
        assert_eq!(text.parse::<Fingerprint>(), Ok(Fingerprint([0xab; 32])), "{text}");
    }
    assert!("ab".parse::<Fingerprint>().is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(at in 0_usize..400, byte: u8, cut in 0_usize..400) {
        let mut der = all_kinds();
        let at = at % der.len();
        der[at] = byte;
        der.truncate(der.len() - cut % der.len());
        prop_assert!(!PresentedCertificate::read(&der).names.is_empty());
    }
}

/// As small authorities and Windows issue them.
#[test]
fn a_certificate_may_be_known_by_its_common_name_its_upn_or_its_address() {
    use rcgen::{DnType, DnValue, OtherNameValue};

    let made = |names: Vec<(DnType, DnValue)>| {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in names {
            params.distinguished_name.push(kind, value);
        }
        let upn = OtherNameValue::Utf8String("Alice@Corp.Example".to_owned());
        let upn_kind = vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3];
        let another_kind = vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 4];
        let another = OtherNameValue::Utf8String("bob@corp.example".to_owned());
        params.subject_alt_names = vec![
            SanType::OtherName((another_kind, another)),
            SanType::OtherName((upn_kind, upn)),
            SanType::IpAddress("2001:db8::7".parse().unwrap()),
        ];
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    };
    let named = |der: &[u8], name: CertificateName| {
        identify(vec![rule("alice", name)], der).unwrap().is_some()
    };
    let cn = |name: &str| CertificateName::CommonName(name.to_owned());
    let text = |text: &str| DnValue::Utf8String(text.to_owned());
    let der = made(vec![
        (DnType::OrganizationName, text("bob")),
        (DnType::CommonName, text("Alice Smith")),
    ]);
    assert!(named(&der, cn("Alice Smith")));
    assert!(named(&der, CertificateName::Upn("alice@corp.example".to_owned())));
    assert!(named(&der, CertificateName::Ip("2001:db8::7".parse().unwrap())));
    for other in ["alice smith", "Alice", "bob", "Alice Smith\0", ""] {
        assert!(!named(&der, cn(other)), "{other}");
    }
    assert!(!named(&der, CertificateName::Upn("bob@corp.example".to_owned())));
    assert!(!named(&der, CertificateName::Dns("Alice Smith".to_owned())));
    assert!(!named(&der, CertificateName::Ip("2001:db8::8".parse().unwrap())));
    let windows = made(vec![(DnType::CommonName, DnValue::BmpString("Alice".try_into().unwrap()))]);
    assert!(named(&windows, cn("Alice")));
    assert!(!named(&made(Vec::new()), cn("")));
    let hidden = made(vec![(DnType::CommonName, text("alice\0.example"))]);
    assert!(!named(&hidden, cn("alice\0.example")), "a name that cannot be printed is none");
}
