//! The others who can read or write the file of a secret.
//!
//! Kubernetes gives the files of a Secret to the group of the pod (`fsGroup`, mode 0440),
//! Debian those of TLS to the group `ssl-cert` (0640): a group that the process is in was given
//! the file on purpose. Docker's secrets can be read by everybody in the container (0444), on a
//! mount that nobody can write.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::raw::Permissions;
use crate::regular_file::Content;

const WRITTEN_BY_GROUP: u32 = 0o020;
const USED_BY_GROUP: u32 = 0o070;
const USED_BY_OTHERS: u32 = 0o007;

/// The process that reads secrets, and what its configuration lets pass.
pub(super) struct Reader {
    groups: Vec<u32>,
    permissions: Permissions,
}

/// The fault in the permissions of a file, and its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exposure {
    mode: u32,
    kind: Kind,
    path: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Everybody.
    Others,
    /// Everybody, on a mount that is read-only.
    OthersReadOnly,
    /// Everybody, on a mount that can be written, where `permissions: any` is set.
    OthersWritable,
    /// A group that this process is not in.
    ForeignGroup(u32),
    /// A group may replace the secret.
    WritingGroup(u32),
}

impl Reader {
    pub(super) fn this_process(permissions: Permissions) -> Self {
        // More than the system tells is less than it is: nothing is accepted then.
        let mut groups: Vec<u32> = rustix::process::getgroups()
            .map(|all| all.into_iter().map(rustix::process::Gid::as_raw).collect())
            .unwrap_or_default();
        groups.push(rustix::process::getegid().as_raw());
        Self { groups, permissions }
    }

    /// The reason why a file is not taken; `None` for one that is.
    pub(super) fn exposure(&self, path: &Path, content: &Content) -> Option<Exposure> {
        let mode = content.stat.mode & 0o7777;
        let kind = self.kind(mode, content.stat.group, content.read_only)?;
        Some(Exposure { mode, kind, path: path.to_owned() })
    }

    fn kind(&self, mode: u32, group: u32, read_only: bool) -> Option<Kind> {
        let any = self.permissions == Permissions::Any;
        if any && read_only {
            return None;
        }
        if mode & USED_BY_OTHERS != 0 {
            return Some(match (any, read_only) {
                (true, _) => Kind::OthersWritable,
                (false, true) => Kind::OthersReadOnly,
                (false, false) => Kind::Others,
            });
        }
        if mode & USED_BY_GROUP == 0 {
            return None;
        }
        match () {
            () if !self.groups.contains(&group) => Some(Kind::ForeignGroup(group)),
            () if mode & WRITTEN_BY_GROUP != 0 => Some(Kind::WritingGroup(group)),
            () => None,
        }
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, kind, path } = self;
        let path = path.display();
        match kind {
            Kind::Others => {
                write!(f, "can be read by others (mode {mode:04o}); run `chmod 600 {path}`")
            }
            Kind::OthersReadOnly => write!(
                f,
                "can be read by others (mode {mode:04o}); where nobody else is in this container, \
                 write `secret_files: {{ permissions: any }}`, because its mount is read-only"
            ),
            Kind::OthersWritable => write!(
                f,
                "can be read by others (mode {mode:04o}), and `permissions: any` holds only for \
                 mounts that are read-only; mount it so, or run `chmod 600 {path}`"
            ),
            Kind::ForeignGroup(group) => write!(
                f,
                "can be read by others (mode {mode:04o}), those of the group {group}, which this \
                 process is not in; run `chmod 600 {path}`, or run the gateway, and this command, \
                 in that group"
            ),
            Kind::WritingGroup(group) => write!(
                f,
                "can be replaced by its group {group} (mode {mode:04o}); run `chmod g-w {path}`"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Reader};
    use crate::raw::Permissions;

    #[test]
    fn a_group_of_the_process_may_read_and_nobody_else() {
        let own = Reader { groups: vec![0, 101], permissions: Permissions::Own };
        let any = Reader { groups: vec![0, 101], permissions: Permissions::Any };
        let foreign = Some(Kind::ForeignGroup(7));
        let writing = Some(Kind::WritingGroup(101));
        for (mode, group, read_only, by_own, by_any) in [
            (0o400, 7, false, None, None),
            (0o600, 7, false, None, None),
            (0o700, 7, false, None, None),
            (0o440, 101, false, None, None),
            (0o440, 0, true, None, None),
            (0o640, 101, false, None, None),
            (0o550, 101, false, None, None),
            (0o440, 7, false, foreign, foreign),
            (0o640, 7, false, foreign, foreign),
            (0o640, 7, true, foreign, None),
            (0o410, 7, false, foreign, foreign),
            (0o660, 101, false, writing, writing),
            (0o620, 101, false, writing, writing),
            (0o444, 101, false, Some(Kind::Others), Some(Kind::OthersWritable)),
            (0o444, 0, true, Some(Kind::OthersReadOnly), None),
            (0o604, 101, false, Some(Kind::Others), Some(Kind::OthersWritable)),
            (0o602, 101, false, Some(Kind::Others), Some(Kind::OthersWritable)),
            (0o777, 0, true, Some(Kind::OthersReadOnly), None),
        ] {
            assert_eq!(own.kind(mode, group, read_only), by_own, "{mode:o} {group} {read_only}");
            assert_eq!(any.kind(mode, group, read_only), by_any, "{mode:o} {group} {read_only}");
        }
    }

    #[test]
    fn a_file_of_the_effective_group_is_read_by_this_process() {
        let reader = Reader::this_process(Permissions::Own);
        let own = rustix::process::getegid().as_raw();
        assert_eq!(reader.kind(0o440, own, false), None);
    }
}
