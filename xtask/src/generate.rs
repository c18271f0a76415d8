//! Pages of the documentation that are written by the code they describe.

use anyhow::Context;

use crate::run::{say, workspace};

/// A page's path in the repository, and what writes it.
type Page = (&'static str, fn() -> String);

const PAGES: [Page; 1] = [("docs/reference/routes.md", stockade_ollama::reference_markdown)];

const SCHEMA: &str = "docs/reference/stockade.schema.json";

/// Write all of them. A test beside each writer fails while its page is out of date.
pub(crate) fn run() -> anyhow::Result<()> {
    for (path, page) in PAGES {
        let file = workspace().join(path);
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory).with_context(|| path.to_owned())?;
        }
        std::fs::write(&file, page()).with_context(|| path.to_owned())?;
        say(format_args!("{path} is written"));
    }
    schema()
}

/// The schema of the configuration, by the program that reads it.
fn schema() -> anyhow::Result<()> {
    let schema = crate::built(&[], "stockade")?.args(["schema"]).output()?;
    std::fs::write(workspace().join(SCHEMA), schema).context(SCHEMA)?;
    say(format_args!("{SCHEMA} is written"));
    Ok(())
}
