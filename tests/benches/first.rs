//! A first run: everything has to get there.

use crate::figures::{Figures, time};
use crate::table::Table;
use crate::worlds::fill;
use crabbox_tests::Built;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What gets the files elsewhere without crabbox; `$0` is the target.
const LINES: [(&str, &str); 3] = [
    ("cp -r", "cp -r . \"$0\""),
    ("rsync -a", "rsync -a --exclude .git ./ \"$0\""),
    (
        "tar | zstd -3 | zstd -d | tar -x",
        "git ls-files -z | tar --null -T - -cf - | zstd -q -3 | zstd -qd | tar -C \"$0\" -xf -",
    ),
];

/// Each writes to a place of its own and nothing is removed between them: a file system works on
/// after a large removal, for seconds.
pub(crate) fn measure(crabbox: &Path, _: &Built, table: &mut Table) {
    const ROUNDS: usize = 5;
    let world = fill(20_000);
    let lines: Vec<_> = LINES.iter().filter(|(name, _)| is_there(name)).collect();
    let mut copies: Vec<Vec<f64>> = vec![Vec::new(); lines.len()];
    let mut firsts = Vec::new();
    for round in 0..ROUNDS {
        for ((name, line), copies) in lines.iter().zip(&mut copies) {
            let target = world.root().join(format!("{}-{round}", name.replace([' ', '|'], "_")));
            fs::create_dir(&target).expect("a folder");
            let mut copy = Command::new("sh");
            copy.args(["-c", line]).arg(&target).current_dir(world.checkout());
            copies.push(time(&mut copy));
        }
        let first = ["run", "-q", "--fresh", "--", "true"];
        firsts.push(time(&mut world.command_of(crabbox, &first)));
    }
    let first = Figures::of(firsts);
    for ((name, _), copies) in lines.into_iter().zip(copies) {
        let copies = Figures::of(copies);
        table.baseline(&format!("{name}, 20,000 files, 200 MB"), &copies);
        table.ratio("first run -- true, the same files", &first, name, &copies);
    }
}

/// Is the program that a line begins with on this machine?
fn is_there(name: &str) -> bool {
    let program = name.split(' ').next().unwrap_or(name);
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
