//! Metadata: a policy's description of itself.

use serde::{Deserialize, Serialize};

use crate::bindings::exports::stockade::policy::policy as wit;
use crate::{Failure, Inputs, guest_text};

const LONGEST_NAME: usize = 100;
const LONGEST_SCHEMA: usize = 256 << 10;

/// A policy's description of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Its name, as its author gave it.
    pub name: String,
    /// Its version, as its author gave it.
    pub version: String,
    /// JSON Schema of one binding's settings, as text.
    pub settings_schema: String,
    /// The facts that it is told besides the operation, the API and the models.
    pub inputs: Inputs,
}

impl Metadata {
    /// Accepts a policy's description, within bounds.
    pub(crate) fn checked(said: wit::Metadata) -> Result<Self, Failure> {
        let inputs = Inputs::parse(&said.inputs).map_err(|mut unknown| {
            unknown.0 = guest_text::one_line(&unknown.0, LONGEST_NAME);
            Failure::Nonsense(unknown.to_string())
        })?;
        if said.settings_schema.len() > LONGEST_SCHEMA {
            let text = format!("its schema is longer than {LONGEST_SCHEMA} bytes");
            return Err(Failure::Nonsense(text));
        }
        Ok(Self {
            name: guest_text::one_line(&said.name, LONGEST_NAME),
            version: guest_text::one_line(&said.version, LONGEST_NAME),
            settings_schema: said.settings_schema,
            inputs,
        })
    }
}
