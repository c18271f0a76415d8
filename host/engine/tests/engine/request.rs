//! A request for tests.

use std::net::{IpAddr, Ipv4Addr};

use stockade_core::{
    Catalogue, Client, Dialect, GroupName, LocalTime, ModelName, ModelRef, ModelRole, Operation,
    Outcome, Parameters, PolicyInput, Principal, ProofKind, Transport, UnixTime, Usage, UserId,
    Verdict,
};
use stockade_engine::PreparedPolicy;

/// The time in seconds at which guests misbehave.
const PROVOCATION: u64 = 666;

/// The parts of a request, owned.
pub(crate) struct Request {
    pub(crate) principal: Principal,
    pub(crate) operation: Operation,
    pub(crate) parameters: Parameters,
    pub(crate) models: Vec<ModelRef>,
    pub(crate) body: Option<String>,
    seconds: u64,
}

impl Request {
    pub(crate) fn ordinary() -> Self {
        let group = |name: &str| GroupName::new(name).unwrap();
        Self {
            principal: Principal {
                user: UserId::new("alice").unwrap(),
                groups: [group("ops"), group("research")].into(),
                proof: ProofKind::ApiKey,
                credential: None,
                attributes: [].into(),
            },
            operation: Operation::Chat,
            parameters: Parameters::default(),
            models: vec![ModelRef {
                name: ModelName::parse("llama3.2:3b").unwrap(),
                role: ModelRole::Use,
            }],
            body: None,
            seconds: 1_700_000_000,
        }
    }

    pub(crate) fn provoking() -> Self {
        Self { seconds: PROVOCATION, ..Self::ordinary() }
    }

    pub(crate) fn input(&self) -> PolicyInput<'_> {
        PolicyInput {
            principal: &self.principal,
            operation: self.operation,
            dialect: Dialect::Native,
            models: &self.models,
            catalogue: Catalogue::UNKNOWN,
            parameters: &self.parameters,
            content: None,
            labels: &[],
            listener: None,
            client: Client {
                address: IpAddr::V4(Ipv4Addr::LOCALHOST),
                transport: Transport::Plain,
            },
            time: LocalTime {
                unix: UnixTime::from_secs(self.seconds),
                weekday: 1,
                minute_of_day: 540,
            },
            usage: Usage::default(),
            body: self.body.as_deref(),
        }
    }

    /// Returns the outcome that the policy gives for its first binding.
    pub(crate) fn judged_by(&self, policy: &PreparedPolicy) -> Outcome {
        let mut outcomes = policy.evaluate_blocking(&self.input(), &[0]).outcomes;
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0)
    }
}

/// The text of a failure.
pub(crate) fn failure(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failure(text) => text,
        Outcome::Verdict(verdict) => panic!("not a failure: {verdict:?}"),
    }
}

/// Tells whether something was allowed, without obligations or with them.
pub(crate) const fn is_allowed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Verdict(Verdict::Allow(_)))
}
