//! How far the files of a file system are seen, by its type alone.

use rustix::fs::{StatFs, fstatfs, statfs};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

/// From where files may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// From this machine alone, whose kernel keeps the locks.
    Machine,
    /// From several machines.
    Network,
    /// That can't be told by the type: whoever serves it may do anything.
    Unknown,
}

/// Types whose locks are the kernel's own: ext2 to ext4, XFS, Btrfs, tmpfs, ramfs, overlayfs, ZFS, F2FS, bcachefs, JFS,
/// FAT, exFAT, NTFS.
const MACHINE: [u64; 14] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0x0102_1994,
    0x8584_58f6,
    0x794c_7630,
    0x2fc1_2fc1,
    0xf2f5_2010,
    0xca45_1a4e,
    0x3153_464a,
    0x4d44,
    0x2011_bab0,
    0x7366_746e,
    0x5346_544e,
];

/// Types that several machines share: NFS, SMB in three ages, AFS in two kinds, Coda, Ceph, Lustre, GPFS, OCFS2 and GFS2.
const NETWORK: [u64; 11] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x5346_414f,
    0x6b41_4653,
    0x7375_7245,
    0x00c3_6400,
    0x0bd0_0bd0,
    0x4750_4653,
    0x0116_1970,
];

/// From where the file system of an open file or folder may be changed.
pub fn reach(of: impl AsFd) -> io::Result<Reach> {
    Ok(by_answer(&fstatfs(of)?))
}

/// The same of what is at this path.
pub fn reach_at(path: &Path) -> io::Result<Reach> {
    Ok(by_answer(&statfs(path)?))
}

fn by_answer(answer: &StatFs) -> Reach {
    by_type(u64::try_from(answer.f_type).unwrap_or(0))
}

fn by_type(number: u64) -> Reach {
    if MACHINE.contains(&number) {
        Reach::Machine
    } else if NETWORK.contains(&number) {
        Reach::Network
    } else {
        // 9p and all that goes through FUSE among them.
        Reach::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn a_type_is_of_this_machine_of_many_or_anybodys_guess() {
        for (number, expected) in
            [(0xef53, Reach::Machine), (0x6969, Reach::Network), (0x6573_5546, Reach::Unknown)]
        {
            assert_eq!(by_type(number), expected);
        }
        assert!(MACHINE.iter().all(|number| !NETWORK.contains(number)));
    }

    #[test]
    fn what_is_in_memory_is_seen_from_nowhere_else() {
        let path = Path::new("/dev/shm");
        if let Ok(folder) = File::open(path) {
            assert_eq!(reach(folder).expect("asks"), Reach::Machine);
            assert_eq!(reach_at(path).expect("asks"), Reach::Machine);
        }
    }
}
