//! The facts of a request that every step knows.

use std::sync::Arc;

use stockade_authn::{ClientIp, Identity};
use stockade_config::Config;
use stockade_control::generation::{Asker, Generation};
use stockade_core::{Catalogue, Client, Clock, UnixTime};
use stockade_usage::Period;

use crate::connection::info::ConnectionInfo;

/// One request on its way: the one generation that it is judged by, the time, and where it
/// comes from.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) generation: &'a Arc<Generation>,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) link: &'a ConnectionInfo,
    pub(crate) client: ClientIp,
    /// The installed models, as one list of Ollama's tells them.
    pub(crate) catalogue: &'a Catalogue,
}

impl<'a> Context<'a> {
    /// Returns the configuration of the request's generation.
    pub(crate) fn config(&self) -> &'a Config {
        &self.generation.config
    }

    /// Returns the same with the models by which the request is judged.
    pub(crate) const fn seeing<'b>(&self, catalogue: &'b Catalogue) -> Context<'b>
    where
        'a: 'b,
    {
        Context { catalogue, ..*self }
    }

    /// Returns the beginning of the hour in which usage is counted now.
    pub(crate) fn hour(&self) -> UnixTime {
        self.generation.quotas().calendar().at(self.now()).of(Period::Hour).start()
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// Returns the caller as decisions see it, now.
    pub(crate) fn asker<'c>(&self, caller: &'c Identity) -> Asker<'c>
    where
        'a: 'c,
    {
        Asker {
            principal: &caller.principal,
            scope: &caller.terms.scope,
            labels: &caller.terms.labels,
            listener: self.generation.listener_name(self.link.listener),
            client: Client { address: self.client.address(), transport: self.link.transport },
            time: self.generation.local_time(self.clock.as_ref()),
            catalogue: self.catalogue,
            usage: None,
        }
    }
}
