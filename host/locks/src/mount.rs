//! What a file system was mounted as, from the kernel's own list. Some are told not to ask their server for locks: one
//! machine's locks are nothing to the next one then, and no probe on one machine can tell.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Options that keep locks on this machine: of NFS, SMB and Lustre.
const KEPT_HERE: [&str; 6] =
    ["nolock", "local_lock=all", "local_lock=flock", "local_lock=posix", "nobrl", "localflock"];

/// Served over a network by a program that knows no locks: the kernel grants them on this machine alone.
const WITHOUT: [&str; 5] =
    ["fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.goofys"];

/// How the file system of a file is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Its type, such as `nfs4`.
    pub(crate) kind: String,
    /// What says that its locks reach no other machine.
    pub(crate) alone: Option<String>,
}

/// `None`: the list says nothing of it.
pub(crate) fn of(path: &Path) -> Option<Mount> {
    let device = fs::metadata(path).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    parse(&fs::read_to_string("/proc/self/mountinfo").ok()?, &format!("{major}:{minor}"))
}

/// See `proc_pid_mountinfo(5)`: the device is the third word; type, source and options come after a dash.
fn parse(list: &str, device: &str) -> Option<Mount> {
    let line = list.lines().find(|line| line.split(' ').nth(2) == Some(device))?;
    let (_, of_type) = line.split_once(" - ")?;
    let mut words = of_type.split(' ');
    let kind = words.next()?;
    let mut options = words.nth(1).unwrap_or_default().split(',');
    let alone = match options.find(|option| KEPT_HERE.contains(option)) {
        Some(option) => Some(format!("mounted with `{option}`")),
        None if WITHOUT.contains(&kind) => Some("its server knows none".to_owned()),
        None => None,
    };
    Some(Mount { kind: kind.to_owned(), alone })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
90 22 0:52 / /home rw,relatime shared:48 - nfs4 server:/home rw,vers=4.2,hard,local_lock=none,addr=10.0.0.1
91 22 0:53 / /old rw - nfs server:/old rw,vers=3,nolock,proto=tcp,local_lock=all
92 22 0:54 / /share rw master:3 shared:9 - cifs //server/share rw,nobrl,uid=1000
93 22 0:55 / /mnt/a\\040b rw - fuse.sshfs ann@server:/ rw,user_id=1000
";

    #[test]
    fn the_options_say_whether_locks_leave_this_machine() {
        let alone = |device: &str| parse(LIST, device).map(|mount| (mount.kind, mount.alone));
        let of = |kind: &str, why: Option<&str>| Some((kind.to_owned(), why.map(str::to_owned)));
        assert_eq!(alone("8:1"), of("ext4", None));
        assert_eq!(alone("0:52"), of("nfs4", None));
        assert_eq!(alone("0:53"), of("nfs", Some("mounted with `nolock`")));
        assert_eq!(alone("0:54"), of("cifs", Some("mounted with `nobrl`")));
        assert_eq!(alone("0:55"), of("fuse.sshfs", Some("its server knows none")));
        assert_eq!(alone("0:5"), None);
    }
}
