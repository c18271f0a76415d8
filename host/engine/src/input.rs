//! A request as a guest is told of it. Texts are borrowed all the way; only the lists
//! of them are laid out anew, on the stack where they are short.

use smallvec::SmallVec;
use stockade_core::{
    AccessClass, Counter, Dialect, ModelRole, Parameters, PolicyInput, Principal, ProofKind,
    Transport,
};

use crate::Failure;
use crate::bindings::stockade::policy::types as wit;

/// The lists of a request, in the form in which a guest takes them.
pub(crate) struct Lists<'a> {
    groups: SmallVec<[&'a str; 16]>,
    attributes: SmallVec<[(&'a str, &'a str); 8]>,
    models: SmallVec<[wit::Model<'a>; 4]>,
    digests: SmallVec<[&'a str; 8]>,
    address: String,
}

impl<'a> Lists<'a> {
    pub(crate) fn of(input: &'a PolicyInput<'_>) -> Self {
        let model = |model: &'a stockade_core::ModelRef| wit::Model {
            name: model.name.as_str(),
            role: role(model.role),
            cloud: !input.clouds_hidden && input.catalogue.is_cloud(&model.name),
        };
        let pair = |(name, value): &'a (String, String)| (name.as_str(), value.as_str());
        let groups = input.principal.groups.iter();
        Self {
            groups: groups.map(stockade_core::GroupName::as_str).collect(),
            attributes: input.principal.attributes.iter().map(pair).collect(),
            models: input.models.iter().map(model).collect(),
            digests: input.parameters.digests.iter().map(String::as_str).collect(),
            address: input.client.address.to_string(),
        }
    }

    /// The whole request; `body` only for a policy that asked for it.
    pub(crate) fn request<'b>(
        &'b self,
        input: &'b PolicyInput<'_>,
        body: Option<&'b str>,
    ) -> Result<wit::Request<'b>, Failure> {
        Ok(wit::Request {
            principal: self.principal(input.principal),
            operation: input.operation.as_str(),
            access: access(input.operation.access())?,
            dialect: dialect(input.dialect),
            models: &self.models,
            parameters: self.parameters(input.parameters),
            client: wit::Client {
                address: &self.address,
                transport: transport(input.client.transport),
            },
            time: wit::Time {
                unix_seconds: input.time.unix.as_secs(),
                weekday: input.time.weekday,
                minute_of_day: input.time.minute_of_day,
            },
            usage: wit::Usage {
                minute: counter(input.usage.minute),
                hour: counter(input.usage.hour),
                day: counter(input.usage.day),
                month: counter(input.usage.month),
            },
            body,
        })
    }

    fn principal<'b>(&'b self, principal: &'b Principal) -> wit::Principal<'b> {
        wit::Principal {
            user: principal.user.as_str(),
            groups: &self.groups,
            proof: proof(principal.proof),
            credential_id: principal.credential.as_ref().map(stockade_core::CredentialId::as_str),
            attributes: &self.attributes,
        }
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
            digests: &self.digests,
        }
    }

    /// The bytes of everything whose length a caller chooses.
    pub(crate) fn bytes(&self, input: &PolicyInput<'_>, body: Option<&str>) -> usize {
        // What one more entry of a list costs in the guest's memory.
        const ENTRY: usize = 16;
        let texts = |list: &[&str]| list.iter().map(|text| text.len() + ENTRY).sum::<usize>();
        let pairs = self.attributes.iter();
        let models = self.models.iter();
        texts(&self.groups)
            + texts(&self.digests)
            + pairs.map(|(name, value)| name.len() + value.len() + ENTRY).sum::<usize>()
            + models.map(|model| model.name.len() + ENTRY).sum::<usize>()
            + input.parameters.remote_host.as_ref().map_or(0, String::len)
            + body.map_or(0, str::len)
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

const fn dialect(dialect: Dialect) -> wit::Dialect {
    match dialect {
        Dialect::Native => wit::Dialect::Native,
        Dialect::OpenAi => wit::Dialect::Openai,
        Dialect::Anthropic => wit::Dialect::Anthropic,
    }
}

const fn role(role: ModelRole) -> wit::ModelRole {
    match role {
        ModelRole::Use => wit::ModelRole::Use,
        ModelRole::Target => wit::ModelRole::Target,
        ModelRole::Source => wit::ModelRole::Source,
        ModelRole::Base => wit::ModelRole::Base,
        ModelRole::Destination => wit::ModelRole::Destination,
    }
}

const fn proof(proof: ProofKind) -> wit::ProofKind {
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

const fn transport(transport: Transport) -> wit::Transport {
    match transport {
        Transport::Plain => wit::Transport::Plain,
        Transport::Tls => wit::Transport::Tls,
        Transport::MutualTls => wit::Transport::MutualTls,
    }
}

const fn counter(counter: Counter) -> wit::Counter {
    wit::Counter { requests: counter.requests, tokens: counter.tokens }
}
