#![doc = include_str!("../README.md")]

mod settings;

use stockade_policy_sdk::prelude::*;

pub use settings::{Files, Settings};

/// The policy: who may change models, from where and to where.
#[derive(Debug)]
pub struct PullGuard {
    settings: Settings,
}

#[policy(feature = "component")]
impl Policy for PullGuard {
    type Settings = Settings;

    const INPUTS: &'static [Input] = &[Input::Caller, Input::Parameters, Input::Blobs];

    fn new(settings: Settings) -> Result<Self, Problem> {
        settings.check()?;
        Ok(Self { settings: settings.sorted() })
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        if !self.settings.operations.contains(request.operation()) {
            return Verdict::abstain();
        }
        match self.judge(request) {
            Ok(()) => Verdict::allow(),
            Err(reason) => Verdict::deny(reason),
        }
    }
}

impl PullGuard {
    /// Tells why a request is refused.
    fn judge(&self, request: &Request) -> Result<(), String> {
        let operation = request.operation();
        if !self.settings.names(request) {
            return Err(format!("{operation} is reserved to certain users and groups"));
        }
        if request.parameters().insecure {
            return Err(format!("{operation} over plain HTTP (`insecure`) is never allowed"));
        }
        if request.models().is_empty() && !is_about_blobs(operation) {
            return Err(format!("{operation} needs a model"));
        }
        self.judge_remote_host(request.parameters())?;
        self.judge_files(request)?;
        request.models().iter().try_for_each(|model| self.judge_model(operation, model))
    }

    fn judge_remote_host(&self, parameters: &Parameters) -> Result<(), String> {
        match &parameters.remote_host {
            Some(host) if !self.settings.names_remote_host(host) => {
                Err(format!("a model that runs on {host} may not be created"))
            }
            _ => Ok(()),
        }
    }

    fn judge_files(&self, request: &Request) -> Result<(), String> {
        if is_about_blobs(request.operation()) {
            return Ok(());
        }
        let foreign = || request.blobs().iter().find(|blob| !blob.uploaded);
        match self.settings.files {
            Files::None if !request.blobs().is_empty() => {
                Err("a model may not be made of files; build on a model with `from`".to_owned())
            }
            Files::Uploaded => match foreign() {
                Some(blob) => Err(format!("you have not sent the file {}", blob.digest)),
                None => Ok(()),
            },
            Files::None | Files::Any => Ok(()),
        }
    }

    fn judge_model(&self, operation: &Operation, model: &Model) -> Result<(), String> {
        let name = model.short_name();
        if model.cloud && !self.settings.cloud {
            return Err(format!("{operation} of {name} is not allowed: it runs in the cloud"));
        }
        let (list, patterns) = match (&model.role, operation) {
            (ModelRole::Other(role), _) => {
                return Err(format!("{operation} of {name} is not allowed: its role is {role}"));
            }
            (ModelRole::Source | ModelRole::Base, _) | (_, Operation::Pull) => {
                ("sources", &self.settings.sources)
            }
            (ModelRole::Use | ModelRole::Target | ModelRole::Destination, _) => {
                ("targets", &self.settings.targets)
            }
        };
        if patterns.matches(&model.name) {
            Ok(())
        } else {
            Err(format!("{operation} of {name} is not allowed: it is not among the {list}"))
        }
    }
}

fn is_about_blobs(operation: &Operation) -> bool {
    matches!(operation, Operation::UploadBlob | Operation::CheckBlob)
}

#[cfg(test)]
mod tests;
