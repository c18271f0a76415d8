//! The settings that an operator may write.

use stockade_policy_sdk::prelude::*;

/// The most that one request may ask for.
#[settings]
#[derive(Debug)]
pub struct Settings {
    /// The models to which the caps apply; by default all.
    pub models: Option<ModelPatterns>,
    /// Most tokens of context.
    pub context: Option<i64>,
    /// Most tokens of an answer.
    pub output: Option<i64>,
    /// Most seconds that the model stays loaded afterwards.
    pub keep_alive: Option<i64>,
    /// The fate of a number above its cap, and of one that is missing.
    #[serde(default)]
    pub above: Above,
    /// Most images in one request.
    pub images: Option<u32>,
    /// Most tools in one request.
    pub tools: Option<u32>,
    /// Fields of the body that are left out, by path: `think`, `options.num_gpu`.
    #[serde(default)]
    pub strip_fields: Vec<String>,
    /// Tools that are left out of those that the request offers, by name; `web_search` are all
    /// that search the web on the account of the host's owner, too.
    #[serde(default)]
    pub strip_tools: Vec<String>,
    /// Fields of the body that are refused, by path.
    #[serde(default)]
    pub forbid_fields: Vec<String>,
}

/// The fate of a number above its cap, and of one that is missing.
#[settings]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Above {
    /// It is lowered to the cap, and written where it is missing.
    #[default]
    Lower,
    /// The request is refused.
    Refuse,
}

impl Settings {
    /// Tells whether the caps apply to a model.
    pub(crate) fn apply_to(&self, model: &Model) -> bool {
        self.models.as_ref().is_none_or(|models| models.matches(&model.name))
    }

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
                Some(number) if is_above(&parameter, number, most) => {
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
        let lowers = self.above == Above::Lower;
        let capped = self
            .numbers()
            .into_iter()
            .filter_map(|(_, which, most)| Some((which, most.filter(|_| lowers)?)));
        let all =
            capped.fold(Obligations::new(), |all, (which, most)| all.cap_or_insert(which, most));
        let all = self.strip_fields.iter().fold(all, Obligations::strip_field);
        let all = self.strip_tools.iter().fold(all, Obligations::strip_tools);
        self.forbid_fields.iter().fold(all, Obligations::forbid_field)
    }

    /// Refuses settings that could never do what their author means.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let counts = self.images.is_some() || self.tools.is_some();
        let fields = [("strip_fields", &self.strip_fields), ("forbid_fields", &self.forbid_fields)];
        let numbers = self.numbers();
        if !counts
            && self.strip_tools.is_empty()
            && fields.iter().all(|(_, list)| list.is_empty())
            && numbers.iter().all(|(_, _, most)| most.is_none())
        {
            let message = "caps nothing; write `context`, `output`, `keep_alive`, `images`, \
                           `tools`, `strip_tools`, `strip_fields` or `forbid_fields`";
            return Err(Problem::new(message));
        }
        let mut problems = Vec::new();
        if self.models.as_ref().is_some_and(ModelPatterns::is_empty) {
            problems.push(Problem::at("models", "lists no model; leave it out for all"));
        }
        let low = numbers.iter().filter(|(_, _, most)| most.is_some_and(|most| most < 1));
        problems.extend(low.map(|(field, _, _)| Problem::at(*field, "must be at least 1")));
        if self.above == Above::Refuse && numbers.iter().all(|(_, _, most)| most.is_none()) {
            let message = "has no effect without `context`, `output` or `keep_alive`";
            problems.push(Problem::at("above", message));
        }
        let nameless = self.strip_tools.iter().enumerate().filter(|(_, name)| name.is_empty());
        problems.extend(nameless.map(|(index, _)| {
            Problem::at(format!("strip_tools[{index}]"), "is empty; write the name of a tool")
        }));
        for (field, list) in fields {
            let wrong = list.iter().enumerate().filter(|(_, path)| !is_path(path));
            problems.extend(wrong.map(|(index, path)| {
                let message = format!("{path:?} is no field; write `think` or `options.num_gpu`");
                Problem::at(format!("{field}[{index}]"), message)
            }));
        }
        Problem::all(problems)
    }
}

fn is_path(path: &str) -> bool {
    path.split('.').all(|part| !part.trim().is_empty())
}

/// Ollama takes zero and less as no limit at all for tokens, and less than zero as for ever
/// for `keep_alive`.
fn is_above(parameter: &LimitedParameter, number: i64, most: i64) -> bool {
    let smallest = i64::from(*parameter != LimitedParameter::KeepAlive);
    number < smallest || number > most
}

fn answers(operation: &Operation) -> bool {
    matches!(operation, Operation::Chat | Operation::Generate)
}
