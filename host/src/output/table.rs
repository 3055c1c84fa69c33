//! Columns for people.
//!
//! A table that is wider than the terminal would be wrapped into mush: there, what matters least is left
//! out and paths are shortened. Whatever reads it off a terminal gets all of it.

use super::shorten::{Shorten, below_home, width_of};
use super::visible;

/// Between two columns.
const GAP: usize = 2;

/// A column is never made narrower than this: nobody would know what it says.
const NARROWEST: usize = 12;

/// Rows of text under a header, each column as wide as its widest cell. There may be many rows: the text
/// of all is kept in one piece.
#[derive(Clone, Debug)]
pub struct Table {
    /// The cells, one behind the other, row by row.
    text: String,
    cells: Vec<Cell>,
    columns: usize,
    yields: Vec<(usize, Yield)>,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    /// Where it ends in the text; it begins where the one before ends.
    end: usize,
    width: usize,
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
        let (text, cells) = (String::new(), Vec::new());
        let mut table = Self { text, cells, columns: headings.len(), yields: Vec::new() };
        for heading in headings {
            table.push(heading);
        }
        table
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
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        let end = self.cells.len() + self.columns;
        for cell in cells {
            self.push(&visible(cell.as_ref()));
        }
        debug_assert_eq!(self.cells.len(), end, "a cell for each heading");
    }

    fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.cells.push(Cell { end: self.text.len(), width: width_of(cell) });
    }

    /// The whole table, one line a row, without trailing blanks; for a terminal that is so many
    /// columns wide, if it is for one.
    #[must_use]
    pub fn render(&self, terminal: Option<usize>) -> String {
        match terminal {
            Some(terminal) if total(&self.widths()) > terminal => self.fitted(terminal).lines(),
            _ => self.lines(),
        }
    }

    fn lines(&self) -> String {
        let widths = self.widths();
        let blanks = " ".repeat(widths.iter().max().unwrap_or(&0) + GAP);
        let mut lines =
            String::with_capacity(self.cells.len() / self.columns.max(1) * total(&widths));
        let mut begin = 0;
        for row in self.cells.chunks(self.columns.max(1)) {
            let line = lines.len();
            for (cell, width) in row.iter().zip(&widths) {
                if *width > 0 {
                    lines.push_str(&self.text[begin..cell.end]);
                    lines.push_str(&blanks[..width - cell.width + GAP]);
                }
                begin = cell.end;
            }
            lines.truncate(line + lines[line..].trim_end().len());
            lines.push('\n');
        }
        lines
    }

    /// The same table, as narrow as it gets or as has to be.
    fn fitted(&self, terminal: usize) -> Self {
        let mut table = self.clone();
        // What costs nobody anything comes first.
        for (column, _) in self.yields.iter().filter(|(_, how)| how.is_path()) {
            table = table.with_column(*column, below_home);
        }
        for (column, how) in &self.yields {
            let widths = table.widths();
            let total = total(&widths);
            if total <= terminal {
                break;
            }
            let width = widths.get(*column).copied().unwrap_or_default();
            let room = width.saturating_sub(total - terminal).max(NARROWEST);
            table = table.with_column(*column, |cell| match how {
                Yield::Shorten(how) => how.to(room, cell),
                Yield::Vanish => String::new(),
            });
        }
        table
    }

    /// The same with other cells in this column.
    fn with_column(&self, column: usize, other: impl Fn(&str) -> String) -> Self {
        let (text, cells) = (String::new(), Vec::with_capacity(self.cells.len()));
        let mut table = Self { text, cells, yields: self.yields.clone(), ..*self };
        let mut begin = 0;
        for (at, cell) in self.cells.iter().enumerate() {
            let text = &self.text[begin..cell.end];
            if at % self.columns == column {
                table.push(&other(text));
            } else {
                table.push(text);
            }
            begin = cell.end;
        }
        table
    }

    /// How wide each column is; one that was left out isn't.
    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.columns];
        for row in self.cells.chunks(self.columns.max(1)) {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = cell.width.max(*widest);
            }
        }
        widths
    }
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
