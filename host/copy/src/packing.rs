//! Is compressing worth its time? Blocks that don't become much smaller aren't tried for a while.

/// After one that didn't, so many blocks are sent as they are.
const AS_THEY_ARE: u32 = 15;

/// Decides block by block.
#[derive(Debug, Default)]
pub struct Packing {
    /// So many are still to be sent as they are.
    plain: u32,
}

impl Packing {
    /// The block compressed, where that pays.
    pub fn pack(
        &mut self,
        block: &[u8],
        compress: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        if self.plain > 0 {
            self.plain -= 1;
            return None;
        }
        let packed = compress(block).filter(|packed| packed.len() < block.len() - block.len() / 8);
        if packed.is_none() {
            self.plain = AS_THEY_ARE;
        }
        packed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_shrink_is_left_alone_for_a_while() {
        let mut packing = Packing::default();
        let mut tried = 0;
        for _ in 0..32 {
            let packed = packing.pack(&[0; 100], |block| {
                tried += 1;
                Some(block[..95].to_vec())
            });
            assert!(packed.is_none());
        }
        assert_eq!(tried, 2);
        let mut packing = Packing::default();
        assert!((0..9).all(|_| packing.pack(&[0; 100], |_| Some(vec![1])).is_some()));
    }
}
