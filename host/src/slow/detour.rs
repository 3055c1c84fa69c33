//! What a run did on its way that the fastest one doesn't do, what that cost, and how the next one gets round it.

use super::median::median;
use super::phases::spent;
use crate::history::{BoxHeld, Had, RunRecord, Way};

/// Something that the fastest run doesn't do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A box was leased.
    Leased,
    /// A parked one was started.
    Started,
    /// Somebody else used it.
    Waited,
    /// Its provider was asked twice.
    AskedAgain,
    /// A connection was made.
    Connected,
    /// The helper was sent.
    HelperSent,
    /// The checkout took longer to read than the box was held back for it.
    ReadLate,
    /// All of the tree was sent.
    FirstTree,
    /// The box had to say what it holds.
    OtherTree,
    /// The box waited for variables.
    VariablesSent,
}

/// What a detour cost, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// As it was measured.
    Measured(u64),
    /// So much more than runs that didn't make it usually spend there.
    More(u64),
    /// No more than all that was spent there: no run is remembered that didn't make it.
    AtMost(u64),
    /// Once to the box and back, which nobody measures.
    RoundTrip,
}

/// What can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What that does.
    pub text: &'static str,
    /// The words of a line to type behind `crabbox`; none: there is nothing to type.
    pub words: Vec<String>,
}

/// A detour that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detour {
    /// Which.
    pub kind: Kind,
    /// What it cost, as far as that is known.
    pub cost: Cost,
    /// How to get round it; what an earlier detour says already isn't said again.
    pub advice: Vec<Advice>,
}

/// In the order of a run.
const ALL: [Kind; 10] = [
    Kind::Leased,
    Kind::Started,
    Kind::Waited,
    Kind::AskedAgain,
    Kind::Connected,
    Kind::HelperSent,
    Kind::ReadLate,
    Kind::FirstTree,
    Kind::OtherTree,
    Kind::VariablesSent,
];

/// Those that this run made; `before` are runs like it.
#[must_use]
pub fn detours(run: &RunRecord, before: &[RunRecord]) -> Vec<Detour> {
    let mut said: Vec<Vec<String>> = Vec::new();
    let made = ALL.into_iter().filter(|kind| kind.is_made(&run.way));
    let detours = made.map(|kind| {
        let mut advice = kind.advice(run);
        advice.retain(|one| one.words.is_empty() || !said.contains(&one.words));
        said.extend(advice.iter().map(|one| one.words.clone()));
        Detour { kind, cost: kind.cost(run, before), advice }
    });
    detours.collect()
}

impl Kind {
    fn is_made(self, way: &Way) -> bool {
        match self {
            Self::Leased => way.had == Some(Had::Leased),
            Self::Started => way.had == Some(Had::Started),
            Self::Waited => way.waited_ms > 0,
            Self::AskedAgain => way.asked_again,
            Self::Connected => way.connected == Some(false),
            Self::HelperSent => way.helper_sent,
            Self::ReadLate => way.read_in_time == Some(false),
            Self::FirstTree => way.held == Some(BoxHeld::Nothing),
            Self::OtherTree => way.held == Some(BoxHeld::Another),
            Self::VariablesSent => way.variables_sent,
        }
    }

    /// As it stands in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leased => "leased",
            Self::Started => "started",
            Self::Waited => "waited",
            Self::AskedAgain => "asked_again",
            Self::Connected => "connected",
            Self::HelperSent => "helper_sent",
            Self::ReadLate => "read_late",
            Self::FirstTree => "first_tree",
            Self::OtherTree => "other_tree",
            Self::VariablesSent => "variables_sent",
        }
    }

    /// For people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Leased => "a box was leased: none stood ready or parked",
            Self::Started => "a parked box was started: none stood ready",
            Self::Waited => "another command used the box, and was waited for",
            Self::AskedAgain => "the provider was asked whether the box is still where it was",
            Self::Connected => "a connection to the box was made",
            Self::HelperSent => "the helper wasn't on the box, and was sent",
            Self::ReadLate => "the checkout was still being read when the box was reached",
            Self::FirstTree => "the box held nothing of this checkout: all of it was sent",
            Self::OtherTree => "files on the box had changed since: it had to say which",
            Self::VariablesSent => "the command waited for the values of variables",
        }
    }

    fn cost(self, run: &RunRecord, before: &[RunRecord]) -> Cost {
        let phases: &[&str] = match self {
            Self::Leased | Self::Started => &["acquire", "release"],
            Self::AskedAgain => &["acquire"],
            Self::Connected | Self::HelperSent => &["connect"],
            Self::FirstTree | Self::OtherTree => &["sync"],
            Self::Waited => return Cost::Measured(run.way.waited_ms),
            Self::ReadLate | Self::VariablesSent => return Cost::RoundTrip,
        };
        let spent_here = spent(run, phases).unwrap_or(0);
        let others = before.iter().filter(|one| one.way.had.is_some() && !self.is_made(&one.way));
        match median(others.filter_map(|one| spent(one, phases))) {
            Some(usual) => Cost::More(spent_here.saturating_sub(usual)),
            None => Cost::AtMost(spent_here),
        }
    }

    fn advice(self, run: &RunRecord) -> Vec<Advice> {
        let advice = |text, words: &[&str]| {
            let words = words.iter().map(|&word| word.to_owned()).collect();
            Advice { text, words }
        };
        let ready =
            advice("this makes one ready beforehand", &["warmup", "--provider", &run.provider]);
        match self {
            Self::Leased | Self::Started => vec![
                ready,
                advice(
                    "this setting leaves a box ready after a run",
                    &["config", "explain", "lease.linger"],
                ),
            ],
            Self::Waited => {
                vec![advice("this takes a box of its own", &["run", "--fresh", "--", "COMMAND"])]
            }
            Self::AskedAgain | Self::Connected | Self::FirstTree => vec![ready],
            Self::HelperSent => Vec::new(),
            Self::ReadLate => vec![advice(
                "this setting leaves files out, and fewer are read sooner",
                &["config", "explain", "sync.exclude"],
            )],
            Self::OtherTree => vec![advice(
                "what a command writes into files that are sent is undone each time: let git ignore it",
                &[],
            )],
            Self::VariablesSent => vec![advice("without `--env` it starts at once", &[])],
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::history::{Command, Phase};
    use crabbox_wire::message;
    use jiff::Timestamp;

    /// A run that went this way, and spent its time so.
    pub(in super::super) fn run(way: Way, phases: &[(&str, u64)]) -> RunRecord {
        let phases =
            phases.iter().map(|&(name, ms)| Phase { name: name.to_owned(), start_ms: 0, ms });
        let phases: Vec<_> = phases.collect();
        let id = "run_0123456789ab".parse().expect("an id");
        let command = Command::of(&message::Command::Argv(Vec::new()));
        RunRecord {
            total_ms: phases.iter().map(|phase| phase.ms).sum(),
            phases,
            way,
            ..RunRecord::begun(id, command, "local", Timestamp::UNIX_EPOCH)
        }
    }

    /// The fastest way.
    pub(in super::super) fn ready() -> Way {
        Way {
            had: Some(Had::Ready),
            read_in_time: Some(true),
            held: Some(BoxHeld::AsBelieved),
            entries: Some(100),
            ..Way::default()
        }
    }

    #[test]
    fn the_fastest_way_has_no_detour() {
        assert_eq!(detours(&run(ready(), &[]), &[]), []);
        assert_eq!(detours(&run(Way { connected: Some(true), ..ready() }, &[]), &[]), []);
        assert_eq!(detours(&run(Way::default(), &[]), &[]), []);
    }

    #[test]
    fn each_detour_is_told_from_what_is_recorded_of_the_way() {
        let ways = [
            (Kind::Leased, Way { had: Some(Had::Leased), ..ready() }),
            (Kind::Started, Way { had: Some(Had::Started), ..ready() }),
            (Kind::Waited, Way { waited_ms: 1, ..ready() }),
            (Kind::AskedAgain, Way { asked_again: true, ..ready() }),
            (Kind::Connected, Way { connected: Some(false), ..ready() }),
            (Kind::HelperSent, Way { helper_sent: true, ..ready() }),
            (Kind::ReadLate, Way { read_in_time: Some(false), ..ready() }),
            (Kind::FirstTree, Way { held: Some(BoxHeld::Nothing), ..ready() }),
            (Kind::OtherTree, Way { held: Some(BoxHeld::Another), ..ready() }),
            (Kind::VariablesSent, Way { variables_sent: true, ..ready() }),
        ];
        assert_eq!(ways.map(|(kind, _)| kind), ALL);
        for (kind, way) in ways {
            let made: Vec<_> = detours(&run(way, &[]), &[]).iter().map(|one| one.kind).collect();
            assert_eq!(made, [kind]);
        }
    }

    #[test]
    fn a_detour_costs_what_runs_without_it_do_not_spend() {
        let leased = Way { had: Some(Had::Leased), ..ready() };
        let now = run(leased, &[("acquire", 900), ("program", 7), ("release", 100)]);
        let cost = |before: &[RunRecord]| detours(&now, before)[0].cost;
        assert_eq!(cost(&[]), Cost::AtMost(1000));
        // Whoever made it, too, and those of whom nothing is known, say nothing of the way without it.
        let others = [run(leased, &[("acquire", 1)]), run(Way::default(), &[("acquire", 1)])];
        assert_eq!(cost(&others), Cost::AtMost(1000));
        assert_eq!(cost(&[run(ready(), &[("acquire", 4), ("release", 6)])]), Cost::More(990));
        assert_eq!(cost(&[run(ready(), &[("acquire", 5000)])]), Cost::More(0));
        let waited = Way { waited_ms: 70, ..ready() };
        assert_eq!(detours(&run(waited, &[]), &[])[0].cost, Cost::Measured(70));
    }

    #[test]
    fn no_line_is_said_twice() {
        let cold = Way {
            had: Some(Had::Leased),
            connected: Some(false),
            held: Some(BoxHeld::Nothing),
            ..ready()
        };
        let detours = detours(&run(cold, &[]), &[]);
        let lines: Vec<usize> = detours.iter().map(|one| one.advice.len()).collect();
        assert_eq!(lines, [2, 0, 0]);
        assert_eq!(detours[0].advice[0].words, ["warmup", "--provider", "local"]);
    }
}
