//! The code between the host's calls and an author's policy. The same code runs inside the sandbox
//! and in native tests.

mod parse;

use std::sync::OnceLock;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;

use crate::bindings::stockade::policy::types as wit;
use crate::{Policy, Problem, Request, Verdict, log};
use parse::parse;

/// The policy values of all bindings, in the order in which the host gave the settings.
/// Written once by `configure`; the host's snapshot keeps it for every decision.
#[derive(Debug)]
pub struct Bindings<P>(OnceLock<Vec<P>>);

impl<P: Policy> Bindings<P> {
    /// Not configured yet.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Takes the settings of all bindings, or reports everything that is wrong with them.
    pub fn configure(&self, settings: &[String]) -> Result<(), Vec<wit::Problem>> {
        log::report_panics();
        let policies = build_all(settings)?;
        self.0
            .set(policies)
            .map_err(|_| vec![located(0, Problem::new("the policy has been configured already"))])
    }

    /// Judges one request for some of the bindings.
    pub fn evaluate(&self, request: wit::Request, bindings: &[u32]) -> Vec<wit::Answer> {
        let request = Request::told(request, P::INPUTS);
        let policies = self.0.get().map_or(&[][..], Vec::as_slice);
        let judge = |&binding: &u32| match policies.get(binding as usize) {
            Some(policy) => wit::Answer {
                verdict: policy.evaluate(&request),
                valid_until: policy.valid_until(&request),
            },
            None => wit::Answer {
                verdict: Verdict::deny("the policy was asked for a binding that it does not have"),
                valid_until: None,
            },
        };
        bindings.iter().map(judge).collect()
    }
}

impl<P: Policy> Default for Bindings<P> {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns what the host shows about a policy.
pub fn describe<P: Policy>(name: &str, version: &str) -> wit::Metadata {
    wit::Metadata {
        name: name.to_owned(),
        version: version.to_owned(),
        settings_schema: settings_schema::<P>(),
        inputs: P::INPUTS.iter().map(|input| input.as_str().to_owned()).collect(),
    }
}

/// The JSON Schema of one binding's settings.
pub(crate) fn settings_schema<P: Policy>() -> String {
    let generator = SchemaGenerator::from(SchemaSettings::draft2020_12());
    generator.into_root_schema_for::<P::Settings>().as_value().to_string()
}

/// One policy value from one binding's settings.
pub(crate) fn build<P: Policy>(settings: &str) -> Result<P, Problem> {
    P::new(parse(settings)?)
}

fn build_all<P: Policy>(settings: &[String]) -> Result<Vec<P>, Vec<wit::Problem>> {
    let mut policies = Vec::with_capacity(settings.len());
    let mut problems = Vec::new();
    for (binding, settings) in (0..).zip(settings) {
        match build(settings) {
            Ok(policy) => policies.push(policy),
            Err(problem) => {
                problems.extend(problem.into_each().map(|problem| located(binding, problem)));
            }
        }
    }
    if problems.is_empty() { Ok(policies) } else { Err(problems) }
}

fn located(binding: u32, problem: Problem) -> wit::Problem {
    let (path, message) = problem.into_parts();
    wit::Problem { binding, path, message }
}

#[cfg(test)]
mod tests;
