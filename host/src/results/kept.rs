//! Results as they lie beside a run's log: one file, compressed JSON.

use super::case::Case;
use super::gather::Results;
use super::source::Source;
use super::totals::Totals;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// What it is called in the folder of a run.
const NAME: &str = "results.json.zst";

/// A larger one is neither written nor read, in bytes, unpacked: some five million tests that are well.
const MAX: u64 = 1024 * 1024 * 1024;

#[derive(Serialize)]
struct Kept<'a> {
    schema_version: u32,
    files: &'a [Source],
    more_left_out: u64,
    cases: &'a [Case],
    #[serde(skip_serializing_if = "Totals::is_nothing")]
    counted: Totals,
}

/// Where it is in this folder of a run.
#[must_use]
pub fn path(run: &Path) -> PathBuf {
    run.join(NAME)
}

/// Keeps them; the file is there whole or not at all.
pub fn write(run: &Path, results: &Results) -> io::Result<()> {
    write_within(run, results, MAX)
}

fn write_within(run: &Path, results: &Results, most: u64) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(run)?;
    let packed = zstd::stream::Encoder::new(&mut file, 1)?;
    let mut packed = BufWriter::new(Bounded { into: packed, left: most });
    let Results { files, more_left_out, cases, counted } = results;
    let (more_left_out, counted) = (*more_left_out, *counted);
    serde_json::to_writer(
        &mut packed,
        &Kept { schema_version: 1, files, cases, more_left_out, counted },
    )?;
    packed.flush()?;
    packed.into_inner().map_err(io::IntoInnerError::into_error)?.into.finish()?;
    file.persist(path(run))?;
    Ok(())
}

/// Takes no more than can be read again.
struct Bounded<W> {
    into: W,
    left: u64,
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| io::Error::other("they are too large"))?;
        self.into.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

/// BLAKE3 of them as JSON, hex: the same results have the same.
#[must_use]
pub fn digest(results: &Results) -> String {
    let mut hasher = blake3::Hasher::new();
    // A hasher takes everything, and all of it can be written as JSON.
    let _ = serde_json::to_writer(&mut hasher, results);
    hasher.finalize().to_hex().to_string()
}

/// What was kept. `None`: there is nothing.
pub fn read(run: &Path) -> io::Result<Option<Results>> {
    let file = match File::open(path(run)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    zstd::stream::Decoder::new(file)?.take(MAX).read_to_end(&mut text)?;
    Ok(Some(serde_json::from_slice(&text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(folder.path()).expect("reads"), None);
        let case = Case { name: "a\u{1b}".to_owned(), ..Case::default() };
        let counted = Totals { passed: 7, ..Totals::default() };
        let results =
            Results { cases: vec![case], counted, more_left_out: 3, ..Results::default() };
        write(folder.path(), &results).expect("writes");
        assert_eq!(read(folder.path()).expect("reads").as_ref(), Some(&results));
        let error = write_within(folder.path(), &results, 99).expect_err("too large");
        assert_eq!(error.to_string(), "they are too large");
        assert_eq!(read(folder.path()).expect("reads"), Some(results));
        std::fs::write(path(folder.path()), b"half").expect("writes");
        assert!(read(folder.path()).is_err());
    }
}
