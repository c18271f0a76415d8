use crate::{
    Counter, Dialect, FieldPath, FieldRule, Limit, LimitedParameter, ModelFacts, ModelRole,
    Parameters, Priority, Prompt, QuotaName, Transport, Usage, Windows,
};

use super::*;

const PAGE: &str = include_str!("../../../../docs/reference/record.md");

fn name<T>(new: fn(&str) -> Result<T, crate::InvalidId>, text: &str) -> T {
    new(text).unwrap()
}

fn labels(text: &str) -> Vec<(String, String)> {
    vec![("team".to_owned(), text.to_owned())]
}

/// Returns the decision about it.
fn decided() -> Decided<'static> {
    let model = |name| ModelName::parse(name).unwrap();
    let limit = Limit::at_most(LimitedParameter::Context, 8192);
    let tools = FieldPath::new("tools").unwrap();
    Decided {
        decision: Decision::Refuse,
        cause: Some(Cause::ObligationUnmet),
        reason: Some("a policy limits context to 0, which no request can meet".into()),
        binding: Some(Cow::Owned(name(BindingName::new, "caps"))),
        policy: Some(Cow::Owned(name(PolicyName::new, "request-caps"))),
        allowed_by: vec![name(BindingName::new, "research")].into(),
        obligations: Some(Cow::Owned(Obligations {
            replace_model: None,
            limits: vec![limit],
            fields: vec![FieldRule::Forbid(tools)],
            labels: labels("red"),
            priority: Some(Priority::Low),
            host_group: Some("fast".to_owned()),
        })),
        forwarded_model: Some(Cow::Owned(model("qwen3:8b"))),
        left_out: Some("keep_alive".into()),
    }
}

fn facts() -> ModelFacts {
    ModelFacts {
        digest: Some("a80c4f17acd55265".into()),
        bytes: Some(2_019_393_189),
        parameters: Some(3_200_000_000),
        quantization: Some("Q4_K_M".into()),
        family: Some("llama".into()),
        cloud: false,
        loaded: true,
    }
}

fn usage() -> Usage {
    let hour = Counter { requests: 3, tokens: 1500, gpu_milliseconds: 900 };
    Usage { total: Windows { hour, ..Windows::default() }, with_model: Windows::default() }
}

fn input() -> RecordedInput {
    RecordedInput {
        at: 1_783_425_600,
        api: Dialect::Native,
        address: [192, 0, 2, 7].into(),
        transport: Transport::Tls,
        listener: Some("children".to_owned()),
        parameters: Parameters { context: Some(32768), tools: 2, ..Parameters::default() },
        digests_left_out: 0,
        catalogue: Some(vec![RecordedModel {
            name: ModelName::parse("llama3.2").unwrap(),
            facts: Some(facts()),
        }]),
        tools: vec!["get_weather".to_owned()],
        tools_left_out: 1,
        prompt: Prompt { bytes: 1200, system: true },
        usage: Some(usage()),
    }
}

fn admitted() -> Admitted<'static> {
    Admitted {
        quotas_exceeded: vec![name(QuotaName::new, "next month")].into(),
        waited: Some(1_200_000),
        charged: Some(Charged {
            input_tokens: 11,
            output_tokens: 42,
            gpu_milliseconds: 4,
            pulled_bytes: 9,
        }),
    }
}

fn answered() -> Answered {
    Answered {
        status: Some(502),
        bytes: 44,
        prompt_tokens: Some(11),
        output_tokens: Some(42),
        total_duration: Some(5_000_000),
        load_duration: Some(1_000_000),
        prompt_eval_duration: Some(1_000_000),
        eval_duration: Some(3_000_000),
        microseconds: 5321,
    }
}

/// A record that has every field.
fn full() -> RequestRecord<'static> {
    let model = |name| ModelName::parse(name).unwrap();
    RequestRecord {
        schema: SCHEMA,
        request: "req_00c0ffee00c0000000000001".into(),
        generation: 7,
        peer: ([127, 0, 0, 1], 40112).into(),
        client: Some([192, 0, 2, 7].into()),
        method: Some("POST".into()),
        path: Some("/api/chat".into()),
        caller: Caller {
            user: Some(Cow::Owned(name(UserId::new, "alice"))),
            front_end: Some(Cow::Owned(name(UserId::new, "chat"))),
            groups: vec![name(GroupName::new, "research")].into(),
            attributes: vec![("room".to_owned(), "2".to_owned())].into(),
            proof: Some(ProofKind::ApiKey),
            credential: Some(Cow::Owned(name(CredentialId::new, "laptop"))),
            credential_labels: labels("blue").into(),
        },
        operation: Some(Operation::Chat),
        models: vec![ModelRef { name: model("llama3.2"), role: ModelRole::Use }].into(),
        decision_input: Some(Cow::Owned(input())),
        decided: decided(),
        shadow: vec![ShadowVerdict {
            binding: name(BindingName::new, "next"),
            policy: name(PolicyName::new, "model-access"),
            verdict: VerdictKind::Deny,
            reason: Some("not on the list".to_owned()),
            changes: true,
        }]
        .into(),
        admitted: admitted(),
        outcome: RequestOutcome::UpstreamFailed,
        error: Some("cannot connect to Ollama at 127.0.0.1:11434".into()),
        steps: Steps {
            identified: Some(40),
            classified: Some(110),
            decided: Some(130),
            sent: Some(1_200_150),
            answered: Some(1_204_900),
        },
        answered: answered(),
    }
}

/// Returns the text between a pair of fences of the page.
fn example() -> &'static str {
    PAGE.split_once("```json\n").and_then(|(_, rest)| rest.split_once("\n```")).unwrap().0
}

/// The golden record. Where this fails, the format of the log has changed: say so in the
/// page and the changelog, and count `SCHEMA` up where a field went or means something else.
#[test]
fn the_format_is_the_one_that_is_documented() {
    let record = full();
    assert_eq!(serde_json::to_string_pretty(&record).unwrap(), example());
    let read: RequestRecord<'_> = serde_json::from_str(example()).unwrap();
    assert_eq!(read, record, "what was written can be read");
}

#[test]
fn the_page_lists_every_field_and_every_word() {
    let value = serde_json::to_value(full()).unwrap();
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: Vec<_> = rows.filter_map(|row| row.split_once('`')).map(|(name, _)| name).collect();
    for field in value.as_object().unwrap().keys() {
        assert!(listed.contains(&field.as_str()), "{field} is not in the page");
    }
    let outcomes = [
        RequestOutcome::CallerLeft,
        RequestOutcome::Complete,
        RequestOutcome::Refused,
        RequestOutcome::UpstreamFailed,
        RequestOutcome::UpstreamBroke,
        RequestOutcome::BodyFailed,
        RequestOutcome::Revoked,
    ];
    for outcome in outcomes {
        let word = serde_json::to_value(outcome).unwrap();
        assert_eq!(word, outcome.as_str());
        assert!(listed.contains(&outcome.as_str()), "{word} is not in the page");
    }
    let policies = [
        DenialCause::NoBinding,
        DenialCause::NotAllowed,
        DenialCause::Denied,
        DenialCause::PolicyFailure,
        DenialCause::Conflict,
    ];
    let causes = [
        Cause::Unproven,
        Cause::Throttled,
        Cause::ForeignPage,
        Cause::OutOfScope,
        Cause::BadRequest,
        Cause::ObligationUnmet,
        Cause::Unrecorded,
        Cause::QuotaExceeded,
        Cause::NoTurn,
    ];
    for cause in causes.into_iter().chain(policies.map(Cause::Policy)) {
        let word = serde_json::to_value(cause).unwrap();
        assert_eq!(word, cause.as_str());
        assert_eq!(serde_json::from_value::<Cause>(word.clone()).unwrap(), cause);
        assert!(listed.contains(&cause.as_str()), "{word} is not in the page");
    }
}

#[test]
fn what_does_not_apply_is_left_out() {
    let record = RequestRecord {
        client: None,
        method: None,
        path: None,
        caller: Caller::default(),
        operation: None,
        models: Cow::default(),
        decision_input: None,
        decided: Decided::default(),
        admitted: Admitted::default(),
        shadow: Cow::default(),
        outcome: RequestOutcome::CallerLeft,
        error: None,
        steps: Steps::default(),
        answered: Answered::default(),
        ..full()
    };
    let text = serde_json::to_string(&record).unwrap();
    let expected = r#"{"schema":1,"request":"req_00c0ffee00c0000000000001","generation":7,"#
        .to_owned()
        + r#""peer":"127.0.0.1:40112","decision":"none","outcome":"caller-left","bytes":0,"microseconds":0}"#;
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<RequestRecord<'_>>(&text).unwrap(), record);
}
