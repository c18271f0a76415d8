//! The parts of a gateway that its operator asks.

use std::fmt;
use std::sync::Arc;

use stockade_control::reload::Current;
use stockade_control::shadow_generation::ShadowGeneration;
use stockade_gateway::{Audit, Metering, Server};

/// A running gateway, as far as its operator asks it.
#[derive(Clone)]
pub struct Operated {
    pub(crate) metering: Arc<Metering>,
    pub(crate) current: Arc<Current>,
    pub(crate) audit: Arc<Audit>,
    /// `None` where nothing is reloaded.
    pub(crate) shadow: Option<Arc<ShadowGeneration>>,
}

impl From<&Server> for Operated {
    fn from(server: &Server) -> Self {
        Self {
            metering: server.metering().clone(),
            current: server.current().clone(),
            audit: server.audit().clone(),
            shadow: server.shadow_generation().cloned(),
        }
    }
}

impl fmt::Debug for Operated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operated").finish_non_exhaustive()
    }
}
