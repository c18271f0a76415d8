//! Whoever changes a log is found, and the place where.

use std::fs;

use stockade_audit::{Kind, Problem, VerifyOptions, segments, verify};

use crate::sample::{PATIENCE, Sample, note, open, until_well};

const REQUESTS: u32 = 90;

/// Changes the lines, and expects the first finding in one of two places: at the line itself, or at
/// the one behind it, which names it.
#[track_caller]
fn found(sample: &Sample, lines: &[Vec<String>], segment: usize, line: usize, what: &str) {
    sample.replace(lines);
    let proof = sample.verify();
    let finding = proof.findings.first().unwrap_or_else(|| panic!("{what}: not found"));
    let files = sample.files();
    let index = files.iter().position(|path| *path == finding.path).unwrap();
    // The line after the last one of a segment is the first of the next.
    let next = if line + 1 < lines[segment].len() { (segment, line + 2) } else { (segment + 1, 1) };
    let at = (index, usize::try_from(finding.line).unwrap());
    assert!(at == (segment, line + 1) || at == next, "{what} at {segment}:{line}: {finding}");
}

fn every_line(lines: &[Vec<String>]) -> Vec<(usize, usize)> {
    let of = |(segment, lines): (usize, &Vec<String>)| {
        (0..lines.len()).map(move |line| (segment, line)).collect::<Vec<_>>()
    };
    lines.iter().enumerate().flat_map(of).collect()
}

#[test]
fn an_edit_is_found() {
    let sample = Sample::of(REQUESTS);
    let lines = sample.lines();
    for (segment, line) in every_line(&lines) {
        for (from, to) in [
            ("\"user\":\"alice\"", "\"user\":\"bob\""),
            ("T08:", "T09:"),
            ("\"kind\":\"request\"", "\"kind\":\"requeST\""),
            ("\"seq\":", "\"seq\":1"),
            ("}\n", "} \n"),
            ("\"prev\":\"", "\"prev\":\"f"),
        ] {
            let mut changed = lines.clone();
            changed[segment][line] = changed[segment][line].replacen(from, to, 1);
            if changed != lines {
                found(&sample, &changed, segment, line, from);
            }
        }
    }
}

#[test]
fn a_line_that_is_missing_doubled_or_moved_is_found() {
    let sample = Sample::of(REQUESTS);
    let lines = sample.lines();
    let places = every_line(&lines);
    for &(segment, line) in &places[..places.len() - 1] {
        let mut missing = lines.clone();
        missing[segment].remove(line);
        sample.replace(&missing);
        assert!(!sample.verify().holds(), "without {segment}:{line}");

        let mut doubled = lines.clone();
        let copy = doubled[segment][line].clone();
        doubled[segment].insert(line, copy);
        found(&sample, &doubled, segment, line, "doubled");

        if line + 1 < lines[segment].len() {
            let mut moved = lines.clone();
            moved[segment].swap(line, line + 1);
            found(&sample, &moved, segment, line, "moved");
        }
    }
}

#[test]
fn a_line_of_somebody_else_is_found() {
    let (sample, other) = (Sample::of(REQUESTS), Sample::of(REQUESTS));
    let (lines, others) = (sample.lines(), other.lines());
    for (segment, line) in every_line(&lines) {
        let mut spliced = lines.clone();
        let Some(strange) = others.get(segment).and_then(|lines| lines.get(line)) else { continue };
        spliced[segment][line] = strange.clone();
        found(&sample, &spliced, segment, line, "of another log");
        let mut put_in = lines.clone();
        put_in[segment].insert(line, "{\"kind\":\"request\"}\n".to_owned());
        found(&sample, &put_in, segment, line, "put in");
    }
    // Whole segments, sound in themselves.
    for segment in 0..lines.len().min(others.len()) {
        let mut spliced = lines.clone();
        spliced[segment].clone_from(&others[segment]);
        found(&sample, &spliced, segment, 0, "segment of another log");
    }
}

#[test]
fn a_segment_that_is_missing_or_in_another_place_is_found() {
    let sample = Sample::of(REQUESTS);
    let lines = sample.lines();
    assert!(lines.len() > 3);
    for segment in 0..lines.len() - 1 {
        let path = &sample.files()[segment];
        fs::remove_file(path).unwrap();
        let proof = sample.verify();
        let missing = Problem::MissingSegment(segment as u64 + 1);
        assert_eq!(proof.findings[0].problem, missing);
        fs::write(path, lines[segment].concat()).unwrap();
        let mut swapped = lines.clone();
        swapped.swap(segment, segment + 1);
        found(&sample, &swapped, segment, 0, "swapped");
        sample.replace(&lines);
    }
    assert!(sample.verify().holds());
}

#[test]
fn a_tail_that_is_cut_off_is_found_by_an_anchor_and_unproven_without() {
    let sample = Sample::of(REQUESTS);
    let lines = sample.lines();
    let places = every_line(&lines);
    // The last line is the anchor itself.
    for &(segment, line) in &places[..places.len() - 1] {
        let mut cut = lines.clone();
        cut[segment].truncate(line);
        cut.truncate(segment + 1);
        sample.replace(&cut);
        for gone in &sample.files()[segment + 1..] {
            fs::remove_file(gone).unwrap();
        }
        let proof = sample.verify();
        assert!(!proof.holds(), "{segment}:{line}");
        let alone = VerifyOptions { anchors: Vec::new(), ..sample.options() };
        let unproven = verify(&sample.path, &alone).unwrap();
        assert!(!unproven.unproven.is_empty(), "{segment}:{line}");
        restore(&sample, &lines);
    }
}

fn restore(sample: &Sample, lines: &[Vec<String>]) {
    for (index, lines) in lines.iter().enumerate() {
        let path = sample.path.join(format!("audit-{:08}.jsonl", index + 1));
        fs::write(path, lines.concat()).unwrap();
    }
}

/// A thief who has the key of the segment that is written now, and rewrites an earlier one.
#[test]
fn a_later_key_cannot_sign_what_was_before() {
    let sample = Sample::of(REQUESTS);
    let lines = sample.lines();
    let seed = fs::read_to_string(sample.path.join("signing-key")).unwrap();
    let thief = forge::Forger::new(seed.trim());
    for segment in 0..lines.len() - 1 {
        let mut forged = lines.clone();
        thief.rewrite(&mut forged[segment..], sample.key.origin());
        sample.replace(&forged);
        let proof = sample.verify();
        let first = proof.findings.first().unwrap_or_else(|| panic!("segment {segment}"));
        assert_eq!(first.path, sample.files()[segment], "{first}");
        assert_eq!(first.problem, Problem::Signature);
    }
    // What the key is for, it can sign: the line is in the segment that is written now.
    let mut forged = lines.clone();
    let last = lines.len() - 1;
    thief.rewrite(&mut forged[last..], sample.key.origin());
    sample.replace(&forged);
    let alone = VerifyOptions { anchors: Vec::new(), ..sample.options() };
    assert!(verify(&sample.path, &alone).unwrap().holds());
    assert!(!sample.verify().holds(), "an anchor finds that as well");
}

#[test]
fn a_checkpoint_of_another_place_is_found() {
    let sample = Sample::of(REQUESTS);
    let lines = sample.lines();
    let is_checkpoint = |(segment, line): &(usize, usize)| {
        lines[*segment][*line].contains("\"kind\":\"checkpoint\"")
    };
    let checkpoints: Vec<_> = every_line(&lines).into_iter().filter(is_checkpoint).collect();
    assert!(checkpoints.len() > 2);
    for pair in checkpoints.windows(2) {
        let (from, (segment, line)) = (pair[0], pair[1]);
        let mut replaced = lines.clone();
        let [old, new] = [&lines[segment][line], &lines[from.0][from.1]].map(|line| note(line));
        let [old, new] = [old, new].map(|note| serde_json::to_string(&note.to_string()).unwrap());
        replaced[segment][line] = lines[segment][line].replace(&old, &new);
        assert_ne!(replaced, lines);
        found(&sample, &replaced, segment, line, "checkpoint");
    }
}

/// A whole log that is made anew proves nothing to whoever has the first key.
#[test]
fn a_log_that_was_made_anew_is_found_by_its_key() {
    let (sample, other) = (Sample::of(REQUESTS), Sample::of(REQUESTS));
    let options = VerifyOptions { keys: vec![sample.key.clone()], anchors: Vec::new() };
    let proof = verify(&other.path, &options).unwrap();
    assert_eq!(proof.findings[0].problem, Problem::UntrustedKey);
    let anchored = VerifyOptions { keys: Vec::new(), anchors: vec![sample.last.clone()] };
    let proof = verify(&other.path, &anchored).unwrap();
    assert!(matches!(proof.findings[0].problem, Problem::ForeignAnchor { .. }));
}

/// The gateway finds that somebody writes to its file, says so, and goes on with another.
#[test]
fn a_change_under_the_running_gateway_is_told() {
    use std::io::Write as _;
    let sample = Sample::of(3);
    let log = open(&sample.path);
    let last = sample.files().pop().unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(&last).unwrap();
    file.write_all(b"{\"kind\":\"request\",\"user\":\"mallory\"}\n").unwrap();
    while segments(&sample.path).unwrap().len() == 1 {
        log.append(Kind::Reload, b"{}");
        assert!(log.flush(PATIENCE));
    }
    until_well(&log);
    log.reserve().unwrap().write(Kind::Request, br#"{"user":"alice"}"#);
    drop(log);
    let proof = sample.verify();
    assert_eq!(proof.findings[0].problem, Problem::Malformed);
    let told = sample.lines().concat().concat();
    assert!(told.contains(r#""kind":"tampered","segment":1,"what":"changed""#), "{told}");
}

mod forge {
    //! Writes lines as the gateway would, with a key that was stolen.

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use ring::digest::{SHA256, digest};
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    pub(super) struct Forger(Ed25519KeyPair);

    impl Forger {
        pub(super) fn new(seed: &str) -> Self {
            Self(Ed25519KeyPair::from_seed_unchecked(&hex::decode(seed).unwrap()).unwrap())
        }

        /// Changes the user in each line, and chains and signs anew what follows.
        pub(super) fn rewrite(&self, segments: &mut [Vec<String>], origin: &str) {
            let mut prev: Option<String> = None;
            for line in segments.iter_mut().flatten() {
                let mut changed = line.replace("alice", "mallory");
                if let Some(prev) = &prev {
                    let begin = changed.find("\"prev\":\"").unwrap() + 8;
                    changed.replace_range(begin..begin + 64, prev);
                    if changed.contains("\"kind\":\"checkpoint\"") {
                        changed = self.sign(&changed, prev, origin);
                    }
                }
                prev = Some(hex::encode(digest(&SHA256, changed.as_bytes())));
                *line = changed;
            }
        }

        fn sign(&self, line: &str, prev: &str, origin: &str) -> String {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let old = value["note"].as_str().unwrap();
            let (text, _) = old.split_once("\n\n").unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines[2] = STANDARD.encode(hex::decode(prev).unwrap());
            let text = lines.join("\n") + "\n";
            let public = self.0.public_key().as_ref();
            let named = [origin.as_bytes(), b"\n\x01", public].concat();
            let hash = digest(&SHA256, &named);
            let id = &hash.as_ref()[..4];
            let signature = STANDARD.encode([id, self.0.sign(text.as_bytes()).as_ref()].concat());
            let new = format!("{text}\n\u{2014} {origin} {signature}\n");
            let [old, new] = [old, &new].map(|note| serde_json::to_string(note).unwrap());
            line.replace(&old, &new)
        }
    }
}
