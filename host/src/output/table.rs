//! Columns for people.
//!
//! A table that is wider than the terminal would be wrapped into mush: there, what matters least is left
//! out and paths are shortened. Whatever reads it off a terminal gets all of it.

use super::shorten::{Shorten, below_home, width_of};
use super::visible;
use std::mem;

/// Between two columns.
const GAP: usize = 2;

/// A column is never made narrower than this: nobody would know what it says.
const NARROWEST: usize = 12;

/// Rows of text under a header, each column as wide as its widest cell.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
    yields: Vec<(usize, Yield)>,
}

/// What a column does when there isn't room for all.
#[derive(Clone, Copy, Debug)]
enum Yield {
    Shorten(Shorten),
    Vanish,
}

impl Yield {
    fn is_path(self) -> bool {
        matches!(self, Self::Shorten(Shorten::Path))
    }
}

impl Table {
    /// With these headings.
    #[must_use]
    pub fn new(headings: &[&str]) -> Self {
        let headings = headings.iter().map(|heading| (*heading).to_owned()).collect();
        Self { rows: vec![headings], yields: Vec::new() }
    }

    /// This column holds paths, which may be shortened where there isn't room. What yields is named
    /// in the order in which it does.
    #[must_use]
    pub fn paths(mut self, column: usize) -> Self {
        self.yields.push((column, Yield::Shorten(Shorten::Path)));
        self
    }

    /// This column holds text that may be cut where there isn't room.
    #[must_use]
    pub fn texts(mut self, column: usize) -> Self {
        self.yields.push((column, Yield::Shorten(Shorten::End)));
        self
    }

    /// This column may be left out where there isn't room.
    #[must_use]
    pub fn optional(mut self, column: usize) -> Self {
        self.yields.push((column, Yield::Vanish));
        self
    }

    /// Adds a row of as many cells as there are headings. What they hold may come from outside.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| visible(&cell).into_owned()).collect());
    }

    /// The whole table, one line a row, without trailing blanks; for a terminal that is so many
    /// columns wide, if it is for one.
    #[must_use]
    pub fn render(&self, terminal: Option<usize>) -> String {
        let mut rows = self.rows.clone();
        if let Some(terminal) = terminal {
            self.fit(&mut rows, terminal);
        }
        let widths = widths(&rows);
        let mut text = String::new();
        for row in &rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths).filter(|(_, width)| **width > 0) {
                let blanks = width - width_of(cell) + GAP;
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', blanks));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn fit(&self, rows: &mut [Vec<String>], terminal: usize) {
        if total(&widths(rows)) <= terminal {
            return;
        }
        // What costs nobody anything comes first.
        for (column, _) in self.yields.iter().filter(|(_, how)| how.is_path()) {
            for cell in rows.iter_mut().filter_map(|row| row.get_mut(*column)) {
                *cell = below_home(cell);
            }
        }
        for (column, how) in &self.yields {
            let widths = widths(rows);
            let total = total(&widths);
            if total <= terminal {
                return;
            }
            let width = widths.get(*column).copied().unwrap_or_default();
            let room = width.saturating_sub(total - terminal).max(NARROWEST);
            for cell in rows.iter_mut().filter_map(|row| row.get_mut(*column)) {
                *cell = match how {
                    Yield::Shorten(how) => how.to(room, &mem::take(cell)),
                    Yield::Vanish => String::new(),
                };
            }
        }
    }
}

/// How wide each column is; one that was left out isn't.
fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| width_of(cell)).max()
    };
    (0..columns).map(|column| width(column).unwrap_or(0)).collect()
}

fn total(widths: &[usize]) -> usize {
    let shown = widths.iter().filter(|width| **width > 0);
    shown.map(|width| width + GAP).sum::<usize>().saturating_sub(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(table: Table, cells: &[&str]) -> Table {
        let mut table = table;
        table.row(cells.iter().map(|cell| (*cell).to_owned()));
        table
    }

    #[test]
    fn columns_line_up() {
        let table = table(Table::new(&["NAME", "STATE"]), &["a-long-name", "ok"]);
        assert_eq!(table.render(None), "NAME         STATE\na-long-name  ok\n");
    }

    #[test]
    fn wide_characters_line_up() {
        let table = table(Table::new(&["NAME", "STATE"]), &["日本語", "ok"]);
        assert_eq!(table.render(None), "NAME    STATE\n日本語  ok\n");
    }

    #[test]
    fn a_cell_stays_in_its_row() {
        let table = table(Table::new(&["NAME", "STATE"]), &["a\n\u{1b}[1A", "ok"]);
        assert_eq!(table.render(None), "NAME          STATE\na\\n\\u{1b}[1A  ok\n");
    }

    #[test]
    fn what_matters_least_yields_to_a_narrow_terminal() {
        let headings = Table::new(&["SLUG", "ID", "PATH"]).paths(2).optional(1);
        let table = table(headings, &["red-eel", "cbx_0", "/srv/work/of/others/checkout"]);
        let full = "SLUG     ID     PATH\nred-eel  cbx_0  /srv/work/of/others/checkout\n";
        assert_eq!(table.render(None), full);
        assert_eq!(table.render(Some(44)), full);
        let shortened = "SLUG     ID     PATH\nred-eel  cbx_0  …/others/checkout\n";
        assert_eq!(table.render(Some(35)), shortened);
        assert_eq!(table.render(Some(24)), "SLUG     PATH\nred-eel  …/checkout\n");
    }
}
