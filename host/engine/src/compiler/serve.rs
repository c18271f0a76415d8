//! The compiler's side: does one step after another until the gateway has closed the socket.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};

use super::frame;
use super::local::{self, LocalCompiler};
use super::message::{CompileRequest, CompileResponse, Compiled, Setup};
use crate::guest_log::GuestLog;
use crate::runtime::compiling;
use crate::{EngineError, LoadError, ModuleSource};

/// Panics that are written to standard error.
const MOST_PANICS: u32 = 16;

/// The reason why a compiler process ends, other than that its gateway does not need it any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// It cannot be held to its limits, or the gateway is gone in the middle of a message.
    #[error("the gateway that wants policies compiled cannot be understood: {0}")]
    Io(#[from] io::Error),
    /// This machine's engine cannot do what the gateway's can.
    #[error("{0}")]
    Engine(#[from] EngineError),
}

/// Compiles for the gateway at the other end of a socket: the task of the program that a
/// [`CompilerProcess`](crate::CompilerProcess) names. The first message says within what limits,
/// for this whole process.
///
/// # Errors
/// Where the messages are none, or the machine cannot give what the gateway has.
pub fn serve_compiler(socket: &UnixStream) -> Result<(), ServeError> {
    report_panics();
    let Some((setup, _)) = frame::read::<Setup>(socket)? else { return Ok(()) };
    let Setup { config, bounds, limits } = setup;
    limits.enter()?;
    let engine = compiling(&config, bounds)?;
    let mut local = LocalCompiler::new(&config, bounds)?;
    while let Some((step, blob)) = frame::read::<CompileRequest>(socket)? {
        limits.step()?;
        let (done, code) = perform(&mut local, &engine, step, blob);
        frame::write(socket, &done, code.as_deref())?;
    }
    Ok(())
}

/// The gateway reads the last line that was written once this process has ended. Many panics
/// are caught, and must not fill the pipe.
#[expect(clippy::print_stderr, reason = "it is how the gateway learns of it")]
fn report_panics() {
    static REPORTED: AtomicU32 = AtomicU32::new(0);
    std::panic::set_hook(Box::new(|panic| {
        if REPORTED.fetch_add(1, Ordering::Relaxed) < MOST_PANICS {
            eprintln!("{panic}");
        }
    }));
}

fn perform(
    local: &mut LocalCompiler,
    engine: &wasmtime::Engine,
    step: CompileRequest,
    blob: Vec<u8>,
) -> (CompileResponse, Option<Vec<u8>>) {
    match step {
        CompileRequest::Load { memory_bytes, known } => {
            let module = ModuleSource::new("", blob);
            (CompileResponse::Loaded(local.load(&module, memory_bytes, known.as_ref())), None)
        }
        CompileRequest::Make { program, settings, log } => {
            let Compiled { code, guest_log } = local.make(engine, program, &settings, log);
            made(code, guest_log)
        }
        CompileRequest::Own => made(local::own(engine, &blob), GuestLog::default()),
    }
}

fn made(
    code: Result<Vec<u8>, LoadError>,
    guest_log: GuestLog,
) -> (CompileResponse, Option<Vec<u8>>) {
    match code {
        Ok(code) => (CompileResponse::Compiled(Ok(()), guest_log), Some(code)),
        Err(error) => (CompileResponse::Compiled(Err(error), guest_log), None),
    }
}
