//! `stockade replay`: what a configuration would have decided about requests of the past.

mod markdown;
mod text;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::bail;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use stockade_control::generation::Generation;
use stockade_control::replay::{Filter, Replay, Report};
use stockade_core::record::SCHEMA;
use stockade_core::{ModelName, UserId};

use super::since::Span;
use super::{Ending, Output, check};
pub(super) use text::Written;

/// The most threads that judge.
const MOST_THREADS: usize = 8;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Logs of JSON lines, audit segments, or directories of those (`*.jsonl`); `-` for standard
    /// input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The candidate: the configuration that judges.
    #[arg(long, short, default_value = "stockade.yaml")]
    config: PathBuf,
    /// Compare with what this configuration decides, instead of what was decided then.
    #[arg(long)]
    against: Option<PathBuf>,
    #[command(flatten)]
    span: Span,
    /// Only requests of this user; may be repeated.
    #[arg(long = "user")]
    users: Vec<String>,
    /// Only requests with this model; may be repeated.
    #[arg(long = "model", value_parser = ModelName::parse)]
    models: Vec<ModelName>,
    /// The form of the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// End with 1 if anything changes, or could not be judged; without it, if a request would be
    /// refused.
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let json = Output::new(true);
    let output = if arguments.format == Format::Json { &json } else { output };
    let Some(candidate) = load(&arguments.config, output)? else { return Ok(Ending::Misused) };
    let zone = candidate.config.time_zone.clone();
    let mut replay = Replay::of(candidate).only(filter(arguments, &zone)?);
    if let Some(against) = &arguments.against {
        let Some(against) = load(against, output)? else { return Ok(Ending::Misused) };
        replay = replay.against(against);
    }
    let threads = available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS));
    let report = replay.run(&arguments.files, threads)?;
    check_found(arguments, &report)?;
    let written = Written { report: &report, zone: &zone };
    match arguments.format {
        Format::Markdown if !output.is_json() => Output::raw(markdown::page(&written))?,
        _ => output.answer(&written, &json!(report))?,
    }
    Ok(ending(&report, arguments.strict))
}

/// Loads a configuration; `None` where it does not load, which is told.
fn load(path: &std::path::Path, output: &Output) -> anyhow::Result<Option<Arc<Generation>>> {
    match check::load(path)? {
        Ok(generation) => Ok(Some(Arc::new(generation))),
        Err(errors) => {
            output.config_errors(&errors)?;
            Ok(None)
        }
    }
}

fn filter(arguments: &Arguments, zone: &TimeZone) -> anyhow::Result<Filter> {
    let (since, until) = arguments.span.moments(zone)?;
    let users = arguments.users.iter().map(|name| UserId::new(name));
    Ok(Filter {
        since,
        until,
        users: users.collect::<Result<_, _>>()?,
        models: arguments.models.clone(),
    })
}

/// A report about nothing must not pass for one that nothing changes.
fn check_found(arguments: &Arguments, report: &Report) -> anyhow::Result<()> {
    if report.requests > 0 {
        return Ok(());
    }
    let names: Vec<_> = arguments.files.iter().map(|file| file.display().to_string()).collect();
    let names = names.join(", ");
    match report.unreadable {
        0 => bail!(
            "{names}: no request is told of here that was asked for; logs are read as JSON \
             (`log: {{ format: json }}`)"
        ),
        lines => bail!(
            "{names}: {lines} records were not written by this version, which reads schema {SCHEMA}"
        ),
    }
}

fn ending(report: &Report, strict: bool) -> Ending {
    let is_sure = report.changes_nothing() && report.unjudged() == 0 && report.unreadable == 0;
    if report.refusals > 0 || (strict && !is_sure) { Ending::Negative } else { Ending::Done }
}

/// Returns a time as clocks in a zone show it.
pub(super) fn shown(seconds: u64, zone: &TimeZone) -> String {
    let stamp = i64::try_from(seconds).ok().and_then(|at| Timestamp::from_second(at).ok());
    let shown = stamp.map(|stamp| stamp.to_zoned(zone.clone()).strftime("%F %H:%M").to_string());
    shown.unwrap_or_else(|| seconds.to_string())
}
