//! How much may be sent, and how much of what isn't is named.

use crabbox_wire::collect::{Limits, MAX_NAMED};

/// What is left of the limits.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    files: u64,
    bytes: u64,
    named: u64,
    /// So many entries weren't sent beside those that were named.
    pub(crate) unnamed: u64,
}

impl Budget {
    pub(crate) fn of(limits: Limits) -> Self {
        Self { limits, files: 0, bytes: 0, named: 0, unnamed: 0 }
    }

    /// Takes a file of this size into account, or says why it isn't sent.
    pub(crate) fn take(&mut self, size: u64) -> Result<(), String> {
        let Limits { files, bytes, file_bytes } = self.limits;
        if size > file_bytes {
            return Err(format!("it is larger than {}", in_units(file_bytes)));
        }
        if self.files >= files {
            return Err(too_many(files));
        }
        if size > bytes.saturating_sub(self.bytes) {
            return Err(format!("with it there would be more than {}", in_units(bytes)));
        }
        self.files += 1;
        self.bytes += size;
        Ok(())
    }

    /// Why no file is taken any more, of whatever size.
    pub(crate) fn is_used_up(&self) -> Option<String> {
        (self.files >= self.limits.files).then(|| too_many(self.limits.files))
    }

    /// One more entry isn't sent: is it named?
    pub(crate) fn names_another(&mut self) -> bool {
        // Where everything is sent, everything that isn't is named.
        let names = self.named < MAX_NAMED || self.limits == Limits::NONE;
        *(if names { &mut self.named } else { &mut self.unnamed }) += 1;
        names
    }
}

fn too_many(files: u64) -> String {
    format!("there are more than {files} files")
}

/// In the largest unit that leaves nothing over.
fn in_units(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole = |shift: &u32| bytes > 0 && bytes.trailing_zeros() >= *shift;
    match units.iter().find(|(shift, _)| whole(shift)) {
        Some((shift, unit)) => format!("{} {unit}", bytes >> shift),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_says_what_it_is() {
        let mut budget = Budget::of(Limits { files: 2, bytes: 3 << 20, file_bytes: 2 << 20 });
        assert_eq!(budget.take(2 << 20), Ok(()));
        assert_eq!(budget.take((2 << 20) + 1), Err("it is larger than 2 MiB".to_owned()));
        let full = Err("with it there would be more than 3 MiB".to_owned());
        assert_eq!(budget.take((1 << 20) + 1), full);
        assert_eq!((budget.take(1), budget.is_used_up().is_some()), (Ok(()), true));
        assert_eq!(budget.take(0), Err("there are more than 2 files".to_owned()));
        assert_eq!((in_units(1 << 30), in_units(1000)), ("1 GiB".to_owned(), "1000 B".to_owned()));
    }

    #[test]
    fn beyond_a_number_they_are_only_counted() {
        let mut budget = Budget::of(Limits { files: 0, ..Limits::NONE });
        let named = (0..MAX_NAMED + 5).filter(|_| budget.names_another()).count();
        assert_eq!((named as u64, budget.unnamed), (MAX_NAMED, 5));
    }
}
