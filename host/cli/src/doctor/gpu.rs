//! Graphics processors that can be seen from here. Ollama may see others, where it runs
//! on another machine or in another container.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use tokio::process::Command;

use super::machine::value;

/// One that is there.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Gpu {
    pub(super) name: String,
    pub(super) driver: Option<String>,
    /// Bytes.
    pub(super) memory: Option<u64>,
}

/// Those that the kernel shows. Only where it shows none of NVIDIA's is their own program
/// asked: in some virtual machines nothing else knows of them.
pub(super) async fn find(root: &Path) -> Vec<Gpu> {
    let mut found = nvidia(root);
    if found.is_empty() && root == Path::new("/") {
        found = nvidia_smi().await;
    }
    found.extend(others(root));
    found
}

fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The entries of a directory in the order of their names.
fn entries(directory: &Path) -> Vec<std::path::PathBuf> {
    let read = std::fs::read_dir(directory).into_iter().flatten();
    let mut entries: Vec<_> = read.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

fn nvidia(root: &Path) -> Vec<Gpu> {
    let driver = root.join("proc/driver/nvidia");
    let version = text(&driver.join("version")).and_then(|text| {
        let mut words = text.lines().next()?.split_whitespace();
        // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.16  …"
        words
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
            .map(|version| format!("nvidia {version}"))
    });
    let gpus = entries(&driver.join("gpus")).into_iter().filter_map(|gpu| {
        let name = value(&text(&gpu.join("information"))?, "Model", ':')?.to_owned();
        Some(Gpu { name, driver: version.clone(), memory: None })
    });
    gpus.collect()
}

/// The longest time that NVIDIA's program may take.
const PATIENCE: Duration = Duration::from_secs(5);

async fn nvidia_smi() -> Vec<Gpu> {
    let mut command = Command::new("nvidia-smi");
    command
        .args(["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let Ok(Ok(output)) = tokio::time::timeout(PATIENCE, command.output()).await else {
        return Vec::new();
    };
    if !output.status.success() {
        return Vec::new();
    }
    String::from_utf8_lossy(&output.stdout).lines().filter_map(smi_line).collect()
}

/// `NVIDIA L4, 570.86.16, 23034`
fn smi_line(line: &str) -> Option<Gpu> {
    let mut fields = line.split(',').map(str::trim);
    let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
    let driver = fields.next().map(|version| format!("nvidia {version}"));
    let mebibytes = fields.next().and_then(|text| text.parse::<u64>().ok());
    Some(Gpu { name, driver, memory: mebibytes.map(|number| number << 20) })
}

/// Cards of other makers, by their PCI numbers.
fn others(root: &Path) -> Vec<Gpu> {
    let cards = entries(&root.join("sys/class/drm")).into_iter().filter(|card| {
        let name = card.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // Not the connectors, which are called card0-HDMI-A-1.
        name.strip_prefix("card").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
    });
    let read = |card: std::path::PathBuf| {
        let facts = text(&card.join("device/uevent"))?;
        let driver = value(&facts, "DRIVER", '=').map(str::to_owned);
        let memory = text(&card.join("device/mem_info_vram_total"));
        Some(Gpu {
            name: format!("PCI {}", value(&facts, "PCI_ID", '=')?),
            driver: driver.filter(|driver| driver != "nvidia").map(Some)?,
            memory: memory.and_then(|text| text.trim().parse().ok()),
        })
    };
    cards.filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nvidias_program_is_understood() {
        let gpu = smi_line("NVIDIA L4, 570.86.16, 23034").unwrap();
        assert_eq!((gpu.name.as_str(), gpu.memory), ("NVIDIA L4", Some(24_152_899_584)));
        assert_eq!(gpu.driver.as_deref(), Some("nvidia 570.86.16"));
        assert_eq!(smi_line("X, 1.2, [N/A]").unwrap().memory, None);
        assert_eq!(smi_line(""), None);
    }
}
