//! The proxies that are believed when they speak for others.

use stockade_authn::{AddressRange, ForwardingHeader, TrustedProxies};
use stockade_yaml::{Located, Problem, Report, Slot};

use super::names::Unique;
use crate::raw::{self, RawTrustedProxies};
use crate::types::Listener;

pub(super) fn trusted(
    slot: Slot<RawTrustedProxies>,
    listeners: &[Located<Listener>],
    report: &mut Report,
) -> TrustedProxies {
    let broken = slot.is_broken();
    let speaking = listeners.iter().find(|listener| listener.value.proxy_protocol);
    let Some(Located { at, value: raw }) = slot.optional() else {
        if let Some(listener) = speaking.filter(|_| !broken) {
            let message = "nobody is trusted to say whom a connection is for";
            let help = "name the addresses of the proxies in `trusted_proxies: { addresses: […] }`";
            report.add(Problem::new(listener.at, message).help(help));
        }
        return TrustedProxies::default();
    };
    if matches!(raw.header, Slot::Absent) && speaking.is_none() {
        let message = "these proxies are not asked for anything";
        let help = "say which `header` they write, x-forwarded-for or forwarded, or that a \
                    listener has `proxy_protocol: required`";
        report.add(Problem::new(at, message).help(help));
    }
    let addresses = raw.addresses.required("addresses", at, report);
    let header = raw.header.value().map(|header| match header {
        raw::ForwardingHeader::XForwardedFor => ForwardingHeader::XForwardedFor,
        raw::ForwardingHeader::Forwarded => ForwardingHeader::Forwarded,
    });
    TrustedProxies { addresses: ranges(addresses, report), header }
}

fn ranges(written: Option<Located<Vec<Slot<String>>>>, report: &mut Report) -> Vec<AddressRange> {
    let Some(Located { at, value: written }) = written else {
        return Vec::new();
    };
    if written.is_empty() {
        let help = "name the addresses of the proxies, or leave `trusted_proxies` out";
        report.add(Problem::new(at, "there is no address").help(help));
    }
    let mut unique = Unique::new();
    let mut ranges = Vec::with_capacity(written.len());
    for text in written.into_iter().filter_map(Slot::optional) {
        if let Some(range) = text.check(report, |text| text.parse::<AddressRange>()) {
            unique.check(range, &format!("the address {range}"), text.at, report);
            ranges.push(range);
        }
    }
    ranges
}
