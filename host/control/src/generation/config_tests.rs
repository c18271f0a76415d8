//! The configuration's own tests: a failing one rejects the generation.

use stockade_authn::{ImpossibleCaller, Scope};
use stockade_config::{ConfigErrors, ConfigTest, TestRequest};
use stockade_core::{
    AccessClass, Clock, Content, LocalTime, ModelRef, ModelRole, Operation, Parameters, Permit,
    Principal, Subject as _,
};
use stockade_usage::{Admission, Estimate, NotAdmitted, Wanted};

use super::quotas::supposed_usage;
use super::{Asker, Generation, Hypothetical};

/// Runs the configuration's own tests: a failing one rejects the generation.
pub(super) fn run_tests(generation: &Generation, clock: &dyn Clock) -> Result<(), ConfigErrors> {
    let now = generation.local_time(clock);
    let failures = generation.config.tests.iter().filter_map(|test| {
        let time = test.asked.time.map_or(now, |time| generation.at(time));
        let message = run_test(generation, test, time)?;
        Some(generation.config.error(Some(test.at), message))
    });
    ConfigErrors::check(failures.collect())
}

fn run_test(generation: &Generation, test: &ConfigTest, time: LocalTime) -> Option<String> {
    let question = &test.asked;
    let principal = match generation.authenticator.suppose(&question.caller) {
        Ok(principal) => principal,
        // Refused is what such a caller is, whatever the policies say.
        Err(ImpossibleCaller::Disabled(_)) if !test.allowed => return None,
        Err(impossible) => return Some(impossible.to_string()),
    };
    let request = Hypothetical {
        operation: question.operation,
        models: question.model.iter().map(|name| model(question.operation, name)).collect(),
        dialect: question.api,
        parameters: Parameters::default(),
        content: Content::default(),
    };
    let scope = Scope::default();
    let usage = supposed_usage(question.after);
    let asker = Asker {
        client: question.client,
        usage: Some(&usage),
        ..Asker::supposed(&principal, &scope, time)
    };
    let (allowed, why) = match generation.decide_blocking(asker, request).result {
        Ok(permit) => match within_quotas(generation, &permit, &principal, (question, time)) {
            Ok(()) => (true, format!("allowed by {:?}", permit.allowed_by())),
            Err(exceeded) => (false, exceeded),
        },
        Err(refusal) => (false, refusal.to_string()),
    };
    (allowed != test.allowed).then(|| {
        let expected = if test.allowed { "allow" } else { "deny" };
        let found = if allowed { "allow" } else { "deny" };
        format!("this test expects {expected} and the answer is {found}: {why}")
    })
}

fn model(operation: Operation, name: &stockade_core::ModelName) -> ModelRef {
    ModelRef { name: name.clone(), role: ModelRole::of(operation) }
}

/// Tells whether the quotas have room for the smallest request of this kind, after its caller has
/// used something in this hour.
fn within_quotas(
    generation: &Generation,
    permit: &Permit<Hypothetical>,
    principal: &Principal,
    (question, time): (&TestRequest, LocalTime),
) -> Result<(), String> {
    let operation = question.operation;
    let applying = generation.applying(principal, operation, permit.request().models());
    let quotas = generation.quotas().supposing(&applying, question.after, time.unix);
    let runs = operation.access() == AccessClass::Inference;
    let least = Estimate {
        input: u64::from(runs),
        output: if runs { Wanted::Unsaid } else { Wanted::Nothing },
        gpu_ms: runs.then_some(0),
        pulled: if operation == Operation::Pull { Wanted::Unsaid } else { Wanted::Nothing },
    };
    let admitted = quotas.admit(&applying, &least, time.unix);
    admitted.map(Admission::give_back).map_err(|refused| match refused {
        NotAdmitted::Exceeded(exceeded) => {
            let sentence = exceeded.sentence(quotas.calendar().zone(), time.unix);
            format!("quota {}: {sentence}", exceeded.quota)
        }
        NotAdmitted::Uncounted | NotAdmitted::StoreLost(_) => refused.to_string(),
    })
}
