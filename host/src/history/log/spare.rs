//! Memory that goes round: to ask the system for it for each piece of output would take as long as passing that on does, and so
//! would copying the large ones.

use crabbox_wire::frame;

/// So many pieces are kept for their memory at most, none of which is larger than so many bytes.
const MOST: usize = 16;
const LARGEST: usize = frame::CHUNK;

/// Memory of pieces that nobody needs any more, with anything in it.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<Vec<u8>>);

impl Spare {
    /// These aren't needed any more.
    pub(super) fn give(&mut self, done: &mut Vec<Vec<u8>>) {
        let few = |bytes: &Vec<u8>| bytes.capacity() <= LARGEST;
        self.0.extend(done.drain(..).filter(few).take(MOST - self.0.len()));
    }

    /// What is in `bytes`: a copy, or, where that nearly fills its memory, itself, for which other memory is left there.
    pub(super) fn take(&mut self, bytes: &mut Vec<u8>) -> Vec<u8> {
        let mut own = self.0.pop().unwrap_or_default();
        if bytes.len() > LARGEST / 2 && bytes.capacity() <= LARGEST {
            std::mem::swap(bytes, &mut own);
        } else {
            own.clear();
            own.extend_from_slice(bytes);
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_but_for_what_is_large_and_for_much() {
        let (kept, large) = (Vec::with_capacity(100), Vec::with_capacity(LARGEST + 1));
        let place = kept.as_ptr();
        let mut spare = Spare::default();
        spare.give(&mut vec![kept, large]);
        assert_eq!(spare.0.len(), 1);
        let mut bytes = b"again".to_vec();
        let taken = spare.take(&mut bytes);
        assert_eq!((taken.as_ptr(), &taken, &*bytes), (place, &bytes, &b"again"[..]));
        for _ in 0..2 {
            spare.give(&mut vec![vec![0; 10]; MOST - 1]);
        }
        assert_eq!(spare.0.len(), MOST);
    }

    #[test]
    fn what_is_large_is_not_copied_and_what_was_in_the_memory_before_is_gone() {
        let mut spare = Spare::default();
        spare.give(&mut vec![b"before".to_vec(), vec![b'x'; LARGEST]]);
        let places: Vec<_> = spare.0.iter().map(Vec::as_ptr).collect();
        let mut large = vec![b'y'; LARGEST];
        let (place, expected) = (large.as_ptr(), large.clone());
        let taken = spare.take(&mut large);
        assert_eq!((taken.as_ptr(), taken, large.as_ptr()), (place, expected, places[1]));
        assert_eq!(spare.take(&mut b"a".to_vec()), b"a");
    }

    #[test]
    fn what_holds_much_more_memory_than_it_fills_is_copied() {
        for (length, capacity) in [(LARGEST / 2, LARGEST), (LARGEST, LARGEST + 1)] {
            let mut bytes = Vec::with_capacity(capacity);
            bytes.resize(length, b'x');
            let place = bytes.as_ptr();
            let taken = Spare::default().take(&mut bytes);
            assert_eq!((&taken, bytes.as_ptr()), (&bytes, place));
        }
    }
}
