//! Thousands of streams that are open at the same time, read by one thread: a program of
//! its own, since each of them needs a descriptor here as well.
//!
//! It opens them, says so in a line, reads for as long as it is told, and prints what it
//! found in another line.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use super::streams::stamp;
use super::{Target, Times, times, upstream};
use crate::machine::monotonic;

/// Streams that are being opened at the same time.
const OPENING: usize = 32;

/// A stream must begin, and go on, within this time.
const PATIENCE: Duration = Duration::from_secs(20);

/// The line that says that all streams are open.
pub const OPEN: &str = "open";

/// The lateness of chunks, in nanoseconds, and their number.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Held {
    /// Chunks that came while all streams were open.
    pub chunks: u64,
    /// The median.
    pub median: u64,
    /// The 99th percentile.
    pub high: u64,
}

/// The state that the streams of a run share.
struct Run {
    target: Target,
    request: Vec<u8>,
    /// A turn to be opened.
    opening: Semaphore,
    /// One for each stream that has begun.
    opened: Semaphore,
    /// True if all are open, so that their chunks count.
    counting: Cell<bool>,
    late: RefCell<Times>,
}

/// Opens so many streams and reads them.
///
/// # Errors
/// Where one does not begin, or ends.
pub fn run(target: Target, streams: usize, span: Duration) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, hold(target, streams, span))
}

async fn hold(target: Target, streams: usize, span: Duration) -> anyhow::Result<()> {
    let run = Rc::new(Run {
        target,
        request: target.chat(upstream::SLOWLY, true),
        opening: Semaphore::new(OPENING),
        opened: Semaphore::new(0),
        counting: Cell::new(false),
        late: RefCell::new(times()?),
    });
    let mut tasks = JoinSet::new();
    for _ in 0..streams {
        tasks.spawn_local(one(Rc::clone(&run)));
    }
    tokio::select! {
        all = run.opened.acquire_many(u32::try_from(streams)?) => all?.forget(),
        failed = tasks.join_next() => return ended(failed),
    }
    let mut out = std::io::stdout();
    writeln!(out, "{OPEN}")?;
    run.counting.set(true);
    tokio::select! {
        () = tokio::time::sleep(span) => {}
        failed = tasks.join_next() => return ended(failed),
    }
    let late = run.late.borrow();
    let (median, high) = (late.value_at_quantile(0.5), late.value_at_quantile(0.99));
    let found = Held { chunks: late.len(), median, high };
    writeln!(out, "{}", serde_json::to_string(&found)?)?;
    Ok(())
}

/// One stream, for ever.
async fn one(run: Rc<Run>) -> anyhow::Result<()> {
    let turn = run.opening.acquire().await?;
    let mut stream = open(&run).await?;
    drop(turn);
    run.opened.add_permits(1);
    let mut line = Vec::new();
    loop {
        read(&mut stream, &mut line, &run).await?;
    }
}

type Ended = Result<anyhow::Result<()>, tokio::task::JoinError>;

fn ended(task: Option<Ended>) -> anyhow::Result<()> {
    task.context("there was no stream")???;
    bail!("a stream ended")
}

/// Begins a stream. What comes together with its head is not counted.
async fn open(run: &Run) -> anyhow::Result<TcpStream> {
    let begun = async {
        let mut stream = TcpStream::connect(run.target.address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&run.request).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\n\r\n") {
            ensure!(stream.read_buf(&mut head).await? > 0, "the connection was closed");
        }
        ensure!(head.starts_with(b"HTTP/1.1 200"), "answered {}", head.escape_ascii());
        Ok(stream)
    };
    tokio::time::timeout(PATIENCE, begun).await.context("a stream did not begin")?
}

/// Reads what comes, and notes how late the chunks in it are.
async fn read(stream: &mut TcpStream, line: &mut Vec<u8>, run: &Run) -> anyhow::Result<()> {
    let part = tokio::time::timeout(PATIENCE, stream.read_buf(line));
    ensure!(part.await.context("a stream stalled")?? > 0, "a stream was cut");
    let now = monotonic();
    while let Some(end) = line.iter().position(|&byte| byte == b'\n') {
        if let Some(sent) = stamp(&line[..end])
            && run.counting.get()
        {
            run.late.borrow_mut().saturating_record(now.saturating_sub(sent).max(1));
        }
        line.drain(..=end);
    }
    Ok(())
}
