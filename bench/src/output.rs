//! Writes the figures to the terminal and into files.

use std::fmt::Display;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use stockade_bench::machine;
use stockade_bench::parts::{growth_figure, latency_figure, progress};
use stockade_bench::plot::Figure;

use crate::{Measured, Run};

/// Between these lines of a page stand the figures.
const BEGIN: &str = "<!-- figures of `cargo xtask bench --markdown` -->";
const END: &str = "<!-- end of the figures -->";

/// Prints what was measured, and writes the files that are wanted.
pub(crate) fn write(run: &Run, only_a_part: bool, measured: &Measured) -> anyhow::Result<()> {
    let report = &measured.report;
    if only_a_part {
        print(&report.measured())?;
    } else {
        print(report)?;
    }
    if let Some(path) = &run.json {
        let text = serde_json::to_string_pretty(&report.json())?;
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let plots = match &run.markdown {
        Some(page) => {
            insert(page, &report.markdown())?;
            page.with_extension("")
        }
        None => machine::target_directory()?.join("bench"),
    };
    draw(&plots, measured)
}

/// Prints a report, whole or in part.
pub(crate) fn print(text: &impl Display) -> anyhow::Result<()> {
    write!(std::io::stdout(), "{text}").context("cannot print the table")
}

fn draw(directory: &Path, measured: &Measured) -> anyhow::Result<()> {
    let facts = machine::facts();
    let latency =
        (!measured.outcomes.is_empty()).then(|| latency_figure(&measured.outcomes, &facts));
    let growth = (!measured.curves.is_empty()).then(|| growth_figure(&measured.curves, &facts));
    fs::create_dir_all(directory)?;
    let draw = |name: &str, figure: Option<Figure>| {
        let Some(figure) = figure else { return Ok(()) };
        let path = directory.join(name);
        fs::write(&path, figure.svg()).with_context(|| path.display().to_string())?;
        print(&format_args!("{}\n", path.display()))
    };
    draw("latency.svg", latency)?;
    draw("growth.svg", growth)
}

fn insert(page: &Path, figures: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let marks = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) =
        marks.with_context(|| format!("{} lacks the lines {BEGIN} and {END}", page.display()))?;
    fs::write(page, format!("{before}{BEGIN}\n\n{figures}\n{END}{after}"))?;
    progress(&format!("the figures stand in {}", page.display()));
    Ok(())
}
