//! Further suppositions about a hypothetical request.

use std::net::IpAddr;

use anyhow::anyhow;
use stockade_core::{Client, Dialect, LocalTime, Parameters, SystemClock, Transport};

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
    /// The kind of listener: plain (without TLS), tls, or mutual-tls (with a client certificate).
    #[arg(long, value_parser = kebab::<Transport>, default_value = "plain")]
    transport: Transport,
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

    pub(super) const fn client(&self) -> Client {
        Client { address: self.address, transport: self.transport }
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
