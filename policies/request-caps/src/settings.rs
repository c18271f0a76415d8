//! The settings that an operator may write.

use stockade_policy_sdk::prelude::*;

/// The most that one request may ask for.
#[settings]
#[derive(Debug)]
pub struct Settings {
    /// Models that may be run within the caps. With it, numbers above a cap are lowered and
    /// missing ones written; without it nothing is allowed, and numbers above a cap are
    /// refused.
    #[serde(default)]
    pub allow: ModelPatterns,
    /// Most tokens of context.
    pub context: Option<i64>,
    /// Most tokens of an answer.
    pub output: Option<i64>,
    /// Most seconds that the model stays loaded afterwards.
    pub keep_alive: Option<i64>,
    /// Most images in one request.
    pub images: Option<u32>,
    /// Most tools in one request.
    pub tools: Option<u32>,
    /// Top-level fields of the body that are refused. Only together with `allow`.
    #[serde(default)]
    pub forbid_fields: Vec<String>,
}

impl Settings {
    fn numbers(&self) -> [(&'static str, LimitedParameter, Option<i64>); 3] {
        [
            ("context", LimitedParameter::Context, self.context),
            ("output", LimitedParameter::Output, self.output),
            ("keep_alive", LimitedParameter::KeepAlive, self.keep_alive),
        ]
    }

    /// Tells why a request has too many of what cannot be lowered.
    pub(crate) fn too_many(&self, parameters: &Parameters) -> Option<String> {
        let counts =
            [("images", parameters.images, self.images), ("tools", parameters.tools, self.tools)];
        counts.into_iter().find_map(|(what, count, most)| {
            let most = most.filter(|most| count > *most)?;
            Some(format!("{count} {what} are too many; at most {most} are allowed"))
        })
    }

    /// Tells why a request that is not to be changed asks for too much.
    pub(crate) fn above(&self, operation: &Operation, sent: &Parameters) -> Option<String> {
        let sent = [sent.context, sent.output, sent.keep_alive];
        self.numbers().into_iter().zip(sent).find_map(|((field, parameter, most), sent)| {
            let most = most?;
            match sent {
                Some(number) if is_above(parameter, number, most) => {
                    Some(format!("{field} is limited to {most}; the request asks for {number}"))
                }
                // Without a number Ollama answers without end.
                None if parameter == LimitedParameter::Output && answers(operation) => {
                    Some(format!("say how many tokens the answer may have, at most {most}"))
                }
                _ => None,
            }
        })
    }

    pub(crate) fn obligations(&self) -> Obligations {
        let capped = self.numbers().into_iter().filter_map(|(_, which, most)| Some((which, most?)));
        let limited =
            capped.fold(Obligations::new(), |all, (which, most)| all.cap_or_insert(which, most));
        self.forbid_fields.iter().fold(limited, Obligations::forbid_field)
    }

    /// Refuses settings that could never do what their author means.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let counts = self.images.is_some() || self.tools.is_some();
        let numbers = self.numbers();
        if !counts && self.forbid_fields.is_empty() && numbers.iter().all(|(_, _, n)| n.is_none()) {
            let message = "caps nothing; write `context`, `output`, `keep_alive`, `images`, \
                           `tools` or `forbid_fields`";
            return Err(Problem::new(message));
        }
        let low = numbers.iter().filter(|(_, _, most)| most.is_some_and(|most| most < 1));
        let mut problems: Vec<_> =
            low.map(|(field, _, _)| Problem::at(*field, "must be at least 1")).collect();
        if self.allow.is_empty() && !self.forbid_fields.is_empty() {
            let message = "needs `allow`: fields are refused in requests that this binding allows";
            problems.push(Problem::at("forbid_fields", message));
        }
        let empty = self.forbid_fields.iter().enumerate().filter(|(_, field)| field.is_empty());
        problems.extend(
            empty.map(|(index, _)| Problem::at(format!("forbid_fields[{index}]"), "is empty")),
        );
        Problem::all(problems)
    }
}

/// Ollama takes zero and less as no limit at all for tokens, and less than zero as for ever
/// for `keep_alive`.
fn is_above(parameter: LimitedParameter, number: i64, most: i64) -> bool {
    let smallest = i64::from(parameter != LimitedParameter::KeepAlive);
    number < smallest || number > most
}

fn answers(operation: &Operation) -> bool {
    matches!(operation, Operation::Chat | Operation::Generate)
}
