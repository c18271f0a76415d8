//! The compiler's side: does one step after another until the gateway has closed the socket.

use std::io;
use std::os::unix::net::UnixStream;

use super::frame;
use super::step::{Done, Made, Setup, Step};
use super::workbench::{self, Workbench};
use crate::engine::compiling;
use crate::journal::Journal;
use crate::{EngineError, LoadError, ModuleSource};

/// Why a compiler process ends, other than that its gateway does not need it any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// It cannot be held to its limits, or the gateway is gone in the middle of a message.
    #[error("the gateway that wants policies compiled cannot be understood: {0}")]
    Io(#[from] io::Error),
    /// What the gateway's engine can, this machine's cannot.
    #[error("{0}")]
    Engine(#[from] EngineError),
}

/// Be the compiler of the gateway at the other end of a socket: what a program does that
/// a [`CompilerProcess`](crate::CompilerProcess) names. The first message says within what
/// limits, for this whole process.
///
/// # Errors
/// Where the messages are none, or the machine cannot give what the gateway has.
pub fn serve_compiler(socket: &UnixStream) -> Result<(), ServeError> {
    // What panics here is reported to the gateway; nobody reads this process's output.
    std::panic::set_hook(Box::new(|_| {}));
    let Some((setup, _)) = frame::read::<Setup>(socket)? else { return Ok(()) };
    let Setup { config, bounds, limits } = setup;
    limits.enter()?;
    let engine = compiling(&config, bounds)?;
    let mut workbench = Workbench::new(&config, bounds)?;
    while let Some((step, blob)) = frame::read::<Step>(socket)? {
        limits.step()?;
        let (done, code) = perform(&mut workbench, &engine, step, blob);
        frame::write(socket, &done, code.as_deref())?;
    }
    Ok(())
}

fn perform(
    workbench: &mut Workbench,
    engine: &wasmtime::Engine,
    step: Step,
    blob: Vec<u8>,
) -> (Done, Option<Vec<u8>>) {
    match step {
        Step::Load { memory_bytes, known } => {
            let module = ModuleSource::new("", blob);
            (Done::Loaded(workbench.load(&module, memory_bytes, known.as_ref())), None)
        }
        Step::Make { program, settings } => {
            let Made { code, journal } = workbench.make(engine, program, &settings);
            made(code, journal)
        }
        Step::Own => made(workbench::own(engine, &blob), Journal::default()),
    }
}

fn made(code: Result<Vec<u8>, LoadError>, journal: Journal) -> (Done, Option<Vec<u8>>) {
    match code {
        Ok(code) => (Done::Made(Ok(()), journal), Some(code)),
        Err(error) => (Done::Made(Err(error), journal), None),
    }
}
