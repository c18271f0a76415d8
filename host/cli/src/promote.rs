//! `stockade promote`: the candidate becomes the configuration in force.

use http::Method;
use serde_json::json;
use stockade_admin::{AskError, PROMOTE, PromoteShadow, Promotion};

use super::shadow::order_of;
use super::usage::state_directory;
use super::{ConfigFile, Ending, Output};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Promote it also where the live configuration was changed since the candidate was written.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let Some((directory, _)) = state_directory(&arguments.file.config, output)? else {
        return Ok(Ending::Misused);
    };
    let wanted = json!(PromoteShadow { force: arguments.force });
    let value = match order_of(&directory, (Method::POST, PROMOTE), &wanted) {
        Err(AskError::Refused(errors)) => {
            let text = format!("not promoted: {}", errors.join("\n"));
            output.answer(text, &json!({ "ok": false, "errors": errors }))?;
            return Ok(Ending::Negative);
        }
        answered => answered?,
    };
    let promotion: Promotion = serde_json::from_value(value.clone())?;
    output.answer(text(&promotion), &value)?;
    Ok(if promotion.generation.is_some() { Ending::Done } else { Ending::Negative })
}

fn text(promotion: &Promotion) -> String {
    let Promotion { files, generation, rejected } = promotion;
    let (config, candidate) = (files.config.display(), files.candidate.display());
    let became = match generation {
        Some(number) => format!("generation {number} is in force"),
        None if rejected.is_empty() => "it is not in force yet: look at the log".to_owned(),
        None => format!("it was rejected:\n{}", rejected.join("\n")),
    };
    format!(
        "{config} has the text of {candidate} now, and {} what it had before; {became}",
        files.before.display()
    )
}
