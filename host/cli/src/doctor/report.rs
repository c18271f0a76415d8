//! Everything that was found, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::answers::Answer;
use super::caller::Asked;
use super::machine::Machine;
use super::path::DataPath;
use super::upstream::Upstream;

/// The whole report. It holds no secret.
#[derive(Serialize)]
pub(super) struct Report {
    /// The time, in UTC.
    pub(super) at: String,
    pub(super) program: Program,
    pub(super) machine: Machine,
    pub(super) data_path: DataPath,
    pub(super) upstream: Upstream,
    pub(super) asked: Asked,
    pub(super) answers: Vec<Answer>,
}

/// The build of this program.
#[derive(Serialize)]
pub(super) struct Program {
    version: &'static str,
    /// `release` or `debug`.
    profile: &'static str,
    target: &'static str,
    rustc: &'static str,
    wasmtime: &'static str,
}

impl Program {
    pub(super) const fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            profile: env!("STOCKADE_PROFILE"),
            target: env!("STOCKADE_TARGET"),
            rustc: env!("STOCKADE_RUSTC"),
            wasmtime: env!("STOCKADE_WASMTIME"),
        }
    }
}

impl Report {
    /// Tells whether Ollama is there and everything was answered as promised.
    pub(super) fn is_good(&self) -> bool {
        self.upstream.error.is_none() && self.answers.iter().all(|answer| answer.ok)
    }

    fn write_program(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Program { version, profile, target, rustc, wasmtime } = &self.program;
        writeln!(f, "stockade {version} ({profile}, {target}), {}", self.at)?;
        writeln!(f, "  built by {rustc}; policies run in wasmtime {wasmtime}, whose limits were")?;
        writeln!(f, "  tried just now and hold")
    }

    fn write_machine(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        let or_unknown = |text: &Option<String>| text.clone().unwrap_or("unknown".to_owned());
        writeln!(f, "\nmachine")?;
        writeln!(
            f,
            "  system     {}, {}",
            or_unknown(&machine.system),
            or_unknown(&machine.kernel)
        )?;
        writeln!(f, "  processor  {} × {}", machine.processors, or_unknown(&machine.processor))?;
        write!(f, "  memory     {}", bytes(machine.memory))?;
        write!(f, ", {} available", bytes(machine.memory_available))?;
        match machine.memory_limit {
            Some(limit) => writeln!(f, ", {} allowed", bytes(Some(limit)))?,
            None => writeln!(f)?,
        }
        for gpu in &machine.gpus {
            let driver = gpu.driver.as_deref().unwrap_or("no driver");
            let memory = gpu.memory.map(|memory| format!(", {}", bytes(Some(memory))));
            writeln!(f, "  GPU        {} ({driver}{})", gpu.name, memory.unwrap_or_default())?;
        }
        if machine.gpus.is_empty() {
            writeln!(f, "  GPU        none that is visible from here")?;
        }
        Ok(())
    }

    fn write_path(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.data_path;
        writeln!(f, "\ndata path")?;
        writeln!(f, "  configuration  {}", path.config.display())?;
        writeln!(f, "                 {}", path.config_digest)?;
        writeln!(
            f,
            "                 users: {}, bindings: {}, tests that passed: {}",
            path.users, path.bindings, path.tests
        )?;
        for listener in &path.listeners {
            let tls = if listener.tls { "TLS" } else { "plain HTTP" };
            writeln!(f, "  listens on     {} ({tls})", listener.address)?;
        }
        for policy in &path.policies {
            writeln!(f, "  policy         {} from {}", policy.name, policy.module)?;
            writeln!(f, "                 {}", policy.digest)?;
        }
        writeln!(f, "  forwards to    {}", path.upstream)
    }

    fn write_upstream(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let upstream = &self.upstream;
        writeln!(f, "\nOllama")?;
        if let Some(version) = &upstream.version {
            writeln!(f, "  version {version}, {} models", upstream.models.len())?;
        }
        for model in &upstream.models {
            let facts = [&model.parameters, &model.quantization].into_iter().flatten();
            let facts: Vec<_> = facts.cloned().chain([bytes(model.size)]).collect();
            writeln!(f, "    {:<28} {}", model.name, facts.join(", "))?;
        }
        for model in &upstream.loaded {
            let on_gpu = model.size_vram.filter(|size| *size > 0);
            let place = on_gpu.map_or("none of it on a GPU".to_owned(), |size| {
                format!("{} of it on a GPU", bytes(Some(size)))
            });
            writeln!(f, "  loaded: {}, {}, {place}", model.name, bytes(model.size))?;
        }
        match &upstream.error {
            Some(error) => writeln!(f, "  NOT as it should be: {error}"),
            None => Ok(()),
        }
    }

    fn write_answers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nanswers of {}", self.asked)?;
        for answer in &self.answers {
            let mark = if answer.ok { "ok " } else { "NOT" };
            let observed = answer.observed.map_or("none".to_owned(), |status| status.to_string());
            write!(f, "  {mark} {observed}  {}", answer.what)?;
            if !answer.ok {
                write!(f, " (promised: {})", answer.promised)?;
            }
            match &answer.summary {
                Some(summary) => writeln!(f, "\n             {summary}")?,
                None => writeln!(f)?,
            }
            if let Some(measured) = &answer.measured {
                writeln!(f, "             {measured}")?;
            }
        }
        if !self.answers.iter().any(|answer| answer.promised == 403) {
            writeln!(
                f,
                "  --       nothing that is safe to try is denied, so there is no 403 here;"
            )?;
            writeln!(f, "           name a user who is denied something with --user")?;
        }
        Ok(())
    }

    fn write_constraints(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nconstraints")?;
        writeln!(
            f,
            "  The statuses depend on the configuration, not on model size, vector count,"
        )?;
        writeln!(
            f,
            "  CPU/GPU backend or available memory. Which models are listed depends on the"
        )?;
        writeln!(f, "  models that Ollama has.")?;
        let runs = |answer: &&Answer| answer.depends_on.contains(&"model size");
        match self.answers.iter().find(runs) {
            Some(run) => writeln!(
                f,
                "  Text and durations of {} depend on model size, CPU/GPU\n  backend and available \
                 memory.",
                run.what
            ),
            None => writeln!(f, "  No model was loaded or run."),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_program(f)?;
        self.write_machine(f)?;
        self.write_path(f)?;
        self.write_upstream(f)?;
        self.write_answers(f)?;
        self.write_constraints(f)?;
        let end = if self.is_good() {
            "everything is as promised"
        } else {
            "NOT everything is as promised"
        };
        write!(f, "\n{end}")
    }
}

/// A number of bytes as people read it.
fn bytes(number: Option<u64>) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let Some(number) = number else {
        return "unknown".to_owned();
    };
    let mut unit = "B";
    let (mut whole, mut tenths) = (number, 0);
    for next in UNITS {
        if whole < 1024 {
            break;
        }
        (whole, tenths, unit) = (whole / 1024, whole % 1024 * 10 / 1024, next);
    }
    format!("{whole}.{tenths} {unit}")
}
