//! The answers of a policy.

use crate::{Limit, LimitedParameter, Obligations, Verdict};

impl Verdict {
    /// Allows the request as it is.
    ///
    /// Any other policy's deny still wins.
    pub fn allow() -> Self {
        Self::Allow(Obligations::new())
    }

    /// Refuses the request. The reason is shown to the caller: say what is refused and what is
    /// possible instead.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self::Deny(reason.into())
    }

    /// Says nothing. A request about which no policy says allow is refused.
    pub fn abstain() -> Self {
        Self::Abstain
    }
}

/// Allows the request on these conditions.
impl From<Obligations> for Verdict {
    fn from(obligations: Obligations) -> Self {
        Self::Allow(obligations)
    }
}

/// ```
/// use stockade_policy_sdk::{LimitedParameter, Obligations, Verdict};
///
/// let verdict: Verdict = Obligations::new()
///     .cap(LimitedParameter::Context, 8192)
///     .cap_or_insert(LimitedParameter::Output, 1024)
///     .forbid_field("suffix")
///     .label("tier", "small")
///     .into();
/// assert!(matches!(verdict, Verdict::Allow(_)));
/// ```
impl Obligations {
    /// No conditions.
    pub fn new() -> Self {
        Self {
            replace_model: None,
            limits: Vec::new(),
            forbid_fields: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Forwards another model instead of the one asked for. If two policies ask for two different
    /// models, the host refuses the request.
    #[must_use]
    pub fn replace_model(mut self, name: impl Into<String>) -> Self {
        self.replace_model = Some(name.into());
        self
    }

    /// Lowers a number that is above `maximum`; leaves a request alone that does not say.
    #[must_use]
    pub fn cap(self, parameter: LimitedParameter, maximum: i64) -> Self {
        self.limit(parameter, maximum, false)
    }

    /// Lowers a number that is above `maximum`, and writes `maximum` into a request that does not
    /// say. Use this where Ollama's own default may be above the maximum.
    #[must_use]
    pub fn cap_or_insert(self, parameter: LimitedParameter, maximum: i64) -> Self {
        self.limit(parameter, maximum, true)
    }

    fn limit(mut self, parameter: LimitedParameter, maximum: i64, insert: bool) -> Self {
        self.limits.push(Limit { parameter, maximum, insert });
        self
    }

    /// Has the request refused if its body has this top-level field.
    #[must_use]
    pub fn forbid_field(mut self, name: impl Into<String>) -> Self {
        self.forbid_fields.push(name.into());
        self
    }

    /// Writes a label into the audit record.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }
}

impl Default for Obligations {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Limit, LimitedParameter, Obligations, Verdict};

    #[test]
    fn obligations_are_what_was_asked_for() {
        let obligations = Obligations::new()
            .replace_model("qwen3:8b")
            .cap(LimitedParameter::Context, 4096)
            .cap_or_insert(LimitedParameter::KeepAlive, 300)
            .forbid_field("raw")
            .label("tier", "small");
        assert_eq!(obligations.replace_model.as_deref(), Some("qwen3:8b"));
        let limit = |parameter, maximum, insert| Limit { parameter, maximum, insert };
        assert_eq!(
            obligations.limits,
            [
                limit(LimitedParameter::Context, 4096, false),
                limit(LimitedParameter::KeepAlive, 300, true),
            ]
        );
        assert_eq!(obligations.forbid_fields, ["raw"]);
        assert_eq!(obligations.labels, [("tier".to_owned(), "small".to_owned())]);
    }

    #[test]
    fn a_plain_allow_has_no_obligations() {
        assert_eq!(Verdict::allow(), Verdict::Allow(Obligations::default()));
        assert_eq!(Verdict::deny("no"), Verdict::Deny("no".to_owned()));
        assert_eq!(Verdict::abstain(), Verdict::Abstain);
    }
}
