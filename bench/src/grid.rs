//! Figures in rows and columns, as text for a terminal and as Markdown.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::promises::number;

/// A table of figures.
#[derive(Clone, Debug, Serialize)]
pub struct Grid {
    /// The title of the table.
    pub title: String,
    /// The name of the rows, and then that of each figure, with its unit.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Line>,
}

/// A row.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The subject of the row.
    pub name: String,
    /// A figure for each column; none where there is nothing to measure.
    pub figures: Vec<Option<f64>>,
    /// The reason why there are no figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
}

impl Grid {
    /// A table without rows.
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Self { title: title.into(), columns, rows: Vec::new() }
    }

    /// Appends a row.
    pub fn push(&mut self, name: impl Into<String>, figures: Vec<Option<f64>>) {
        self.rows.push(Line { name: name.into(), figures, absent: None });
    }

    /// Appends a row that could not be measured.
    pub fn absent(&mut self, name: impl Into<String>, why: impl fmt::Display) {
        let why = why.to_string();
        self.rows.push(Line { name: name.into(), figures: Vec::new(), absent: Some(why) });
    }

    fn cells(&self) -> Vec<Vec<String>> {
        let head = self.columns.clone();
        let rows = self.rows.iter().filter(|row| row.absent.is_none()).map(|row| {
            let shown = |figure: &Option<f64>| figure.map_or("·".to_owned(), number);
            std::iter::once(row.name.clone()).chain(row.figures.iter().map(shown)).collect()
        });
        std::iter::once(head).chain(rows).collect()
    }

    fn absences(&self) -> impl Iterator<Item = String> {
        let said = |row: &Line| Some(format!("{}: absent, {}", row.name, row.absent.as_ref()?));
        self.rows.iter().filter_map(said)
    }

    /// For documentation.
    pub fn markdown(&self) -> String {
        let mut text = format!("{}:\n\n{}", self.title, markdown(&self.cells(), 1));
        for absence in self.absences() {
            let _ = write!(text, "\n{absence}\n");
        }
        text
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}\n{}", self.title, aligned(&self.cells(), 1))?;
        self.absences().try_for_each(|absence| writeln!(formatter, "  {absence}"))
    }
}

/// Columns under each other: the first so many flush left, the others flush right.
pub fn aligned(rows: &[Vec<String>], left: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < left { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text += "  ";
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A table of Markdown, whose first row is its head.
pub fn markdown(rows: &[Vec<String>], left: usize) -> String {
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if number == 0 {
            let rule = |column| if column < left { "---" } else { "---:" };
            let rules: Vec<_> = (0..row.len()).map(rule).collect();
            let _ = writeln!(text, "| {} |", rules.join(" | "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_shows_every_row_and_why_one_is_empty() {
        let mut grid = Grid::new("gateways", &["", "p50 µs", "KiB"]);
        grid.push("ours", vec![Some(45.25), Some(1_200.0)]);
        grid.push("nothing", vec![Some(17.0), None]);
        grid.absent("Envoy", "it is not installed");
        assert_eq!(
            grid.to_string(),
            "gateways\n           p50 µs    KiB\n  ours       45.2  1,200\n  nothing      17      \
             ·\n  Envoy: absent, it is not installed\n"
        );
        assert_eq!(
            grid.markdown(),
            "gateways:\n\n|  | p50 µs | KiB |\n| --- | ---: | ---: |\n| ours | 45.2 | 1,200 |\n| \
             nothing | 17 | · |\n\nEnvoy: absent, it is not installed\n"
        );
    }
}
