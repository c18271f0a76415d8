use super::*;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn open(directory: &Path) -> Arc<SentBlobs> {
    Arc::new(SentBlobs::open(Some(directory)))
}

#[tokio::test]
async fn a_blob_belongs_to_whoever_sent_it_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    // It is made where it is not there.
    let directory = directory.path().join("state");
    let blobs = open(&directory);
    let (alice, bob) = (user("alice"), user("b ö \"b"));
    assert!(!blobs.has_sent(&alice, A));
    assert!(blobs.remember(&alice, A).await);
    assert!(!blobs.remember(&alice, A).await, "no news");
    assert!(blobs.remember(&bob, B).await);
    for blobs in [&blobs, &open(&directory)] {
        assert!(blobs.has_sent(&alice, A) && blobs.has_sent(&bob, B));
        assert!(!blobs.has_sent(&alice, B) && !blobs.has_sent(&bob, A));
    }
}

#[tokio::test]
async fn without_a_directory_it_is_remembered_while_the_gateway_runs() {
    let blobs = Arc::new(SentBlobs::open(None));
    assert!(blobs.remember(&user("alice"), A).await);
    assert!(blobs.has_sent(&user("alice"), A));
}

#[tokio::test]
async fn a_torn_line_is_left_out_and_others_follow() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("blobs.jsonl");
    open(directory.path()).remember(&user("alice"), A).await;
    let whole = std::fs::read_to_string(&file).unwrap();
    let torn = format!("{whole}{{\"digest\":\"bbbb");
    std::fs::write(&file, torn).unwrap();
    let blobs = open(directory.path());
    assert!(blobs.has_sent(&user("alice"), A));
    blobs.remember(&user("alice"), B).await;
    assert!(open(directory.path()).has_sent(&user("alice"), B));
    assert!(!directory.path().join("blobs.damaged").exists());
}

#[tokio::test]
async fn a_damaged_file_is_set_aside() {
    let good = format!("{{\"digest\":\"{}\",\"user\":\"alice\"}}\n", digits(A));
    let head = "{\"schema\":1}\n";
    for damaged in [
        "nonsense\n".to_owned(),
        good.clone(),
        "{\"schema\":2}\n".to_owned(),
        format!("{head}{good}\u{0}\u{0}\n{good}"),
        format!("{head}{{\"digest\":\"ab\",\"user\":\"alice\"}}\n"),
        format!("{head}{{\"digest\":\"{}\",\"user\":\"\"}}\n", digits(A)),
    ] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("blobs.jsonl"), &damaged).unwrap();
        let blobs = open(directory.path());
        assert!(!blobs.has_sent(&user("alice"), A), "{damaged}");
        let aside = std::fs::read_to_string(directory.path().join("blobs.damaged")).unwrap();
        assert_eq!(aside, damaged);
        blobs.remember(&user("alice"), B).await;
        assert!(open(directory.path()).has_sent(&user("alice"), B));
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("blobs.jsonl"), "").unwrap();
    open(directory.path()).remember(&user("alice"), A).await;
    assert!(open(directory.path()).has_sent(&user("alice"), A), "an empty file is none");
}

#[test]
fn what_was_sent_longest_ago_is_forgotten() {
    let mut memory = Memory::default();
    let sent = |digest: &str| (Box::from(digest), user("alice"));
    assert!(memory.insert(sent("a"), 2) && memory.insert(sent("b"), 2));
    assert!(!memory.insert(sent("a"), 2), "it is the newest now");
    assert!(memory.insert(sent("c"), 2));
    let kept: Vec<_> = memory.lines().into_iter().map(|line| line.digest).collect();
    assert_eq!(kept, ["a", "c"].map(Box::<str>::from));
    assert_eq!(memory.at.len(), 2);
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_takes_nothing_but_the_memory() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let blobs = open(&file);
    blobs.remember(&user("alice"), A).await;
    assert!(blobs.has_sent(&user("alice"), A));
}
