//! A request as a guest is told of it. Texts are borrowed all the way; only the lists
//! of them are laid out anew, on the stack where they are short. What a policy does not declare
//! is not even looked at.

use smallvec::SmallVec;
use stockade_core::{
    AccessClass, Content, Counter, CredentialId, Dialect, GroupName, ModelFacts, ModelRef,
    ModelRole, Parameters, PolicyInput, Presence, ProofKind, Transport, Windows,
};

use crate::bindings::stockade::policy::types as wit;
use crate::{Failure, Inputs};

type Pairs<'a> = SmallVec<[(&'a str, &'a str); 8]>;
type Words<'a> = SmallVec<[&'a str; 16]>;

/// The lists of a request, in the form in which a guest takes them.
pub(crate) struct Lists<'a> {
    inputs: Inputs,
    groups: Words<'a>,
    attributes: Pairs<'a>,
    labels: Pairs<'a>,
    models: SmallVec<[wit::Model<'a>; 4]>,
    runner_options: SmallVec<[&'a str; 4]>,
    tools: Words<'a>,
    texts: Vec<wit::Text<'a>>,
    blobs: SmallVec<[wit::Blob<'a>; 4]>,
    address: String,
}

impl<'a> Lists<'a> {
    /// Lays out what is told of a request to a policy that declares these inputs.
    pub(crate) fn of(input: &'a PolicyInput<'_>, inputs: Inputs) -> Self {
        let told = |wanted: Inputs| inputs.has(wanted).then_some(());
        let caller = told(Inputs::CALLER).map(|()| input.principal);
        let parameters = input.parameters;
        let content = input.content.unwrap_or(Content::NONE);
        let text = |text: &'a stockade_core::Text| wit::Text { role: &text.role, text: &text.text };
        let blob = |digest: &'a String| wit::Blob {
            digest,
            uploaded: !parameters.foreign_digests.contains(digest),
        };
        Self {
            inputs,
            groups: caller.iter().flat_map(|p| &*p.groups).map(GroupName::as_str).collect(),
            attributes: caller.iter().flat_map(|p| &*p.attributes).map(pair).collect(),
            labels: told(Inputs::CREDENTIAL).iter().flat_map(|()| input.labels).map(pair).collect(),
            models: input.models.iter().map(|one| model(one, input, inputs)).collect(),
            runner_options: told(Inputs::PARAMETERS)
                .iter()
                .flat_map(|()| &parameters.runner_options)
                .map(String::as_str)
                .collect(),
            tools: told(Inputs::TOOLS)
                .iter()
                .flat_map(|()| &content.tools)
                .map(String::as_str)
                .collect(),
            texts: told(Inputs::TEXTS).iter().flat_map(|()| &content.texts).map(text).collect(),
            blobs: told(Inputs::BLOBS)
                .iter()
                .flat_map(|()| &parameters.digests)
                .map(blob)
                .collect(),
            address: told(Inputs::CLIENT)
                .map_or_else(String::new, |()| input.client.address.to_string()),
        }
    }

    /// The whole request, as far as it is told.
    pub(crate) fn request<'b>(
        &'b self,
        input: &'b PolicyInput<'_>,
    ) -> Result<wit::Request<'b>, Failure> {
        let told = |wanted: Inputs| self.inputs.has(wanted).then_some(());
        let principal = input.principal;
        let content = input.content.unwrap_or(Content::NONE);
        Ok(wit::Request {
            operation: input.operation.as_str(),
            access: access(input.operation.access())?,
            dialect: dialect(input.dialect),
            models: &self.models,
            caller: told(Inputs::CALLER).map(|()| wit::Caller {
                user: principal.user.as_str(),
                groups: &self.groups,
                attributes: &self.attributes,
            }),
            credential: told(Inputs::CREDENTIAL).map(|()| wit::Credential {
                proof: proof(principal.proof),
                id: principal.credential.as_ref().map(CredentialId::as_str),
                labels: &self.labels,
            }),
            parameters: told(Inputs::PARAMETERS).map(|()| self.parameters(input.parameters)),
            tools: told(Inputs::TOOLS).map(|()| &*self.tools),
            prompt: told(Inputs::PROMPT).map(|()| wit::Prompt {
                bytes: content.bytes(),
                system: content.has_system_prompt(),
            }),
            texts: told(Inputs::TEXTS).map(|()| &*self.texts),
            blobs: told(Inputs::BLOBS).map(|()| &*self.blobs),
            client: told(Inputs::CLIENT).map(|()| wit::Client {
                address: &self.address,
                transport: transport(input.client.transport),
                listener: input.listener,
            }),
            time: told(Inputs::TIME).map(|()| wit::Time {
                unix_seconds: input.time.unix.as_secs(),
                weekday: input.time.weekday,
                minute_of_day: input.time.minute_of_day,
            }),
            usage: told(Inputs::USAGE).map(|()| wit::Usage {
                total: windows(input.usage.total),
                with_model: windows(input.usage.with_model),
            }),
            body: told(Inputs::BODY).and(input.body),
        })
    }

    fn parameters<'b>(&'b self, parameters: &'b Parameters) -> wit::Parameters<'b> {
        wit::Parameters {
            streaming: parameters.streaming,
            context: parameters.context,
            output: parameters.output,
            keep_alive: parameters.keep_alive,
            images: parameters.images,
            tools: parameters.tools,
            web_search: parameters.web_search,
            debug_render: parameters.debug_render,
            insecure: parameters.insecure,
            remote_host: parameters.remote_host.as_deref(),
            think: parameters.think.as_deref(),
            format: parameters.format.as_deref(),
            runner_options: &self.runner_options,
        }
    }

    /// The bytes of everything whose length a caller chooses.
    pub(crate) fn bytes(&self, input: &PolicyInput<'_>) -> usize {
        // What one more entry of a list costs in the guest's memory.
        const ENTRY: usize = 16;
        let words = |list: &[&str]| list.iter().map(|text| text.len() + ENTRY).sum::<usize>();
        let pairs = |list: &[(&str, &str)]| {
            list.iter().map(|(name, value)| name.len() + value.len() + ENTRY).sum::<usize>()
        };
        let body = input.body.filter(|_| self.inputs.has(Inputs::BODY));
        words(&self.groups)
            + words(&self.tools)
            + words(&self.runner_options)
            + pairs(&self.attributes)
            + pairs(&self.labels)
            + self.blobs.iter().map(|blob| blob.digest.len() + ENTRY).sum::<usize>()
            + self.texts.iter().map(|text| text.role.len() + text.text.len() + ENTRY).sum::<usize>()
            + self.models.iter().map(|model| model.name.len() + 8 * ENTRY).sum::<usize>()
            + input.parameters.remote_host.as_ref().map_or(0, String::len)
            + body.map_or(0, str::len)
    }
}

fn pair((name, value): &(String, String)) -> (&str, &str) {
    (name, value)
}

fn model<'a>(model: &'a ModelRef, input: &'a PolicyInput<'_>, inputs: Inputs) -> wit::Model<'a> {
    wit::Model {
        name: model.name.as_str(),
        role: role(model.role),
        cloud: input.catalogue.is_cloud(&model.name),
        presence: inputs
            .has(Inputs::CATALOGUE)
            .then(|| presence(input.catalogue.find(&model.name))),
    }
}

fn presence(presence: Presence<'_>) -> wit::Presence<'_> {
    match presence {
        Presence::Unknown => wit::Presence::Unknown,
        Presence::Missing => wit::Presence::Missing,
        Presence::Installed(_, facts) => wit::Presence::Installed(model_facts(facts)),
    }
}

fn model_facts(facts: &ModelFacts) -> wit::ModelFacts<'_> {
    wit::ModelFacts {
        digest: facts.digest.as_deref(),
        bytes: facts.bytes,
        parameters: facts.parameters,
        quantization: facts.quantization.as_deref(),
        family: facts.family.as_deref(),
        loaded: facts.loaded,
    }
}

fn access(class: AccessClass) -> Result<wit::AccessClass, Failure> {
    match class {
        AccessClass::Public => {
            Err(Failure::Input("a public operation is not for policies to judge".to_owned()))
        }
        AccessClass::Inference => Ok(wit::AccessClass::Inference),
        AccessClass::Read => Ok(wit::AccessClass::Read),
        AccessClass::Manage => Ok(wit::AccessClass::Manage),
        AccessClass::Account => Ok(wit::AccessClass::Account),
        AccessClass::Web => Ok(wit::AccessClass::Web),
    }
}

const fn dialect<'a>(dialect: Dialect) -> wit::Dialect<'a> {
    match dialect {
        Dialect::Native => wit::Dialect::Native,
        Dialect::OpenAi => wit::Dialect::Openai,
        Dialect::Anthropic => wit::Dialect::Anthropic,
    }
}

const fn role<'a>(role: ModelRole) -> wit::ModelRole<'a> {
    match role {
        ModelRole::Use => wit::ModelRole::Use,
        ModelRole::Target => wit::ModelRole::Target,
        ModelRole::Source => wit::ModelRole::Source,
        ModelRole::Base => wit::ModelRole::Base,
        ModelRole::Destination => wit::ModelRole::Destination,
    }
}

const fn proof<'a>(proof: ProofKind) -> wit::ProofKind<'a> {
    match proof {
        ProofKind::ApiKey => wit::ProofKind::ApiKey,
        ProofKind::Basic => wit::ProofKind::Basic,
        ProofKind::Mtls => wit::ProofKind::Mtls,
        ProofKind::Token => wit::ProofKind::Token,
        ProofKind::Jwt => wit::ProofKind::Jwt,
        ProofKind::OllamaKey => wit::ProofKind::OllamaKey,
        ProofKind::Anonymous => wit::ProofKind::Anonymous,
    }
}

const fn transport<'a>(transport: Transport) -> wit::Transport<'a> {
    match transport {
        Transport::Plain => wit::Transport::Plain,
        Transport::Tls => wit::Transport::Tls,
        Transport::MutualTls => wit::Transport::MutualTls,
    }
}

const fn windows(windows: Windows) -> wit::Windows {
    wit::Windows {
        minute: counter(windows.minute),
        hour: counter(windows.hour),
        day: counter(windows.day),
        month: counter(windows.month),
    }
}

const fn counter(counter: Counter) -> wit::Counter {
    let Counter { requests, tokens, gpu_milliseconds } = counter;
    wit::Counter { requests, tokens, gpu_milliseconds }
}
