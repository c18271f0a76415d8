//! Connections: taken in where there is room, looked at as bytes, held to their limits, and
//! served.

pub(crate) mod acceptor;
pub(crate) mod connections;
pub(crate) mod guard;
pub(crate) mod info;
pub(crate) mod listener;
pub(crate) mod patience;
pub(crate) mod proxy_protocol;
pub(crate) mod refusals;
pub(crate) mod seat;
pub(crate) mod seated;
