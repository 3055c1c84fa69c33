//! What differs from run to run, replaced, so that what is printed can be compared with what was
//! printed at another time.

/// Where the time went: which phases are long enough to be named is chance, too.
const PHASES: &str = "crabbox: phases: ";

/// Text with names, durations and times replaced.
#[must_use]
pub fn settle(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.strip_prefix(PHASES) {
            Some(phases) => {
                format!("{PHASES}[TIMES]{}", if phases.ends_with('\n') { "\n" } else { "" })
            }
            None => pieces(line).map(|piece| piece.settled()).collect(),
        })
        .collect()
}

/// The ids and slugs in a text, in their order: those of two texts that settle alike stand for
/// each other.
#[must_use]
pub fn names(text: &str) -> Vec<&str> {
    pieces(text).filter(|piece| piece.name().is_some()).map(|piece| piece.core).collect()
}

/// A word, and what stands behind it.
struct Piece<'a> {
    core: &'a str,
    rest: &'a str,
    /// `ago` or `from now` follows, or the end of the cell of a table that holds an age or what is left.
    is_age: bool,
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut at = 0;
    let mut before = "";
    text.split_inclusive([' ', '\n', '(', ')', '`', '/', '"']).map(move |word| {
        at += word.len();
        let core = word.trim_end_matches([' ', '\n', '(', ')', '`', '/', '"', ',', ':']);
        let rest = &word[core.len()..];
        let next = &text[at..];
        let is_cell = rest == " " && next.starts_with(' ') && is_short(before, core);
        let is_age = next.starts_with("ago") || next.starts_with("from now") || is_cell;
        before = core;
        Piece { core, rest, is_age }
    })
}

/// The last part of a time that runs on while a test does: `12s`, or the minutes behind hours.
fn is_short(before: &str, core: &str) -> bool {
    let amount = |word: &str, unit| word.strip_suffix(unit)?.parse::<u32>().ok();
    let seconds = amount(core, 's').is_some_and(|seconds| seconds < 60);
    seconds || (amount(core, 'm').is_some() && amount(before, 'h').is_some())
}

impl Piece<'_> {
    fn settled(&self) -> String {
        match self.name().or_else(|| self.time()) {
            Some(placeholder) => format!("{placeholder}{}", self.rest),
            None => format!("{}{}", self.core, self.rest),
        }
    }

    /// An id or a slug.
    fn name(&self) -> Option<&'static str> {
        let is_slug = self.core.split_once('-').is_some_and(|(colour, animal)| {
            colour.len() > 2
                && colour.bytes().all(|byte| byte.is_ascii_lowercase())
                && ANIMALS.contains(&animal)
        });
        match self.core {
            id if id.starts_with("cbx_") => Some("[LEASE]"),
            id if id.starts_with("run_") => Some("[RUN]"),
            _ if is_slug => Some("[SLUG]"),
            _ => None,
        }
    }

    /// A duration (`0.12s`), an age (`3m ago`), a date, a time of day, a time stamp.
    fn time(&self) -> Option<&'static str> {
        let core = self.core;
        let number = core.strip_suffix(['s', 'm', 'h', 'd']).unwrap_or_default();
        let is_duration = core.ends_with('s') && number.contains('.');
        if (is_duration || self.is_age) && number.parse::<f64>().is_ok() {
            return Some("[TIME]");
        }
        let shape: String =
            core.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let is_time = shape == "0000-00-00"
            || shape == "00:00:00Z"
            || (shape.starts_with("0000-00-00T00:00:00") && shape.ends_with('Z'));
        is_time.then_some("[TIME]")
    }
}

const ANIMALS: [&str; 32] = [
    "barnacle", "clam", "cod", "conch", "crab", "cuttle", "dolphin", "eel", "gull", "heron",
    "krill", "limpet", "lobster", "manta", "marlin", "mussel", "narwhal", "octopus", "otter",
    "oyster", "pelican", "penguin", "prawn", "puffin", "ray", "seal", "shrimp", "squid", "tern",
    "turtle", "urchin", "whale",
];
