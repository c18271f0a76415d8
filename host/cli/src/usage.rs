//! `stockade usage`: who has used what.

mod rows;
mod written;

use std::path::{Path, PathBuf};

use anyhow::bail;
use jiff::tz::TimeZone;
use serde_json::json;
use stockade_config::{self as config, Config};
use stockade_core::{ModelName, Operation, UserId};
use stockade_gateway::LEDGER;
use stockade_usage::ledger::{Dimension, LedgerReader, ReportQuery};

use super::since::Span;
use super::{ConfigFile, Ending, Output};
use rows::{By, Rows};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// The rows of the report, one or several with commas: user, group, key, model, operation,
    /// hour, day, month.
    #[arg(long, value_delimiter = ',', default_value = "user")]
    by: Vec<By>,
    #[command(flatten)]
    span: Span,
    /// Only these users.
    #[arg(long = "user")]
    users: Vec<String>,
    /// Only this model.
    #[arg(long)]
    model: Option<String>,
    /// Only this operation.
    #[arg(long)]
    operation: Option<String>,
    /// Print comma-separated values.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let Some((directory, config)) = state_directory(&arguments.file.config, output)? else {
        return Ok(Ending::Misused);
    };
    let path = directory.join(LEDGER);
    if !path.exists() {
        bail!(
            "there is no ledger {}: has a gateway run with this state_directory?",
            path.display()
        );
    }
    let (zone, query) = (&config.time_zone, query(arguments, &config.time_zone)?);
    let reader = LedgerReader::open(&path)?;
    tell_unknown(&reader, &query, zone, output)?;
    let found = reader.report(&query, zone)?;
    let rows = Rows::of(found, &arguments.by, &config.users, zone);
    if arguments.csv {
        Output::raw(written::csv(&rows))?;
    } else {
        output.answer(written::text(&rows), &json!(rows.to_json()))?;
    }
    Ok(Ending::Done)
}

/// Tells of users who are asked for and of whom nothing is known: perhaps nobody has that name.
fn tell_unknown(
    reader: &LedgerReader,
    query: &ReportQuery,
    zone: &TimeZone,
    output: &Output,
) -> anyhow::Result<()> {
    for user in query.users.iter().flatten() {
        let (by, users) = (vec![Dimension::User], Some(vec![user.clone()]));
        let all = ReportQuery { by, users, ..ReportQuery::default() };
        if reader.report(&all, zone)?.is_empty() {
            output.note(format_args!("note: the ledger knows no user {user}"))?;
        }
    }
    Ok(())
}

/// Returns the state directory of a configuration, and the configuration. `None` where that does
/// not load, which is told.
///
/// # Errors
/// Where the configuration names none.
pub(super) fn state_directory(
    path: &Path,
    output: &Output,
) -> anyhow::Result<Option<(PathBuf, Config)>> {
    let config = match config::load(path, stockade_control::shipped::NAMES) {
        Ok(loaded) => loaded.config,
        Err(errors) => {
            output.config_errors(&errors)?;
            return Ok(None);
        }
    };
    let Some(directory) = config.state_directory.clone() else {
        bail!(
            "{} names no `state_directory`, and $STATE_DIRECTORY is not set: the gateway keeps \
             nothing",
            path.display()
        );
    };
    Ok(Some((directory, config)))
}

fn query(arguments: &Arguments, zone: &TimeZone) -> anyhow::Result<ReportQuery> {
    for (at, by) in arguments.by.iter().enumerate() {
        if arguments.by[..at].contains(by) {
            bail!("--by names {} twice", by.name());
        }
    }
    let (since, until) = arguments.span.moments(zone)?;
    let users = arguments.users.iter().map(|name| UserId::new(name));
    let users = users.collect::<Result<Vec<_>, _>>()?;
    let model = arguments.model.as_deref().map(ModelName::parse).transpose()?;
    let operation = arguments.operation.as_deref().map(str::parse::<Operation>).transpose()?;
    Ok(ReportQuery {
        by: arguments.by.iter().flat_map(|by| by.dimensions()).copied().collect(),
        since,
        until,
        users: (!users.is_empty()).then_some(users),
        model,
        operation,
    })
}
