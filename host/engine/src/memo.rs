//! Verdicts of the current second, for questions that are asked again.
//!
//! A policy is a pure function of its settings, which a prepared policy never changes, and
//! of what it is told. Whatever it is told is part of the question here, byte for byte, the
//! second of the request included, so an answer is never used for anything else and never
//! for longer than that second. A run that failed or wrote into the log is not remembered.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;
use stockade_core::{
    Client, Counter, CredentialId, LocalTime, ModelRef, Outcome, Parameters, PolicyInput,
    Principal, Usage,
};

/// A question with more bytes is not remembered.
const LONGEST_QUESTION: usize = 4 << 10;

/// The answers of a policy in one second.
#[derive(Debug)]
pub(crate) struct Memo {
    most: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    second: u64,
    answers: HashMap<Box<[u8]>, Vec<Outcome>>,
}

/// Everything that a policy is told, and for which bindings it is asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Question {
    second: u64,
    bytes: SmallVec<[u8; 512]>,
}

impl Memo {
    /// Remembers at most so many answers.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, table: Mutex::default() }
    }

    /// Returns the answer to the same question in the same second.
    pub(crate) fn answer(&self, question: &Question) -> Option<Vec<Outcome>> {
        let table = self.table();
        (table.second == question.second)
            .then(|| table.answers.get(question.bytes.as_slice()).cloned())?
    }

    /// Remembers an answer, and forgets those of other seconds.
    pub(crate) fn keep(&self, question: Question, outcomes: &[Outcome]) {
        if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failure(_))) {
            return;
        }
        let mut table = self.table();
        if table.second != question.second {
            table.answers.clear();
            table.second = question.second;
        }
        if table.answers.len() < self.most {
            table.answers.insert(question.bytes.into_boxed_slice(), outcomes.to_vec());
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each step leaves it complete.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question {
    /// `None` for one that is too long, that shows a body, or that hides a fact.
    pub(crate) fn of(input: &PolicyInput<'_>, bindings: &[u32]) -> Option<Self> {
        // A fact that is added to the input must be added here, or this does not compile.
        let PolicyInput {
            principal,
            operation,
            dialect,
            models,
            catalogue,
            clouds_hidden,
            parameters,
            client,
            time,
            usage,
            body,
        } = input;
        if body.is_some() || *clouds_hidden {
            return None;
        }
        let LocalTime { unix, weekday, minute_of_day } = *time;
        let mut bytes = Bytes::default();
        bytes.list(bindings, |bytes, binding| bytes.number(u64::from(*binding)));
        bytes.principal(principal);
        bytes.tag(*operation as u8);
        bytes.tag(*dialect as u8);
        bytes.list(models, |bytes, model| bytes.model(model, catalogue.is_cloud(&model.name)));
        bytes.parameters(parameters);
        bytes.client(*client);
        bytes.tag(weekday);
        bytes.number(u64::from(minute_of_day));
        bytes.usage(*usage);
        let second = unix.as_secs();
        (bytes.0.len() <= LONGEST_QUESTION).then_some(Self { second, bytes: bytes.0 })
    }
}

/// Facts one after the other, each of a fixed length or with its length before it, so that
/// different facts never make the same bytes.
#[derive(Default)]
struct Bytes(SmallVec<[u8; 512]>);

impl Bytes {
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

    fn option<T>(&mut self, value: Option<T>, some: impl FnOnce(&mut Self, T)) {
        self.tag(u8::from(value.is_some()));
        if let Some(value) = value {
            some(self, value);
        }
    }

    fn principal(&mut self, principal: &Principal) {
        let Principal { user, groups, proof, credential, attributes } = principal;
        self.text(user.as_str());
        self.list(groups, |bytes, group| bytes.text(group.as_str()));
        self.tag(*proof as u8);
        self.option(credential.as_ref().map(CredentialId::as_str), Self::text);
        self.list(attributes, |bytes, (name, value)| {
            bytes.text(name);
            bytes.text(value);
        });
    }

    fn model(&mut self, model: &ModelRef, cloud: bool) {
        let ModelRef { name, role } = model;
        self.text(name.as_str());
        self.tag(*role as u8);
        self.tag(u8::from(cloud));
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
            digests,
            foreign_digests,
        } = parameters;
        for flag in [streaming, web_search, debug_render, insecure] {
            self.tag(u8::from(*flag));
        }
        for number in [context, output, keep_alive] {
            self.option(*number, |bytes, number| bytes.number(number.cast_unsigned()));
        }
        self.number(u64::from(*images));
        self.number(u64::from(*tools));
        self.option(remote_host.as_deref(), Self::text);
        self.list(digests, |bytes, digest| bytes.text(digest));
        self.list(foreign_digests, |bytes, digest| bytes.text(digest));
    }

    fn client(&mut self, client: Client) {
        let Client { address, transport } = client;
        match address {
            IpAddr::V4(address) => self.list(&address.octets(), |bytes, octet| bytes.tag(*octet)),
            IpAddr::V6(address) => self.list(&address.octets(), |bytes, octet| bytes.tag(*octet)),
        }
        self.tag(transport as u8);
    }

    fn usage(&mut self, usage: Usage) {
        let Usage { minute, hour, day, month } = usage;
        for Counter { requests, tokens } in [minute, hour, day, month] {
            self.number(requests);
            self.number(tokens);
        }
    }
}

#[cfg(test)]
mod tests;
