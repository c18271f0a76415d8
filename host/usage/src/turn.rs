//! A fair turn: an upstream works on a few requests at once, and the others wait here.
//!
//! [`Queue`] decides and knows no runtime; [`Turns`] lets tasks wait for its decisions.
//!
//! The next turn goes to the best class, and in it to the user with the least recent GPU time;
//! within a user, who came first goes first. Requests for a model that is loaded go before others,
//! for a model that is loaded again and again does no work. Two things end that: a request that
//! has waited for `switch_after`, and a user who is behind by as much GPU time.

mod clock;
mod order;
mod queue;
mod recent;
mod request;
mod snapshot;
mod turns;

pub use clock::{Monotonic, TokioClock};
pub use queue::Queue;
pub use request::{Class, QueueFull, QueueSettings, Ticket, TurnEnd, TurnRequest};
pub use snapshot::{Place, QueueSnapshot, RunningTurn, WaitingTurn};
pub use turns::{NoTurn, Turn, Turns};
