//! Compresses blocks on their way to a box, and the reverse. A box that is this machine gets them as they are.

use crabbox_copy::packing::Packing;
use crabbox_wire::copy::BLOCK;
use std::io;
use zstd::bulk::{Compressor, Decompressor};

/// As the sync has it.
const LEVEL: i32 = 3;

/// Compresses what a box is sent.
pub(super) struct Packer {
    compressor: Compressor<'static>,
    packing: Packing,
}

impl Packer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { compressor: Compressor::new(LEVEL)?, packing: Packing::default() })
    }

    /// The block compressed, where that pays.
    pub(super) fn pack(&mut self, block: &[u8]) -> Option<Vec<u8>> {
        let Self { compressor, packing } = self;
        packing.pack(block, |block| compressor.compress(block).ok())
    }
}

/// Unpacks what a box sends: one block, and no more than that.
pub(crate) struct Unpacker(Decompressor<'static>);

impl Unpacker {
    pub(crate) fn new() -> io::Result<Self> {
        Decompressor::new().map(Self)
    }

    pub(crate) fn unpack(&mut self, packed: &[u8]) -> io::Result<Vec<u8>> {
        self.0.decompress(packed, BLOCK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_unpacked_and_nothing_that_is_larger() {
        let mut packer = Packer::new().expect("a compressor");
        let block = vec![7; BLOCK];
        let small = packer.pack(&block).expect("shrinks");
        let mut unpacker = Unpacker::new().expect("a decompressor");
        assert_eq!(unpacker.unpack(&small).expect("unpacks"), block);
        let bomb = zstd::bulk::compress(&vec![7; 64 * BLOCK], LEVEL).expect("packs");
        assert!(unpacker.unpack(&bomb).is_err());
        assert!(unpacker.unpack(b"not packed").is_err());
    }
}
