//! What a box says of itself, before it is kept or shown: it may say anything.

use crabbox_wire::message::Facts;

/// No name of a system or machine is longer, in characters.
const LONGEST: usize = 128;

/// In one line each, without what a terminal obeys, and short.
#[must_use]
pub fn cleaned(facts: &Facts) -> Facts {
    Facts {
        arch: line(&facts.arch),
        kernel: line(&facts.kernel),
        system: line(&facts.system),
        cpus: facts.cpus,
        memory: facts.memory,
    }
}

fn line(text: &str) -> String {
    let kept = text.chars().filter(|one| !one.is_control()).take(LONGEST);
    kept.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_may_say_anything_of_itself() {
        let facts = Facts {
            arch: "x".repeat(10_000_000),
            kernel: " 6.1\u{1b}[2J\n\0 ".to_owned(),
            ..Facts::default()
        };
        let clean = cleaned(&facts);
        assert_eq!((clean.arch.len(), clean.kernel.as_str()), (LONGEST, "6.1[2J"));
    }
}
