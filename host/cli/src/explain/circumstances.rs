//! Further suppositions about a hypothetical request.

use std::net::IpAddr;

use anyhow::anyhow;
use stockade_config::Listener;
use stockade_core::{Client, Dialect, LocalTime, Parameters, ProofKind, SystemClock, Transport};

use super::caller::kebab;
use stockade_control::generation::Generation;

/// Whatever is left out is as in a request that says nothing, from this machine, now.
#[derive(clap::Args)]
pub(super) struct Circumstances {
    /// The API.
    #[arg(long, value_enum, default_value_t = Api::Native)]
    api: Api,
    /// The time: with its offset, such as 2026-01-05T12:00:00Z, or as clocks in `time_zone` show
    /// it, such as 2026-01-05T12:00; now if left out.
    #[arg(long)]
    at: Option<String>,
    /// The caller's address.
    #[arg(long, default_value_t = Client::LOCAL.address)]
    address: IpAddr,
    /// The name of the listener to which the caller would come; none if left out.
    #[arg(long)]
    listener: Option<String>,
    /// The kind of listener: plain (without TLS), tls, or mutual-tls (with a client certificate);
    /// that of `--listener`, or plain, if left out.
    #[arg(long, value_parser = kebab::<Transport>)]
    transport: Option<Transport>,
    /// Tokens of context that it asks for.
    #[arg(long, allow_negative_numbers = true)]
    context: Option<i64>,
    /// Tokens of an answer that it asks for.
    #[arg(long, allow_negative_numbers = true)]
    output: Option<i64>,
    /// Seconds for which it wants the model to stay loaded; negative means for ever.
    #[arg(long, allow_negative_numbers = true)]
    keep_alive: Option<i64>,
    /// The number of images that it carries.
    #[arg(long, default_value_t = 0)]
    images: u32,
    /// The number of tools that it offers to the model.
    #[arg(long, default_value_t = 0)]
    tools: u32,
    /// Suppose that one of its tools makes Ollama search the web.
    #[arg(long)]
    web_search: bool,
    /// Suppose that it asks for the rendered prompt instead of an answer.
    #[arg(long)]
    debug_render: bool,
    /// Suppose that it asks for plain HTTP between Ollama and a registry.
    #[arg(long)]
    insecure: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Api {
    Native,
    #[value(name = "openai")]
    OpenAi,
    Anthropic,
}

impl Circumstances {
    pub(super) const fn dialect(&self) -> Dialect {
        match self.api {
            Api::Native => Dialect::Native,
            Api::OpenAi => Dialect::OpenAi,
            Api::Anthropic => Dialect::Anthropic,
        }
    }

    /// Returns the listener that is named, if one is.
    pub(super) fn listener<'a>(
        &self,
        generation: &'a Generation,
    ) -> anyhow::Result<Option<&'a Listener>> {
        let Some(name) = &self.listener else { return Ok(None) };
        let listeners = &generation.config.listen;
        let found = listeners.iter().find(|listener| listener.name.as_deref() == Some(name));
        found.map(Some).ok_or_else(|| {
            let names = listeners.iter().filter_map(|listener| listener.name.as_deref());
            match names.collect::<Vec<_>>().join(", ") {
                none if none.is_empty() => {
                    anyhow!("no listener has a name: write `name` under `listen`")
                }
                names => anyhow!("there is no listener {name:?}; there are {names}"),
            }
        })
    }

    pub(super) fn client(&self, listener: Option<&Listener>, proof: ProofKind) -> Client {
        let own =
            || listener.map_or(Client::LOCAL.transport, |listener| listener.transport(Some(proof)));
        Client { address: self.address, transport: self.transport.unwrap_or_else(own) }
    }

    pub(super) fn parameters(&self) -> Parameters {
        Parameters {
            context: self.context,
            output: self.output,
            keep_alive: self.keep_alive,
            images: self.images,
            // A tool that searches the web is one.
            tools: self.tools.max(u32::from(self.web_search)),
            web_search: self.web_search,
            debug_render: self.debug_render,
            insecure: self.insecure,
            ..Parameters::default()
        }
    }

    pub(super) fn local_time(&self, generation: &Generation) -> anyhow::Result<LocalTime> {
        let Some(text) = &self.at else {
            return Ok(generation.local_time(&SystemClock));
        };
        let moment = stockade_config::moment(text, &generation.config.time_zone);
        Ok(generation.at(moment.map_err(|invalid| anyhow!("`--at {text}`: {invalid}"))?))
    }
}
