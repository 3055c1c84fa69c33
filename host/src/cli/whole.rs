//! Files that a line names as the place for something: each is there whole or not at all.

use crate::sys::open_read_by_somebody;
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// So many links may lead from one to the next, as the system has it.
const MOST_LINKS: usize = 40;

/// The mode of a file that isn't secret, before the umask.
const OF_ANYBODY: u32 = 0o666;

/// Writes one, and returns its size in bytes. What is no file, such as a pipe or a device, is written to and stays what it is;
/// a pipe that nobody reads is an error.
pub(super) fn write(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    write_as(OF_ANYBODY, path, fill)
}

/// The same; a new one is nobody else's to read.
pub(super) fn write_private(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    write_as(0o600, path, fill)
}

fn write_as(
    new: u32,
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let mut out =
            Counted { out: open_read_by_somebody(path, File::options().write(true))?, bytes: 0 };
        fill(&mut out)?;
        return Ok(out.bytes);
    }
    // What a link leads to is replaced, and not the link.
    let path = behind_links(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut new = tempfile::Builder::new()
        .permissions(mode(&path, new))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    let mut out = BufWriter::new(&mut new);
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    let size = new.as_file().metadata()?.len();
    new.persist(path)?;
    Ok(size)
}

/// Where the file lies, or would if it were there.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..=MOST_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(Errno::LOOP.into())
}

/// That of the file that is there; else this, less what the umask takes.
fn mode(path: &Path, new: u32) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    let found = fs::metadata(path).map(|found| found.permissions());
    found.unwrap_or_else(|_| fs::Permissions::from_mode(new))
}

struct Counted {
    out: File,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, symlink};

    #[test]
    fn a_device_stays_one_and_a_link_leads_to_what_is_new() {
        let folder = tempfile::tempdir().expect("a folder");
        let device = folder.path().join("device");
        let status =
            std::process::Command::new("mkfifo").arg(&device).status().expect("mkfifo runs");
        assert!(status.success());
        let reader = std::thread::spawn({
            let device = device.clone();
            move || fs::read(device).expect("reads")
        });
        let mut written = write(&device, |out| out.write_all(b"abc"));
        while written.as_ref().is_err_and(|error| Errno::from_io_error(error) == Some(Errno::NXIO))
        {
            std::thread::yield_now();
            written = write(&device, |out| out.write_all(b"abc"));
        }
        assert_eq!(written.expect("writes"), 3);
        assert_eq!(reader.join().expect("ends"), b"abc");
        assert!(fs::metadata(&device).expect("is there").file_type().is_fifo());
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").expect("writes");
        symlink(&file, &link).expect("links");
        assert_eq!(write(&link, |out| out.write_all(b"new!")).expect("writes"), 4);
        assert_eq!(fs::read(&file).expect("reads"), b"new!");
        assert!(link.is_symlink());
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
        assert!(made.success());
        let error = write(&pipe, |out| out.write_all(b"abc")).expect_err("nobody reads");
        assert_eq!(Errno::from_io_error(&error), Some(Errno::NXIO));
    }

    #[test]
    fn a_link_to_nothing_leads_to_what_is_new_and_one_to_itself_nowhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("below")).expect("a folder");
        symlink("below/second", at("first")).expect("links");
        symlink("../file", at("below/second")).expect("links");
        assert_eq!(write(&at("first"), |out| out.write_all(b"new")).expect("writes"), 3);
        assert_eq!(fs::read(at("file")).expect("reads"), b"new");
        assert!(at("first").is_symlink() && at("below/second").is_symlink());
        symlink("loop", at("loop")).expect("links");
        assert!(write(&at("loop"), |_| Ok(())).is_err() && at("loop").is_symlink());
    }

    #[test]
    fn what_breaks_off_leaves_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "old").expect("writes");
        let broken = write(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert!(broken.is_err());
        assert_eq!(fs::read(&path).expect("reads"), b"old");
        assert_eq!(fs::read_dir(folder.path()).expect("reads").count(), 1);
    }
}
