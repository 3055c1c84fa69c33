//! Files that a line names as the place for something: each is there whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes one, and returns its size in bytes. What is no file, such as a pipe or a device, is written to and stays what it is.
pub(super) fn write(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let mut out = Counted { out: File::options().write(true).open(path)?, bytes: 0 };
        fill(&mut out)?;
        return Ok(out.bytes);
    }
    // What a link leads to is replaced, and not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut new = tempfile::Builder::new()
        .permissions(mode(&path))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    let mut out = BufWriter::new(&mut new);
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    let size = new.as_file().metadata()?.len();
    new.persist(path)?;
    Ok(size)
}

/// That of the file that is there; else what anybody's new file has, less what the umask takes.
fn mode(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    let found = fs::metadata(path).map(|found| found.permissions());
    found.unwrap_or_else(|_| fs::Permissions::from_mode(0o666))
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
        assert_eq!(write(&device, |out| out.write_all(b"abc")).expect("writes"), 3);
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
