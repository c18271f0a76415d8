use std::collections::BTreeSet;
use std::convert::Infallible;

use super::{
    Allowed, Applied, BindingVerdict, Change, Changed, DenialCause, Outcome, Permit, Subject,
    combine, permit_public,
};
use crate::{
    BindingName, DenialKind, Deny, FieldPath, FieldRule, Limit, LimitedParameter, ModelName,
    ModelRef, ModelRole, Obligations, Operation, PolicyName, UnixTime, Verdict,
};
use proptest::prelude::*;

#[derive(Debug)]
struct Asks(Operation, Vec<ModelRef>);

impl Asks {
    fn chat(model: &str) -> Self {
        Self(Operation::Chat, vec![ModelRef { name: name(model), role: ModelRole::Use }])
    }
}

impl Subject for Asks {
    fn operation(&self) -> Operation {
        self.0
    }

    fn models(&self) -> &[ModelRef] {
        &self.1
    }
}

fn name(text: &str) -> ModelName {
    ModelName::parse(text).unwrap()
}

/// The request with the other model in it.
fn applied(change: Change<Asks>) -> Changed<Asks> {
    let Ok(applied) = change.apply(|asks, model, _| {
        asks.1[0].name = model.unwrap().clone();
        Ok::<_, Infallible>(true)
    });
    match applied {
        Applied::Changed(changed) => changed,
        Applied::AsItWas(_) => panic!("it was changed"),
    }
}

fn bound(enforced: bool, outcome: Outcome) -> BindingVerdict {
    BindingVerdict {
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
    Outcome::Verdict(Verdict::Deny(Deny::forbidden("no")))
}

fn abstain() -> Outcome {
    Outcome::Verdict(Verdict::Abstain(None))
}

/// An allow that caps the output, or replaces the model, or both, or demands nothing.
fn allows() -> impl Strategy<Value = Outcome> {
    let model = prop_oneof![Just("llama3.2:1b"), Just("llama3.2:3b")];
    let limit = (1_i64..5, any::<bool>());
    (proptest::option::weighted(0.3, model), proptest::option::of(limit)).prop_map(
        |(model, limit)| {
            let limits = limit.map(|(maximum, insert)| Limit {
                insert: insert.then_some(maximum),
                ..Limit::at_most(LimitedParameter::Output, maximum)
            });
            Outcome::Verdict(Verdict::Allow(Obligations {
                replace_model: model.map(name),
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

/// The permitted model that is forwarded instead, and the most output.
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
    Some((models.into_iter().next(), limits.filter_map(|limit| limit.maximum).min()))
}

const fn obligations(outcome: &Outcome) -> Option<&Obligations> {
    match outcome {
        Outcome::Verdict(Verdict::Allow(obligations)) => Some(obligations),
        _ => None,
    }
}

fn combined(outcomes: &[(bool, Outcome)]) -> Option<Permitted> {
    let verdicts: Vec<_> = outcomes.iter().map(|(e, o)| bound(*e, o.clone())).collect();
    let (model, permit) = match combine(Asks::chat("llama3.2:8b"), &verdicts).ok()? {
        Allowed::AsAsked(permit) => (None, permit),
        Allowed::Changed(replacement) => {
            let model = replacement.model().unwrap().clone();
            let replaced = applied(replacement);
            // Nobody but one binding is asked again, and it has nothing against it.
            (Some(model), replaced.combine(&[bound(true, allow())]).ok()?)
        }
    };
    let limits = &permit.obligations().limits;
    assert!(limits.len() <= 1, "{limits:?}");
    Some((model, limits.first().and_then(|limit| limit.maximum)))
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
    let cause = |verdicts: &[BindingVerdict]| {
        combine(Asks(Operation::Pull, Vec::new()), verdicts).unwrap_err().cause
    };
    assert_eq!(cause(&[]), DenialCause::NoBinding);
    assert_eq!(cause(&[bound(true, abstain())]), DenialCause::NotAllowed);
    assert_eq!(cause(&[bound(false, allow())]), DenialCause::NoBinding);
    let failure = bound(true, Outcome::Failure("trap".to_owned()));
    assert_eq!(cause(&[bound(true, allow()), failure.clone()]), DenialCause::PolicyFailure);
    assert_eq!(cause(&[failure, bound(true, deny())]), DenialCause::Denied);
}

#[test]
fn the_strictest_number_wins() {
    let limited = |maximum, insert| {
        let limit = Limit { insert, ..Limit::at_most(LimitedParameter::Output, maximum) };
        let obligations = Obligations { limits: vec![limit], ..Obligations::default() };
        bound(true, Outcome::Verdict(Verdict::Allow(obligations)))
    };
    let verdicts = [limited(900, Some(900)), limited(100, None)];
    let Allowed::AsAsked(permit) = combine(Asks::chat("a"), &verdicts).unwrap() else {
        panic!("nothing replaces the model");
    };
    let [limit] = &permit.obligations().limits[..] else { panic!("one for each parameter") };
    assert_eq!((limit.maximum, limit.inserted()), (Some(100), Some(100)));
}

#[test]
fn only_public_operations_pass_without_a_decision() {
    for &operation in Operation::ALL {
        let public = matches!(operation, Operation::Heartbeat | Operation::Version);
        assert_eq!(permit_public(Asks(operation, Vec::new())).is_ok(), public, "{operation}");
    }
}

fn replaces(model: &str) -> Outcome {
    let obligations = Obligations { replace_model: Some(name(model)), ..Obligations::default() };
    Outcome::Verdict(Verdict::Allow(obligations))
}

/// A binding that knows, for each of three models, what it says.
fn by_model() -> impl Strategy<Value = [Outcome; 3]> {
    let outcome = || {
        prop_oneof![
            2 => Just(allow()),
            1 => Just(deny()),
            1 => Just(abstain()),
            3 => (0..3_usize).prop_map(|index| replaces(MODELS[index])),
        ]
    };
    [outcome(), outcome(), outcome()]
}

const MODELS: [&str; 3] = ["llama3.2:1b", "llama3.2:3b", "llama3.3:70b"];

fn asked_about(bindings: &[[Outcome; 3]], model: &ModelName) -> Vec<BindingVerdict> {
    let index = MODELS.iter().position(|known| name(known) == *model).unwrap();
    bindings.iter().map(|outcomes| bound(true, outcomes[index].clone())).collect()
}

/// The decision about a request, with its replacement followed.
fn decided(bindings: &[[Outcome; 3]], model: &str) -> Option<Permit<Asks>> {
    match combine(Asks::chat(model), &asked_about(bindings, &name(model))).ok()? {
        Allowed::AsAsked(permit) => Some(permit),
        Allowed::Changed(replacement) => {
            let replaced = applied(replacement);
            let model = replaced.request().1[0].name.clone();
            replaced.combine(&asked_about(bindings, &model)).ok()
        }
    }
}

proptest! {
    /// A policy that replaces the model cannot lead round what others say of the new one.
    #[test]
    fn the_forwarded_model_is_one_that_would_be_permitted_by_itself(
        bindings in proptest::collection::vec(by_model(), 1..4),
        asked in 0..3_usize,
    ) {
        if let Some(permit) = decided(&bindings, MODELS[asked]) {
            let forwarded = permit.request().1[0].name.clone();
            prop_assert_eq!(&permit.obligations().replace_model, &None);
            prop_assert_eq!(permit.replaced_by(), (forwarded != name(MODELS[asked])).then_some(&forwarded));
            let own = combine(Asks::chat(&forwarded.to_string()), &asked_about(&bindings, &forwarded));
            prop_assert!(matches!(own, Ok(Allowed::AsAsked(_))), "{:?}", own);
        }
    }
}

#[test]
fn a_second_replacement_is_refused() {
    let to = |models: [&str; 3]| models.map(replaces);
    let refused = |bindings: &[[Outcome; 3]]| {
        let first = combine(Asks::chat(MODELS[0]), &asked_about(bindings, &name(MODELS[0])));
        let Ok(Allowed::Changed(replacement)) = first else { panic!("{first:?}") };
        let replaced = applied(replacement);
        let model = replaced.request().1[0].name.clone();
        replaced.combine(&asked_about(bindings, &model)).unwrap_err()
    };
    let chain = refused(&[to([MODELS[1], MODELS[2], MODELS[2]])]);
    assert_eq!(chain.cause, DenialCause::Conflict);
    assert!(chain.reason.contains("llama3.2:3b") && chain.reason.contains("llama3.3:70b"));
    assert_eq!(refused(&[to([MODELS[1], MODELS[0], MODELS[0]])]).cause, DenialCause::Conflict);
    let denied = refused(&[to([MODELS[2], MODELS[2], MODELS[2]]), [allow(), allow(), deny()]]);
    assert_eq!(denied.cause, DenialCause::Denied);
    assert!(denied.reason.contains("replaces the model by llama3.3:70b"), "{}", denied.reason);
}

/// A replacement that is always the same model is no second one.
#[test]
fn a_policy_may_always_name_the_same_model() {
    let always = [MODELS[1]; 3].map(replaces);
    for asked in MODELS {
        let permit = decided(std::slice::from_ref(&always), asked).unwrap();
        assert_eq!(permit.request().1[0].name, name(MODELS[1]));
    }
}

fn enforced(verdict: Verdict) -> BindingVerdict {
    bound(true, Outcome::Verdict(verdict))
}

#[test]
fn a_restriction_permits_nothing_and_holds_where_another_allows() {
    let limit = Limit::at_most(LimitedParameter::Output, 100);
    let limits = Obligations { limits: vec![limit.clone()], ..Obligations::default() };
    let restricts = || enforced(Verdict::Restrict(limits.clone()));
    let alone = combine(Asks::chat("a"), &[restricts()]).unwrap_err();
    assert_eq!(alone.cause, DenialCause::NotAllowed);
    let Allowed::AsAsked(permit) =
        combine(Asks::chat("a"), &[restricts(), bound(true, allow())]).unwrap()
    else {
        panic!("nothing is changed")
    };
    assert_eq!(permit.obligations().limits, [limit]);
    assert_eq!(permit.allowed_by().len(), 1, "a restriction allows nothing");
}

#[test]
fn notes_of_those_who_nearly_allowed_reach_the_caller_if_nobody_allows() {
    let close = |note: &str| enforced(Verdict::Abstain(Some(note.to_owned())));
    let reason =
        |verdicts: &[BindingVerdict]| combine(Asks::chat("a"), verdicts).unwrap_err().reason;
    assert!(reason(&[close("no cloud"), bound(true, abstain())]).ends_with("a:latest: no cloud"));
    let both = reason(&[close("no cloud"), close("no web"), close("no cloud")]);
    assert!(both.ends_with(": no cloud; no web"), "{both}");
    assert!(combine(Asks::chat("a"), &[close("no"), bound(true, allow())]).is_ok());
}

#[test]
fn a_denial_keeps_its_note_and_its_kind() {
    let deny = Deny {
        reason: "spent".to_owned(),
        note: Some("50 of 50".to_owned()),
        kind: DenialKind::Later(Some(UnixTime::from_secs(7))),
    };
    let denial = combine(Asks::chat("a"), &[enforced(Verdict::Deny(deny.clone()))]).unwrap_err();
    assert_eq!((denial.reason, denial.note, denial.kind), (deny.reason, deny.note, deny.kind));
}

fn thinking(json: &str) -> FieldRule {
    FieldRule::Insert(FieldPath::new("think").unwrap(), json.to_owned())
}

#[test]
fn what_cannot_both_be_done_is_a_conflict() {
    let with = |change: fn(&mut Obligations)| {
        let mut obligations = Obligations::default();
        change(&mut obligations);
        enforced(Verdict::Allow(obligations))
    };
    let pairs: [[fn(&mut Obligations); 2]; 3] = [
        [
            |o| o.limits.push(Limit::at_most(LimitedParameter::Context, 10)),
            |o| {
                let at_least = Limit {
                    minimum: Some(11),
                    maximum: None,
                    ..Limit::at_most(LimitedParameter::Context, 0)
                };
                o.limits.push(at_least);
            },
        ],
        [|o| o.host_group = Some("fast".to_owned()), |o| o.host_group = Some("slow".to_owned())],
        [|o| o.fields.push(thinking("true")), |o| o.fields.push(thinking("false"))],
    ];
    for [one, two] in pairs {
        assert!(combine(Asks::chat("a"), &[with(one), with(one)]).is_ok());
        let denial = combine(Asks::chat("a"), &[with(one), with(two)]).unwrap_err();
        assert_eq!(denial.cause, DenialCause::Conflict, "{}", denial.reason);
    }
}

#[test]
fn a_request_whose_fields_change_is_judged_again_once() {
    let rule = |path: &str| FieldRule::Strip(FieldPath::new(path).unwrap());
    let strips = |path: &str| {
        enforced(Verdict::Restrict(Obligations {
            fields: vec![rule(path)],
            ..Obligations::default()
        }))
    };
    let allowed = || bound(true, allow());
    let first = || match combine(Asks::chat("a"), &[allowed(), strips("think")]).unwrap() {
        Allowed::Changed(change) => change,
        Allowed::AsAsked(_) => panic!("nobody was asked about the request without the field"),
    };
    let as_it_was = first().apply(|_, _, _| Ok::<_, Infallible>(false)).unwrap();
    assert!(matches!(as_it_was, Applied::AsItWas(_)));
    let changed = || match first().apply(|_, _, _| Ok::<_, Infallible>(true)).unwrap() {
        Applied::Changed(changed) => changed,
        Applied::AsItWas(_) => panic!("it was changed"),
    };
    assert!(changed().combine(&[allowed(), strips("think")]).is_ok());
    assert_eq!(changed().combine(&[bound(true, deny())]).unwrap_err().cause, DenialCause::Denied);
    let again = changed().combine(&[allowed(), strips("tools")]).unwrap_err();
    assert_eq!(again.cause, DenialCause::Conflict);
    let replaced = changed().combine(&[bound(true, replaces("b"))]).unwrap_err();
    assert_eq!(replaced.cause, DenialCause::Conflict);
}
