//! The policy SDK as it is embedded, so that `stockade policy new` needs no registry: its
//! sources, with manifests that stand without this workspace.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Write a Rust expression: each file's path in the SDK with its text.
pub(crate) fn embed(workspace: &Path, out_dir: &Path) -> Result<()> {
    let root = workspace.join("policy-sdk");
    let workspace_manifest = std::fs::read_to_string(workspace.join("Cargo.toml"))?;
    let mut table = String::from("&[\n");
    for file in files(&root)? {
        let name = file.strip_prefix(&root)?.to_str().ok_or("a path is not UTF-8")?.to_owned();
        let mut source = file.canonicalize()?;
        if name.ends_with("Cargo.toml") {
            let manifest = standing_alone(&std::fs::read_to_string(&file)?, &workspace_manifest)?;
            source = out_dir.join(name.replace('/', "-"));
            std::fs::write(&source, manifest)?;
        }
        writeln!(table, "    ({name:?}, include_str!({:?})),", source.display().to_string())?;
    }
    table.push_str("]\n");
    std::fs::write(out_dir.join("sdk.rs"), table)?;
    Ok(())
}

/// Everything but the SDK's own tests, in the order of the paths.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "tests" || name == "target" || name == "tests.rs" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// A manifest without what it inherits: `name.workspace = true` becomes what the workspace's
/// manifest says. Lints and what only tests need are left out.
fn standing_alone(manifest: &str, workspace: &str) -> Result<String> {
    let mut out = String::from("# From Stockade's source.\n");
    let mut section = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            line.clone_into(&mut section);
        }
        if section == "[lints]" || section == "[dev-dependencies]" {
            continue;
        }
        let inherited = match line.strip_suffix(".workspace = true") {
            Some(name) if section == "[package]" => entry(workspace, "[workspace.package]", name)?,
            Some(name) => entry(workspace, "[workspace.dependencies]", name)?,
            None => line,
        };
        // The paths among them lead from the SDK's directory now.
        writeln!(out, "{}", inherited.replace("{ path = \"policy-sdk/", "{ path = \""))?;
    }
    Ok(out)
}

/// One line of the workspace's manifest.
fn entry<'m>(manifest: &'m str, section: &str, name: &str) -> Result<&'m str> {
    let lines = manifest.lines().skip_while(|line| *line != section).skip(1);
    let mut lines = lines.take_while(|line| !line.starts_with('['));
    let start = format!("{name} = ");
    let found = lines.find(|line| line.starts_with(&start));
    let found = found.ok_or_else(|| format!("there is no {name} in {section}"))?;
    // A value that goes on in the next line would be cut off here.
    if found.ends_with('{') || found.ends_with('[') {
        return Err(format!("write {name} in {section} on one line: build/sdk.rs reads it").into());
    }
    Ok(found)
}
