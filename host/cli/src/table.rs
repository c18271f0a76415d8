//! Tables of text for terminals.

use std::fmt;

/// The head of a column.
pub(super) struct Column {
    name: &'static str,
    is_right: bool,
}

impl Column {
    /// A column of words.
    pub(super) const fn left(name: &'static str) -> Self {
        Self { name, is_right: false }
    }

    /// A column of numbers.
    pub(super) const fn right(name: &'static str) -> Self {
        Self { name, is_right: true }
    }
}

/// Rows below the heads of columns, each column as wide as it has to be.
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row of as many cells as there are columns.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn widths(&self) -> Vec<usize> {
        let width = |index: usize, column: &Column| {
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or_default();
            widest.max(column.name.len())
        };
        self.columns.iter().enumerate().map(|(index, column)| width(index, column)).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut text = String::new();
            for ((cell, width), column) in cells.zip(&widths).zip(&self.columns) {
                let space = " ".repeat(width.saturating_sub(cell.chars().count()));
                if !text.is_empty() {
                    text.push_str("  ");
                }
                let (before, after) =
                    if column.is_right { (space, String::new()) } else { (String::new(), space) };
                text.push_str(&before);
                text.push_str(cell);
                text.push_str(&after);
            }
            writeln!(f, "{}", text.trim_end())
        };
        line(&mut self.columns.iter().map(|column| column.name))?;
        for row in &self.rows {
            line(&mut row.iter().map(String::as_str))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, Table};

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new([Column::left("USER"), Column::right("TOKENS")]);
        table.row(["alice".to_owned(), "1,200".to_owned()]);
        table.row(["Zoë".to_owned(), "7".to_owned()]);
        assert_eq!(table.to_string(), "USER   TOKENS\nalice   1,200\nZoë         7\n");
    }
}
