//! The lines that somebody wants to see.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use stockade_audit::{Envelope, LineReader};
use stockade_core::record::Decision;
use stockade_core::{ModelPattern, UnixTime};

use super::place::Log;
use crate::since::Span;

/// The filters; all of them have to fit.
#[derive(clap::Args)]
pub(super) struct Selection {
    #[command(flatten)]
    span: Span,
    /// Only requests of this user.
    #[arg(long)]
    user: Option<String>,
    /// Only requests that name such a model; a pattern as in bindings.
    #[arg(long)]
    model: Option<String>,
    /// Only requests with this decision: permit, refuse, none.
    #[arg(long, value_parser = decision)]
    decision: Option<Decision>,
    /// Only lines of this kind, such as request, reload, gap.
    #[arg(long)]
    kind: Option<String>,
    /// Only this request.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
}

/// A line that fits.
pub(super) struct Found {
    pub(super) time: Option<UnixTime>,
    pub(super) kind: String,
    /// The whole line.
    pub(super) line: Value,
}

fn decision(text: &str) -> Result<Decision, String> {
    let word = Value::String(text.to_owned());
    serde_json::from_value(word).map_err(|_| "it is permit, refuse or none".to_owned())
}

impl Selection {
    /// Hands each line that fits to `take`, as it stands and as it is read.
    ///
    /// # Errors
    /// Where a filter cannot be understood, the log cannot be read, or `take` fails.
    pub(super) fn each(
        &self,
        log: &Log,
        mut take: impl FnMut(&[u8], Found) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let filter = self.filter(&log.zone)?;
        let mut lines = LineReader::open(&log.directory)?;
        while let Some(line) = lines.next_line()? {
            let Ok(envelope) = Envelope::parse(line) else { continue };
            let (time, kind) = (envelope.written(), envelope.kind.to_owned());
            if !filter.takes_time(time) || self.kind.as_ref().is_some_and(|wanted| *wanted != kind)
            {
                continue;
            }
            let Ok(value) = serde_json::from_slice::<Value>(line) else { continue };
            if filter.takes(&value) {
                take(line, Found { time, kind, line: value })?;
            }
        }
        Ok(())
    }

    fn filter(&self, zone: &TimeZone) -> anyhow::Result<Filter<'_>> {
        let (since, until) = self.span.moments(zone)?;
        Ok(Filter {
            since,
            until,
            user: self.user.as_deref(),
            model: self.model.as_deref().map(str::parse).transpose()?,
            decision: self.decision,
            request: self.request.as_deref(),
        })
    }
}

struct Filter<'a> {
    since: Option<UnixTime>,
    until: Option<UnixTime>,
    user: Option<&'a str>,
    model: Option<ModelPattern>,
    decision: Option<Decision>,
    request: Option<&'a str>,
}

impl Filter<'_> {
    fn takes_time(&self, time: Option<UnixTime>) -> bool {
        let Some(time) = time else { return self.since.is_none() && self.until.is_none() };
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }

    fn takes(&self, line: &Value) -> bool {
        let is = |name: &str, wanted: Option<&str>| {
            wanted.is_none_or(|wanted| line[name].as_str() == Some(wanted))
        };
        let names = |pattern: &ModelPattern| {
            let models = line["models"].as_array().into_iter().flatten();
            let names = models.filter_map(|model| model["name"].as_str());
            let mut names = names.filter_map(|name| stockade_core::ModelName::parse(name).ok());
            names.any(|name| pattern.matches(&name))
        };
        let decided = |wanted: Decision| {
            serde_json::from_value::<Decision>(line["decision"].clone()).ok() == Some(wanted)
        };
        is("user", self.user)
            && is("request", self.request)
            && self.decision.is_none_or(decided)
            && self.model.as_ref().is_none_or(names)
    }
}

/// Returns a time as a person reads it.
pub(super) fn shown(time: Option<UnixTime>, zone: &TimeZone) -> String {
    let seconds = time.and_then(|time| i64::try_from(time.as_secs()).ok());
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let shown = time.map(|time| time.to_zoned(zone.clone()).strftime("%F %T").to_string());
    shown.unwrap_or_default()
}
