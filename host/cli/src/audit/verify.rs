//! `stockade audit verify`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::json;
use stockade_audit::{Proof, SignedNote, VerifierKey, VerifyOptions, verify};
use stockade_usage::numbers::grouped;

use super::place::{Log, Place};
use super::selection::shown;
use crate::{Ending, Output};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// A key that is trusted: the text of `key.pub`, kept since the log was begun, or a file with it.
    #[arg(long = "key", value_name = "KEY|FILE")]
    keys: Vec<String>,
    /// A file with checkpoints that were kept elsewhere: as `stockade audit head` prints them, or
    /// lines of the gateway's log in JSON, or those of the file or server of `anchors`.
    #[arg(long, value_name = "FILE")]
    anchors: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let Some(log) = arguments.place.find(output)? else { return Ok(Ending::Misused) };
    let keys = arguments.keys.iter().map(|key| read_key(key)).collect::<anyhow::Result<_>>()?;
    let mut anchors = Vec::new();
    for file in &arguments.anchors {
        anchors.extend(read_anchors(file)?);
    }
    let proof = verify(&log.directory, &VerifyOptions { keys, anchors })?;
    if proof.segments == 0 {
        bail!("there is no audit log in {}: it has no segments", log.directory.display());
    }
    output.answer(text(&log, &proof), &value(&proof))?;
    Ok(if proof.holds() { Ending::Done } else { Ending::Negative })
}

fn read_key(written: &str) -> anyhow::Result<VerifierKey> {
    if let Ok(key) = written.parse() {
        return Ok(key);
    }
    let text = fs::read_to_string(written)
        .with_context(|| format!("{written} is neither a key nor a file that can be read"))?;
    text.trim().parse().with_context(|| format!("there is no key in {written}"))
}

/// Reads all checkpoints of a file: notes as they are, and members of JSON lines.
fn read_anchors(path: &PathBuf) -> anyhow::Result<Vec<SignedNote>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let member = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let note = line.get("checkpoint").or_else(|| line.get("note"))?;
        note.as_str()?.parse().ok()
    };
    let mut found: Vec<SignedNote> = text.lines().filter_map(member).collect();
    found.extend(bare_notes(&text));
    if found.is_empty() {
        bail!("there is no checkpoint in {}", path.display());
    }
    Ok(found)
}

/// Returns the notes that stand in a text as they are: four or five lines, an empty one, and the
/// signature.
fn bare_notes(text: &str) -> Vec<SignedNote> {
    let lines: Vec<&str> = text.lines().collect();
    let note = |length: usize| {
        let notes = lines.windows(length).map(|lines| lines.join("\n") + "\n");
        notes.filter_map(|note| note.parse().ok())
    };
    note(6).chain(note(7)).collect()
}

fn text(log: &Log, proof: &Proof) -> String {
    let mut text = String::new();
    let Proof { lines, segments, checkpoints, anchors, .. } = proof;
    let _ = writeln!(
        text,
        "{}: {} lines in {} segments, {} checkpoints",
        log.directory.display(),
        grouped(*lines),
        grouped(*segments),
        grouped(*checkpoints),
    );
    for finding in &proof.findings {
        let _ = writeln!(text, "WRONG {finding}");
    }
    if proof.more_findings > 0 {
        let _ = writeln!(text, "WRONG and {} more findings", grouped(proof.more_findings));
    }
    if let (true, Some((line, time))) = (proof.holds(), proof.proven) {
        let time = shown(Some(time), &log.zone);
        let _ = writeln!(text, "sound: lines up to {} are signed, on {time}", grouped(line));
    }
    if *anchors > 0 {
        let _ =
            writeln!(text, "{} checkpoints that were kept elsewhere are in it", grouped(*anchors));
    }
    for unproven in &proof.unproven {
        let _ = writeln!(text, "not proven: {unproven}");
    }
    text.trim_end().to_owned()
}

fn value(proof: &Proof) -> serde_json::Value {
    let findings = proof.findings.iter().map(|finding| {
        let file = finding.path.display().to_string();
        json!({"file": file, "line": finding.line, "problem": finding.problem.to_string()})
    });
    json!({
        "ok": proof.holds(),
        "lines": proof.lines,
        "segments": proof.segments,
        "checkpoints": proof.checkpoints,
        "last": proof.last,
        "head": proof.head.map(|hash| hash.to_string()),
        "signed_up_to": proof.proven.map(|(line, _)| line),
        "anchors": proof.anchors,
        "findings": findings.collect::<Vec<_>>(),
        "more_findings": proof.more_findings,
        "unproven": proof.unproven.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
