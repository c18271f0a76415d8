//! Lists of models through a gateway with five shipped policies, and what they do to those who
//! chat meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::configurations::{five_policies, remembering, served};
use crate::load::client::{Connection, list};
use crate::load::{milliseconds, unary};
use crate::machine;
use crate::peers::{Gateway, KEY};
use crate::whole::Bench;

/// Chats per second of the bystanders.
const RATE: f64 = 500.0;

/// The figures of lists, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Lists {
    /// Processor time of the gateway for one list.
    pub processor: f64,
    /// 99th percentile of chats while nobody asks for lists.
    pub undisturbed: f64,
    /// The same while one caller asks for one list after the other.
    pub bystanders: f64,
}

/// Measures lists, with verdicts remembered or without.
///
/// # Errors
/// Where the gateway does not start, or a request fails.
pub fn measure(bench: &Bench, is_remembered: bool, quick: bool) -> anyhow::Result<Lists> {
    let text = if is_remembered { remembering(&five_policies()) } else { five_policies() };
    let gateway = Gateway::configured(&served(&text), bench.upstream(), bench.last)?;
    let (count, seconds) = if quick { (20, 1) } else { (200, 5) };
    let span = Duration::from_secs(seconds);
    let chats = || unary::at_rate(gateway.target, bench.first, RATE, span);
    let undisturbed = chats()?;
    let during = beside(|stop| poll(&gateway, bench.first, stop), chats)?;
    Ok(Lists {
        processor: per_list(&gateway, bench.first, count)?,
        undisturbed: milliseconds(&undisturbed.times, 0.99),
        bystanders: milliseconds(&during.times, 0.99),
    })
}

/// Does something while a thread does something else, until it is told to stop.
fn beside<T>(
    other: impl FnOnce(&AtomicBool) -> anyhow::Result<()> + Send,
    act: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| other(&stop));
        let done = act();
        stop.store(true, Ordering::Relaxed);
        other.join().ok().context("the other caller panicked")??;
        done
    })
}

fn poll(gateway: &Gateway, processor: usize, stop: &AtomicBool) -> anyhow::Result<()> {
    machine::pinned(processor, || {
        let mut connection = Connection::open(gateway.target.address)?;
        while !stop.load(Ordering::Relaxed) {
            ask(&mut connection)?;
        }
        Ok(())
    })
}

fn ask(connection: &mut Connection) -> anyhow::Result<()> {
    let status = connection.ask(&list(KEY))?;
    ensure!(status == 200, "answered {status}");
    Ok(())
}

/// Processor time for one list after the first, in milliseconds.
fn per_list(gateway: &Gateway, processor: usize, lists: u32) -> anyhow::Result<f64> {
    machine::pinned(processor, || {
        let mut connection = Connection::open(gateway.target.address)?;
        ask(&mut connection)?;
        let before = gateway.process.processor_time()?;
        for _ in 0..lists {
            ask(&mut connection)?;
        }
        let used = gateway.process.processor_time()?.saturating_sub(before);
        Ok(used.as_secs_f64() * 1e3 / f64::from(lists))
    })
}
