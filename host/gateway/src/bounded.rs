//! Log lines that callers can cause, thousands of times a second: a few are written, the
//! others counted.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_mins(1);

/// Lets so many lines of a kind through in a minute.
#[derive(Debug, Default)]
pub(crate) struct Bounded<const MOST: u32 = 10>(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    window: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl<const MOST: u32> Bounded<MOST> {
    /// Returns the number of lines left out before this one, if it may be written.
    pub(crate) fn admit(&self) -> Option<u64> {
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.window.is_none_or(|begun| now.duration_since(begun) >= WINDOW) {
            state.window = Some(now);
            state.written = 0;
        }
        if state.written == MOST {
            state.left_out += 1;
            return None;
        }
        state.written += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

/// Lets a few lines of each address through in a minute, and not many of all together, so that
/// one noisy address hides no other.
#[derive(Debug, Default)]
pub(crate) struct BoundedByAddress(Mutex<ByAddress>);

#[derive(Debug, Default)]
struct ByAddress {
    window: Option<Instant>,
    /// The number of lines that each address has got.
    written: HashMap<IpAddr, u32>,
    all: u32,
    left_out: u64,
}

const MOST_OF_ONE_ADDRESS: u32 = 3;
const MOST_OF_ALL: u32 = 30;

impl BoundedByAddress {
    /// Returns the number of lines left out before this one, if it may be written.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<u64> {
        self.admit_at(address, Instant::now())
    }

    fn admit_at(&self, address: IpAddr, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.window.is_none_or(|begun| now.duration_since(begun) >= WINDOW) {
            let left_out = state.left_out;
            *state = ByAddress { window: Some(now), left_out, ..ByAddress::default() };
        }
        let of_one = state.written.get(&network(address)).copied().unwrap_or_default();
        if of_one >= MOST_OF_ONE_ADDRESS || state.all >= MOST_OF_ALL {
            state.left_out += 1;
            return None;
        }
        state.written.insert(network(address), of_one + 1);
        state.all += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

/// The network of one caller: an address of IPv4, a /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_noisy_address_hides_no_other() {
        let (bounded, start) = (BoundedByAddress::default(), Instant::now());
        let admit = |address: &str, at| bounded.admit_at(address.parse().unwrap(), at);
        for host in 0..100 {
            let told = admit(&format!("2001:db8::{host:x}"), start).is_some();
            assert_eq!(told, host < 3, "a /64 is one caller");
        }
        assert_eq!(admit("192.0.2.1", start), Some(97));
        assert_eq!(admit("::ffff:192.0.2.1", start), Some(0));
        let others = (0..100).filter(|host| admit(&format!("198.51.100.{host}"), start).is_some());
        assert_eq!(others.count(), 25, "30 of all together");
        assert_eq!(admit("2001:db8::1", start + WINDOW), Some(75));
    }

    #[test]
    fn ten_lines_a_minute_are_written_and_the_others_counted() {
        let (bounded, start) = (Bounded::<10>::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(bounded.admit_at(start), Some(0));
        }
        for second in 0..60 {
            assert_eq!(bounded.admit_at(start + Duration::from_secs(second)), None);
        }
        assert_eq!(bounded.admit_at(start + WINDOW), Some(60));
        assert_eq!(bounded.admit_at(start + WINDOW), Some(0));
    }

    #[test]
    fn one_thing_is_said_once_a_minute_with_how_often_it_was() {
        let (bounded, start) = (Bounded::<1>::default(), Instant::now());
        assert_eq!(bounded.admit_at(start), Some(0));
        for _ in 0..1000 {
            assert_eq!(bounded.admit_at(start + WINDOW / 2), None);
        }
        assert_eq!(bounded.admit_at(start + WINDOW), Some(1000));
        assert_eq!(bounded.admit_at(start + WINDOW), None);
    }
}
