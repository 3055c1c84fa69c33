//! Many runs at once, each of a checkout of its own.

use crate::figures::{Figures, time};
use crate::table::Table;
use crabbox_tests::{Built, World};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const CROWD: usize = 50;

pub(crate) fn measure(crabbox: &Path, _: &Built, table: &mut Table) {
    let world = World::new();
    for number in 0..CROWD {
        let copy = world.root().join(format!("checkout-{number}"));
        let mut git = Command::new("git");
        git.args(["clone", "-q"]).arg(world.checkout()).arg(&copy);
        time(&mut git);
        assert!(fs::exists(copy.join("hello.txt")).expect("looks"));
    }
    let run = |number: usize| {
        let mut command = world.command_of(crabbox, &["run", "-q", "--keep", "--", "true"]);
        command.current_dir(world.root().join(format!("checkout-{number}")));
        command
    };
    let together = |rounds: usize| {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let begun = Instant::now();
            let children: Vec<_> = (0..CROWD)
                .map(|number| run(number).stdout(Stdio::null()).spawn().expect("runs"))
                .collect();
            for mut child in children {
                assert!(child.wait().expect("ends").success());
            }
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        Figures::of(times)
    };
    let first = together(1);
    let warm = together(3);
    let alone = Figures::of(
        (0..3).map(|_| (0..CROWD).map(|number| time(&mut run(number))).sum()).collect(),
    );
    table.baseline("50 warm runs, one after the other", &alone);
    table.ratio("50 warm runs at once", &warm, "one after the other", &alone);
    table.ratio("50 first runs at once", &first, "warm", &warm);
}
