//! Pages of the documentation that are written by the code they describe.

use anyhow::Context;

use crate::run::{say, workspace};

/// A page's path in the repository, and what writes it.
type Page = (&'static str, fn() -> String);

const PAGES: [Page; 1] = [("docs/reference/routes.md", stockade_ollama::reference_markdown)];

/// The schemas that `stockade schema` prints, and the files they belong in.
const SCHEMAS: [(&str, &str); 2] = [
    ("configuration", "docs/reference/stockade.schema.json"),
    ("policy-tests", "docs/reference/policy-tests.schema.json"),
];

/// The contract for languages without an SDK, as `stockade policy header` prints it.
const HEADERS: [(&str, &str); 2] =
    [("c", "docs/reference/stockade.h"), ("zig", "docs/reference/stockade.zig")];

/// Writes all of them. A test beside each writer fails while its page is out of date.
pub(crate) fn run() -> anyhow::Result<()> {
    for (path, page) in PAGES {
        let file = workspace().join(path);
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory).with_context(|| path.to_owned())?;
        }
        std::fs::write(&file, page()).with_context(|| path.to_owned())?;
        say(format_args!("{path} is written"));
    }
    for (file, path) in SCHEMAS {
        printed(&["schema", file], path)?;
    }
    for (language, path) in HEADERS {
        printed(&["policy", "header", "--language", language], path)?;
    }
    Ok(())
}

/// A file that the program prints, which reads what the file describes.
fn printed(command: &[&str], path: &str) -> anyhow::Result<()> {
    let text = crate::built(&[], "stockade")?.args(command).output()?;
    std::fs::write(workspace().join(path), text).context(path.to_owned())?;
    say(format_args!("{path} is written"));
    Ok(())
}
