//! Testing a policy without wasm.

use std::fmt;

use crate::{Policy, Problem, Request, Verdict, runtime};

/// A policy with one binding's settings, on the machine of its author.
///
/// It reads the settings with the same code as inside the sandbox.
///
/// ```
/// use stockade_policy_sdk::prelude::*;
///
/// #[settings]
/// struct Settings { users: Vec<String> }
///
/// struct OnlyUsers(Settings);
///
/// #[policy]
/// impl Policy for OnlyUsers {
///     type Settings = Settings;
///
///     const INPUTS: &'static [Input] = &[Input::Caller];
///
///     fn new(settings: Settings) -> Result<Self, Problem> {
///         Ok(Self(settings))
///     }
///
///     fn evaluate(&self, request: &Request) -> Verdict {
///         if self.0.users.iter().any(|user| user == request.user()) {
///             Verdict::allow()
///         } else {
///             Verdict::abstain()
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Problem> {
/// let policy = Harness::<OnlyUsers>::new(r#"{ "users": ["alice"] }"#)?;
/// let request = Request::builder().user("alice").build();
/// assert_eq!(policy.evaluate(&request), Verdict::allow());
///
/// let problem = Harness::<OnlyUsers>::new(r#"{ "users": ["alice", 3] }"#).unwrap_err();
/// assert_eq!(problem.path(), "users[1]");
/// # Ok(())
/// # }
/// ```
pub struct Harness<P>(P);

impl<P: Policy> Harness<P> {
    /// Gives the policy its settings: JSON text or a `serde_json::Value`.
    ///
    /// # Errors
    /// The problems that an operator would be told about these settings.
    pub fn new(settings: impl fmt::Display) -> Result<Self, Problem> {
        runtime::build(&settings.to_string()).map(Self)
    }

    /// Has one request judged. As on the host, the policy is told what it declares.
    ///
    /// # Panics
    /// If it reads an input that it does not declare.
    pub fn evaluate(&self, request: &Request) -> Verdict {
        request.shown(P::INPUTS, |request| self.0.evaluate(request))
    }

    /// Asks until when the verdict about a request holds, in seconds since 1970.
    ///
    /// # Panics
    /// If the policy reads an input that it does not declare.
    pub fn valid_until(&self, request: &Request) -> Option<u64> {
        request.shown(P::INPUTS, |request| self.0.valid_until(request))
    }

    /// The JSON Schema of the policy's settings, as the host is given it.
    pub fn settings_schema() -> String {
        runtime::settings_schema::<P>()
    }
}

impl<P> fmt::Debug for Harness<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Harness<{}>", std::any::type_name::<P>())
    }
}
