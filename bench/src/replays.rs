//! Replay: a long log judged by a candidate.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use stockade_control::replay::Replay;

use crate::scenario::{engine, generation};

/// Users and models of the log, which make 20,000 different questions.
const USERS: usize = 1_000;
const MODELS: usize = 20;
/// Threads that judge, besides the one that reads.
const THREADS: usize = 2;

/// Judges a log of so many lines, and returns the seconds. One line in 40 is a new refusal.
///
/// # Errors
/// Where it cannot be set up, or the report is not that.
pub fn seconds(lines: usize) -> anyhow::Result<f64> {
    let directory = tempfile::tempdir()?;
    let log = directory.path().join("gateway.log");
    write(&log, lines)?;
    let candidate = Arc::new(generation(&engine()?, &configuration())?);
    let started = Instant::now();
    let report = Replay::of(candidate).run(&[log], THREADS)?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(report.judged == lines as u64, "{} lines were judged", report.judged);
    ensure!(report.refusals == lines as u64 / 40, "{} would be refused", report.refusals);
    Ok(seconds)
}

/// Four shipped policies, one of which looks at the time, and a new rule: half of the users may not
/// use one model any more.
fn configuration() -> String {
    let mut users = String::new();
    for number in 0..USERS {
        let group = if number % 2 == 0 { "staff" } else { "interns" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            users,
            "  user-{number}: {{ groups: [{group}], keys: [{{ id: key-{number}, sha256: '{number:064x}' }}] }}"
        );
    }
    format!(
        "users:
{users}groups: [staff, interns]
policies:
  model-access: {{ module: builtin/model-access }}
  request-caps: {{ module: builtin/request-caps }}
  endpoint-access: {{ module: builtin/endpoint-access }}
  working-hours: {{ module: builtin/working-hours }}
  rules: {{ module: builtin/rules }}
bindings:
  - {{ name: models, subjects: everyone, policy: model-access, settings: {{ allow: ['team/*'] }} }}
  - {{ name: caps, subjects: everyone, policy: request-caps, settings: {{ images: 4 }} }}
  - {{ name: apis, subjects: everyone, policy: endpoint-access, settings: {{ deny: [web-search] }} }}
  - {{ name: hours, subjects: everyone, policy: working-hours, settings: {{ hours: [{{ from: '00:00', to: '24:00' }}] }} }}
  - {{ name: new, subjects: everyone, policy: rules, settings: {{ rules: [{{ when: any model.name = 'team/model-0' and groups contains interns, then: deny, reason: no }}] }} }}
"
    )
}

/// Writes a log such as a gateway writes it.
fn write(path: &Path, lines: usize) -> anyhow::Result<()> {
    let mut log = BufWriter::new(File::create(path)?);
    for number in 0..lines {
        // Both run through all pairs of users and models.
        let (user, model) = (number % USERS, (number / USERS + number % USERS / 2) % MODELS);
        let group = if user % 2 == 0 { "staff" } else { "interns" };
        let at = 1_783_425_600 + number / 20;
        writeln!(
            log,
            r#"{{"timestamp":"2026-07-07T12:00:00.000000Z","level":"INFO","schema":1,"request":"req_{number:024x}","generation":1,"peer":"127.0.0.1:40112","method":"POST","path":"/api/chat","user":"user-{user}","groups":["{group}"],"proof":"api-key","credential":"key-{user}","operation":"chat","models":[{{"name":"team/model-{model}:latest","role":"use"}}],"decision_input":{{"at":{at},"api":"native","address":"192.0.2.7","transport":"plain","parameters":{{"streaming":true,"context":{context}}},"catalogue":[{{"name":"team/model-{model}:latest","facts":{{"digest":"a80c4f17acd55265","bytes":2019393189,"parameters":3200000000,"quantization":"Q4_K_M","family":"llama","loaded":true}}}}],"prompt":{{"bytes":{bytes},"system":true}}}},"decision":"permit","allowed_by":["models"],"outcome":"complete","status":200,"bytes":4410,"prompt_tokens":11,"output_tokens":42,"total_duration":5000000,"load_duration":1000000,"prompt_eval_duration":1000000,"eval_duration":3000000,"microseconds":5321,"target":"stockade::request"}}"#,
            context = 2048 + user % 7,
            bytes = number % 5_000,
        )?;
    }
    Ok(log.flush()?)
}
