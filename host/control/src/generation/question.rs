//! A question as bytes: all that the answer can depend on, and nothing else.

use std::net::IpAddr;

use stockade_authn::Scope;
use stockade_core::{
    Client, CredentialId, GroupName, ModelFacts, ModelName, ModelRef, Parameters, PolicyInput,
    Presence, Principal,
};
use stockade_engine::Inputs;

use super::decide::is_made_of_blobs;

/// A longer question is not remembered.
const LONGEST: usize = 4 << 10;

/// Bytes for which there is room at first: enough for most questions.
const USUAL: usize = 512;

/// Facts that change with each request, or that are too long to be compared.
pub(super) const PASSING: Inputs =
    Inputs::USAGE.and(Inputs::BODY).and(Inputs::TEXTS).and(Inputs::PROMPT);

/// Facts one after the other, each of a fixed length or with its length before it, so that
/// different facts never make the same bytes.
pub(super) struct Question(Vec<u8>);

impl Question {
    /// A question to the bindings of a selection.
    fn of(selection: u64) -> Self {
        let mut question = Self(Vec::with_capacity(USUAL));
        question.number(selection);
        question
    }

    /// The question to the bindings of a selection whose policies are told these inputs; `None`
    /// for one that is too long. The time is not part of it, and neither is what is
    /// [passing](PASSING).
    pub(super) fn verdicts(selection: u64, input: &PolicyInput<'_>, told: Inputs) -> Option<Self> {
        // A fact that is added to the input must be added here, or this does not compile.
        let PolicyInput {
            principal: _,
            operation,
            dialect,
            models,
            catalogue,
            parameters,
            content,
            labels: _,
            client: _,
            listener: _,
            time: _,
            usage: _,
            body: _,
        } = input;
        let mut question = Self::of(selection);
        question.tag(*operation as u8);
        question.tag(*dialect as u8);
        question.tag(u8::from(is_made_of_blobs(*operation, parameters)));
        question.list(models, |question, model| {
            question.model(model);
            question.tag(u8::from(catalogue.is_cloud(&model.name)));
            if told.has(Inputs::CATALOGUE) {
                question.presence(catalogue.find(&model.name));
            }
        });
        question.caller(input, told);
        if told.has(Inputs::PARAMETERS) {
            question.parameters(parameters);
        }
        if told.has(Inputs::BLOBS) {
            question.texts(&parameters.digests);
            question.texts(&parameters.foreign_digests);
        }
        if told.has(Inputs::TOOLS) {
            question.texts(content.map_or(&[], |content| &content.tools));
        }
        question.bounded()
    }

    /// The question which of these models the caller may use, in an API.
    pub(super) fn usable(
        selection: u64,
        input: &PolicyInput<'_>,
        told: Inputs,
        scope: &Scope,
    ) -> Self {
        let mut question = Self::of(selection);
        question.tag(input.dialect as u8);
        question.text(&format!("{scope:?}"));
        question.caller(input, told);
        question
    }

    /// Adds a model of a list.
    pub(super) fn listed(&mut self, name: &ModelName, cloud: bool, presence: Option<Presence<'_>>) {
        self.text(name.as_str());
        self.tag(u8::from(cloud));
        if let Some(presence) = presence {
            self.presence(presence);
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn bounded(self) -> Option<Self> {
        (self.0.len() <= LONGEST).then_some(self)
    }

    /// The facts of a caller that stay the same for its requests.
    fn caller(&mut self, input: &PolicyInput<'_>, told: Inputs) {
        let Principal { user, groups, proof, credential, attributes } = input.principal;
        if told.has(Inputs::CALLER) {
            self.text(user.as_str());
            self.list(groups, |question, group: &GroupName| question.text(group.as_str()));
            self.pairs(attributes);
        }
        if told.has(Inputs::CREDENTIAL) {
            self.tag(*proof as u8);
            self.option(credential.as_ref().map(CredentialId::as_str), Self::text);
            self.pairs(input.labels);
        }
        if told.has(Inputs::CLIENT) {
            self.client(input.client);
            self.option(input.listener, Self::text);
        }
    }

    fn tag(&mut self, value: u8) {
        self.0.push(value);
    }

    fn number(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        for one in items {
            item(self, one);
        }
    }

    fn texts(&mut self, texts: &[String]) {
        self.list(texts, |question, text| question.text(text));
    }

    fn pairs(&mut self, pairs: &[(String, String)]) {
        self.list(pairs, |question, (name, value)| {
            question.text(name);
            question.text(value);
        });
    }

    fn option<T>(&mut self, value: Option<T>, some: impl FnOnce(&mut Self, T)) {
        self.tag(u8::from(value.is_some()));
        if let Some(value) = value {
            some(self, value);
        }
    }

    fn model(&mut self, model: &ModelRef) {
        let ModelRef { name, role } = model;
        self.text(name.as_str());
        self.tag(*role as u8);
    }

    fn presence(&mut self, presence: Presence<'_>) {
        match presence {
            Presence::Unknown => self.tag(0),
            Presence::Missing => self.tag(1),
            Presence::Installed(_, facts) => {
                self.tag(2);
                self.facts(facts);
            }
        }
    }

    fn facts(&mut self, facts: &ModelFacts) {
        // Whether it runs in the cloud stands beside it.
        let ModelFacts { digest, bytes, parameters, quantization, family, cloud: _, loaded } =
            facts;
        for text in [digest, quantization, family] {
            self.option(text.as_deref(), Self::text);
        }
        for number in [bytes, parameters] {
            self.option(*number, Self::number);
        }
        self.tag(u8::from(*loaded));
    }

    fn parameters(&mut self, parameters: &Parameters) {
        let Parameters {
            streaming,
            context,
            output,
            keep_alive,
            images,
            tools,
            web_search,
            debug_render,
            insecure,
            remote_host,
            digests: _,
            foreign_digests: _,
            think,
            format,
            runner_options,
        } = parameters;
        for flag in [streaming, web_search, debug_render, insecure] {
            self.tag(u8::from(*flag));
        }
        for number in [context, output, keep_alive] {
            self.option(*number, |question, number| question.number(number.cast_unsigned()));
        }
        self.number(u64::from(*images));
        self.number(u64::from(*tools));
        for text in [remote_host, think, format] {
            self.option(text.as_deref(), Self::text);
        }
        self.texts(runner_options);
    }

    fn client(&mut self, client: Client) {
        let Client { address, transport } = client;
        self.tag(u8::from(address.is_ipv6()));
        match address {
            IpAddr::V4(address) => self.0.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => self.0.extend_from_slice(&address.octets()),
        }
        self.tag(transport as u8);
    }
}
