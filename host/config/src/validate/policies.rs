//! The policies, and the places of their code.

use std::path::Path;
use std::time::Duration;

use stockade_core::{LARGEST_MODULE, PolicyName};
use stockade_yaml::{Diagnostics, Entries, Field, Problem, Spanned, closest, quoted};

use super::LoadContext;
use super::names::Names;
use super::quantities::Quantity;
use crate::raw::RawPolicy;
use crate::regular_file::ReadError;
use crate::types::{ModuleBytes, ModuleLocation, PolicySource};

pub(super) fn policies(
    slot: Field<Entries<RawPolicy>>,
    incomplete: bool,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> (Vec<PolicySource>, Names) {
    let mut names = Names::new("policy");
    if incomplete || slot.is_invalid() {
        names.incomplete();
    }
    let mut policies = Vec::new();
    for (name, raw) in slot.value().unwrap_or_default().0 {
        names.define(&name.value);
        let checked = name.check(diagnostics, |name| PolicyName::new(name));
        if let Some(raw) = raw.optional() {
            policies.extend(policy(checked, raw, context, diagnostics));
        }
    }
    (policies, names)
}

fn policy(
    name: Option<PolicyName>,
    raw: Spanned<RawPolicy>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<PolicySource> {
    let Spanned { at, value: raw } = raw;
    let deadline = Quantity::duration(Duration::from_millis(1)..=Duration::from_secs(1));
    let memory = Quantity::size(64 << 10..=64 << 20);
    let deadline = deadline.read(raw.deadline, diagnostics);
    let memory = memory.read(raw.memory, diagnostics);
    let remember = raw.remember.optional().is_none_or(|remember| remember.value);
    let digest = raw.digest.optional().map(|text| text.check(diagnostics, |text| digest(text)));
    let written = raw.module.required("module", at, diagnostics)?;
    let module = module(&written, context, diagnostics)?;
    Some(PolicySource {
        name: name?,
        module,
        digest: match digest {
            None => None,
            // A pin that cannot be read is not "unpinned".
            Some(read) => Some(read?),
        },
        deadline,
        memory,
        remember,
        at: written.at,
    })
}

fn digest(text: &str) -> Result<[u8; 32], &'static str> {
    const FORM: &str = "a module's digest is written sha256:<64 hex digits>; \
                        `sha256sum` computes it";
    let digits = text.strip_prefix("sha256:").ok_or(FORM)?;
    let mut digest = [0; 32];
    hex::decode_to_slice(digits, &mut digest).map_err(|_| FORM)?;
    Ok(digest)
}

fn module(
    written: &Spanned<String>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<ModuleLocation> {
    let text = written.value.as_str();
    if let Some(name) = text.strip_prefix("builtin/") {
        if context.builtins.contains(&name) {
            return Some(ModuleLocation::Builtin(name.to_owned()));
        }
        let message = format!("there is no shipped policy {}", quoted(text));
        let help = match closest(name, context.builtins.iter().copied()) {
            Some(shipped) => format!("did you mean `builtin/{shipped}`?"),
            None => format!("the shipped ones are {}", context.builtins.join(", ")),
        };
        diagnostics.add(Problem::new(written.at, message).help(help));
        return None;
    }
    let directory = diagnostics.path(written.at.file()).parent().unwrap_or(Path::new(""));
    let path = directory.join(text);
    let problem = match context.sources.read(&path, LARGEST_MODULE) {
        Ok(file_content) => {
            return Some(ModuleLocation::File(path, ModuleBytes(file_content.bytes)));
        }
        Err(ReadError::Missing(_)) => {
            Problem::new(written.at, format!("there is no module file {}", path.display()))
        }
        Err(error) => {
            let message = format!("cannot read the module {}: {error}", path.display());
            let problem = Problem::new(written.at, message);
            diagnostics.add(match error {
                ReadError::TooLarge(_) => problem.help(
                    "a debug build is as large as that: build it with `--release`, or with \
                     `stockade policy build`; so is a component with an interpreter inside, as \
                     tools for JavaScript and Python make them: write it in Rust, C or Zig",
                ),
                _ => problem,
            });
            return None;
        }
    };
    diagnostics.add(if context.builtins.contains(&text) {
        problem.help(format!("did you mean `builtin/{text}`?"))
    } else {
        problem.help("build it there, or write `builtin/…` for a shipped policy")
    });
    None
}
