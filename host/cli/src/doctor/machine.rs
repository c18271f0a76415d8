//! The machine, as its files tell it. What is not there is not told.

use std::path::Path;

use serde::Serialize;

use super::gpu::{self, Gpu};

/// The facts about a machine that results may depend on.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Machine {
    pub(super) system: Option<String>,
    pub(super) kernel: Option<String>,
    pub(super) processor: Option<String>,
    /// The number of processors that this process may use.
    pub(super) processors: usize,
    /// Bytes.
    pub(super) memory: Option<u64>,
    pub(super) memory_available: Option<u64>,
    /// The bytes that the control group allows, if it is limited.
    pub(super) memory_limit: Option<u64>,
    pub(super) gpus: Vec<Gpu>,
}

impl Machine {
    /// Reads a machine's files, from `/` or from a copy of them.
    pub(super) async fn read(root: &Path) -> Self {
        let text = |path: &str| std::fs::read_to_string(root.join(path)).ok();
        let memory = text("proc/meminfo").unwrap_or_default();
        let kibibytes = |name: &str| {
            let number = value(&memory, name, ':')?.split_ascii_whitespace().next()?;
            number.parse::<u64>().ok().map(|number| number << 10)
        };
        let limit = text("sys/fs/cgroup/memory.max");
        Self {
            system: text("etc/os-release")
                .and_then(|text| value(&text, "PRETTY_NAME", '=').map(str::to_owned))
                .map(|name| name.trim_matches('"').to_owned()),
            kernel: text("proc/sys/kernel/osrelease")
                .map(|release| format!("{} {}", std::env::consts::OS, release.trim())),
            processor: text("proc/cpuinfo")
                .and_then(|text| value(&text, "model name", ':').map(str::to_owned)),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory: kibibytes("MemTotal"),
            memory_available: kibibytes("MemAvailable"),
            memory_limit: limit.and_then(|text| text.trim().parse().ok()),
            gpus: gpu::find(root).await,
        }
    }
}

/// Returns the text behind a name, on the first line that begins with it.
pub(super) fn value<'t>(text: &'t str, name: &str, separator: char) -> Option<&'t str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(separator));
    pairs.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    #[tokio::test]
    async fn a_machine_is_read_from_its_files() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[
                ("etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
                ("proc/sys/kernel/osrelease", "6.1.0-25-amd64\n"),
                ("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU @ 2.20GHz\n"),
                ("proc/meminfo", "MemTotal:  8000 kB\nMemFree: 1 kB\nMemAvailable: 4000 kB\n"),
                ("sys/fs/cgroup/memory.max", "4096000\n"),
                (
                    "proc/driver/nvidia/version",
                    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.16  Fri\nGCC\n",
                ),
                (
                    "proc/driver/nvidia/gpus/0000:01:00.0/information",
                    "Model: \t\t NVIDIA L4\nIRQ: 1\n",
                ),
                ("sys/class/drm/card1/device/uevent", "DRIVER=amdgpu\nPCI_ID=1002:744C\n"),
                ("sys/class/drm/card1/device/mem_info_vram_total", "25753026560\n"),
                ("sys/class/drm/card1-HDMI-A-1/status", "connected\n"),
                ("sys/class/drm/card2/device/uevent", "DRIVER=nvidia\nPCI_ID=10DE:27B8\n"),
            ],
        );
        let machine = Machine::read(root.path()).await;
        assert_eq!(machine.system.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert!(machine.kernel.as_ref().unwrap().ends_with(" 6.1.0-25-amd64"));
        assert_eq!(machine.processor.as_deref(), Some("Some CPU @ 2.20GHz"));
        assert_eq!(machine.memory, Some(8_192_000));
        assert_eq!(machine.memory_available, Some(4_096_000));
        assert_eq!(machine.memory_limit, Some(4_096_000));
        let gpu = |name: &str, driver: &str, memory| Gpu {
            name: name.to_owned(),
            driver: Some(driver.to_owned()),
            memory,
        };
        let nvidia = gpu("NVIDIA L4", "nvidia 570.86.16", None);
        assert_eq!(machine.gpus, [nvidia, gpu("PCI 1002:744C", "amdgpu", Some(25_753_026_560))]);
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_told() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &[("sys/fs/cgroup/memory.max", "max\n")]);
        let machine = Machine::read(root.path()).await;
        assert_eq!((machine.system, machine.processor, machine.memory), (None, None, None));
        assert_eq!((machine.memory_limit, machine.gpus), (None, vec![]));
        assert!(machine.processors > 0);
    }
}
