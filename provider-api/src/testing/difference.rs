//! What is different between two lists of words, as a diff shows it.

/// One word a line: `  ` in both, `- ` in the first alone, `+ ` in the second alone.
pub(super) fn diff(first: &[&str], second: &[&str]) -> Vec<String> {
    let lengths = lengths(first, second);
    let mut lines = Vec::new();
    let (mut at, mut to) = (0, 0);
    while at < first.len() || to < second.len() {
        let (one, other) = (first.get(at), second.get(to));
        match (one, other) {
            (Some(word), Some(same)) if word == same => {
                lines.push(format!("  {}", word.escape_debug()));
                (at, to) = (at + 1, to + 1);
            }
            (Some(word), None) => {
                lines.push(format!("- {}", word.escape_debug()));
                at += 1;
            }
            (Some(word), Some(_)) if lengths[at + 1][to] >= lengths[at][to + 1] => {
                lines.push(format!("- {}", word.escape_debug()));
                at += 1;
            }
            (_, Some(word)) => {
                lines.push(format!("+ {}", word.escape_debug()));
                to += 1;
            }
            (None, None) => break,
        }
    }
    lines
}

/// How many words both have in common, in order.
pub(super) fn common(first: &[&str], second: &[&str]) -> usize {
    lengths(first, second)[0][0]
}

/// Of the rests from each place on: how many words they have in common, in order.
fn lengths(first: &[&str], second: &[&str]) -> Vec<Vec<usize>> {
    let mut lengths = vec![vec![0; second.len() + 1]; first.len() + 1];
    for at in (0..first.len()).rev() {
        for to in (0..second.len()).rev() {
            lengths[at][to] = if first[at] == second[to] {
                lengths[at + 1][to + 1] + 1
            } else {
                lengths[at + 1][to].max(lengths[at][to + 1])
            };
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_have_stays_and_the_rest_is_marked() {
        let lines = diff(&["coder", "list", "--all"], &["coder", "-v", "list"]);
        assert_eq!(lines, ["  coder", "+ -v", "  list", "- --all"]);
    }
}
