//! Limits on what callers may take: `limits:`.

use std::time::Duration;

use stockade_yaml::{Diagnostics, Field, Location, Problem};

use super::quantities::{Quantity, whole};
use crate::quantity::show_size;
use crate::raw::RawLimits;
use crate::types::Limits;

pub(super) fn limits(raw: Field<RawLimits>, diagnostics: &mut Diagnostics) -> Limits {
    let raw = raw.value().unwrap_or_default();
    let default = Limits::default();
    let memory = Quantity::size(1 << 20..=1 << 50);
    let bodies_at = [raw.bodies.location(), raw.bodies_per_user.location()];
    let body = Quantity::size(1 << 10..=4 << 30).read(raw.body, diagnostics);
    let blob = Quantity::size(1 << 20..=16 << 40).read(raw.blob, diagnostics);
    let header = Quantity::duration(Duration::from_millis(100)..=Duration::from_mins(5));
    let pause = Quantity::duration(Duration::from_millis(100)..=Duration::from_hours(1));
    let drain = Quantity::duration(Duration::ZERO..=Duration::from_hours(1));
    let connections = whole(1..=1_000_000);
    let limits = Limits {
        body: body.unwrap_or(default.body),
        json_depth: json_depth(raw.json_depth, diagnostics).unwrap_or(default.json_depth),
        blob: blob.unwrap_or(default.blob),
        header_timeout: header
            .read(raw.header_timeout, diagnostics)
            .unwrap_or(default.header_timeout),
        body_timeout: pause.read(raw.body_timeout, diagnostics).unwrap_or(default.body_timeout),
        drain_timeout: drain.read(raw.drain_timeout, diagnostics).unwrap_or(default.drain_timeout),
        write_timeout: pause.read(raw.write_timeout, diagnostics).unwrap_or(default.write_timeout),
        bodies: memory.read(raw.bodies, diagnostics),
        bodies_per_user: memory.read(raw.bodies_per_user, diagnostics),
        connections: connections.read_number(raw.connections, diagnostics),
        connections_per_address: connections.read_number(raw.connections_per_address, diagnostics),
    };
    check_bodies(&limits, bodies_at, diagnostics);
    limits
}

/// A body that never fits would be refused as if that could change.
fn check_bodies(limits: &Limits, at: [Option<Location>; 2], diagnostics: &mut Diagnostics) {
    for (memory, at) in [limits.bodies, limits.bodies_per_user].into_iter().zip(at) {
        if let (Some(memory), Some(at)) = (memory, at)
            && memory < limits.body
        {
            let message = format!("{} is less than one body may have", show_size(memory));
            let help = format!("`limits.body` is {}; allow at least that", show_size(limits.body));
            diagnostics.add(Problem::new(at, message).help(help));
        }
    }
}

fn json_depth(slot: Field<u64>, diagnostics: &mut Diagnostics) -> Option<usize> {
    whole(1..=128).read_number(slot, diagnostics)?.try_into().ok()
}
