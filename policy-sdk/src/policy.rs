//! The trait that an author implements, its settings and their problems.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Duration, Hours, Input, ModelPatterns, Networks, Request, Size, Verdict};

/// A policy: one value answers for one binding's settings.
///
/// Put [`#[policy]`](macro@crate::policy) on the implementation, and the crate becomes a
/// Stockade policy when it is built as a `cdylib` for `wasm32-unknown-unknown`.
///
/// A policy is a pure function. Each decision starts from a snapshot taken right after
/// [`new`](Policy::new), so whatever `evaluate` changes in memory is gone afterwards.
pub trait Policy: Sized + Send + Sync + 'static {
    /// The settings that an operator writes under `settings:` of a binding; usually a struct with
    /// [`#[settings]`](macro@crate::settings).
    type Settings: FromSettings;

    /// The inputs that the policy is told besides the operation, the API and the names of the
    /// models. Everything else is withheld from it.
    const INPUTS: &'static [Input] = &[];

    /// Prepares for decisions. Runs once, before the first request, and takes as long as it needs:
    /// compile patterns and sort lists here, not in `evaluate`.
    ///
    /// # Errors
    /// Settings that are well-formed but make no sense. The operator is shown the problem,
    /// and the configuration that contains the settings is not used.
    fn new(settings: Self::Settings) -> Result<Self, Problem>;

    /// Judges one request.
    fn evaluate(&self, request: &Request) -> Verdict;

    /// Tells until when (seconds since 1970) the verdict about a request stays the same, whatever
    /// the time, for a policy that declares [`Input::Time`]. Without it a verdict holds for the
    /// second in which it was given.
    fn valid_until(&self, request: &Request) -> Option<u64> {
        let _ = request;
        None
    }
}

/// A type that can be read from a binding's `settings:`.
///
/// [`#[settings]`](macro@crate::settings) implements it, so that what an author forgets is
/// said in one line. A type with an implementation of `Deserialize` and `JsonSchema` of its
/// own has to be given it by hand: `impl FromSettings for MySettings {}`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a binding's `settings:`",
    label = "this type is not marked with `#[settings]`",
    note = "write `#[settings]` above the definition of `{Self}`"
)]
pub trait FromSettings: DeserializeOwned + JsonSchema {}

impl FromSettings for bool {}
impl FromSettings for i64 {}
impl FromSettings for u64 {}
impl FromSettings for f64 {}
impl FromSettings for String {}
impl FromSettings for serde_json::Value {}
impl<T: FromSettings> FromSettings for Option<T> {}
impl<T: FromSettings> FromSettings for Vec<T> {}
impl<T: FromSettings> FromSettings for BTreeMap<String, T> {}
impl FromSettings for ModelPatterns {}
impl FromSettings for Networks {}
impl FromSettings for Hours {}
impl FromSettings for Duration {}
impl FromSettings for Size {}

/// A problem with a binding's settings, or [several](Problem::all).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    path: String,
    message: String,
    /// The other problems; none of these has more.
    more: Vec<Problem>,
}

impl Problem {
    /// A problem with the settings as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self::at("", message)
    }

    /// A problem at one place in the settings.
    ///
    /// ```
    /// use stockade_policy_sdk::Problem;
    ///
    /// let problem = Problem::at("allow[2]", "this pattern is listed twice");
    /// assert_eq!(problem.to_string(), "allow[2]: this pattern is listed twice");
    /// ```
    pub fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), more: Vec::new() }
    }

    /// Takes several problems, so that the operator sees all of them at once.
    ///
    /// # Errors
    /// The problems, if there are any.
    ///
    /// ```
    /// use stockade_policy_sdk::Problem;
    ///
    /// let problems = [Problem::at("from", "is no time"), Problem::at("to", "is no time")];
    /// let all = Problem::all(problems).unwrap_err();
    /// assert_eq!(all.to_string(), "from: is no time; to: is no time");
    /// assert_eq!(Problem::all([]), Ok(()));
    /// ```
    pub fn all(problems: impl IntoIterator<Item = Self>) -> Result<(), Self> {
        let mut all = problems.into_iter().flat_map(Self::into_each);
        let Some(mut first) = all.next() else {
            return Ok(());
        };
        first.more.extend(all);
        Err(first)
    }

    /// The same problems with settings that stand in others, under this name.
    #[must_use]
    pub fn under(mut self, name: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => name.to_owned(),
            path if path.starts_with('[') => format!("{name}{path}"),
            path => format!("{name}.{path}"),
        };
        self.more = self.more.into_iter().map(|problem| problem.under(name)).collect();
        self
    }

    /// Each problem on its own.
    pub(crate) fn into_each(mut self) -> impl Iterator<Item = Self> {
        let more = std::mem::take(&mut self.more);
        std::iter::once(self).chain(more)
    }

    /// Returns the place in the settings, such as `allow[2]`; empty for the whole. Of several
    /// problems, that of the first.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the text: what is wrong, and what to write instead.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn into_parts(self) -> (String, String) {
        (self.path, self.message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)?;
        } else {
            write!(f, "{}: {}", self.path, self.message)?;
        }
        self.more.iter().try_for_each(|problem| write!(f, "; {problem}"))
    }
}

impl std::error::Error for Problem {}
