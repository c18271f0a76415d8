//! The answers of a policy.

use crate::{
    Denial, DenialKind, FieldRule, Limit, LimitedParameter, Obligations, ToolSelector, Verdict,
};

impl Verdict {
    /// Allows the request as it is.
    ///
    /// Any other policy's deny still wins.
    pub fn allow() -> Self {
        Self::Allow(Obligations::new())
    }

    /// Permits nothing, and has the obligations met if another policy allows: caps for everybody
    /// need no permission.
    pub fn restrict(obligations: Obligations) -> Self {
        Self::Restrict(obligations)
    }

    /// Refuses the request. The reason is shown to the caller: say what is refused and what is
    /// possible instead.
    pub fn deny(reason: impl Into<String>) -> Self {
        Denial::new(reason).into()
    }

    /// Says nothing. A request about which no policy says allow is refused.
    pub fn abstain() -> Self {
        Self::Abstain(None)
    }

    /// Says nothing, and why an allow was not given, where that was close. The caller is told if
    /// nobody allows: `it searches the web, which needs "web_search: true"`.
    pub fn abstain_because(note: impl Into<String>) -> Self {
        Self::Abstain(Some(note.into()))
    }
}

/// Allows the request on these conditions.
impl From<Obligations> for Verdict {
    fn from(obligations: Obligations) -> Self {
        Self::Allow(obligations)
    }
}

/// Refuses the request.
impl From<Denial> for Verdict {
    fn from(denial: Denial) -> Self {
        Self::Deny(denial)
    }
}

/// ```
/// use stockade_policy_sdk::{Denial, Verdict};
///
/// let verdict: Verdict = Denial::new("your budget of this hour is spent")
///     .note("50,312 of 50,000 tokens")
///     .until(1_800_000_000)
///     .into();
/// assert!(matches!(verdict, Verdict::Deny(_)));
/// ```
impl Denial {
    /// A refusal that stays one. The reason is shown to the caller.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), note: None, kind: DenialKind::Forbidden }
    }

    /// Adds what only the operator is told, in the log and by `explain`.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Says that the caller may ask again, at any time: it is answered with 429, not with 403.
    #[must_use]
    pub fn later(mut self) -> Self {
        self.kind = DenialKind::Later(None);
        self
    }

    /// Says that the caller may ask again from this second (since 1970) on: it is answered with
    /// 429 and `Retry-After`.
    #[must_use]
    pub fn until(mut self, unix_seconds: u64) -> Self {
        self.kind = DenialKind::Later(Some(unix_seconds));
        self
    }
}

/// ```
/// use stockade_policy_sdk::{LimitedParameter, Obligations, Verdict};
///
/// let verdict: Verdict = Obligations::new()
///     .cap(LimitedParameter::Context, 8192)
///     .cap_or_insert(LimitedParameter::Output, 1024)
///     .strip_field("options.num_gpu")
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
            fields: Vec::new(),
            labels: Vec::new(),
            priority: None,
            host_group: None,
        }
    }

    /// Forwards another model instead of the one asked for, which is then judged in its place. If
    /// two policies ask for two different models, the host refuses the request.
    #[must_use]
    pub fn replace_model(mut self, name: impl Into<String>) -> Self {
        self.replace_model = Some(name.into());
        self
    }

    /// Lowers a number that is above `maximum`; leaves a request alone that does not say.
    #[must_use]
    pub fn cap(self, parameter: LimitedParameter, maximum: i64) -> Self {
        self.limit(Limit { parameter, minimum: None, maximum: Some(maximum), insert: None })
    }

    /// Lowers a number that is above `maximum`, and writes `maximum` into a request that does not
    /// say. Use this where Ollama's own default may be above the maximum.
    #[must_use]
    pub fn cap_or_insert(self, parameter: LimitedParameter, maximum: i64) -> Self {
        let maximum = Some(maximum);
        self.limit(Limit { parameter, minimum: None, maximum, insert: maximum })
    }

    /// Raises a number that is below `minimum`; leaves a request alone that does not say.
    #[must_use]
    pub fn at_least(self, parameter: LimitedParameter, minimum: i64) -> Self {
        self.limit(Limit { parameter, minimum: Some(minimum), maximum: None, insert: None })
    }

    /// Limits a number in any way.
    #[must_use]
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    /// Has a field left out of what is forwarded, by its path: `think`, `options.num_gpu`.
    #[must_use]
    pub fn strip_field(self, path: impl Into<String>) -> Self {
        self.field(FieldRule::Strip(path.into()))
    }

    /// Has the request refused if its body has this field, by its path.
    #[must_use]
    pub fn forbid_field(self, path: impl Into<String>) -> Self {
        self.field(FieldRule::Forbid(path.into()))
    }

    /// Has a JSON value (no object, no list) written where the request has no such field.
    #[must_use]
    pub fn insert_field(self, path: impl Into<String>, json: impl Into<String>) -> Self {
        self.field(FieldRule::Insert((path.into(), json.into())))
    }

    /// Has the tools of this name left out of those that the request offers, as
    /// [`Request::tools`](crate::Request::tools) names them. `web_search` takes every tool besides
    /// that makes Ollama search the web, whatever its name.
    #[must_use]
    pub fn strip_tools(self, name: impl Into<String>) -> Self {
        let name = name.into();
        let all = if name == "web_search" { self.strip_web_search() } else { self };
        all.field(FieldRule::StripTools(ToolSelector::Named(name)))
    }

    /// Has the tools left out that make Ollama search the web on the owner's account. A tool
    /// that the caller runs itself stays, also one with such a name.
    #[must_use]
    pub fn strip_web_search(self) -> Self {
        self.field(FieldRule::StripTools(ToolSelector::WebSearch))
    }

    fn field(mut self, rule: FieldRule) -> Self {
        self.fields.push(rule);
        self
    }

    /// Writes a label into the record of the request.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }

    /// Sets the class of the request's turn: `high`, `normal` or `low`.
    #[must_use]
    pub fn priority(mut self, class: impl Into<String>) -> Self {
        self.priority = Some(class.into());
        self
    }

    /// Sets the group of hosts that may answer.
    #[must_use]
    pub fn host_group(mut self, name: impl Into<String>) -> Self {
        self.host_group = Some(name.into());
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
    use crate::{
        Denial, DenialKind, FieldRule, Limit, LimitedParameter, Obligations, ToolSelector, Verdict,
    };

    #[test]
    fn obligations_are_what_was_asked_for() {
        let obligations = Obligations::new()
            .replace_model("qwen3:8b")
            .cap(LimitedParameter::Context, 4096)
            .cap_or_insert(LimitedParameter::KeepAlive, 300)
            .at_least(LimitedParameter::Other("options.seed".to_owned()), 1)
            .forbid_field("raw")
            .strip_field("options.num_gpu")
            .insert_field("think", "false")
            .strip_web_search()
            .strip_tools("shell")
            .label("tier", "small")
            .priority("low")
            .host_group("fast");
        assert_eq!(obligations.replace_model.as_deref(), Some("qwen3:8b"));
        let limit =
            |parameter, minimum, maximum, insert| Limit { parameter, minimum, maximum, insert };
        let seed = LimitedParameter::Other("options.seed".to_owned());
        assert_eq!(
            obligations.limits,
            [
                limit(LimitedParameter::Context, None, Some(4096), None),
                limit(LimitedParameter::KeepAlive, None, Some(300), Some(300)),
                limit(seed, Some(1), None, None),
            ]
        );
        assert_eq!(
            obligations.fields,
            [
                FieldRule::Forbid("raw".to_owned()),
                FieldRule::Strip("options.num_gpu".to_owned()),
                FieldRule::Insert(("think".to_owned(), "false".to_owned())),
                FieldRule::StripTools(ToolSelector::WebSearch),
                FieldRule::StripTools(ToolSelector::Named("shell".to_owned())),
            ]
        );
        assert_eq!(obligations.labels, [("tier".to_owned(), "small".to_owned())]);
        assert_eq!(obligations.priority.as_deref(), Some("low"));
        assert_eq!(obligations.host_group.as_deref(), Some("fast"));
    }

    #[test]
    fn a_web_search_is_stripped_by_its_kind_and_its_name() {
        let by_name = Obligations::new().strip_tools("web_search");
        let named = FieldRule::StripTools(ToolSelector::Named("web_search".to_owned()));
        assert_eq!(by_name.fields, [FieldRule::StripTools(ToolSelector::WebSearch), named]);
    }

    #[test]
    fn a_plain_verdict_has_nothing_besides() {
        assert_eq!(Verdict::allow(), Verdict::Allow(Obligations::default()));
        let Verdict::Deny(denial) = Verdict::deny("no") else { panic!("a deny") };
        assert_eq!((denial.reason.as_str(), denial.note), ("no", None));
        assert_eq!(denial.kind, DenialKind::Forbidden);
        assert_eq!(Verdict::abstain(), Verdict::Abstain(None));
        assert_eq!(Verdict::abstain_because("x"), Verdict::Abstain(Some("x".to_owned())));
    }

    #[test]
    fn a_denial_says_from_when_on_it_may_be_asked_again() {
        assert_eq!(Denial::new("no").later().kind, DenialKind::Later(None));
        assert_eq!(Denial::new("no").until(7).kind, DenialKind::Later(Some(7)));
    }
}
