//! `stockade policy header`: the contract for languages without an SDK, as one file with its types,
//! laid out by the canonical ABI of the Component Model, and what every policy needs.

mod c;
mod contract;
mod zig;

use serde_json::json;

use super::foreign::Foreign;
use crate::{Ending, Output};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The language to write it in.
    #[arg(long, value_enum)]
    language: Foreign,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let header = arguments.language.header()?;
    let name = arguments.language.header_name();
    output.answer(header.trim_end(), &json!({ "name": name, "text": header }))?;
    Ok(Ending::Done)
}

/// Writes `stockade.h`.
pub(super) fn c() -> anyhow::Result<String> {
    c::write(&contract::Contract::read()?)
}

/// Writes `stockade.zig`.
pub(super) fn zig() -> anyhow::Result<String> {
    zig::write(&contract::Contract::read()?)
}

#[cfg(test)]
mod tests {
    const MESSAGE: &str = "run `cargo xtask generate`";

    #[test]
    fn the_headers_of_the_reference_are_up_to_date() {
        let c = include_str!("../../../../docs/reference/stockade.h");
        assert_eq!(super::c().unwrap(), c, "{MESSAGE}");
        let zig = include_str!("../../../../docs/reference/stockade.zig");
        assert_eq!(super::zig().unwrap(), zig, "{MESSAGE}");
    }
}
