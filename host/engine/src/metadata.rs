//! Metadata: a policy's description of itself.

use serde::{Deserialize, Serialize};

use crate::bindings::exports::stockade::policy::policy as wit;
use crate::{Failure, text};

const LONGEST_NAME: usize = 100;
const LONGEST_SCHEMA: usize = 256 << 10;
const BODY: &str = "body";
const DIGESTS: &str = "digests";

/// A policy's description of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Its name, as its author gave it.
    pub name: String,
    /// Its version, as its author gave it.
    pub version: String,
    /// JSON Schema of one binding's settings, as text.
    pub settings_schema: String,
    /// True if it wants to see request bodies.
    pub wants_body: bool,
    /// True if it judges the blobs that a model is created from.
    pub judges_digests: bool,
}

impl Metadata {
    /// Accepts a policy's description, within bounds. What it wants to see is only
    /// understood completely or not at all: a policy that judged less than it
    /// believes would be worse than none.
    pub(crate) fn checked(said: wit::Metadata) -> Result<Self, Failure> {
        let nonsense = |what: String| Err(Failure::Nonsense(what));
        let asks_for = |input: &str| said.inputs.iter().any(|said| said == input);
        let is_known = |input: &str| matches!(input, BODY | DIGESTS);
        if let Some(unknown) = said.inputs.iter().find(|input| !is_known(input)) {
            let unknown = text::one_line(unknown, LONGEST_NAME);
            return nonsense(format!("it wants an unknown input {unknown:?}"));
        }
        if said.settings_schema.len() > LONGEST_SCHEMA {
            return nonsense(format!("its schema is longer than {LONGEST_SCHEMA} bytes"));
        }
        Ok(Self {
            name: text::one_line(&said.name, LONGEST_NAME),
            version: text::one_line(&said.version, LONGEST_NAME),
            settings_schema: said.settings_schema,
            wants_body: asks_for(BODY),
            judges_digests: asks_for(DIGESTS),
        })
    }
}
