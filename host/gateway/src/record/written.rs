//! The record as it is written.

use std::borrow::Cow;
use std::time::Duration;

use http::Method;
use stockade_authn::{ClientIp, Identity};
use stockade_core::record::{Admitted, Answered, Caller, Decided, Decision, RequestRecord, SCHEMA};
use stockade_core::{Excerpt, MASK, ModelName, ModelRef, Obligations, mask_keys};

use super::Record;

/// Longer names of methods are cut, in bytes.
const LONGEST_METHOD: usize = 20;

impl Record {
    fn caller_written(&self) -> Caller<'_> {
        let Some(Identity { principal, terms, front_end, .. }) = &self.caller else {
            return Caller::default();
        };
        Caller {
            user: Some(Cow::Borrowed(&principal.user)),
            front_end: front_end.as_ref().map(|front_end| Cow::Borrowed(&front_end.user)),
            groups: Cow::Borrowed(&principal.groups),
            attributes: Cow::Borrowed(&principal.attributes),
            proof: Some(principal.proof),
            credential: principal.credential.as_ref().map(Cow::Borrowed),
            credential_labels: Cow::Borrowed(&terms.labels),
        }
    }

    fn admitted_written(&self) -> Admitted<'_> {
        Admitted {
            quotas_exceeded: Cow::Borrowed(&self.exceeded),
            waited: self.waiting.map(|waiting| microseconds(waiting.waited)),
            charged: self.charged,
        }
    }

    fn decided(&self) -> Decided<'_> {
        let refused = self.refused.as_ref();
        let permission = self.permission.as_ref();
        let decision = match (refused, permission) {
            (Some(_), _) => Decision::Refuse,
            (None, Some(_)) => Decision::Permit,
            (None, None) => Decision::None,
        };
        let obligations = permission.map(|permission| &permission.obligations);
        let demanded = obligations.filter(|all| **all != Obligations::default());
        let replacement = permission.and_then(|permission| permission.replaced_by.as_ref());
        Decided {
            decision,
            cause: refused.map(|reason| reason.cause),
            reason: refused.map(|reason| mask_keys(&reason.message)),
            binding: refused.and_then(|reason| reason.binding.as_ref()).map(Cow::Borrowed),
            policy: refused.and_then(|reason| reason.policy.as_ref()).map(Cow::Borrowed),
            allowed_by: permission
                .map(|permission| permission.by.as_slice())
                .unwrap_or_default()
                .into(),
            obligations: demanded.map(Cow::Borrowed),
            forwarded_model: replacement
                .filter(|_| decision == Decision::Permit)
                .map(Cow::Borrowed),
            left_out: self.left_out.map(Cow::Borrowed),
        }
    }

    /// Returns the record of a request that is over.
    pub(super) fn written(&self) -> RequestRecord<'_> {
        let tokens = self.measured.usage;
        let client = self.client.filter(|client| *client != self.peer);
        RequestRecord {
            schema: SCHEMA,
            request: self.id.to_string().into(),
            generation: self.generation,
            peer: self.peer.0,
            client: client.map(ClientIp::address),
            method: self.method.as_ref().map(|method| shown_method(method)),
            path: self.path.as_deref().map(Cow::Borrowed),
            caller: self.caller_written(),
            operation: self.operation,
            models: shown_models(&self.models),
            decision_input: self.input.as_ref().map(Cow::Borrowed),
            decided: self.decided(),
            admitted: self.admitted_written(),
            shadow: Cow::Borrowed(&self.shadow),
            outcome: self.outcome,
            error: self.error.as_deref().map(mask_keys),
            steps: self.steps,
            answered: Answered {
                status: self.status.map(|status| status.as_u16()),
                bytes: self.bytes,
                prompt_tokens: tokens.prompt,
                output_tokens: tokens.output,
                total_duration: nanoseconds(tokens.total_duration),
                load_duration: nanoseconds(tokens.load_duration),
                prompt_eval_duration: nanoseconds(tokens.prompt_duration),
                eval_duration: nanoseconds(tokens.output_duration),
                microseconds: self.elapsed(),
            },
        }
    }
}

/// Callers may invent methods, and write keys where they do not belong.
fn shown_method(method: &Method) -> Cow<'_, str> {
    match mask_keys(method.as_str()) {
        Cow::Borrowed(text) if text.len() <= LONGEST_METHOD => Cow::Borrowed(text),
        shown => Excerpt::of(&shown).to_string().into(),
    }
}

/// The models, without a key that was sent in the place of a name: letters x stand there.
pub(super) fn shown_models(models: &[ModelRef]) -> Cow<'_, [ModelRef]> {
    let masked = |model: &ModelRef| match mask_keys(model.name.as_str()) {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => ModelName::parse(&masked.replace(MASK, "x")).ok(),
    };
    if models.iter().all(|model| matches!(mask_keys(model.name.as_str()), Cow::Borrowed(_))) {
        return Cow::Borrowed(models);
    }
    let shown = |model: &ModelRef| ModelRef {
        name: masked(model).unwrap_or_else(|| model.name.clone()),
        role: model.role,
    };
    models.iter().map(shown).collect()
}

pub(super) fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A duration in the unit in which Ollama tells it.
fn nanoseconds(duration: Option<Duration>) -> Option<u64> {
    u64::try_from(duration?.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use stockade_core::ModelRole;

    use super::*;

    fn model(name: &str) -> ModelRef {
        ModelRef { name: ModelName::parse(name).unwrap(), role: ModelRole::Use }
    }

    #[test]
    fn a_key_in_the_place_of_a_model_is_not_told() {
        let key = "sk-local-0f3b9c55d1a24e7788aa00bb11cc22dd";
        let shown = shown_models(&[model("llama3.2:3b"), model(key)]).into_owned();
        assert_eq!(shown[0], model("llama3.2:3b"));
        assert_eq!(shown[1].name.model(), format!("sk-local-{}", "x".repeat(32)));
        assert!(matches!(shown_models(&[model("hf.co/a/b:q4_k_m")]), Cow::Borrowed(_)));
    }

    #[test]
    fn methods_are_told_as_far_as_they_are_short_and_no_key() {
        for (method, shown) in [("PATCH", "PATCH"), ("A0A1A2A3A4A5A6A7A8A9B0B1", "•")] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert!(shown_method(&method).starts_with(shown), "{method}");
        }
        let long = Method::from_bytes("K".repeat(4000).as_bytes()).unwrap();
        assert!(shown_method(&long).len() < 150);
    }
}
