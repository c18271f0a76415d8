//! A simulated Ollama: the real one's routes, request reading and wire formats, and no
//! models. Every text that it generates says that it is simulated.
//!
//! It serves `stockade demo`, and it is what tests put behind the gateway: it reads
//! requests as loosely as the real one does, it remembers what reached it, and a test can
//! hold an answer at a point ([`Gate`]), break it ([`Fault`]) and learn whether the caller
//! waited for it ([`Ending`]).
//!
//! It is written after Ollama v0.33.0 and shares no code with the gateway. Two things of
//! the real one are missing: bodies compressed with zstd are refused, and nothing is ever
//! sent to another machine.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use stockade_simulator::Simulator;
//!
//! let ollama = Simulator::builder()
//!     .models(["llama3.2:3b", "qwen3:8b"])
//!     .record(true)
//!     .start("127.0.0.1:0".parse().expect("an address"))
//!     .await?;
//! println!("a simulated Ollama listens on http://{}", ollama.addr());
//! # Ok(())
//! # }
//! ```

mod api;
mod body;
mod call;
mod connection;
mod fault;
mod gate;
mod generated;
mod go_json;
mod journal;
mod name;
mod origin;
mod reply;
mod routes;
mod simulator;
mod store;
mod target;

pub use fault::Fault;
pub use gate::{Gate, Hold};
pub use journal::{Ending, RecordedRequest};
pub use simulator::{Builder, Simulator};
