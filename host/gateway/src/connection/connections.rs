//! Counts connections, in all and from one address, and chooses which of them make room for new
//! ones.
//!
//! A connection that has no request under way may be closed at any time (RFC 9112, section
//! 9.3.1), so that the one that has been idle for the longest makes room. Nobody locks others
//! out by holding connections open; and each connection leaves room for the one to Ollama that
//! its request may need.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use stockade_authn::AddressRange;

use crate::connection::seat::{Activity, Seat};
use crate::surplus::Surplus;
use stockade_config::Limits;

/// Descriptors that no connection takes: listeners, configuration files and policies while
/// they are read, the compiler's process, watches, keys that are fetched.
const RESERVED: u64 = 64;
/// No more than this many, if the configuration does not say so: about 200 MiB if all idle.
const USUAL: u64 = 16_384;
/// Connections that are looked at for one that can make room.
const LOOKS: usize = 64;
/// The memory that a connection had from the allocator, in bytes, roughly.
const MEMORY: u64 = 16 << 10;

/// The reason why a connection is not served. The texts are for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("the gateway has as many connections as it may, all with requests under way")]
    All,
    #[error("your address has as many connections as it may, all with requests under way")]
    Address,
}

/// The most connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Most {
    pub(crate) all: u64,
    pub(crate) each: u64,
}

/// All connections.
pub(crate) struct Connections {
    /// As many connections as there are descriptors for.
    possible: u64,
    start: Instant,
    table: Mutex<Table>,
    surplus: Arc<Surplus>,
}

#[derive(Default)]
struct Table {
    all: Queue,
    addresses: HashMap<AddressRange, Queue>,
}

/// Connections in the order in which they became idle, as far as was looked.
#[derive(Default)]
struct Queue {
    filed: u64,
    seats: BTreeMap<Key, Arc<Seated>>,
}

/// Since when a connection is idle, and how many were filed before: what is filed now stands
/// behind all that stand there with the same time.
type Key = (u64, u64);

/// A connection that counts.
struct Seated {
    seat: Seat,
    /// Its places in the queues.
    filed: Mutex<Filed>,
}

#[derive(Default)]
struct Filed {
    in_all: Option<Key>,
    /// The caller's address, once known, and the place in its queue.
    address: Option<(AddressRange, Key)>,
}

impl Connections {
    /// `descriptors` is how many this process may have.
    pub(crate) fn new(descriptors: u64, surplus: Arc<Surplus>) -> Self {
        let possible = (descriptors.saturating_sub(RESERVED) / 2).max(1);
        Self { possible, start: Instant::now(), table: Mutex::default(), surplus }
    }

    /// Returns the most connections that the configuration and the descriptors allow.
    pub(crate) fn most(&self, limits: &Limits) -> Most {
        let all = limits.connections.unwrap_or(USUAL).min(self.possible);
        let each = limits.connections_per_address.unwrap_or_else(|| all.div_ceil(2)).min(all);
        Most { all, each }
    }

    /// Takes a connection in.
    pub(crate) fn admit(self: &Arc<Self>, most: Most) -> Result<Connected, Full> {
        let now = self.now();
        let mut table = self.lock();
        if table.all.seats.len() as u64 >= most.all {
            let evicted = table.all.evict(Place::All, now).ok_or(Full::All)?;
            table.forget(&evicted);
        }
        let seated = Arc::new(Seated { seat: Seat::new(now), filed: Mutex::default() });
        seated.filed().in_all = Some(table.all.file(now, seated.clone()));
        Ok(Connected { connections: self.clone(), seated })
    }

    /// Lets the connections end that have been idle for the longest.
    pub(crate) fn shed(&self, number: usize) {
        let now = self.now();
        let mut table = self.lock();
        for _ in 0..number {
            let Some(evicted) = table.all.evict(Place::All, now) else {
                return;
            };
            table.forget(&evicted);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The addresses that one caller has.
fn block(address: IpAddr) -> AddressRange {
    let address = address.to_canonical();
    AddressRange::around(address, if address.is_ipv4() { 32 } else { 64 })
}

/// In which queue.
#[derive(Clone, Copy)]
enum Place {
    All,
    Address,
}

impl Filed {
    fn key(&mut self, place: Place) -> Option<&mut Key> {
        match place {
            Place::All => self.in_all.as_mut(),
            Place::Address => self.address.as_mut().map(|(_, key)| key),
        }
    }
}

impl Seated {
    fn filed(&self) -> MutexGuard<'_, Filed> {
        self.filed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn file(&mut self, since: u64, seated: Arc<Seated>) -> Key {
        let key = (since, self.filed);
        self.filed += 1;
        self.seats.insert(key, seated);
        key
    }

    /// Takes out the connection that has been idle for the longest, which then ends. Where a
    /// connection stands is only looked at here: it costs a request nothing.
    fn evict(&mut self, place: Place, now: u64) -> Option<Arc<Seated>> {
        for _ in 0..LOOKS {
            let ((filed, _), seated) = self.seats.pop_first()?;
            let since = match seated.seat.activity() {
                Activity::IdleSince(since) if since <= filed && seated.seat.evict(since) => {
                    return Some(seated);
                }
                Activity::IdleSince(since) => since,
                Activity::Busy => now,
            };
            let key = self.file(since, seated.clone());
            if let Some(filed) = seated.filed().key(place) {
                *filed = key;
            }
        }
        None
    }
}

impl Table {
    /// Takes a connection out of where it still stands.
    fn forget(&mut self, seated: &Seated) {
        // What is forgotten once stands nowhere, whatever stands under its keys later.
        let Filed { in_all, address } = std::mem::take(&mut *seated.filed());
        if let Some(key) = in_all {
            self.all.seats.remove(&key);
        }
        if let Some((block, key)) = address
            && let Some(queue) = self.addresses.get_mut(&block)
        {
            queue.seats.remove(&key);
            if queue.seats.is_empty() {
                self.addresses.remove(&block);
            }
        }
    }
}

/// A connection that was taken in, until this is dropped.
pub(crate) struct Connected {
    connections: Arc<Connections>,
    seated: Arc<Seated>,
}

impl Connected {
    /// Counts it for an address.
    pub(crate) fn locate(&self, address: IpAddr, most: Most) -> Result<(), Full> {
        let block = block(address);
        let now = self.connections.now();
        let mut table = self.connections.lock();
        let queue = table.addresses.entry(block).or_default();
        if queue.seats.len() as u64 >= most.each {
            let evicted = queue.evict(Place::Address, now).ok_or(Full::Address)?;
            table.forget(&evicted);
        }
        let queue = table.addresses.entry(block).or_default();
        self.seated.filed().address = Some((block, queue.file(now, self.seated.clone())));
        Ok(())
    }

    pub(crate) fn seat(&self) -> &Seat {
        &self.seated.seat
    }

    /// A request has come; `None` where the connection ends before it.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<Busy> {
        self.seat().begin().then(|| Busy(self.clone()))
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.connections.lock().forget(&self.seated);
        self.connections.surplus.freed(MEMORY);
    }
}

/// A request that is under way, until this is dropped.
pub(crate) struct Busy(Arc<Connected>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.seat().end(self.0.connections.now());
    }
}

#[cfg(test)]
mod tests;
