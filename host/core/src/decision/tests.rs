use super::{DenialCause, Opinion, Outcome, Subject, combine, permit_public};
use crate::{
    BindingName, Limit, LimitedParameter, ModelRef, Obligations, Operation, PolicyName, Verdict,
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

fn outcomes() -> impl Strategy<Value = Vec<(bool, Outcome)>> {
    let outcome = prop_oneof![
        Just(allow()),
        Just(deny()),
        Just(abstain()),
        Just(Outcome::Failure("trap".to_owned())),
    ];
    proptest::collection::vec((any::<bool>(), outcome), 0..6)
}

/// The rule, in the words of the design.
fn reference(outcomes: &[(bool, Outcome)]) -> bool {
    let counts: Vec<&Outcome> = outcomes.iter().filter(|o| o.0).map(|o| &o.1).collect();
    let refuses = |o: &&&Outcome| **o == &deny() || matches!(o, Outcome::Failure(_));
    counts.iter().find(refuses).is_none() && counts.contains(&&allow())
}

proptest! {
    #[test]
    fn default_deny_and_deny_wins(outcomes in outcomes()) {
        let opinions: Vec<_> =
            outcomes.iter().map(|(enforced, o)| opinion(*enforced, o.clone())).collect();
        let permitted = combine(Asks(Operation::Chat), &opinions).is_ok();
        prop_assert_eq!(permitted, reference(&outcomes));
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
