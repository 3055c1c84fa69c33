//! Wall times of whole processes.

use std::process::{Command, Stdio};
use std::time::Instant;

/// Sorted, in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    pub(crate) fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    pub(crate) fn min(&self) -> f64 {
        self.0[0]
    }

    pub(crate) fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    pub(crate) fn max(&self) -> f64 {
        self.0[self.0.len() - 1]
    }
}

/// Takes the time of one process, which must succeed; its output is thrown away.
pub(crate) fn time(command: &mut Command) -> f64 {
    let begun = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("runs");
    let took = begun.elapsed().as_secs_f64() * 1000.0;
    assert!(status.success(), "{command:?}: {status}");
    took
}

/// Takes the times of several things in turn, each round with another one first, so that neither a
/// machine whose speed drifts nor what the one before left to be written is unfair to any; the
/// first round isn't counted.
#[expect(clippy::needless_pass_by_value, reason = "behind a reference they couldn't be called")]
pub(crate) fn in_turn<const N: usize>(
    times: usize,
    things: [&mut dyn FnMut() -> f64; N],
) -> [Figures; N] {
    let mut taken: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for round in 0..=times {
        for which in (round..round + N).map(|turn| turn % N) {
            let took = things[which]();
            if round > 0 {
                taken[which].push(took);
            }
        }
    }
    taken.map(Figures::of)
}
