//! Text that has to fit: shortened where the least is lost, or broken between words.

use super::visible;
use super::visible::is_plain;
use crate::{places, redact};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const DOTS: char = '…';

/// Where text is shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shorten {
    /// A path: the first folders go. What is no path is cut.
    Path,
    /// Anything else, at its end.
    End,
}

/// The columns that it takes on a terminal.
pub(super) fn width_of(text: &str) -> usize {
    if is_plain(text) { text.len() } else { text.width() }
}

impl Shorten {
    /// Text of at most so many columns.
    pub(super) fn to(self, room: usize, text: &str) -> String {
        match self {
            _ if width_of(text) <= room => text.to_owned(),
            Self::Path if text.contains('/') => cut_folders(text, room),
            Self::Path | Self::End => without_end(text, room),
        }
    }
}

/// A path with `~` for the home folder.
pub(super) fn below_home(path: &str) -> String {
    let home = places::home();
    let below = home.as_deref().and_then(|home| path.strip_prefix(home.to_str()?));
    let below = below.filter(|rest| rest.starts_with('/'));
    below.map_or_else(|| path.to_owned(), |rest| format!("~{rest}"))
}

/// Text as a terminal shows it, in so many columns. Of a secret, no part is left by that.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    Shorten::End.to(columns, &visible(&redact::text(text)))
}

/// The same of text whose end says most.
pub(crate) fn cut_start(text: &str, columns: usize) -> String {
    let text = redact::text(text);
    let text = visible(&text);
    if width_of(&text) <= columns { text.into_owned() } else { without_start(&text, columns) }
}

/// The columns that text takes as a terminal shows it.
pub(crate) fn columns_of(text: &str) -> usize {
    width_of(&visible(&redact::text(text)))
}

/// The rows that a line takes, as it is shown, on a screen of so many columns.
pub(crate) fn rows_of(line: &str, columns: usize) -> usize {
    let columns = columns.max(1);
    let (mut rows, mut column) = (1, 0);
    for character in line.chars() {
        let width = match character {
            '\t' => 8 - column % 8,
            other => other.width().unwrap_or(0),
        };
        // What is wider than the rest of a row begins in the next.
        if column + width > columns {
            rows += 1;
            column = width;
        } else {
            column += width;
        }
    }
    // Of characters that are drawn as one, terminals know more or less.
    rows.max(width_of(line).div_ceil(columns))
}

/// Text with its end cut off.
fn without_end(text: &str, room: usize) -> String {
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if width_of(&kept) >= room {
            kept.pop();
            break;
        }
    }
    kept.push(DOTS);
    kept
}

/// A path without its first folders.
fn cut_folders(path: &str, room: usize) -> String {
    let fits = |rest: &&str| width_of(rest) < room;
    let whole = path.match_indices('/').map(|(at, _)| &path[at..]).find(fits);
    whole.map_or_else(|| without_start(path, room), |rest| format!("{DOTS}{rest}"))
}

/// Text with its start cut off.
fn without_start(text: &str, room: usize) -> String {
    let mut from = text.len();
    let mut left = room.saturating_sub(1);
    for (at, character) in text.char_indices().rev() {
        let Some(less) = left.checked_sub(character.width().unwrap_or(0)) else { break };
        (from, left) = (at, less);
    }
    format!("{DOTS}{}", &text[from..])
}

/// Lines of at most so many columns, broken between words; each but the first begins with as many
/// blanks as `indent` says, and the first is taken to begin there.
pub(crate) fn wrap(text: &str, indent: usize, terminal: Option<usize>) -> String {
    let Some(room) =
        terminal.and_then(|columns| columns.checked_sub(indent)).filter(|room| *room >= 20)
    else {
        return text.to_owned();
    };
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let width = width_of(word);
        if column > 0 && column + 1 + width > room {
            wrapped.push('\n');
            wrapped.extend(std::iter::repeat_n(' ', indent));
            column = 0;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += width;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_its_end() {
        let short = |room| Shorten::Path.to(room, "~/work/project");
        assert_eq!(short(14), "~/work/project");
        assert_eq!(short(13), "…/project");
        assert_eq!(short(9), "…/project");
        assert_eq!(short(6), "…oject");
        assert_eq!(Shorten::Path.to(8, "no flag sets it"), "no flag…");
    }

    #[test]
    fn text_keeps_its_beginning() {
        assert_eq!(Shorten::End.to(6, "abcdefgh"), "abcde…");
        assert_eq!(Shorten::End.to(8, "abcdefgh"), "abcdefgh");
        assert_eq!(Shorten::End.to(6, "日本語版"), "日本…");
    }

    #[test]
    fn a_line_takes_rows_as_wide_characters_and_tabs_do() {
        assert_eq!(
            [0, 1, 10, 11, 21].map(|length| rows_of(&"x".repeat(length), 10)),
            [1, 1, 1, 2, 3]
        );
        assert_eq!(rows_of("日本語版日本語版", 8), 2);
        // None stands half in one row and half in the next.
        assert_eq!(rows_of("日本語版日本語版", 5), 4);
        assert_eq!(rows_of("a\tb", 8), 2);
        assert_eq!(cut("\u{1b}[2J", 20), "\\u{1b}[2J");
        assert_eq!(cut_start("日本語版", 6), "…語版");
        assert_eq!(columns_of("\u{1b}[2J"), 9);
        redact::register("c4nary-of-a-name");
        assert_eq!(cut("a c4nary-of-a-name b", 8), "a [reda…");
    }

    #[test]
    fn lines_break_between_words() {
        let text = "what is wrong, and what can be done about it";
        assert_eq!(wrap(text, 4, None), text);
        assert_eq!(wrap(text, 4, Some(28)), "what is wrong, and what\n    can be done about it");
        assert_eq!(
            wrap("/a/very/long/word/that/stays", 4, Some(24)),
            "/a/very/long/word/that/stays"
        );
    }
}
