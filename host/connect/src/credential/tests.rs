use std::os::unix::fs::PermissionsExt as _;

use stockade_core::FixedClock;
use tempfile::TempDir;

use super::*;

const NOW: UnixTime = UnixTime::from_secs(1000);

fn put(directory: &TempDir, content: &str) -> PathBuf {
    let path = directory.path().join("secret");
    // A new file each time, as whoever replaces one whole leaves it.
    let mut file = tempfile::NamedTempFile::new_in(directory.path()).unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file.persist(&path).unwrap();
    path
}

fn key(path: &Path) -> Credential {
    Credential::new(BearerSource::Key(path.to_owned()), Arc::new(FixedClock(NOW)))
}

fn token(path: &Path) -> Credential {
    Credential::new(BearerSource::Token(path.to_owned()), Arc::new(FixedClock(NOW)))
}

fn text(expiry: u64) -> String {
    format!("alice:{expiry}:{}", "0a".repeat(32))
}

fn sent(credential: &Credential) -> String {
    credential.current().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_key_is_read_again_when_its_file_changes() {
    let directory = tempfile::tempdir().unwrap();
    let path = put(&directory, "sk-local-one\n");
    let credential = key(&path);
    assert_eq!(sent(&credential), "Bearer sk-local-one");
    put(&directory, "  sk-local-two\r\n");
    assert_eq!(sent(&credential), "Bearer sk-local-two");
    assert_eq!(format!("{:?}", credential.current().unwrap()), "Sensitive");
    assert_eq!(credential.due(), None);
    std::fs::remove_file(&path).unwrap();
    assert!(credential.current().is_err(), "a key that was taken away is not used");
    put(&directory, "sk-local-three");
    assert_eq!(sent(&credential), "Bearer sk-local-three");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(credential.current().unwrap_err().to_string().contains("chmod 600"));
}

#[test]
fn what_is_no_credential_is_said_without_quoting_it() {
    let directory = tempfile::tempdir().unwrap();
    for (content, reason) in [
        ("", "empty"),
        (" \n", "empty"),
        ("MARKED secret", "on one line"),
        ("MARKED\nsecret", "on one line"),
        ("MÄRKED", "on one line"),
        ("-----BEGIN PRIVATE KEY-----\nMARKED", "--cert"),
    ] {
        let error = key(&put(&directory, content)).current().unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(reason) && !shown.contains("MARKED"), "{content:?}: {shown}");
    }
    let error = token(&put(&directory, "sk-local-MARKED")).current().unwrap_err().to_string();
    assert!(error.contains("--key-file") && !error.contains("MARKED"), "{error}");
}

#[test]
fn a_token_is_due_at_once_and_then_at_half_of_its_life() {
    let directory = tempfile::tempdir().unwrap();
    let path = put(&directory, &text(1100));
    let credential = token(&path);
    let expiry = credential.expiry();
    assert_eq!(sent(&credential), format!("Bearer {}", text(1100)));
    assert_eq!(credential.due().unwrap().0, Duration::ZERO);
    let old = credential.renewable().unwrap();
    let kept = credential.renewed(&old, Token::read(&text(1200)).unwrap());
    assert!(matches!(kept, Kept::Written));
    assert_eq!(sent(&credential), format!("Bearer {}", text(1200)));
    assert_eq!(credential.due().unwrap().0, Duration::from_secs(100));
    assert_eq!(*expiry.borrow(), Some(UnixTime::from_secs(1200)));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", text(1200)));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(sent(&token(&path)), format!("Bearer {}", text(1200)), "after a restart");
}

#[test]
fn a_token_that_somebody_put_there_meanwhile_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = put(&directory, &text(1100));
    let credential = token(&path);
    credential.current().unwrap();
    let old = credential.renewable().unwrap();
    put(&directory, &text(1300));
    let kept = credential.renewed(&old, Token::read(&text(1200)).unwrap());
    assert!(matches!(kept, Kept::Overtaken));
    assert_eq!(sent(&credential), format!("Bearer {}", text(1300)));
}

#[test]
fn an_ended_token_is_told_until_there_is_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = put(&directory, &text(999));
    let credential = token(&path);
    let error = credential.current().unwrap_err().to_string();
    assert!(error.contains("ended at 1970-01-01T00:16:39Z"), "{error}");
    assert_eq!(credential.due(), None, "nothing can be had for it");
    put(&directory, &text(1100));
    assert_eq!(sent(&credential), format!("Bearer {}", text(1100)));
}

#[test]
fn a_linked_file_is_replaced_where_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = put(&directory, &text(1100));
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let credential = token(&link);
    credential.current().unwrap();
    let old = credential.renewable().unwrap();
    credential.renewed(&old, Token::read(&text(1200)).unwrap());
    assert!(link.is_symlink());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", text(1200)));
}
