//! The inputs that a policy declares.

use std::fmt;

/// Facts that a policy is told only if it lists them in [`INPUTS`](crate::Policy::INPUTS).
///
/// Inputs that a policy does not declare are withheld by the host, and a verdict that depends on
/// nothing that changes is remembered for as long as the configuration is in force. Declare what
/// you read and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u16)]
pub enum Input {
    /// The caller: [`user`](crate::Request::user), groups and attributes.
    Caller = 1,
    /// The credential by which the caller came: [`credential`](crate::Request::credential).
    Credential = 1 << 1,
    /// The facts that Ollama tells about the models: [`Model::presence`](crate::Model::presence).
    Catalogue = 1 << 2,
    /// The parameters in the body: [`parameters`](crate::Request::parameters).
    Parameters = 1 << 3,
    /// The names of the tools: [`tools`](crate::Request::tools).
    Tools = 1 << 4,
    /// The amount of text: [`prompt`](crate::Request::prompt).
    Prompt = 1 << 5,
    /// The texts themselves: [`texts`](crate::Request::texts). Costs a copy for each decision.
    Texts = 1 << 6,
    /// The blobs that a model is created from: [`blobs`](crate::Request::blobs). A digest reaches
    /// the weights of every model on the host, so an allow of a policy that does not ask for them
    /// does not count for a request that names some.
    Blobs = 1 << 7,
    /// The origin of the call: [`client`](crate::Request::client).
    Client = 1 << 8,
    /// The time: [`time`](crate::Request::time). Say with
    /// [`valid_until`](crate::Policy::valid_until) for how long a verdict holds.
    Time = 1 << 9,
    /// The usage so far: [`usage`](crate::Request::usage).
    Usage = 1 << 10,
    /// The canonical JSON body: [`body`](crate::Request::body). Costs a copy for each decision.
    Body = 1 << 11,
}

impl Input {
    /// Every input that this SDK knows.
    pub const ALL: &'static [Self] = &[
        Self::Caller,
        Self::Credential,
        Self::Catalogue,
        Self::Parameters,
        Self::Tools,
        Self::Prompt,
        Self::Texts,
        Self::Blobs,
        Self::Client,
        Self::Time,
        Self::Usage,
        Self::Body,
    ];

    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Credential => "credential",
            Self::Catalogue => "catalogue",
            Self::Parameters => "parameters",
            Self::Tools => "tools",
            Self::Prompt => "prompt",
            Self::Texts => "texts",
            Self::Blobs => "blobs",
            Self::Client => "client",
            Self::Time => "time",
            Self::Usage => "usage",
            Self::Body => "body",
        }
    }

    /// The name of the constant, for whoever has to write it.
    const fn constant(self) -> &'static str {
        match self {
            Self::Caller => "Input::Caller",
            Self::Credential => "Input::Credential",
            Self::Catalogue => "Input::Catalogue",
            Self::Parameters => "Input::Parameters",
            Self::Tools => "Input::Tools",
            Self::Prompt => "Input::Prompt",
            Self::Texts => "Input::Texts",
            Self::Blobs => "Input::Blobs",
            Self::Client => "Input::Client",
            Self::Time => "Input::Time",
            Self::Usage => "Input::Usage",
            Self::Body => "Input::Body",
        }
    }

    /// Refuses a read of what was not declared.
    #[cold]
    #[track_caller]
    #[expect(clippy::panic, reason = "a panic refuses the request; a default would be believed")]
    pub(crate) fn undeclared(self) -> ! {
        panic!(
            "this policy reads the {self} without declaring it: add {} to INPUTS",
            self.constant()
        )
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inputs(u16);

impl Inputs {
    pub(crate) const fn of(list: &[Input]) -> Self {
        let (mut set, mut index) = (0, 0);
        while index < list.len() {
            set |= list[index] as u16;
            index += 1;
        }
        Self(set)
    }

    pub(crate) const fn has(self, input: Input) -> bool {
        self.0 & input as u16 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::{Input, Inputs};

    #[test]
    fn a_set_has_what_was_listed() {
        let set = Inputs::of(&[Input::Time, Input::Body]);
        let has: Vec<_> = Input::ALL.iter().filter(|input| set.has(**input)).collect();
        assert_eq!(has, [&Input::Time, &Input::Body]);
        assert_eq!(Inputs::of(Input::ALL).0.count_ones() as usize, Input::ALL.len());
    }

    #[test]
    fn every_input_stands_in_the_contract() {
        let wit = include_str!("../wit/policy.wit");
        for input in Input::ALL {
            assert!(wit.contains(&format!("`{input}`")), "{input}");
        }
    }
}
