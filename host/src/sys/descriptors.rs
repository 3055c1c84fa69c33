//! Descriptors that this process got from whoever started it, and that nobody meant for its children.

#![expect(
    unsafe_code,
    reason = "a descriptor by its number has no owner that could be borrowed from"
)]

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_getfd, fcntl_setfd};
use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

/// Another descriptor of what has this number, which no child gets.
pub(crate) fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: nothing is closed, and where nothing has the number that is an error. It is one that the caller was told
    // of: were it one of this program's own, there would be two of it.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(fcntl_dupfd_cloexec(descriptor, 3)?)
}

/// From now on a child gets no descriptor but those that it is given. What this program opens itself is that way already.
pub(crate) fn keep_from_children() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let numbers: Vec<RawFd> = numbers.filter(|number| *number > 2).collect();
    for number in numbers {
        // SAFETY: only a flag of it is changed, and nothing is closed. Should it be closed or
        // be another file by now, that is an error or one of this program's, which have the flag anyway.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        if let Ok(flags) = fcntl_getfd(descriptor) {
            let _ = fcntl_setfd(descriptor, flags | FdFlags::CLOEXEC);
        }
    }
}
