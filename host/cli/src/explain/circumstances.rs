//! What else is supposed about a hypothetical request.

use std::net::{IpAddr, Ipv4Addr};

use stockade_core::{
    Client, Dialect, FixedClock, LocalTime, Parameters, SystemClock, Transport, UnixTime,
};

use stockade_control::generation::Generation;

/// Whatever is left out is as in a request that says nothing, from this machine, now.
#[derive(clap::Args)]
pub(super) struct Circumstances {
    /// In which API.
    #[arg(long, value_enum, default_value_t = Api::Native)]
    api: Api,
    /// When, such as 2026-01-05T12:00:00Z; now if left out.
    #[arg(long, value_parser = moment)]
    at: Option<UnixTime>,
    /// From which address.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Tokens of context that it asks for.
    #[arg(long, allow_negative_numbers = true)]
    context: Option<i64>,
    /// Tokens of an answer that it asks for.
    #[arg(long, allow_negative_numbers = true)]
    output: Option<i64>,
    /// Seconds for which it wants the model to stay loaded; negative means for ever.
    #[arg(long, allow_negative_numbers = true)]
    keep_alive: Option<i64>,
    /// How many images it carries.
    #[arg(long, default_value_t = 0)]
    images: u32,
    /// How many tools it offers to the model.
    #[arg(long, default_value_t = 0)]
    tools: u32,
    /// Whether one of its tools makes Ollama search the web.
    #[arg(long)]
    web_search: bool,
    /// Whether it asks for the rendered prompt instead of an answer.
    #[arg(long)]
    debug_render: bool,
    /// Whether it asks for plain HTTP between Ollama and a registry.
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

fn moment(text: &str) -> Result<UnixTime, String> {
    let moment: jiff::Timestamp = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    let seconds = u64::try_from(moment.as_second()).map_err(|_| "lies before 1970".to_owned())?;
    Ok(UnixTime::from_secs(seconds))
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
        Client { address: self.address, transport: Transport::Plain }
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

    pub(super) fn local_time(&self, generation: &Generation) -> LocalTime {
        match self.at {
            Some(moment) => generation.local_time(&FixedClock(moment)),
            None => generation.local_time(&SystemClock),
        }
    }
}
