//! The gateway's side of a compiler process: started when something has to be made, asked
//! one step at a time, stopped when it takes too long or is not needed.

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tracing::Level;

use super::frame;
use super::limits::Limits;
use super::message::{CompileRequest, CompileResponse, Compiled, ProgramFacts, ProgramKey, Setup};
use super::progress;
use crate::compiler_process::CompilerProcess;
use crate::config::Bounds;
use crate::guest_log::GuestLog;
use crate::{EngineConfig, LoadError, ModuleSource, guest_text};

/// A process that has used no processor for so many times the processor time of a step does
/// nothing any more. One that is only slow, because other programs need the processors too,
/// is waited for.
const IDLE: u32 = 3;
/// More threads compile hardly faster, and each has a stack that counts as memory.
const MOST_THREADS: usize = 4;
/// Bytes of what it writes before it ends, and of the last line.
const LONGEST_OUTPUT: u64 = 64 << 10;
const LONGEST_WORDS: usize = 512;

/// A compiler process that is started when it is needed.
pub(crate) struct Remote {
    process: CompilerProcess,
    setup: Setup,
    running: Option<Running>,
}

impl Remote {
    pub(crate) fn new(process: CompilerProcess, config: EngineConfig, bounds: Bounds) -> Self {
        let limits = Limits { memory_bytes: process.memory_bytes, step: process.step };
        Self { process, setup: Setup { config, bounds, limits }, running: None }
    }

    pub(super) fn load(
        &mut self,
        module: &ModuleSource,
        memory_bytes: usize,
        known: Option<&ProgramFacts>,
    ) -> Result<ProgramFacts, LoadError> {
        let step = CompileRequest::Load { memory_bytes, known: known.cloned() };
        match self.step(&step, Some(module.bytes()))? {
            (CompileResponse::Loaded(facts), _) => facts,
            (CompileResponse::Compiled(..), _) => Err(protocol_error()),
        }
    }

    pub(super) fn make(
        &mut self,
        program: ProgramKey,
        settings: &[String],
        log: Level,
    ) -> Compiled {
        let step = CompileRequest::Make { program, settings: settings.to_vec(), log };
        self.code(&step, None)
            .unwrap_or_else(|error| Compiled { code: Err(error), guest_log: GuestLog::default() })
    }

    pub(super) fn own(&mut self, module: &[u8]) -> Result<Vec<u8>, LoadError> {
        self.code(&CompileRequest::Own, Some(module))?.code
    }

    /// Starts it, since it will be needed.
    pub(super) fn wake(&mut self) {
        // Where that fails, the next step fails too, and says so.
        if let Ok((running, Ok(()))) = self.running() {
            self.running = Some(running);
        }
    }

    pub(super) fn rest(&mut self) {
        self.running = None;
    }

    fn code(&mut self, step: &CompileRequest, blob: Option<&[u8]>) -> Result<Compiled, LoadError> {
        match self.step(step, blob)? {
            (CompileResponse::Compiled(result, guest_log), code) => {
                Ok(Compiled { code: result.map(|()| code), guest_log })
            }
            (CompileResponse::Loaded(_), _) => Err(protocol_error()),
        }
    }

    /// The one that runs, or a new one, and whether it has been told what it needs.
    fn running(&mut self) -> io::Result<(Running, io::Result<()>)> {
        // One that somebody ended while it had nothing to do is nobody's fault.
        if let Some(running) = self.running.take().and_then(Running::alive) {
            return Ok((running, Ok(())));
        }
        let running = Running::start(&self.process)?;
        let told = frame::write(&running.socket, &self.setup, None);
        Ok((running, told))
    }

    fn step(
        &mut self,
        step: &CompileRequest,
        blob: Option<&[u8]>,
    ) -> Result<(CompileResponse, Vec<u8>), LoadError> {
        let (running, told) = self.running().map_err(|source| LoadError::NoCompiler {
            program: self.process.program.clone(),
            source,
        })?;
        match told.and_then(|()| running.ask(step, blob, self.process.step)) {
            Ok(Some(answer)) => {
                self.running = Some(running);
                Ok(answer)
            }
            failed => Err(running.end(&self.process, failed.err())),
        }
    }
}

fn protocol_error() -> LoadError {
    LoadError::CompilerEnded("it answered something else than it was asked".to_owned())
}

/// A compiler process that runs.
struct Running {
    child: Child,
    socket: UnixStream,
}

impl Running {
    /// Starts it without what only the gateway needs: its environment, its directory, its
    /// open files.
    fn start(process: &CompilerProcess) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let patience = Some(process.step.saturating_mul(IDLE));
        socket.set_read_timeout(patience)?;
        socket.set_write_timeout(patience)?;
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let child = Command::new(&process.program)
            .arg0("stockade")
            .args(&process.arguments)
            // What a terminal sends to the gateway is not for it.
            .process_group(0)
            .env_clear()
            .env("RAYON_NUM_THREADS", threads.to_string())
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Self { child, socket })
    }

    /// It, unless it has ended.
    fn alive(mut self) -> Option<Self> {
        matches!(self.child.try_wait(), Ok(None)).then_some(self)
    }

    /// Its answer; `None` where it ended instead.
    fn ask(
        &self,
        step: &CompileRequest,
        blob: Option<&[u8]>,
        slice: Duration,
    ) -> io::Result<Option<(CompileResponse, Vec<u8>)>> {
        frame::write(&self.socket, step, blob)?;
        match progress::first_byte(&self.socket, self.child.id(), slice, IDLE)? {
            Some(byte) => frame::read([byte].as_slice().chain(&self.socket)),
            None => Ok(None),
        }
    }

    /// Ends one that did not answer, and tells what became of it.
    fn end(mut self, process: &CompilerProcess, error: Option<io::Error>) -> LoadError {
        match error {
            Some(error) if is_late(&error) => {
                return LoadError::CompilerStuck(process.step.saturating_mul(IDLE));
            }
            Some(error) if !is_end(&error) => {
                return LoadError::CompilerEnded(format!("it cannot be understood: {error}"));
            }
            Some(_) | None => {}
        }
        let words = self.panic_message();
        match self.child.wait() {
            Ok(status) => exit_error(process, status, &words),
            Err(error) => LoadError::CompilerEnded(error.to_string()),
        }
    }

    /// The last that it wrote before it ended, which it has begun to.
    fn panic_message(&mut self) -> String {
        let mut text = Vec::new();
        if let Some(stderr) = self.child.stderr.take() {
            // Without them, the exit code has to say it all.
            let _ = stderr.take(LONGEST_OUTPUT).read_to_end(&mut text);
        }
        let text = String::from_utf8_lossy(&text);
        let said = |line: &&str| !line.trim().is_empty() && !line.starts_with("note:");
        guest_text::one_line(text.lines().rev().find(said).unwrap_or_default(), LONGEST_WORDS)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Tells whether the error means that the other side is gone.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn exit_error(process: &CompilerProcess, status: ExitStatus, words: &str) -> LoadError {
    if status.signal() == Some(Signal::XCPU.as_raw()) {
        let seconds = process.step.as_secs_f32();
        let text = format!("it took more than {seconds} seconds of processor time");
        return LoadError::Compile(text);
    }
    if words.starts_with("memory allocation of") {
        let mebibytes = process.memory_bytes >> 20;
        let text = format!("it took more than the {mebibytes} MiB of memory that there are for it");
        return LoadError::Compile(text);
    }
    let killed = status.signal() == Some(Signal::KILL.as_raw());
    let guess = if killed { ", for want of memory perhaps" } else { "" };
    let colon = if words.is_empty() { "" } else { ": " };
    LoadError::CompilerEnded(format!("{status}{guess}{colon}{words}"))
}
