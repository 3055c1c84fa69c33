//! Checkouts to measure with.

use crabbox_tests::World;
use std::fmt::Write as _;

/// The size of each file, in bytes.
const SIZE: usize = 10_000;

/// Files of text that compresses like source, 25 a folder, committed.
pub(crate) fn fill(files: usize) -> World {
    fill_with(files, SIZE)
}

/// The same with files of another size.
pub(crate) fn fill_with(files: usize, size: usize) -> World {
    let world = World::new();
    for number in 0..files {
        let mut content = String::with_capacity(size + 40);
        let mut seed = number as u64 + 1;
        while content.len() < size {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let _ = writeln!(content, "let value_{} = {};", seed >> 52, seed >> 33);
        }
        world.write(&format!("d{}/f{}", number / 25, number % 25), &content);
    }
    world.commit();
    world
}
