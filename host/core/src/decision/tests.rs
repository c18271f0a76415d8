use std::collections::BTreeSet;

use super::{DenialCause, Opinion, Outcome, Subject, combine, permit_public};
use crate::{
    BindingName, Limit, LimitedParameter, ModelName, ModelRef, Obligations, Operation, PolicyName,
    Verdict,
};
use proptest::prelude::*;

#[derive(Debug)]
struct Asks(Operation);

impl Subject for Asks {
    fn operation(&self) -> Operation {
        self.0
    }

    fn models(&self) -> &[ModelRef] {
        &[]
    }
}

fn opinion(enforced: bool, outcome: Outcome) -> Opinion {
    Opinion {
        binding: BindingName::new("b").unwrap(),
        policy: PolicyName::new("p").unwrap(),
        enforced,
        outcome,
    }
}

fn allow() -> Outcome {
    Outcome::Verdict(Verdict::Allow(Obligations::default()))
}

fn deny() -> Outcome {
    Outcome::Verdict(Verdict::Deny("no".to_owned()))
}

fn abstain() -> Outcome {
    Outcome::Verdict(Verdict::Abstain)
}

/// An allow that caps the output, or replaces the model, or both, or demands nothing.
fn allows() -> impl Strategy<Value = Outcome> {
    let model = prop_oneof![Just("llama3.2:1b"), Just("llama3.2:3b")];
    let limit = (1_i64..5, any::<bool>());
    (proptest::option::weighted(0.3, model), proptest::option::of(limit)).prop_map(
        |(model, limit)| {
            let limits = limit.map(|(maximum, insert)| Limit {
                parameter: LimitedParameter::Output,
                maximum,
                insert,
            });
            Outcome::Verdict(Verdict::Allow(Obligations {
                replace_model: model.map(|name| ModelName::parse(name).unwrap()),
                limits: limits.into_iter().collect(),
                ..Obligations::default()
            }))
        },
    )
}

fn outcomes() -> impl Strategy<Value = Vec<(bool, Outcome)>> {
    let outcome = prop_oneof![
        3 => allows(),
        1 => Just(deny()),
        1 => Just(abstain()),
        1 => Just(Outcome::Failure("trap".to_owned())),
    ];
    proptest::collection::vec((any::<bool>(), outcome), 0..6)
}

/// What is permitted: the model that is forwarded instead, and the most output.
type Permitted = (Option<ModelName>, Option<i64>);

/// The rule, in the words of the design.
fn reference(outcomes: &[(bool, Outcome)]) -> Option<Permitted> {
    let counts = || outcomes.iter().filter(|(enforced, _)| *enforced).map(|(_, outcome)| outcome);
    let refuses = |o: &Outcome| o == &deny() || matches!(o, Outcome::Failure(_));
    let allows: Vec<_> = counts().filter_map(obligations).collect();
    let models: BTreeSet<_> = allows.iter().filter_map(|o| o.replace_model.clone()).collect();
    if counts().any(refuses) || allows.is_empty() || models.len() > 1 {
        return None;
    }
    let limits = allows.iter().flat_map(|o| &o.limits);
    Some((models.into_iter().next(), limits.map(|limit| limit.maximum).min()))
}

const fn obligations(outcome: &Outcome) -> Option<&Obligations> {
    match outcome {
        Outcome::Verdict(Verdict::Allow(obligations)) => Some(obligations),
        _ => None,
    }
}

fn combined(outcomes: &[(bool, Outcome)]) -> Option<Permitted> {
    let opinions: Vec<_> = outcomes.iter().map(|(e, o)| opinion(*e, o.clone())).collect();
    let (_, obligations) = combine(Asks(Operation::Chat), &opinions).ok()?.into_parts();
    assert!(obligations.limits.len() <= 1, "{obligations:?}");
    let most = obligations.limits.first().map(|limit| limit.maximum);
    Some((obligations.replace_model, most))
}

proptest! {
    #[test]
    fn default_deny_and_deny_wins_and_the_strictest_number(outcomes in outcomes()) {
        prop_assert_eq!(combined(&outcomes), reference(&outcomes));
    }

    #[test]
    fn neither_order_nor_shadow_bindings_matter(outcomes in outcomes()) {
        let mut others: Vec<_> = outcomes.iter().filter(|o| o.0).cloned().collect();
        others.reverse();
        prop_assert_eq!(combined(&outcomes), combined(&others));
    }
}

#[test]
fn the_cause_says_which_rule_refused() {
    let cause = |opinions: &[Opinion]| combine(Asks(Operation::Pull), opinions).unwrap_err().cause;
    assert_eq!(cause(&[]), DenialCause::NoBinding);
    assert_eq!(cause(&[opinion(true, abstain())]), DenialCause::NotAllowed);
    assert_eq!(cause(&[opinion(false, allow())]), DenialCause::NoBinding);
    let failure = opinion(true, Outcome::Failure("trap".to_owned()));
    assert_eq!(cause(&[opinion(true, allow()), failure.clone()]), DenialCause::PolicyFailure);
    assert_eq!(cause(&[failure, opinion(true, deny())]), DenialCause::Denied);
}

#[test]
fn the_strictest_number_wins() {
    let limited = |maximum, insert| {
        let limit = Limit { parameter: LimitedParameter::Output, maximum, insert };
        let obligations = Obligations { limits: vec![limit], ..Obligations::default() };
        opinion(true, Outcome::Verdict(Verdict::Allow(obligations)))
    };
    let opinions = [limited(900, true), limited(100, false)];
    let permit = combine(Asks(Operation::Chat), &opinions).unwrap();
    let strictest = Limit { parameter: LimitedParameter::Output, maximum: 100, insert: true };
    assert_eq!(permit.obligations().limits, [strictest]);
}

#[test]
fn only_public_operations_pass_without_a_decision() {
    for &operation in Operation::ALL {
        let public = matches!(operation, Operation::Heartbeat | Operation::Version);
        assert_eq!(permit_public(Asks(operation)).is_ok(), public, "{operation}");
    }
}
