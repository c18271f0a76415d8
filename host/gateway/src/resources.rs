//! The memory and descriptors that this process may use.

use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The values to use where the system does not tell.
const SUPPOSED_MEMORY: u64 = 1 << 30;
const SUPPOSED_DESCRIPTORS: u64 = 1024;

/// The memory of the machine, or of the control group if that has less, in bytes.
pub(crate) fn memory() -> u64 {
    memory_of(Path::new("/"))
}

fn memory_of(root: &Path) -> u64 {
    let machine = text(&root.join("proc/meminfo")).and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1 << 10)
    });
    let groups = text(&root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().filter_map(|line| group_limit(root, line));
    machine.into_iter().chain(limits).min().unwrap_or(SUPPOSED_MEMORY)
}

/// The limit of a line of `/proc/self/cgroup`: the least of the group and of those around it.
fn group_limit(root: &Path, line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':');
    let (_, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
    let (mounted, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        names if names.split(',').any(|name| name == "memory") => {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let mounted = root.join(mounted);
    // In a container the group's name is often the host's, and only the mount itself is there.
    let group = mounted.join(group.trim_start_matches('/'));
    let around = group.ancestors().take_while(|path| path.starts_with(&mounted));
    let limit = |path: PathBuf| text(&path)?.trim().parse::<u64>().ok();
    around.filter_map(|path| limit(path.join(file))).min()
}

fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Returns the number of descriptors that this process may have.
pub(crate) fn descriptors() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Allows this process as many descriptors as it may allow itself. Usual soft limits are 1,024,
/// because of programs that use `select`; this one does not.
pub fn raise_descriptors() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    let raised = Rlimit { current: maximum, maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        let limit = current.unwrap_or(SUPPOSED_DESCRIPTORS);
        tracing::warn!(%error, limit, "cannot raise the limit of open files to the hard one");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> u64 {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        memory_of(root.path())
    }

    #[test]
    fn memory_is_the_least_of_machine_and_control_groups() {
        const MACHINE: (&str, &str) = ("proc/meminfo", "MemTotal:  8000 kB\nMemFree: 1 kB\n");
        const V2: (&str, &str) = ("proc/self/cgroup", "0::/system.slice/stockade.service\n");
        const V1: (&str, &str) = ("proc/self/cgroup", "5:cpu:/x\n4:memory,hugetlb:/docker/1\n");
        let slice = "sys/fs/cgroup/system.slice/memory.max";
        let service = "sys/fs/cgroup/system.slice/stockade.service/memory.max";
        assert_eq!(machine(&[]), SUPPOSED_MEMORY);
        assert_eq!(machine(&[MACHINE]), 8_192_000);
        assert_eq!(machine(&[MACHINE, V2, (service, "max\n"), (slice, "max\n")]), 8_192_000);
        assert_eq!(machine(&[MACHINE, V2, (service, "4096000\n")]), 4_096_000);
        assert_eq!(machine(&[MACHINE, V2, (service, "max\n"), (slice, "4096\n")]), 4096);
        assert_eq!(machine(&[MACHINE, V2, (service, "99999999\n")]), 8_192_000);
        // The group of a container that sees only its own.
        assert_eq!(machine(&[MACHINE, V2, ("sys/fs/cgroup/memory.max", "5000\n")]), 5000);
        let old = "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes";
        assert_eq!(machine(&[MACHINE, V1, (old, "6000\n")]), 6000);
        let old = "sys/fs/cgroup/memory/memory.limit_in_bytes";
        assert_eq!(machine(&[MACHINE, V1, (old, "9223372036854771712\n")]), 8_192_000);
    }
}
