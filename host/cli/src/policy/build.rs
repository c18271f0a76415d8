//! `stockade policy build`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;
use stockade_engine::Digest;

use super::toolchain;
use crate::{Ending, Output};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The directory of the policy, with a crate, policy.c or policy.zig.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Put a copy of the module here, in one step: a gateway that watches the file never
    /// sees half of it.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let mut path = toolchain::build(&arguments.directory)?;
    let module = std::fs::read(&path)?;
    stockade_engine::check_module(&module)
        .with_context(|| format!("{} is built, and is no policy", path.display()))?;
    if let Some(out) = &arguments.out {
        replace(out, &module)?;
        path.clone_from(out);
    }
    answer_written(&path, &module, output)
}

/// Tells where a module is, its size and its digest.
pub(super) fn answer_written(
    path: &Path,
    module: &[u8],
    output: &Output,
) -> anyhow::Result<Ending> {
    let digest = Digest::of(module);
    output.answer(
        format_args!("{}\n{} bytes\n{digest}", path.display(), module.len()),
        &json!({ "path": path, "bytes": module.len(), "digest": digest.to_string() }),
    )?;
    Ok(Ending::Done)
}

/// Writes a module in one step.
pub(super) fn replace(path: &Path, module: &[u8]) -> anyhow::Result<()> {
    write(path, module).with_context(|| format!("cannot write {}", path.display()))
}

fn write(path: &Path, module: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new();
    #[cfg(unix)]
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = file.tempfile_in(directory)?;
    file.write_all(module)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
